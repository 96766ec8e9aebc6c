"""Whom and what the calls are about: people with tokens, and rows of a filled size, read from the database."""

import base64
import hashlib
import secrets
import struct
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import psycopg
from em.people import PASSWORD, People
from em.stack import Stack

__all__ = ["PASSWORD", "Actor", "Scene", "cursor", "link_token", "timestamp"]

# Sources: api-service/HTTP/Cursor.swift
KINDS = {"publishedEvents": 1, "ownEvents": 2, "ownRegistrations": 3, "notifications": 4, "attendees": 5, "announcements": 6,
         "users": 7, "scans": 9, "scanConflicts": 10, "members": 11, "audit": 12, "mailings": 13, "apiKeys": 14, "subscriptions": 15,
         "sessions": 20, "webhookDeliveries": 22, "ownedEvents": 25}
REFERENCE = datetime(2001, 1, 1, tzinfo=timezone.utc)


def cursor(kind: str, at: datetime, row: uuid.UUID | int) -> str:
    """Where a page ended, as the product writes it. Deep pages would else be reached by reading all before them."""
    identity = row.bytes if isinstance(row, uuid.UUID) else struct.pack(">QQ", 0, row)
    microseconds = (at - REFERENCE) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(struct.pack(">Bq", KINDS[kind], microseconds) + identity).rstrip(b"=").decode()


def link_token() -> tuple[str, bytes]:
    """A token as links in mails have them, and what the database knows of it."""
    token = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
    return token, hashlib.sha256(token.encode()).digest()


def timestamp(days: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Actor:
    """Somebody who is signed in."""

    def __init__(self, people: People, identity: str, email: str, role: str, session: str):
        self.people, self.id, self.email, self.role, self.session = people, identity, email, role, session

    @property
    def token(self) -> str:
        """A new one each time: they last a quarter of an hour, and the calls of a large site longer."""
        return self.people.token(self.id, self.role, sid=self.session)


class Scene:
    def __init__(self, stack: Stack, generation: int):
        self.stack, self.generation = stack, generation
        self.people = People(stack)
        self.connection = psycopg.connect(stack.address["EM_DATABASE_URL"], autocommit=True)
        self.probe = {name: str(row) for name, row in self.rows("SELECT name, id FROM growth_probe WHERE generation = %s", generation)}
        self.admin = self.actor(self.value("SELECT id FROM users WHERE email = 'admin@example.com'"))
        self.host, self.faithful = self.actor(self.probe["host"]), self.actor(self.probe["faithful"])
        self.integrator = self.actor(self.probe["integrator"])
        self.newcomers, self.visitors = self._newcomers(400), self._visitors()

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        answer = self.connection.execute(statement, parameters)
        return answer.fetchall() if answer.description else []

    def value(self, statement: str, *parameters: object) -> Any:
        return self.rows(statement, *parameters)[0][0]

    def column(self, statement: str, *parameters: object) -> list[Any]:
        return [row[0] for row in self.rows(statement, *parameters)]

    def actor(self, identity: object) -> Actor:
        """With a sign-in of this moment: some routes want a recent one."""
        email, role = self.rows("SELECT email, role FROM users WHERE id = %s", identity)[0]
        session = str(uuid.uuid4())
        self.rows("INSERT INTO sessions (id, user_id, expires_at) VALUES (%s, %s, now() + interval '1 day')", session, identity)
        return Actor(self.people, str(identity), email, role, session)

    def _newcomers(self, count: int) -> list[str]:
        """Accounts of today, with nothing to their name."""
        return [str(row) for row in self.column(
            "INSERT INTO users (id, email, display_name, password_hash, email_verified_at) SELECT gen_random_uuid(), "
            "format('newcomer-%%s-%%s@example.test', n, md5(random()::text)), 'Newcomer ' || n, password_hash, now() "
            "FROM generate_series(1, %s) n, users demo WHERE demo.email = 'user@example.com' RETURNING id", count)]

    def _visitors(self) -> list[str]:
        """Ordinary accounts with some registrations, at none of the probe events whose people the calls choose from."""
        events = [row for name, row in self.probe.items() if name in ("open", "line", "gate")]
        return [str(row) for row in self.column(
            "SELECT u.id FROM users u WHERE u.email LIKE %s AND u.role = 'user' AND EXISTS ("
            " SELECT FROM registrations r WHERE r.user_id = u.id) AND NOT EXISTS ("
            " SELECT FROM registrations r WHERE r.user_id = u.id AND r.event_id = ANY(%s::uuid[]))"
            " AND NOT EXISTS (SELECT FROM event_members m WHERE m.user_id = u.id) ORDER BY u.id LIMIT 150",
            f"person-%@g{self.generation}.example.test", events)]

    def stranger(self) -> Actor:
        """Somebody new at each call."""
        return self.actor(self.newcomers.pop())

    def visitor(self) -> Actor:
        """Somebody with a history, another one at each call."""
        return self.actor(self.visitors.pop())

    def deep(self, kind: str, source: str, *parameters: object, at: str = "created_at", row: str = "id", descending: bool = False) -> str:
        """The cursor behind nine tenths of a list."""
        count = self.value(f"SELECT count(*) FROM {source}", *parameters)
        way = "DESC" if descending else ""
        time, identity = self.rows(
            f"SELECT {at}, {row} FROM {source} ORDER BY {at} {way}, {row} {way} OFFSET {max(0, count * 9 // 10 - 1)} LIMIT 1", *parameters)[0]
        return cursor(kind, time, identity)

    def close(self) -> None:
        self.connection.close()
