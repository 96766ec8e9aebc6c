"""infra/examples/attendees.py, killed at random while five thousand people register, cancel and move up. A smaller number is part of
make test (Tests/Flow/Integrations/test_examples.py)."""

import random
from pathlib import Path

import pytest

from chaos.arena import Arena
from em.attendance import Careless, Churn, Consumer, Subscribed, check_the_list_of_a_killed_consumer, last_sequence, truth

OPERATIONS = 5000


@pytest.mark.long
def test_the_list_of_a_killed_consumer_is_exact(arena: Arena, tmp_path: Path) -> None:
    arena.begin()
    queue, second = (Subscribed(arena.admin(), arena.truth.amqp_url, scope="all") for _ in range(2))
    event = arena.events(1, capacity=OPERATIONS // 12, waitlist=True)[0]
    url = arena.fleet.urls()[0]
    try:
        churn = Churn(url, event, arena.people(OPERATIONS // 4), OPERATIONS, arena.seed)
        check_the_list_of_a_killed_consumer(
            arena.truth, Consumer(tmp_path / "list.sqlite", queue), Careless(tmp_path / "careless", second), churn, event,
            random.Random(arena.seed))
        # And from nothing, by the event log alone.
        reader = Consumer(tmp_path / "replayed.sqlite", url=url, token=arena.admin().token)
        ran = reader.run("replay", EM_EVENT=event)
        assert ran.returncode == 0, ran.stderr
        assert reader.listed() == truth(arena.truth, event) and reader.known(event) == last_sequence(arena.truth, event)
    finally:
        queue.close()
        second.close()
