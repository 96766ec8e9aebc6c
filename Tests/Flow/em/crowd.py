"""Many sockets on one thread: each connects, subscribes, reads what comes, and may come back elsewhere."""

import json
import random
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from em.rawsocket import CLOSE, PING, PONG, TEXT, Frame

REQUEST = (b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


@dataclass(eq=False)
class Member:
    topic: str
    ports: list[int]
    """Where it connects, one after the other when it is sent away."""
    frames: list[dict] = field(default_factory=list)
    closes: list[tuple[float, int]] = field(default_factory=list)
    """When it was closed, and with which code; 0 without one."""
    subscriptions: int = 0
    attempts: int = 0
    due: float = 0
    received: bytes = b""
    connection: socket.socket | None = None
    is_open: bool = False


class Crowd:
    def __init__(self, topic: str, ports: list[list[int]], keep: Callable[[dict], bool] = lambda frame: True):
        """One member for each list of ports."""
        self.members = [Member(topic, list(mine)) for mine in ports]
        self.keep = keep
        self.selector = selectors.DefaultSelector()

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            if member.connection:
                member.connection.close()
        self.selector.close()

    def until(self, condition: Callable[[], object], what: str, within: float = 60) -> None:
        deadline = time.monotonic() + within
        while not condition():
            assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
            self.turn(0.02)

    def turn(self, wait: float) -> None:
        now = time.monotonic()
        for member in self.members:
            if member.connection is None and member.due <= now:
                self._connect(member)
        for key, _ in self.selector.select(wait):
            self._read(key.data)

    @property
    def subscribed(self) -> int:
        return sum(member.is_open for member in self.members)

    def _connect(self, member: Member) -> None:
        port = member.ports[0]
        try:
            member.connection = socket.create_connection(("127.0.0.1", port), timeout=5)
            member.connection.sendall(REQUEST)
        except OSError:
            return self._lost(member, 0)
        member.connection.setblocking(False)
        member.received = b""
        self.selector.register(member.connection, selectors.EVENT_READ, member)

    def _lost(self, member: Member, code: int) -> None:
        """The next port, and full jitter over a doubling ceiling, as the pages do it."""
        if member.connection:
            if member.is_open:
                member.closes.append((time.monotonic(), code))
            try:
                self.selector.unregister(member.connection)
            except KeyError:
                pass
            member.connection.close()
        member.connection, member.is_open = None, False
        member.ports.append(member.ports.pop(0))
        member.due = time.monotonic() + random.random() * min(30, 0.5 * 2**member.attempts)
        member.attempts += 1

    def _read(self, member: Member) -> None:
        try:
            data = member.connection.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            return self._lost(member, 0)
        member.received += data
        if member.received.startswith(b"HTTP/"):
            end = member.received.find(b"\r\n\r\n")
            if end < 0:
                return
            head, member.received = member.received[:end], member.received[end + 4 :]
            if not head.startswith(b"HTTP/1.1 101"):
                return self._lost(member, 0)
            self._send(member, Frame(TEXT, json.dumps({"type": "subscribe", "topic": member.topic}).encode()))
        self._frames(member)

    def _frames(self, member: Member) -> None:
        while member.connection and len(data := member.received) >= 2:
            size, start = data[1], 2
            if size == 126:
                size, start = int.from_bytes(data[2:4], "big"), 4
            if len(data) < start + size:
                return
            opcode, payload = data[0] & 15, data[start : start + size]
            member.received = data[start + size :]
            if opcode == PING:
                self._send(member, Frame(PONG, payload))
            elif opcode == CLOSE:
                self._send(member, Frame(CLOSE, payload[:2]))
                self._lost(member, int.from_bytes(payload[:2], "big"))
            elif opcode == TEXT:
                self._take(member, json.loads(payload))

    def _take(self, member: Member, frame: dict) -> None:
        if frame["type"] == "subscribed":
            member.is_open, member.attempts = True, 0
            member.subscriptions += 1
        if self.keep(frame):
            member.frames.append(frame)

    def _send(self, member: Member, frame: Frame) -> None:
        try:
            member.connection.send(frame.encoded())
        except OSError:
            self._lost(member, 0)
