"""How fast what is owed gets delivered: the relay against a publisher in C on the same broker and queue type, a backlog of
ten thousand, tickets and mails that were waiting for their workers, and what an integrator's dead queue does to people."""

import statistics
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import pika
import psycopg
from em_stack.process import Process
from em_stack.services import process_name
from harness.cpu import TICKS
from harness.flood import Flood, post
from harness.report import Comparison, Report
from harness.site import Site

BACKLOG = 10_000
EVENTS = 200
WINDOW = 1000
HARNESS = Path(__file__).parent.parent / "harness"
QUEUES = ("bench.tail", "bench.peer")
DEAD = "bench.dead-integrator"
# A pace at which nobody waits for a core: at the edge of what two carry, 99th percentiles differ tenfold by themselves.
PAIRS, RATE, STEADY = 5, 300, 10
PATIENCE = 120
MAILING = 20  # seconds at most
WITHOUT_TICKET = """SELECT count(*) FROM registrations r WHERE status = 'confirmed'
    AND NOT EXISTS (SELECT FROM tickets t WHERE t.registration_id = r.id)"""


def run(site: Site, report: Report) -> None:
    site.stop_workers()
    url = site.stack.address["EM_AMQP_URL"]
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    for queue in QUEUES:
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind("bench.tail", "em.events", "em.bench.#")
    try:
        relay_beside_c(site, report, channel)
        dead_integrator(site, report, channel)
    finally:
        for queue in (*QUEUES, DEAD):
            channel.queue_delete(queue)
        connection.close()
    site.settle()
    tickets(site, report)
    site.settle()
    mails(site, report)
    site.workers_stopped = False


def relay_beside_c(site: Site, report: Report, channel) -> None:
    program = compiled(site, "publish", "-lrabbitmq")
    address = urlsplit(site.stack.address["EM_AMQP_URL"])
    ours, peer = [], []
    drain(site, 1000)  # the first one of a connection proves its routes one by one
    for _ in range(site.repetitions):
        ours.append(BACKLOG / drain(site, BACKLOG))
        words = [program, address.hostname, address.port, address.username, address.password, "bench.peer", BACKLOG, 700, WINDOW]
        ran = subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, timeout=PATIENCE)
        peer.append(BACKLOG / float(ran.stdout))
        for queue in QUEUES:
            channel.queue_purge(queue)
    report.figure(f"a backlog of {BACKLOG} is told", seconds=BACKLOG / statistics.median(ours))
    report.compare(Comparison(
        f"relay, backlog of {BACKLOG}", ours, peer, f"C publisher, {WINDOW} unconfirmed", "messages/s", 0.3,
        note="ours reads, numbers, publishes with confirms and marks"))


def drain(site: Site, count: int) -> float:
    """Puts so many facts into the outbox in one commit; the seconds from then until the last one is marked."""
    events = [uuid.uuid4() for _ in range(EVENTS)]
    data = '{"filler": "%s"}' % ("x" * 300)
    with psycopg.connect(site.stack.address["EM_DATABASE_URL"]) as connection:
        connection.execute(
            """INSERT INTO outbox (message_id, partition, destination, type, event_id, data, live_at)
               SELECT gen_random_uuid(), (get_byte(uuid_send(event), 15) %% 16), 'events', 'em.bench.fact', event, %s::jsonb, now()
               FROM (SELECT (%s::uuid[])[1 + number %% %s] AS event FROM generate_series(1, %s) number) facts""",
            (data, events, EVENTS, count))
        connection.commit()
        connection.autocommit = True
        began = connection.execute("SELECT clock_timestamp()").fetchone()[0]
        # Whoever looks must not weigh on what is seen: seldom, on one connection, without counting the backlog.
        deadline = time.monotonic() + PATIENCE
        while connection.execute("SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)").fetchone()[0]:
            assert time.monotonic() < deadline, "the backlog does not drain"
            time.sleep(0.1)
    ended = site.stack.value("SELECT max(published_at) FROM outbox WHERE event_id = ANY(%s)", events)
    site.stack.rows("DELETE FROM outbox WHERE event_id = ANY(%s)", events)
    site.stack.rows("DELETE FROM outbox_sequences WHERE event_id = ANY(%s)", events)
    return max(0.001, (ended - began).total_seconds())


