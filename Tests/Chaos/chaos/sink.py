"""A mail server that takes mail, or misbehaves as it is told."""

import email
import email.policy
import socket
import threading
import time
from dataclasses import dataclass


@dataclass
class Mail:
    recipient: str
    message_id: str
    subject: str
    """Whether the server said 250, as far as it could."""
    accepted: bool


class Sink:
    """`mode`: normal, refuse (451 for each recipient), reject (550), tarpit, slow, drop (hangs up after the text without an
    answer) or busy (421 at the greeting)."""

    def __init__(self) -> None:
        self.mode = "normal"
        """Other modes for mails to some domains, from the recipient's command on."""
        self.mode_of: dict[str, str] = {}
        self.mails: list[Mail] = []
        """Called with a mail that is there, before its 250 is sent."""
        self.on_text = lambda mail: None
        """Called with a mail after its 250 was sent."""
        self.on_accept = lambda mail: None
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def accepted(self) -> list[Mail]:
        with self.lock:
            return [mail for mail in self.mails if mail.accepted]

    def close(self) -> None:
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, client.makefile("rb") as lines:
                client.settimeout(90)
                self._talk(client, lines)
        except (OSError, ValueError):
            pass

    def _talk(self, client: socket.socket, lines) -> None:
        mode = self.mode

        def say(text: str) -> None:
            if "tarpit" in (mode, self.mode):
                time.sleep(2)
            elif self.mode == "slow":
                time.sleep(0.4)
            client.sendall(f"{text}\r\n".encode())

        if self.mode == "busy":
            return say("421 busy")
        say("220 sink")
        recipient = ""
        while line := lines.readline():
            word = line.decode(errors="replace").strip()
            verb = word.split(":")[0].upper()
            if verb.startswith(("EHLO", "HELO")):
                say("250 sink")
            elif verb.startswith("RCPT"):
                recipient = word.split("<")[-1].split(">")[0]
                mode = self.mode_of.get(recipient.split("@")[-1], self.mode)
                answers = {"refuse": "451 later", "reject": "550 no such person"}
                say(answers.get(mode, "250 ok"))
            elif verb.startswith("DATA"):
                say("354 go on")
                text = b"".join(iter(lambda: _text_line(lines), b""))
                mail = self._read(recipient, text)
                if mode == "drop":
                    return None
                with self.lock:
                    self.mails.append(mail)
                self.on_text(mail)
                say("250 taken")
                mail.accepted = True
                self.on_accept(mail)
            elif verb.startswith("QUIT"):
                return say("221 bye")
            else:
                say("250 ok")
        return None

    def _read(self, recipient: str, text: bytes) -> Mail:
        headers = email.message_from_bytes(text, policy=email.policy.default)
        return Mail(recipient, str(headers["Message-ID"]), str(headers["Subject"]), False)


def _text_line(lines) -> bytes:
    """The next line of the text; empty after the lone dot that ends it."""
    line = lines.readline()
    if not line:
        raise OSError("hung up in the text")
    return b"" if line.rstrip(b"\r\n") == b"." else line
