"""Live updates: our hub beside Nchan, with the same client, payload and number of subscribers, turn by turn.

The client and the server share the machine's cores, so the rates are those of both together; CPU a delivery is the
server's alone: of the hub and of the Redis that brings it the messages, of Nchan's worker."""

import contextlib
import json
import os
import random
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from em.live import Socket
from em_stack import services
from em_stack.process import Process

from harness import nchan
from harness.fan import NOW, Delivered, Fan, Publication
from harness.report import Comparison, Report
from harness.site import Site

PAYLOAD = 200
"""Bytes of a message."""
FIXED_RATES = {1000: 20, 5000: 4}
"""Sockets, and messages a second to them that both servers hold easily."""
IDLE = 5000
BYTES_PROMISED = 6000
HEALED_WITHIN = 2000
CLOSED_WITHIN = 5000
"""Milliseconds, promised."""


@dataclass
class Server:
    port: int
    path: str
    subscription: str
    publication: Publication
    pids: list[int]

    def cpu(self) -> float:
        return sum(cpu_seconds(pid) for pid in self.pids)


def run(site: Site, report: Report) -> None:
    site.stop_workers()
    site.settle()
    fan = Fan(site.directory)
    event = site.event()
    ours = our_hub(site, event)
    try:
        with nchan.running(site.directory / "nchan") as peer:
            theirs = Server(peer.port, "/sub", "", peer.publication(payload(event)), peer.pids)
            idle(report, fan, ours, theirs)  # first: later the memory of earlier sockets would be used again
            for sockets in FIXED_RATES:
                saturate(site, report, fan, ours, theirs, sockets)
                pace(site, report, fan, ours, theirs, sockets)
    except RuntimeError as error:
        report.require(False, str(error))
    bystanders(site, report, fan, ours)
    through_the_product(site, report, fan, event)
    healing(site, report, fan, event)
    signing_out(site, report)


def our_hub(site: Site, event: str) -> Server:
    layout = site.stack.layout
    redis = urlsplit(site.stack.address["EM_REDIS_URL"])
    topic = f"event:{event}"
    hello = command(b"AUTH", unquote(redis.password).encode()) if redis.password else b""
    message = command(b"PUBLISH", f"em:live:{topic}".encode(), payload(event))
    pids = [Process(layout, services.process_name("ws-hub", 1)).pid, Process(layout, "redis").pid]
    return Server(site.stack.port("ws-hub"), "/ws", json.dumps({"type": "subscribe", "topic": topic}),
                  Publication(redis.port, message, hello), pids)


def payload(event: str) -> bytes:
    """An announcement: unlike counts it is never conflated."""
    frame = {"type": "announcement", "topic": f"event:{event}", "at": NOW.decode(), "body": ""}
    frame["body"] = "x" * (PAYLOAD - len(json.dumps(frame)))
    return json.dumps(frame).encode()


