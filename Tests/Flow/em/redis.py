"""Just enough of Redis' protocol to publish, as the relay does."""

import json
import socket
from urllib.parse import unquote, urlsplit


class Publisher:
    def __init__(self, url: str):
        address = urlsplit(url)
        self.socket = socket.create_connection((address.hostname, address.port or 6379), timeout=10)
        self.file = self.socket.makefile("rb")
        if address.password:
            user = [unquote(address.username)] if address.username else []
            self.command("AUTH", *user, unquote(address.password))

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def command(self, *words: str | bytes) -> bytes:
        answer = self.ask(*words)
        assert not answer.startswith(b"-"), answer
        return answer

    def ask(self, *words: str | bytes) -> bytes:
        """The first line of the answer, an error's too."""
        parts = [word.encode() if isinstance(word, str) else word for word in words]
        self.socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        answer = self.file.readline()
        if not answer:
            raise ConnectionError("Redis is gone")
        return answer

    def live(self, topic: str, **frame: object) -> None:
        """A live update, as the hubs hear it."""
        self.command("PUBLISH", f"em:live:{topic}", json.dumps({"topic": topic, **frame}))
