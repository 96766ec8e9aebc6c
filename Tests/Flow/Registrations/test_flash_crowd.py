"""A thousand people want a hundred places at the same moment; also while one of the services dies."""

import asyncio

import pytest

from em.flood import Flood
from em.live import Socket
from em.people import People, Person
from em.stack import SERVICES, Stack
from em.waiting import eventually
from em.world import World

CROWD, PLACES = 1000, 100


@pytest.fixture(scope="module")
def crowd(stack: Stack, people: People) -> list[Person]:
    assert stack.layout.settings.rate_limit == "off", "the limits send a crowd away: EM_RATE_LIMIT=off infra/local/stack up"
    return people.many(CROWD, group="crowd")


@pytest.fixture
def event(world: World, people: People) -> dict:
    return world.event(people.one("organizer"), capacity=PLACES)


def check_the_end(world: World, stack: Stack, event: dict, duplicate_mails: bool = False) -> None:
    """Exactly as many registrations, tickets and mails as places, each for another person; the counter agrees."""
    identity, title = event["id"], event["title"]
    rows = stack.rows("SELECT status, count(*), count(DISTINCT user_id) FROM registrations WHERE event_id = %s GROUP BY 1", identity)
    assert rows == [("confirmed", PLACES, PLACES)]
    assert stack.rows("SELECT confirmed, waitlisted FROM event_places WHERE event_id = %s", identity) == [(PLACES, 0)]
    assert world.counts(event)["confirmed"] == PLACES

    def tickets() -> int:
        return stack.value("SELECT count(*) FROM tickets WHERE event_id = %s AND status = 'valid'", identity)

    def mails() -> list[dict]:
        return [mail for mail in world.mailbox.listed("crowd-") if title in mail["Subject"]]

    eventually(lambda: tickets() >= PLACES, "a ticket for everybody", within=60)
    eventually(lambda: len({mail["To"][0]["Address"] for mail in mails()}) >= PLACES, "a mail for everybody", within=60,
               every=0.25)
    eventually(lambda: not stack.value(
        "SELECT count(*) FROM notifications WHERE event_id = %s AND status <> 'sent'", identity), "all mails noted as sent")
    assert tickets() == PLACES
    assert stack.value("SELECT count(DISTINCT code) FROM tickets WHERE event_id = %s", identity) == PLACES
    holders = {email for [email] in stack.rows(
        "SELECT u.email FROM registrations r JOIN users u ON u.id = r.user_id WHERE r.event_id = %s", identity)}
    sent = mails()
    assert {mail["To"][0]["Address"] for mail in sent} == holders
    if duplicate_mails:  # a worker that dies between the server's 250 and its commit sends the same mail once more
        assert len({mail["MessageID"] for mail in sent}) == PLACES
    else:
        assert len(sent) == PLACES
    with Socket(stack) as socket:
        frame = socket.subscribe(f"event:{identity}")
        if frame["snapshot"]["confirmed"] != PLACES:  # a lost update is healed within two seconds
            socket.expect(type="counts", confirmed=PLACES, within=5)


def test_exactly_as_many_as_there_are_places(world: World, stack: Stack, crowd: list[Person], event: dict) -> None:
    flood = Flood([stack.url], event["id"], crowd, patience=0)
    answers = flood.run()
    print(f"{CROWD} registrations answered in {flood.seconds:.1f} s")
    assert answers == {"201 confirmed": PLACES, "409 full": CROWD - PLACES}
    check_the_end(world, stack, event)


# How far the work of a service has come: by the answers that clients have, or by what it writes.
WRITTEN = {
    "ticket-worker": "SELECT count(*) FROM tickets WHERE event_id = %s",
    "notifications": "SELECT count(*) FROM notifications WHERE event_id = %s AND status = 'sent'",
}


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_service_changes_nothing_of_the_end(
    world: World, stack: Stack, people: People, crowd: list[Person], service: str
) -> None:
    for _ in range(3):
        event = world.event(people.one("organizer"), capacity=PLACES)
        if kill_on_the_way(stack, world, crowd, event, service):
            return
    raise AssertionError(f"{service} had finished before it was killed, three times: the test proved nothing")


def kill_on_the_way(stack: Stack, world: World, crowd: list[Person], event: dict, service: str) -> bool:
    """Whether it was killed before it had finished; the end is right in any case."""
    flood = Flood([stack.url], event["id"], crowd, patience=60)
    whole = PLACES if service in WRITTEN else CROWD
    seen_at_kill = 0

    def progress() -> int:
        return stack.value(WRITTEN[service], event["id"]) if service in WRITTEN else flood.answers.total()

    def kill() -> None:
        nonlocal seen_at_kill
        eventually(lambda: progress() >= whole // 10, f"{service} at work", every=0.005)
        stack.kill(service)
        seen_at_kill = progress()
        stack.control("start", service)

    answers = flood.run(meanwhile=lambda: asyncio.to_thread(kill))
    print(f"{service} killed at {seen_at_kill} of {whole}; {CROWD} registrations settled in {flood.seconds:.1f} s")
    # What the clients were told has to agree with the truth, not only the truth with itself.
    assert answers == {"201 confirmed": PLACES, "409 full": CROWD - PLACES}
    check_the_end(world, stack, event, duplicate_mails=service == "notifications")
    return seen_at_kill < whole
