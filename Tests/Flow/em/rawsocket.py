"""A WebSocket client that can also misbehave: every byte is under the test's control (RFC 6455)."""

import socket
import struct
import time
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = bytes((0x37, 0xFA, 0x21, 0x3D))


@dataclass
class Frame:
    """What a client sends; `chop` cuts its bytes into writes of that many."""

    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0
    masked: bool = True
    chop: int | None = None

    def encoded(self) -> bytes:
        size, mask = len(self.payload), 0x80 if self.masked else 0
        head = bytes([(0x80 if self.fin else 0) | self.rsv << 4 | self.opcode])
        if size < 126:
            head += bytes([mask | size])
        elif size < 65536:
            head += struct.pack("!BH", mask | 126, size)
        else:
            head += struct.pack("!BQ", mask | 127, size)
        if not self.masked:
            return head + self.payload
        key = (MASK * (size // 4 + 1))[:size]
        masked = (int.from_bytes(self.payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")
        return head + MASK + masked


class RawSocket:
    def __init__(self, port: int, path: str = "/ws", headers: dict[str, str] | None = None, receive_buffer: int = 0):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))
        lines = {"Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **(headers or {})}
        request = f"GET {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.socket.sendall(request.encode() + b"\r\n")
        self.received = b""
        while b"\r\n\r\n" not in self.received:
            data = self.socket.recv(65536)
            assert data, "closed during the handshake"
            self.received += data
        head, self.received = self.received.split(b"\r\n\r\n", 1)
        self.status = int(head.split(b" ")[1])

    def __enter__(self) -> "RawSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, frame: Frame) -> None:
        data = frame.encoded()
        for start in range(0, len(data), frame.chop or len(data)):
            self.socket.sendall(data[start : start + (frame.chop or len(data))])

    def text(self, text: str) -> None:
        self.send(Frame(TEXT, text.encode()))

    def frame(self, within: float = 10) -> tuple[int, bytes] | None:
        """The next frame's opcode and payload; None when the server has ended the connection. Raises TimeoutError."""
        deadline = time.monotonic() + within
        while (found := self._parse()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(1 << 18)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.received += data
        return found

    def _parse(self) -> tuple[int, bytes] | None:
        data = self.received
        if len(data) < 2:
            return None
        assert data[0] & 0x70 == 0 and data[0] & 0x80, "the server fragments, or sets reserved bits"
        assert data[1] & 0x80 == 0, "the server masks"
        size, start = data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10], "big"), 10
        if len(data) < start + size or len(data) < start:
            return None
        self.received = data[start + size :]
        return data[0] & 15, data[start : start + size]

    def close_code(self, within: float = 10) -> int | None:
        """Reads on until the server closes; None when it does so without a code."""
        deadline = time.monotonic() + within
        while (found := self.frame(deadline - time.monotonic())) is not None:
            if found[0] == CLOSE:
                return int.from_bytes(found[1][:2], "big") if found[1] else None
        return None