def command(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def saturate(site: Site, report: Report, fan: Fan, ours: Server, theirs: Server, sockets: int) -> None:
    """As fast as all subscribers receive it, with at most so many messages under way."""
    rates: dict[bool, list[float]] = {True: [], False: []}
    costs: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(site.repetitions):
        for server in (theirs, ours):
            with fan.open(server.port, server.path, sockets, server.subscription, server.publication, site.seconds,
                          window=32) as subscribers:
                before = server.cpu()
                delivered = subscribers.publish()
                rates[server is ours].append(delivered.rate)
                costs[server is ours].append((server.cpu() - before) / delivered.deliveries * 1e6)
                check(report, delivered, f"{sockets} sockets of {server.path}")
    name = f"{sockets:,} sockets, one topic"
    report.compare(Comparison(f"{name}: deliveries", rates[True], rates[False], "Nchan", "/s", 1))
    report.compare(Comparison(f"{name}: server's CPU a delivery", costs[True], costs[False], "Nchan", "µs", 1.3, False))


def pace(site: Site, report: Report, fan: Fan, ours: Server, theirs: Server, sockets: int) -> None:
    p50: dict[bool, list[float]] = {True: [], False: []}
    p99: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(site.repetitions):
        for server in (theirs, ours):
            delivered = paced(site, fan, server, report, sockets)
            p50[server is ours].append(delivered.p50)
            p99[server is ours].append(delivered.p99)
    name = f"{sockets:,} sockets, {FIXED_RATES[sockets]} messages/s"
    report.compare(Comparison(f"{name}: p50", p50[True], p50[False], "Nchan", "ms", 1.5, False))
    report.compare(Comparison(f"{name}: p99", p99[True], p99[False], "Nchan", "ms", 1.5, False))


def paced(site: Site, fan: Fan, server: Server, report: Report, sockets: int = 1000) -> Delivered:
    rate = FIXED_RATES[sockets]
    with fan.open(server.port, server.path, sockets, server.subscription, server.publication, site.seconds,
                  rate) as subscribers:
        delivered = subscribers.publish()
    check(report, delivered, f"{rate} messages/s of {server.path}")
    return delivered


def check(report: Report, delivered: Delivered, what: str) -> None:
    report.require(delivered.complete and delivered.lost == 0, f"{what}: not everything arrived: {delivered}")


def idle(report: Report, fan: Fan, ours: Server, theirs: Server) -> None:
    """Memory and CPU of sockets that are only there."""
    sizes: dict[bool, float] = {}
    for server in (ours, theirs):
        pid = server.pids[0]
        before = resident(pid)
        with fan.open(server.port, server.path, IDLE, server.subscription):
            sizes[server is ours] = (resident(pid) - before) / IDLE
            busy = cpu_seconds(pid)
            time.sleep(5)
            busy = (cpu_seconds(pid) - busy) / 5
        name = "ours" if server is ours else "Nchan"
        report.figure(f"{IDLE:,} idle sockets, {name}", bytes_each=sizes[server is ours], thousandths_of_a_core=1000 * busy)
    report.compare(Comparison("memory of an idle socket", [sizes[True]], [BYTES_PROMISED], "what is promised", "bytes", 1,
                              False, f"Nchan's: {sizes[False]:,.0f}"))


def bystanders(site: Site, report: Report, fan: Fan, ours: Server) -> None:
    """The latency of healthy sockets beside never-reading, byte-by-byte and half-open ones, and without them."""
    with_them, without = [], []
    for _ in range(5):
        without.append(paced(site, fan, ours, report).p99)
        with contextlib.ExitStack() as peers:
            lazies = [peers.enter_context(lazy(ours)) for _ in range(20)]
            for _ in range(20):
                half = peers.enter_context(socket.create_connection(("127.0.0.1", ours.port)))
                half.sendall(b"GET /ws HTTP/1.1\r\nHost: loc")
            peers.enter_context(byte_by_byte(lazies[:10]))
            with_them.append(paced(site, fan, ours, report).p99)
    report.compare(Comparison("healthy sockets' p99 beside slow and dead ones", with_them, without, "without them", "ms",
                              1.25, False))


def lazy(server: Server) -> socket.socket:
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.connect(("127.0.0.1", server.port))
    peer.sendall(b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    text = server.subscription.encode()
    peer.sendall(bytes((0x81, 0x80 | len(text))) + bytes(4) + text)
    return peer


@contextlib.contextmanager
def byte_by_byte(peers: list[socket.socket]) -> Iterator[None]:
    """Each reads a byte a second."""
    is_over = threading.Event()

    def read() -> None:
        while not is_over.wait(1):
            for peer in peers:
                with contextlib.suppress(OSError):
                    peer.recv(1, socket.MSG_DONTWAIT)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        is_over.set()
        reader.join()


def through_the_product(site: Site, report: Report, fan: Fan, event: str) -> None:
    """A registration is answered; when do 1,000 screens show it?"""
    subscription = json.dumps({"type": "subscribe", "topic": f"event:{event}"})
    people = site.people.many(40)
    with fan.open(site.stack.port("ws-hub"), "/ws", 1000, subscription) as screens:
        answered = []
        for person in people:
            person.api.post(f"/events/{event}/registrations", status=201)
            answered.append(time.time())
            time.sleep(0.15)
        time.sleep(1)
        shown = sorted(screens.revisions().items())
    report.require(len(shown) >= len(people) and all(count == 1000 for _, (count, _, _) in shown),
                   "not every screen showed every count")
    delays = [1000 * (p99 - at) for at, (_, (_, p99, _)) in zip(answered, shown, strict=False)]
    last = [1000 * (end - at) for at, (_, (_, _, end)) in zip(answered, shown, strict=False)]
    report.figure("registration answered → count on 1,000 screens, ms", p50_of_p99=statistics.median(delays),
                  worst_p99=max(delays), worst_last=max(last))


def healing(site: Site, report: Report, fan: Fan, event: str) -> None:
    """Places change and nobody tells Redis; when do 1,000 screens show it?"""
    subscription = json.dumps({"type": "subscribe", "topic": f"event:{event}"})
    changed = []
    with fan.open(site.stack.port("ws-hub"), "/ws", 1000, subscription) as screens:
        for _ in range(8):
            site.stack.rows("UPDATE event_places SET capacity = capacity - 1, revision = revision + 1 WHERE event_id = %s",
                            event)
            changed.append(time.time())
            time.sleep(random.uniform(1.8, 2.4))  # a comparison and more: else two changes come as one
        shown = sorted(screens.revisions().items())
    report.require(len(shown) == len(changed) and all(count == 1000 for _, (count, _, _) in shown),
                   "not every screen showed every lost change")
    last = [1000 * (end - at) for at, (_, (_, _, end)) in zip(changed, shown, strict=False)]
    report.compare(Comparison("lost counts → on the last of 1,000 screens", [max(last)], [HEALED_WITHIN],
                              "what is promised", "ms", 1, False, f"the median: {statistics.median(last):,.0f}"))


def signing_out(site: Site, report: Report) -> None:
    """A session is revoked; when is its socket closed?"""
    took = []
    for person in site.people.many(5):
        with Socket(site.stack, person.token) as connection:
            site.stack.rows("UPDATE sessions SET revoked_at = now() WHERE user_id = %s", person.id)
            began = time.monotonic()
            code = connection.close_code(2 * CLOSED_WITHIN / 1000)
            took.append(1000 * (time.monotonic() - began))
            report.require(code == 4409, f"a signed-out socket was closed with {code}")
    report.compare(Comparison("signed out → the socket is closed", [max(took)], [CLOSED_WITHIN], "what is promised", "ms",
                              1, False, f"the median: {statistics.median(took):,.0f}"))


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

