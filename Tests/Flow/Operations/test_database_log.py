"""PostgreSQL's log says that something went wrong or was slow, and never with which values."""

import uuid

import psycopg
import psycopg.errors
import pytest
from psycopg.types.json import Jsonb

from em.people import People
from em.stack import Stack
from em.waiting import eventually


def text(stack: Stack) -> str:
    return (stack.layout.logs / "postgres.log").read_text(errors="replace")


def test_values_stay_out_of_the_log(stack: Stack, people: People) -> None:
    secret = f"secret-{uuid.uuid4().hex}"
    person = people.one()
    before = len(text(stack))
    statements = {
        "a value that there is": ("INSERT INTO users (id, email, display_name, password_hash, role) SELECT %s, email, %s, '-', role FROM users WHERE id = %s",
                                  (uuid.uuid4(), secret, person.id), psycopg.errors.UniqueViolation),
        "a row that is not allowed": ("INSERT INTO users (id, email, display_name, password_hash, role) VALUES (%s, %s, %s, '-', 'king')",
                                      (uuid.uuid4(), f"{secret}@example.com", secret), psycopg.errors.CheckViolation),
        "a row that belongs to nothing": ("INSERT INTO sessions (id, user_id, expires_at) VALUES (%s, %s, now())",
                                          (uuid.uuid4(), uuid.uuid4()), psycopg.errors.ForeignKeyViolation),
        "a division": ("SELECT length(%s) / 0", (secret,), psycopg.errors.DivisionByZero),
        "a document": ("SELECT (%s::jsonb ->> 'a')::int / 0", (Jsonb({"a": "1", "b": secret}),), psycopg.errors.DivisionByZero),
    }
    with psycopg.connect(stack.address["EM_DATABASE_URL"], autocommit=True) as connection:
        for name, (statement, values, error) in statements.items():
            with pytest.raises(error):
                connection.execute(statement, values)
                pytest.fail(name)
        connection.execute("SELECT pg_sleep(1.2), %s", (secret,))  # slow, and said so
    said = eventually(lambda: text(stack)[before:] if "pg_sleep" in text(stack)[before:] else "", "the slow statement in the log")
    assert "duplicate key" in said and "division by zero" in said  # the errors are
    assert secret not in said and person.email not in said
    assert "DETAIL" not in said and "STATEMENT" not in said
