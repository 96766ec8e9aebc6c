"""A broker that loses all it had: the queues of subscriptions come back by themselves, and what was in them by a replay."""

from pathlib import Path

import pytest

from chaos.arena import Arena
from em.attendance import Consumer, Subscribed, last_sequence, truth


@pytest.mark.smoke
def test_an_empty_broker_gets_its_subscriptions_back(arena: Arena, tmp_path: Path) -> None:
    arena.begin()
    admin = arena.admin()
    event = arena.events(1, capacity=8, waitlist=True)[0]
    queue = Subscribed(admin, arena.truth.amqp_url, scope="all")
    narrow = Subscribed(admin, arena.truth.amqp_url, scope="all", types=["em.announcement.*"])
    consumer = Consumer(tmp_path / "list.sqlite", queue)
    try:
        arena.load([event], people=15, pace=0.01, cancelling=0.2).finish()
        lost = last_sequence(arena.truth, event)
        arena.wait(lambda: queue.waiting >= lost - 1, "what is going to be lost")
        arena.empty_broker()
        # Nobody asks for anything: the relays that come back declare it before they publish.
        arena.load([event], people=15, pace=0.01, cancelling=0.2).finish()
        last = last_sequence(arena.truth, event)
        assert last > lost
        arena.wait(lambda: queue.waiting == last - lost, "all that came since, and nothing else")
        assert narrow.waiting == 0
        consumer.start()
        # The control: by the queue alone the list is not exact, and says so.
        arena.wait(lambda: queue.waiting == 0, "the consumer has it")
        assert "are missing" in consumer.run("list").stderr and consumer.known(event) == 0
        told = admin.post(f"{queue.path}/replay", {"eventId": event, "limit": 500})
        assert told == {"replayed": last, "nextCursor": None}
        arena.wait(lambda: consumer.known(event) == last, "everything is worked in")
        assert consumer.stop() == 0 and consumer.listed() == truth(arena.truth, event)
    finally:
        consumer.end()
        queue.close()
        narrow.close()
