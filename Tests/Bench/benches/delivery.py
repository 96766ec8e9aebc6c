"""How fast what is owed gets delivered: the relay against a publisher in C on the same broker and queue type, a backlog of
ten thousand, tickets and mails that were waiting for their workers."""

import subprocess
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pika
import psycopg
from em_stack.process import Process
from em_stack.services import process_name
from harness.cpu import TICKS
from harness.report import Comparison, Report
from harness.site import Site

BACKLOG = 10_000
EVENTS = 200
WINDOW = 1000
SOURCE = Path(__file__).parent.parent / "harness/publish.c"
QUEUES = ("bench.tail", "bench.peer")
PATIENCE = 120


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
    finally:
        for queue in QUEUES:
            channel.queue_delete(queue)
        connection.close()
    workers(site, report)


def relay_beside_c(site: Site, report: Report, channel) -> None:
    program = site.directory / "publish"
    subprocess.run(["cc", "-O2", "-o", program, SOURCE, "-lrabbitmq"], check=True)
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
        began = connection.execute("SELECT clock_timestamp()").fetchone()[0]
    deadline = time.monotonic() + PATIENCE
    while site.stack.value("SELECT count(*) FROM outbox WHERE published_at IS NULL"):
        assert time.monotonic() < deadline, "the backlog does not drain"
        time.sleep(0.05)
    ended = site.stack.value("SELECT max(published_at) FROM outbox WHERE event_id = ANY(%s)", events)
    site.stack.rows("DELETE FROM outbox WHERE event_id = ANY(%s)", events)
    site.stack.rows("DELETE FROM outbox_sequences WHERE event_id = ANY(%s)", events)
    return max(0.001, (ended - began).total_seconds())


def workers(site: Site, report: Report) -> None:
    """One instance of each, at what had gathered while they were away."""
    event = site.event()
    site.register("for workers", 32, [event], report)
    site.settle()
    owed = site.stack.value("SELECT count(*) FROM registrations WHERE event_id = %s AND status = 'confirmed'", event)
    for name, service, done in (
            ("tickets issued", "ticket-worker", "SELECT count(*) FROM tickets WHERE event_id = %s"),
            ("mails sent", "notifications", "SELECT count(*) FROM notifications WHERE event_id = %s AND status = 'sent'")):
        before = site.stack.value(done, event)
        site.stack.control("start", service)
        worker = Process(site.stack.layout, process_name(service, 1)).pid
        spent, began = cpu(worker), time.monotonic()
        limit = began + (PATIENCE if service == "ticket-worker" else 20)
        while (count := site.stack.value(done, event)) < owed and time.monotonic() < limit:
            time.sleep(0.1)
        seconds = time.monotonic() - began
        cores = (cpu(worker) - spent) / seconds
        report.figure(name, perSecond=(count - before) / seconds, of=owed, seconds=seconds, coresOfTheWorker=cores,
                      perSecondAndCore=(count - before) / seconds / max(cores, 0.01))
        if service == "ticket-worker":
            report.require(count == owed, f"{count} tickets for {owed} registrations")
    site.workers_stopped = False


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used so far (proc(5): user and system time)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
