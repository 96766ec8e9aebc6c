#!/usr/bin/env python3
"""Keeps an exact attendee list of your events in a SQLite file, fed from an EM-Connect queue.

    attendees.py follow   consumes the queue until stopped; can be stopped or killed at any moment and restarted
    attendees.py replay   reads one event's whole history from the API instead (EM_EVENT)
    attendees.py list     prints confirmed attendees and the waitlist, in order, as CSV

Settings, from the environment:
    EM_LIST     the SQLite file (attendees.sqlite)
    EM_AMQP_URL, EM_QUEUE     the URL with user and password, and the queue, as returned when a subscription to all types (*) was created
    EM_URL, EM_TOKEN          the site, and an API key with the scopes messages:read and registrations:read, to fetch missing messages
    EM_EVENT    an event's id, for replay

Needs python3-pika. Three rules keep the list exact:
  1. A message's effect and its `sequence` are committed together, before the message is acknowledged. After a crash it is
     redelivered and recognized by its sequence.
  2. The sequence of an event has no gaps if the subscription is to all types. If a number is missing (the queue overflowed, or is
     newer than the event), the gap is fetched from the API, in order, first. Without the API, early messages are kept until the
     missing one arrives: after a crash the broker can deliver later messages before those that were unacknowledged.
  3. If the list has fallen so far behind that the API has deleted the missing messages, it is rebuilt from the list of registrations.
"""

import csv
import json
import os
import signal
import sqlite3
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

SCHEMA = """
CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, sequence INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS early (event TEXT, sequence INTEGER, message TEXT NOT NULL, PRIMARY KEY (event, sequence));
CREATE TABLE IF NOT EXISTS attendees (
    registration TEXT PRIMARY KEY, event TEXT NOT NULL, person TEXT NOT NULL, status TEXT NOT NULL,
    since INTEGER NOT NULL -- sequence of the change to this status: the order of the waitlist
);
"""


class AttendeeList:
    def __init__(self, path: str, api: "Api | None"):
        self.api = api
        self.file = sqlite3.connect(path, isolation_level=None)
        self.file.execute("PRAGMA journal_mode = WAL")
        self.file.execute("PRAGMA synchronous = FULL")  # an acknowledged message must be on disk
        self.file.executescript(SCHEMA)

    def known(self, event: str) -> int:
        row = self.file.execute("SELECT sequence FROM events WHERE id = ?", (event,)).fetchone()
        return row[0] if row else 0

    def take(self, message: dict) -> None:
        """Applies a message, after fetching any that are missing before it."""
        event, sequence = message["subject"], int(message["sequence"])
        if sequence > self.known(event) + 1:
            if self.api is None:
                self.file.execute("INSERT OR IGNORE INTO early VALUES (?, ?, ?)", (event, sequence, json.dumps(message)))
                return
            self.catch_up(event, sequence)
        self.apply(message)
        while row := self.file.execute("SELECT message FROM early WHERE event = ? AND sequence = ?",
                                       (event, self.known(event) + 1)).fetchone():
            self.apply(json.loads(row[0]))

    def apply(self, message: dict) -> None:
        event, sequence = message["subject"], int(message["sequence"])
        if sequence <= self.known(event):
            return  # a duplicate: messages are delivered at least once
        self.file.execute("BEGIN IMMEDIATE")
        try:
            self.change(message["type"], message["data"], event, sequence)
            self.file.execute("INSERT INTO events VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence",
                              (event, sequence))
            self.file.execute("DELETE FROM early WHERE event = ? AND sequence <= ?", (event, sequence))
            self.file.execute("COMMIT")
        except BaseException:
            self.file.execute("ROLLBACK")
            raise

    def change(self, kind: str, data: dict, event: str, sequence: int) -> None:
        if kind == "em.registration.transferred":
            self.file.execute("UPDATE attendees SET person = ? WHERE registration = ?", (data["userId"], data["registrationId"]))
        elif kind.startswith("em.registration.") and data["status"] == "cancelled":
            self.file.execute("DELETE FROM attendees WHERE registration = ?", (data["registrationId"],))
        elif kind.startswith("em.registration."):
            self.file.execute(
                "INSERT INTO attendees VALUES (?, ?, ?, ?, ?) ON CONFLICT (registration) DO UPDATE "
                "SET person = excluded.person, status = excluded.status, since = excluded.since",
                (data["registrationId"], event, data["userId"], data["status"], sequence))
        # Other types don't affect the list, but their sequence counts.

    def catch_up(self, event: str, until: int | None = None) -> None:
        """Fetches and applies the messages after the last known one, up to but excluding `until`, or all."""
        if self.api is None:
            raise SystemExit("EM_URL and EM_TOKEN are required to fetch messages")
        while until is None or self.known(event) < until - 1:
            try:
                page = self.api.messages(event, after=self.known(event))
            except Pruned as gone:
                self.rebuild(event, gone.oldest - 1)
                continue
            for message in page["items"]:
                self.apply(message)
            if not page["items"] or until is None and page["nextCursor"] is None:
                return

    def rebuild(self, event: str, sequence: int) -> None:
        """Starts over from the current registrations. They are newer than `sequence`; reapplying later messages is harmless."""
        people = self.api.registrations(event)
        self.file.execute("BEGIN IMMEDIATE")
        self.file.execute("DELETE FROM attendees WHERE event = ?", (event,))
        self.file.executemany("INSERT INTO attendees VALUES (?, ?, ?, ?, ?)", [
            (each["id"], event, each["attendee"]["id"], each["status"], each["position"] or 0) for each in people])
        self.file.execute("INSERT OR REPLACE INTO events VALUES (?, ?)", (event, sequence))
        self.file.execute("COMMIT")

    def behind(self) -> list[str]:
        return [event for event, in self.file.execute("SELECT DISTINCT event FROM early")]

    def rows(self) -> list[tuple[str, str, str, str]]:
        return self.file.execute("SELECT event, registration, person, status FROM attendees ORDER BY event, status, since").fetchall()


