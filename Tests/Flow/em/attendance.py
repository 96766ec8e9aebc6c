"""infra/examples/attendees.py as a process, what happens meanwhile at an event, and the truth to compare its list with."""

import csv
import io
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import pika
import requests

from em.api import Api
from em.people import Person
from em.stack import ROOT
from em.waiting import eventually

PROGRAM = ROOT / "infra/examples/attendees.py"


class Database(Protocol):
    def rows(self, statement: str, *parameters: object) -> list[tuple]: ...


class Readable(Protocol):
    """A queue, and with what it is read."""

    name: str
    url: str

    @property
    def waiting(self) -> int: ...


class Subscribed:
    """The queue of a subscription that somebody has asked for, read with what they were told and by nothing else."""

    def __init__(self, api: Api, broker: str, **wish: object):
        """`broker`: with an administrator's rights, to see how many messages wait."""
        self.api, self.broker = api, broker
        made = api.post("/subscriptions", {"name": "A list", "scope": "own", "types": ["*"], "delivery": "queue", **wish}, status=201)
        self.path, told = f"/subscriptions/{made['id']}", made["amqp"]
        self.name = told["queue"]
        scheme, _, place = told["url"].partition("://")
        self.url = f"{scheme}://{told['username']}:{told['password']}@{place}/{quote(told['virtualHost'], safe='')}"

    @property
    def waiting(self) -> int:
        connection = pika.BlockingConnection(pika.URLParameters(self.broker))
        try:
            return connection.channel().queue_declare(self.name, passive=True).method.message_count
        finally:
            connection.close()

    def close(self) -> None:
        assert self.api.send("DELETE", self.path).status_code == 204


class Queue:
    """A queue of a test's own, shorter than a subscription's, and else as that one: bounded, dropping its oldest, fed with the messages of one organizer's events, or of all.

    One consumer at a time: a restarted one would else get later messages while the broker still counts earlier ones as being in
    the hands of the killed one. No delivery limit to speak of: what is killed often returns what it had in hand as often."""

    def __init__(self, url: str, owner: str, limit: int = 100_000):
        self.url, self.name = url, f"test.{uuid.uuid4()}"
        parameters = pika.URLParameters(url)
        parameters.heartbeat = 0  # nobody reads here for minutes
        self.connection = pika.BlockingConnection(parameters)
        self.channel = self.connection.channel()
        self.channel.queue_declare(self.name, durable=True, arguments={
            "x-queue-type": "quorum", "x-max-length": limit, "x-overflow": "drop-head",
            "x-single-active-consumer": True, "x-delivery-limit": 1_000_000})
        self.channel.queue_bind(self.name, "em.scoped", arguments={"x-match": "all", "owner": owner})

    @property
    def waiting(self) -> int:
        return self.channel.queue_declare(self.name, passive=True).method.message_count

    def close(self) -> None:
        if self.connection.is_open:
            self.connection.close()
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        connection.channel().queue_delete(self.name)
        connection.close()


class Consumer:
    """attendees.py as a process that may die at any moment."""

    def __init__(self, path: Path, queue: Readable | None = None, url: str = "", token: str = ""):
        """With `url` and `token` it can fetch what is missing."""
        self.path, self.queue, self.child, self.kills = path, queue, None, 0
        self.environment = {"PATH": os.environ["PATH"], "EM_LIST": str(path)}
        if queue:
            self.environment |= {"EM_AMQP_URL": queue.url, "EM_QUEUE": queue.name}
        if token:
            self.environment |= {"EM_URL": url, "EM_TOKEN": token}

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, PROGRAM, *arguments], env={**self.environment, **environment},
                              capture_output=True, text=True, timeout=60)

    def start(self) -> None:
        self.child = subprocess.Popen([sys.executable, PROGRAM, "follow"], env=self.environment)

    def kill(self) -> None:
        assert self.child and self.child.poll() is None, f"it ended by itself: {self.child and self.child.returncode}"
        self.child.kill()
        self.child.wait()
        self.kills += 1

    def stop(self) -> int:
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(20)

    def end(self) -> None:
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait()

    def known(self, event: str) -> int:
        if not self.path.exists():
            return 0
        with sqlite3.connect(self.path) as file:
            try:
                row = file.execute("SELECT sequence FROM events WHERE id = ?", (event,)).fetchone()
            except sqlite3.OperationalError:  # killed before it had made its tables
                return 0
        return row[0] if row else 0

    def listed(self) -> list[tuple[str, str, str]]:
        """Registration, person and status; the line in its order."""
        ran = self.run("list")
        assert ran.returncode == 0, ran.stderr
        rows = list(csv.DictReader(io.StringIO(ran.stdout)))
        return sorted((row["registration"], row["person"], row["status"]) for row in rows if row["status"] == "confirmed") + [
            (row["registration"], row["person"], row["status"]) for row in rows if row["status"] == "waitlisted"]


