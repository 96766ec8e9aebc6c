"""The product under load: its crowd, its events, and what is left to do between two measurements."""

import subprocess
import time
import uuid
from datetime import datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path

import psycopg
from em.mailbox import Mailbox
from em.people import People, Person
from em.stack import Stack
from em.world import World
from em_stack import services

from harness.cpu import Usage
from harness.flood import Answers, Flood, post
from harness.pgbench import PgBench
from harness.report import Report

CROWD = 60_000
WARM_UP = 3000
SETTLING = 30  # seconds


class Site:
    def __init__(self, repetitions: int, seconds: float):
        self.repetitions, self.seconds = repetitions, seconds
        self.stack = Stack()
        self.people = People(self.stack)
        self.world = World(self.stack, self.people, Mailbox(self.stack.address["EM_MAIL_URL"]))
        self.directory: Path = self.stack.state / "bench"
        self.flood = Flood(self.directory)
        self.organizer: Person = self.people.one("organizer")
        self.port = self.stack.port("api-service")
        self.workers_stopped = False

    @cached_property
    def pgbench(self) -> PgBench:
        return PgBench(self.stack, self.directory)

    @cached_property
    def crowd(self) -> list[tuple[str, str]]:
        """Ids and tokens of many people who are signed in. By COPY and with tokens of our own: nobody logs in sixty
        thousand times."""
        people = [(str(uuid.uuid4()), str(uuid.uuid4())) for _ in range(CROWD)]
        tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
        with psycopg.connect(self.stack.address["EM_DATABASE_URL"]) as connection, connection.cursor() as cursor:
            with cursor.copy("COPY users (id, email, display_name, password_hash) FROM STDIN") as copy:
                for person, _ in people:
                    copy.write_row((person, f"{person}@bench.example.test", "Somebody", "-"))
            with cursor.copy("COPY sessions (id, user_id, expires_at) FROM STDIN") as copy:
                for person, session in people:
                    copy.write_row((session, person, tomorrow))
        for table in ("users", "sessions"):
            self.stack.rows(f"VACUUM ANALYZE {table}")
        # A token lasts a quarter of an hour: longer than a whole run.
        return [(person, self.people.token(person, "user", sid=session)) for person, session in people]

    def event(self, capacity: int = 1_000_000) -> str:
        return self.world.event(self.organizer, capacity=capacity)["id"]

    def events(self, count: int) -> list[str]:
        """One through the API, and copies of its rows."""
        first = self.event()
        ids = [str(uuid.uuid4()) for _ in range(count - 1)]
        for table, key in (("events", "id"), ("event_places", "event_id"), ("event_members", "event_id")):
            self.stack.rows(
                f"""INSERT INTO {table} SELECT (jsonb_populate_record(original, jsonb_build_object('{key}', copy))).*
                    FROM {table} original CROSS JOIN unnest(%s::uuid[]) copy WHERE original.{key} = %s""", ids, first)
        return [first, *ids]

    def stop_workers(self) -> None:
        """Leaves api-service with its relay, the hub, and the servers: tickets and mails are made on other machines.

        And warms up: an installation has had registrations before, and its planner knows of them.
        """
        if self.workers_stopped:
            return
        for service in ("ticket-worker", "notifications"):
            self.stack.control("stop", service)
        self.workers_stopped = True
        path = f"/api/v1/events/{self.event()}/registrations"
        requests = self.flood.requests("warm-up", (post(path, token) for _, token in self.crowd[:WARM_UP]))
        self.flood.run(self.port, 64, requests, 10)
        self.settle()

    def settle(self) -> int:
        """Waits until the relay has told everything, then does what the server would do sooner or later: statistics,
        and writing dirty pages out. The peer gets the same. Answers what is still untold.
        """
        deadline = time.monotonic() + SETTLING
        while untold := self.stack.value("SELECT count(*) FROM outbox WHERE published_at IS NULL OR live_at IS NULL"):
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
        for statement in ("VACUUM ANALYZE event_places", "ANALYZE registrations", "ANALYZE outbox", "CHECKPOINT"):
            self.stack.rows(statement)
        return untold

    def register(self, name: str, connections: int, events: list[str], report: Report) -> tuple[Answers, str]:
        """Sends the crowd to the events, in turns, for the time of one measurement; everybody is counted afterwards.

        Answers also a note for the table: latencies, and who used the processor.
        """
        requests = self.flood.requests(name, (
            post(f"/api/v1/events/{events[number % len(events)]}/registrations", token)
            for number, (_, token) in enumerate(self.crowd)))
        usage = Usage(self.stack.layout)
        answers = self.flood.run(self.port, connections, requests, self.seconds)
        cores = usage.cores()
        accepted = answers.statuses.get("201", 0)
        report.require(answers.statuses.keys() == {"201"} and not answers.broken, f"{name}: answers were {answers}")
        stored = self.stack.value(
            "SELECT count(*) FROM registrations WHERE event_id = ANY(%s::uuid[]) AND status = 'confirmed'", events)
        counted = self.stack.value(
            "SELECT sum(confirmed) FROM event_places WHERE event_id = ANY(%s::uuid[])", events)
        report.require(accepted == stored == counted, f"{name}: {accepted} accepted, {stored} stored, {counted} counted")
        return answers, (f"p50 {answers.p50:.1f} ms, p99 {answers.p99:.1f} ms; cores: {cores}, "
                         f"generator {answers.cpu / answers.seconds:.2f}")

    def verify(self, report: Report) -> None:
        """The invariant check over everything that the benchmarks have done."""
        environment = services.service_environment(self.stack.layout, "api-service")
        began = time.monotonic()
        ran = subprocess.run([str(self.stack.layout.binaries / "api-service"), "verify", "--stuck-after", "36000", "--tickets-after", "36000"],
                             env=environment, capture_output=True, text=True, timeout=300)
        report.figure("api-service verify", seconds=time.monotonic() - began, says=ran.stdout.split(":")[0])
        report.require(ran.returncode == 0, f"api-service verify: exit status {ran.returncode}\n{ran.stdout}{ran.stderr}")

    def close(self) -> None:
        if self.workers_stopped:
            for service in ("ticket-worker", "notifications"):
                self.stack.control("start", service)
