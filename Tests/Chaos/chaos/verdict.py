"""What must hold once everything is healed; each complaint names its invariant, 1 to 6 as in issue 4."""

import json
import time
from collections import Counter, defaultdict

import psycopg

from chaos.fleet import Fleet
from chaos.load import Load
from chaos.sink import Sink
from chaos.witness import Witness, depths, parked

WORKERS = {"ticket-worker.issue": ("em.registration.confirmed", "em.registration.promoted")}


class Truth:
    def __init__(self, database_url: str, amqp_url: str):
        self.database_url, self.amqp_url = database_url, amqp_url

    def rows(self, statement: str, *parameters: object) -> list[tuple]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(statement, parameters).fetchall()

    def value(self, statement: str, *parameters: object):
        return self.rows(statement, *parameters)[0][0]

    def insert(self, statement: str, rows: list[tuple]) -> None:
        with psycopg.connect(self.database_url) as connection, connection.cursor() as cursor:
            cursor.executemany(statement, rows)

    def pending(self) -> dict[str, int]:
        """What is still owed; empty when all is quiet."""
        owed = dict(zip(("unpublished", "unshown"), self.rows(
            "SELECT count(*) FILTER (WHERE published_at IS NULL), count(*) FILTER (WHERE live_at IS NULL) FROM outbox")[0]))
        owed["mails"] = self.value("SELECT count(*) FROM notifications WHERE status IN ('queued', 'retrying')")
        owed["tickets"] = self.value(
            "SELECT count(*) FROM registrations r WHERE status = 'confirmed' AND NOT EXISTS "
            "(SELECT FROM tickets t WHERE t.registration_id = r.id AND t.status = 'valid')")
        found = depths(self.amqp_url)
        owed["broker"] = 0 if found else 1
        owed |= {name: depth for name, depth in found.items() if not name.endswith(".parked")}
        return {name: count for name, count in owed.items() if count}

    def settle(self, witness: Witness, seconds: float) -> tuple[float, dict[str, int]]:
        """Waits until nothing is owed; how long that took, and what still is."""
        began = time.monotonic()
        pending: dict[str, int] = {}
        while time.monotonic() - began < seconds:
            try:
                pending = self.pending()
                facts = self.value("SELECT count(*) FROM outbox WHERE destination = 'events'")
                if not pending and witness.count() < facts:
                    pending = {"witness": facts - witness.count()}
            except psycopg.Error as error:
                pending = {type(error).__name__: 1}
            if not pending:
                break
            time.sleep(0.2)
        return time.monotonic() - began, pending


def places(truth: Truth, load: Load) -> list[str]:
    complaints = [f"1: event {event} has {confirmed} confirmed of {capacity}, {rows} rows"
                  for event, confirmed, capacity, rows in truth.rows(
                      "SELECT p.event_id, p.confirmed, p.capacity, count(r.id) FROM event_places p LEFT JOIN registrations r "
                      "ON r.event_id = p.event_id AND r.status = 'confirmed' GROUP BY p.event_id "
                      "HAVING p.confirmed > p.capacity OR p.confirmed <> count(r.id)")]
    stored = {str(identity): status for identity, status in truth.rows("SELECT id, status FROM registrations")}
    for told in load.told:
        if told.registration and told.registration not in stored:
            complaints.append(f"1: {told.registration} was answered 201 and is not stored ({told.answers})")
        elif told.cancelled and stored[told.registration] != "cancelled":
            complaints.append(f"1: {told.registration} was answered as cancelled and is {stored[told.registration]}")
    complaints += [f"1: nobody could tell {told.person.id} what became of their wish ({told.answers})"
                   for told in load.unsettled]
    return complaints