def truth(database: Database, event: str) -> list[tuple[str, str, str]]:
    """The same from the database."""
    return database.rows(
        "SELECT id::text, user_id::text, status FROM registrations WHERE event_id = %s AND status IN ('confirmed', 'waitlisted') "
        "ORDER BY status, CASE WHEN status = 'waitlisted' THEN line_number END, id::text", event)


def last_sequence(database: Database, event: str) -> int:
    """Of all that is said about the event; waits until everything is published, and every ticket issued, of which more would be said."""
    def all_told() -> int:
        unsaid, last = database.rows("SELECT count(*) FILTER (WHERE published_at IS NULL), max(sequence) FROM outbox "
                                     "WHERE event_id = %s AND destination = 'events'", event)[0]
        return 0 if unsaid else last

    def all_issued() -> bool:
        return not database.rows(
            "SELECT FROM registrations r WHERE event_id = %s AND status = 'confirmed' AND NOT EXISTS ("
            "    SELECT FROM tickets t WHERE t.registration_id = r.id AND t.status = 'valid')", event)

    eventually(all_issued, "every ticket is issued", within=120)
    return eventually(all_told, "everything is published", within=120)


class Churn:
    """People who take places, give them back and take them again, several at once."""

    def __init__(self, url: str, event: str, people: list[Person], operations: int, seed: int):
        self.base, self.path = f"{url}/api/v1", f"/events/{event}/registrations"
        self.done: dict[str, int] = {"registered": 0, "cancelled": 0}
        self.lock = threading.Lock()
        workers = 8
        self.shares = [(people[number::workers], operations // workers, random.Random(seed + number)) for number in range(workers)]
        self.pool = ThreadPoolExecutor(workers)
        self.futures = [self.pool.submit(self._work, *share) for share in self.shares]

    def _work(self, people: list[Person], operations: int, chance: random.Random) -> None:
        held: dict[int, str] = {}
        with requests.Session() as session:
            for _ in range(operations):
                number = chance.randrange(len(people))
                session.headers["Authorization"] = f"Bearer {people[number].token}"
                if number in held:
                    answer = session.delete(f"{self.base}/registrations/{held.pop(number)}", timeout=60)
                    assert answer.status_code == 200, answer.text
                else:
                    answer = session.post(self.base + self.path, timeout=60)
                    assert answer.status_code == 201, answer.text
                    held[number] = answer.json()["id"]
                with self.lock:
                    self.done["registered" if number in held else "cancelled"] += 1

    @property
    def is_over(self) -> bool:
        return all(future.done() for future in self.futures)

    def finish(self) -> None:
        for future in self.futures:
            future.result(timeout=300)
        self.pool.shutdown()


# Acknowledges before it has done anything, as consumers that are not told otherwise do.
CARELESS = """
import json, os, pika
channel = pika.BlockingConnection(pika.URLParameters(os.environ["EM_AMQP_URL"])).channel()
def take(channel, method, properties, body):
    with open(os.environ["EM_LIST"], "a") as file:
        print(json.loads(body)["sequence"], file=file)
channel.basic_consume(os.environ["EM_QUEUE"], take, auto_ack=True)
channel.start_consuming()
"""


class Careless(Consumer):
    @property
    def had(self) -> set[int]:
        return set(map(int, self.path.read_text().split()))

    def start(self) -> None:
        self.child = subprocess.Popen([sys.executable, "-c", CARELESS], env=self.environment)


def check_the_list_of_a_killed_consumer(database: Database, consumer: Consumer, careless: Careless, churn: Churn, event: str,
                                        chance: random.Random) -> None:
    """Kills both at random moments until everything has happened. In the end the list is the database's, by its queue alone; the
    control beside it, killed as often, has lost something."""
    try:
        consumer.start()
        careless.start()
        while not churn.is_over or consumer.kills < 5:
            time.sleep(chance.uniform(0.2, 1.2))  # the random moments
            for each in (consumer, careless):
                each.kill()
                each.start()
        churn.finish()
        last = last_sequence(database, event)
        eventually(lambda: consumer.known(event) == last, "everything is worked in", within=120)
        assert consumer.stop() == 0
        [(promoted,)] = database.rows("SELECT count(*) FROM outbox WHERE event_id = %s AND type = 'em.registration.promoted'", event)
        print(f"{churn.done}, {promoted} promoted, {last} messages, killed {consumer.kills} times")
        assert promoted > sum(churn.done.values()) // 20
        assert consumer.listed() == truth(database, event)
        eventually(lambda: not careless.queue.waiting, "the control has taken everything")
        careless.kill()
        assert len(careless.had) < last, "the control lost nothing: these kills prove nothing"
    finally:
        for each in (consumer, careless):
            each.end()
