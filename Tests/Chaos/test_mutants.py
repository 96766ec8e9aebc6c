"""The checks can fail: each guard taken away turns a named invariant red, and with it in place the same is green."""

import time
from collections.abc import Callable

import psycopg
import pytest

from chaos.arena import Arena
from chaos.load import Load

# Every relay (they hold 7314) has its share of the leases (7313); until then partitions change hands.
LEASES_ARE_SHARED = """
    SELECT count(*) = (SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7314)
        AND sum(held) = 16 AND max(held) - min(held) <= 1
    FROM (SELECT count(*) AS held FROM pg_locks WHERE locktype = 'advisory' AND classid = 7313 AND granted GROUP BY pid) shares
    """


def killed_relays(arena: Arena) -> Load:
    """Relays die in the middle of a batch, of which the broker has the beginning."""
    events = arena.events(3)
    arena.proxies["amqp"].refusing = True
    arena.proxies["amqp"].cut()
    load = arena.load(events, people=90, pace=0.01, cancelling=0)
    load.finish()
    arena.proxies["amqp"].heal()
    arena.wait(lambda: arena.fleet.died("api-service") > 0, "a relay died")
    return load


def killed_workers(arena: Arena) -> Load:
    """Workers die with messages in hand."""
    load = arena.load(arena.events(2), people=60, pace=0.02)
    load.finish()
    return load


def slow_mails(arena: Arena) -> Load:
    """The broker takes mails back that are being sent, and gives them to somebody else."""
    arena.sink.mode = "slow"
    load = arena.load(arena.events(1), people=12, cancelling=0)
    load.finish()
    for _ in range(4):
        time.sleep(0.7)
        arena.proxies["amqp"].cut()
    return load


def late_commit(arena: Arena) -> Load:
    """A row commits after others with higher numbers, under the eyes of one and the same relay."""
    [event] = arena.events(1)
    arena.wait(lambda: arena.truth.value(LEASES_ARE_SHARED), "the relays have shared out the partitions")
    with psycopg.connect(arena.truth.database_url) as connection:
        [late] = connection.execute(
            "INSERT INTO outbox (message_id, partition, destination, type, event_id, data) SELECT gen_random_uuid(), "
            "partition, 'events', 'em.announcement.posted', event_id, '{}' FROM outbox WHERE event_id = %s LIMIT 1 "
            "RETURNING id", (event,)).fetchone()
        load = arena.load([event], people=10)
        load.finish()
        arena.wait(lambda: arena.truth.value(
            "SELECT EXISTS (SELECT FROM outbox WHERE event_id = %s AND id > %s AND published_at IS NOT NULL)", event, late),
            "a later one published")
    return load


def two_relays(arena: Arena) -> Load:
    """Two relays at work on one event, one of them slow."""
    load = arena.load(arena.events(1), people=150, pace=0.005, threads=12)
    for _ in range(10):
        arena.proxies["amqp"].delay = 0.15
        time.sleep(0.3)
        arena.proxies["amqp"].delay = 0.0
        time.sleep(0.1)
    load.finish()
    return load


CASES: list[tuple[str, Callable[[Arena], Load], str, dict[str, str]]] = [
    ("no-confirms", killed_relays, "3", {"EM_KILL_AT": "publisher.sent:8"}),
    ("ack-before-commit", killed_workers, "4", {"EM_KILL_AT": "worker.handling:4"}),
    ("no-inbox", slow_mails, "2", {}),
    ("last-id", late_commit, "not quiet", {}),
    ("skip-locked", two_relays, "3", {}),
]


@pytest.mark.parametrize(("mutant", "scene", "invariant", "extra"), CASES, ids=[case[0] for case in CASES])
def test_without_its_guard_the_invariant_breaks(arena: Arena, mutant: str, scene, invariant: str, extra: dict) -> None:
    arena.begin(EM_MUTANT=mutant, **extra)
    load = scene(arena)
    complaints = arena.judge(load, within=8, mail_kills=0)
    assert [complaint for complaint in complaints if complaint.startswith(invariant)], f"still green: {complaints}"


@pytest.mark.parametrize(("scene", "extra"), [(case[1], case[3]) for case in CASES], ids=[case[0] for case in CASES])
def test_with_its_guard_it_holds(arena: Arena, scene, extra: dict) -> None:
    arena.begin(**extra)
    load = scene(arena)
    complaints = arena.judge(load, mail_kills=0 if scene is slow_mails else None)
    assert not complaints, "\n".join(complaints[:20])