def dead_integrator(site: Site, report: Report, channel) -> None:
    """People who register at a steady rate, in turns with and without a bounded queue that nobody reads.

    Each run on an event of its own, and after a second that doesn't count: with it the queue is full, and a connection has
    been used. Which of a pair comes first changes from pair to pair. The ratio of two 99th percentiles is told by their
    thirty slowest requests each; both stand in the JSON, run by run.
    """
    alone, beside = [], []
    for pair in range(PAIRS):
        for p99s in (alone, beside) if pair % 2 else (beside, alone):
            channel.queue_delete(DEAD)
            if p99s is beside:
                channel.queue_declare(DEAD, durable=True, arguments={"x-queue-type": "quorum", "x-max-length": 50})
                channel.queue_bind(DEAD, "em.events", "#")
            path = f"/api/v1/events/{site.event()}/registrations"
            crowd = iter(site.crowd)
            for seconds in (1, STEADY):
                people = (post(path, token) for _, (_, token) in zip(range(RATE * seconds), crowd))
                answers = Flood.result(site.flood.start(site.port, 64, site.flood.requests("steady", people), 0, RATE))
                report.require(answers.statuses.keys() == {"201"} and not answers.broken, f"the answers were {answers}")
            p99s.append(answers.p99)
            if p99s is beside:
                held = channel.queue_declare(DEAD, passive=True).method.message_count
                report.require(0 < held <= 50, f"the dead queue holds {held}")
            site.settle()
    report.compare(Comparison(
        f"p99 at {RATE}/s beside a dead integrator's queue", beside, alone, "without that queue", "ms", 1.25, False,
        note=f"pairs of {STEADY} s, {RATE * STEADY} requests each"))


def tickets(site: Site, report: Report) -> None:
    """One worker, at what has gathered while it was away: everybody who has registered so far."""
    owed = site.stack.value(WITHOUT_TICKET)
    began = site.stack.value("SELECT now()")
    site.stack.control("start", "ticket-worker")
    worker = Process(site.stack.layout, process_name("ticket-worker", 1)).pid
    deadline = time.monotonic() + PATIENCE
    while site.stack.value(WITHOUT_TICKET):
        assert time.monotonic() < deadline, "there are fewer tickets than registrations"
        time.sleep(0.1)
    used = cpu(worker)
    seconds = span(site, "SELECT max(issued_at) - min(issued_at) FROM tickets WHERE issued_at > %s", began)
    report.figure("tickets issued", of=owed, seconds=seconds, perSecond=owed / seconds, coresOfTheWorker=used / seconds,
                  perSecondAndCore=owed / used)


def mails(site: Site, report: Report) -> None:
    """One worker that plans and sends, against a mail server that takes everything at once."""
    sent = "SELECT count(*) FROM notifications WHERE status = 'sent' AND sent_at > %s"
    planned = "SELECT count(*) FROM notifications WHERE created_at > %s"
    owed = site.stack.value("SELECT count(*) FROM tickets")
    began = site.stack.value("SELECT now()")
    with sink(site) as port:
        worker = site.stack.another("notifications", 9, EM_SMTP_URL=f"smtp://127.0.0.1:{port}")
        try:
            deadline = time.monotonic() + MAILING
            while site.stack.value(sent, began) < owed and time.monotonic() < deadline:
                time.sleep(0.2)
            used, count, plans = cpu(worker.pid), site.stack.value(sent, began), site.stack.value(planned, began)
            seconds = span(site, "SELECT max(sent_at) - %s FROM notifications", began)
        finally:
            worker.terminate()
            worker.wait(PATIENCE)
    report.figure("mails sent, planned beside it", of=owed, planned=plans, sent=count, seconds=seconds,
                  perSecond=count / seconds, coresOfTheWorker=used / seconds, perSecondAndCore=count / used)
    report.require(count > 0, "no mail was sent")


@contextmanager
def sink(site: Site) -> Iterator[int]:
    process = subprocess.Popen([compiled(site, "sink", "-lpthread")], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def compiled(site: Site, name: str, *libraries: str) -> Path:
    program = site.directory / name
    subprocess.run(["cc", "-O2", "-o", program, HARNESS / f"{name}.c", *libraries], check=True)
    return program


def span(site: Site, statement: str, began: datetime) -> float:
    return max(0.001, site.stack.value(statement, began).total_seconds())


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used so far (proc(5): user and system time)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