def tickets_and_mails(truth: Truth, sink: Sink, mail_worker_kills: int) -> list[str]:
    complaints = [f"2: registration {identity} has {count} valid tickets" for identity, count in truth.rows(
        "SELECT r.id, count(t.id) FROM registrations r LEFT JOIN tickets t ON t.registration_id = r.id AND t.status = 'valid' "
        "WHERE r.status = 'confirmed' GROUP BY r.id HAVING count(t.id) <> 1")]
    accepted = sink.accepted()
    by_person: dict[str, set[str]] = defaultdict(set)
    for mail in accepted:
        by_person[mail.recipient].add(mail.message_id)
    for address, owed in truth.rows(
            "SELECT u.email, count(*) FROM notifications n JOIN users u ON u.id = n.user_id WHERE n.status = 'sent' "
            "GROUP BY u.email"):
        if len(by_person[address]) < owed:
            complaints.append(f"2: {address} is owed {owed} mails and got {len(by_person[address])}")
    for address, in truth.rows("SELECT u.email FROM registrations r JOIN users u ON u.id = r.user_id WHERE r.status = 'confirmed'"):
        if not by_person[address]:
            complaints.append(f"2: {address} has a place and no mail")
    written = {identity for identity, in truth.rows("SELECT id::text FROM notifications")}
    for address, identities in by_person.items():
        complaints += [f"2: {address} got a mail that nobody planned: {identity}" for identity in identities
                       if not any(planned in identity for planned in written)]
    twice = {identity: count for identity, count in Counter(mail.message_id for mail in accepted).items() if count > 1}
    if len(twice) > mail_worker_kills:
        complaints.append(f"2: {len(twice)} mails came twice, with {mail_worker_kills} occasions for it: {twice}")
    return complaints


def order(truth: Truth, witness: Witness) -> list[str]:
    complaints = []
    log: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for event, sequence, identity in truth.rows(
            "SELECT event_id::text, sequence, message_id::text FROM outbox WHERE destination = 'events' ORDER BY event_id, sequence"):
        log[event].append((sequence, identity))
    heard = witness.by_event()
    for event, entries in log.items():
        if [sequence for sequence, _ in entries] != list(range(1, len(entries) + 1)):
            complaints.append(f"3: the log of event {event} has gaps: {[sequence for sequence, _ in entries]}")
        expected = [identity for _, identity in entries]
        got = [message["id"] for message in heard.get(event, [])]
        if sorted(got) != sorted(expected):
            complaints.append(f"3: of event {event} the witness misses {len(set(expected) - set(got))} facts")
        elif got != expected:
            first = next(place for place, pair in enumerate(zip(got, expected)) if pair[0] != pair[1])
            complaints.append(f"3: of event {event} the witness heard another order from place {first + 1} on")
    return complaints


def accounts(truth: Truth) -> list[str]:
    """Published = handled + parked, for each worker, once nothing is queued or retrying any more."""
    complaints = []
    expected = {
        "ticket-worker.issue": "type IN ('em.registration.confirmed', 'em.registration.promoted')",
        "notifications.plan": "type IN ('em.ticket.issued', 'em.registration.cancelled', 'em.registration.waitlisted')",
        "notifications.mail": "type = 'mail.send'",
    }
    for consumer, condition in expected.items():
        missing = {identity for identity, in truth.rows(
            f"SELECT message_id::text FROM outbox WHERE {condition} AND message_id NOT IN "
            f"(SELECT message_id FROM inbox WHERE consumer = '{consumer}')")}
        lying = set()
        for properties, body in parked(truth.amqp_url, consumer):
            try:
                lying.add(json.loads(body)["id"])
            except (ValueError, KeyError):
                lying.add(properties.message_id)
        if missing - lying:
            complaints.append(f"4: {consumer} never had {sorted(missing - lying)[:5]} ({len(missing - lying)} in all)")
    return complaints


def verdict(truth: Truth, witness: Witness, sink: Sink, load: Load, fleet: Fleet, mail_kills: int) -> list[str]:
    complaints = places(truth, load) + tickets_and_mails(truth, sink, mail_kills) + order(truth, witness) + accounts(truth)
    checked = fleet.run("verify")
    if checked.returncode:
        complaints.append(f"api-service verify: {checked.stdout} {checked.stderr}")
    return complaints
