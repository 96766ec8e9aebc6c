"""A browser's socket."""

import json
import time
from collections.abc import Callable

import websocket

from em.contract import described
from em.stack import Stack


class Socket:
    """Every frame that came is kept in `frames`, in order, and has to be one that asyncapi.yaml describes."""

    def __init__(self, stack: Stack, token: str | None = None, **options):
        self.connection = websocket.create_connection(stack.socket_url, timeout=10, origin=stack.url, **options)
        self.frames: list[dict] = []
        if token:
            self.send(type="authenticate", token=token)
            self.expect(type="authenticated")

    def __enter__(self) -> "Socket":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.connection.close(timeout=1)
        finally:
            self.connection.shutdown()  # also when the server closed first

    def send(self, **message: object) -> None:
        self.connection.send(json.dumps(message))

    def subscribe(self, topic: str) -> dict:
        """Answers the `subscribed` frame."""
        self.send(type="subscribe", topic=topic)
        return self.expect(type="subscribed", topic=topic)

    def expect(self, within: float = 15, where: Callable[[dict], bool] = lambda frame: True, **fields: object) -> dict:
        """Reads on to the first frame with these fields for which `where` holds."""
        deadline = time.monotonic() + within
        start = len(self.frames)
        while (left := deadline - time.monotonic()) > 0:
            self.connection.settimeout(left)
            try:
                text = self.connection.recv()
            except websocket.WebSocketTimeoutException:
                break
            frame = json.loads(text)
            self.frames.append(frame)
            described().check_frame(frame)
            if fields.items() <= frame.items() and where(frame):
                return frame
        raise AssertionError(f"no frame with {fields} within {within:.0f} s; came: {self.frames[start:]}")

    def close_code(self, within: float = 10) -> int:
        """Reads on until the server closes."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            self.connection.settimeout(max(0.01, deadline - time.monotonic()))
            opcode, data = self.connection.recv_data()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(data[:2], "big")
        raise AssertionError(f"still open after {within:.0f} s")
