"""Many sockets on one thread: each connects, subscribes, reads what comes, and may come back elsewhere."""

import heapq
import itertools
import json
import random
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from em.contract import described
from em.rawsocket import CLOSE, PING, PONG, TEXT, Frame

REQUEST = (b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


AT_ONCE = 100
"""Connections begun between two looks at those that stand."""


@dataclass(eq=False)
class Member:
    topic: str
    ports: list[int]
    """Where it connects, one after the other when it is sent away."""
    frames: list[dict] = field(default_factory=list)
    closes: list[tuple[float, int]] = field(default_factory=list)
    """When it was closed, and with which code; 0 without one."""
    opens: list[float] = field(default_factory=list)
    """When it was subscribed."""
    revision: int = -1
    """Of the latest counts that it had."""
    went_back: bool = False
    attempts: int = 0
    received: bytes = b""
    connection: socket.socket | None = None
    is_open: bool = False

    def hear(self, frame: dict) -> None:
        revision = frame.get("snapshot", {}).get("revision") if frame["type"] == "subscribed" else frame.get("revision")
        if revision is not None:
            self.went_back |= revision < self.revision
            self.revision = revision


class Crowd:
    def __init__(self, topic: str, ports: list[list[int]], keep: Callable[[dict], bool] = lambda frame: True):
        """One member for each list of ports."""
        self.members = [Member(topic, list(mine)) for mine in ports]
        self.keep = keep
        self.subscribed = 0
        self.checked: set[bytes] = set()
        self.selector = selectors.DefaultSelector()
        self.numbers = itertools.count()
        self.due = [(0.0, next(self.numbers), member) for member in self.members]
        """Who connects, and when: a heap."""

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
        for _ in range(AT_ONCE):
            if not self.due or self.due[0][0] > now:
                break
            self._connect(heapq.heappop(self.due)[2])
        for key, events in self.selector.select(0 if self.due and self.due[0][0] <= now else wait):
            if events & selectors.EVENT_WRITE:
                self._ask(key.data)
            elif key.data.connection is key.fileobj:
                self._read(key.data)

    def _connect(self, member: Member) -> None:
        member.received = b""
        member.connection = socket.socket()
        member.connection.setblocking(False)
        member.connection.connect_ex(("127.0.0.1", member.ports[0]))
        self.selector.register(member.connection, selectors.EVENT_WRITE, member)

    def _ask(self, member: Member) -> None:
        """The connection stands, or was refused."""
        try:
            member.connection.sendall(REQUEST)
        except OSError:
            return self._lost(member, 0)
        self.selector.modify(member.connection, selectors.EVENT_READ, member)

    def _lost(self, member: Member, code: int) -> None:
        """The next port, and full jitter over a doubling ceiling, as the pages do it."""
        if member.is_open:
            member.closes.append((time.monotonic(), code))
            self.subscribed -= 1
        self.selector.unregister(member.connection)
        member.connection.close()
        member.connection, member.is_open = None, False
        member.ports.append(member.ports.pop(0))
        due = time.monotonic() + random.random() * min(30, 0.5 * 2**member.attempts)
        heapq.heappush(self.due, (due, next(self.numbers), member))
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
                self._take(member, self._checked(payload))

    def _checked(self, payload: bytes) -> dict:
        """A thousand members hear the same frame: it is held against asyncapi.yaml once."""
        frame = json.loads(payload)
        if payload not in self.checked:
            described().check_frame(frame)
            self.checked.add(payload)
        return frame

    def _take(self, member: Member, frame: dict) -> None:
        if frame["type"] == "subscribed":
            member.is_open, member.attempts = True, 0
            member.opens.append(time.monotonic())
            self.subscribed += 1
        member.hear(frame)
        if self.keep(frame):
            member.frames.append(frame)

    def _send(self, member: Member, frame: Frame) -> None:
        try:
            member.connection.send(frame.encoded())
        except OSError:
            pass  # its end is read next
