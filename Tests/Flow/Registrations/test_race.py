"""Ten thousand people want five hundred places at two api-services at once: the line is in the order of the commits.
Again while each of the two is killed and started at random."""

import asyncio
import os
import random

import pytest

from em.flood import Flood
from em.stack import Stack
from em.twins import Twins
from em.waiting import eventually

CROWD, PLACES = 10_000, 500


@pytest.fixture
def twins(stack: Stack) -> Twins:
    assert stack.layout.settings.rate_limit == "off", "the limits send a crowd away: EM_RATE_LIMIT=off infra/local/stack up"
    with Twins(stack) as twins:
        yield twins


def check_the_end(twins: Twins, event: str, flood: Flood) -> None:
    assert flood.answers == {"201 confirmed": PLACES, "201 waitlisted": CROWD - PLACES}
    rows = twins.rows("SELECT status, count(*), count(DISTINCT user_id) FROM registrations WHERE event_id = %s GROUP BY 1 "
                      "ORDER BY 1", event)
    assert rows == [("confirmed", PLACES, PLACES), ("waitlisted", CROWD - PLACES, CROWD - PLACES)]
    assert twins.rows("SELECT confirmed, waitlisted FROM event_places WHERE event_id = %s", event) == [(PLACES, CROWD - PLACES)]
    # The outbox is written under the lock of the places: its order is the order of the commits.
    told = twins.rows("SELECT o.data->>'registrationId', (o.data->>'revision')::int, r.line_number FROM outbox o "
                      "JOIN registrations r ON r.id = (o.data->>'registrationId')::uuid WHERE o.event_id = %s ORDER BY o.id", event)
    assert [revision for _, revision, _ in told] == list(range(1, CROWD + 1))
    assert [number for _, _, number in told] == [None] * PLACES + list(range(1, CROWD - PLACES + 1))
    # What each client was told is what they have.
    truth = dict(twins.rows("SELECT id::text, line_number FROM registrations WHERE event_id = %s", event))
    assert {answer["id"]: answer["position"] for answer in flood.registrations} == truth
    verdict = twins.verify()
    assert verdict.code == 0, verdict.report


def test_ten_thousand_at_two_instances(twins: Twins) -> None:
    crowd = twins.people(CROWD + 1)
    event = twins.event(crowd.pop(), PLACES, waitlist=True)
    flood = Flood(twins.urls, event, crowd, patience=120)
    flood.run()
    print(f"{CROWD} registrations at two instances answered in {flood.seconds:.1f} s")
    check_the_end(twins, event, flood)


def test_ten_thousand_while_instances_are_killed(twins: Twins) -> None:
    seed = int(os.environ.get("EM_SEED") or random.randrange(2**32))
    print(f"EM_SEED={seed}")
    chance = random.Random(seed)
    crowd = twins.people(CROWD + 1)
    event = twins.event(crowd.pop(), PLACES, waitlist=True)
    killed_at: list[int] = []

    def settled() -> int:
        return twins.rows("SELECT count(*) FROM registrations WHERE event_id = %s", event)[0][0]

    def kill_again_and_again() -> None:
        """At random moments of the work, told by how far it has come."""
        for share in sorted(chance.uniform(0.02, 0.9) for _ in range(5)):
            eventually(lambda: settled() >= share * CROWD, f"{share:.0%} of the work done", within=120, every=0.01)
            killed_at.append(settled())
            twins.kill_one(chance)

    flood = Flood(twins.urls, event, crowd, patience=180)
    flood.run(meanwhile=lambda: asyncio.to_thread(kill_again_and_again))
    print(f"killed at {killed_at}; {CROWD} registrations settled in {flood.seconds:.1f} s, {flood.repeated} requests repeated")
    assert flood.repeated > 0, "nobody noticed the kills: the test proved nothing"
    check_the_end(twins, event, flood)