class Pruned(Exception):
    def __init__(self, oldest: int):
        self.oldest = oldest


class Api:
    def __init__(self, url: str, token: str):
        self.url, self.token = url, token

    def get(self, path: str, **query: object) -> dict:
        address = f"{self.url}/api/v1{path}?{urllib.parse.urlencode({name: value for name, value in query.items() if value is not None})}"
        while True:
            try:
                asked = urllib.request.Request(address, headers={"Authorization": f"Bearer {self.token}"})
                with urllib.request.urlopen(asked, timeout=30) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as refusal:
                problem = json.load(refusal)
                if problem["type"] == "messages-pruned":
                    raise Pruned(int(problem["oldest"])) from None
                if refusal.code not in (429, 502, 503, 504):
                    raise SystemExit(f"GET {path}: {refusal.code} {problem['type']}: {problem['title']}") from None
                time.sleep(int(refusal.headers.get("Retry-After", 2)))
            except OSError:
                time.sleep(1)  # the site is being restarted

    def messages(self, event: str, after: int) -> dict:
        return self.get("/messages", eventId=event, after=after, limit=500)

    def registrations(self, event: str) -> list[dict]:
        found, cursor = [], None
        while True:
            page = self.get(f"/events/{event}/registrations", limit=100, cursor=cursor)
            found += [each for each in page["items"] if each["status"] != "cancelled"]
            cursor = page["nextCursor"]
            if cursor is None:
                return found


def follow(attendees: AttendeeList, url: str, queue: str) -> None:
    import pika
    import pika.exceptions

    def take(channel, method, _, body) -> None:
        attendees.take(json.loads(body))
        channel.basic_ack(method.delivery_tag)

    pause = 1
    while True:
        try:
            with pika.BlockingConnection(pika.URLParameters(url)) as connection:
                channel = connection.channel()
                channel.basic_qos(prefetch_count=100)
                channel.basic_consume(queue, take)
                pause = 1
                channel.start_consuming()
            reason = "the broker canceled the consumer: the queue is gone"
        except (pika.exceptions.AMQPError, OSError) as error:
            reason = repr(error)
        # A refused password is retried as well: while the site restarts, the broker can't authorize anyone.
        print(f"not consuming: {reason}; retrying in {pause} s", file=sys.stderr, flush=True)
        time.sleep(pause)
        pause = min(2 * pause, 15)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # nothing to clean up: see rule 1
    told = os.environ.get
    api = Api(told("EM_URL").rstrip("/"), told("EM_TOKEN", "")) if told("EM_URL") else None
    attendees = AttendeeList(told("EM_LIST", "attendees.sqlite"), api)
    match sys.argv[1:]:
        case ["follow"]:
            follow(attendees, os.environ["EM_AMQP_URL"], os.environ["EM_QUEUE"])
        case ["replay"]:
            attendees.catch_up(os.environ["EM_EVENT"])
        case ["list"]:
            writer = csv.writer(sys.stdout)
            writer.writerow(("event", "registration", "person", "status"))
            writer.writerows(attendees.rows())
            if behind := attendees.behind():
                sys.exit(f"messages are missing, so the list is not exact for {', '.join(behind)}; set EM_URL and EM_TOKEN to fetch them")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
