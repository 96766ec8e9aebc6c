"""What grows with an event is decided at once and followed in steps: calling it off, raising its capacity."""

import base64
import json
from collections.abc import Iterator

import pytest

from em.api import problem
from em.people import People, Person
from em.stack import Stack
from em.waiting import eventually
from em.world import World

# More than one step, and more than two.
CROWD = 1_200


@pytest.fixture(scope="module")
def organizer(people: People, stack: Stack) -> Iterator[Person]:
    organizer = people.one("organizer", "Olga Organizer")
    yield organizer
    # Thousands of mails: whatever test comes next must not stand behind them.
    waiting = "SELECT count(*) FROM notifications n JOIN events e ON e.id = n.event_id WHERE e.owner_id = %s AND n.status = 'queued'"
    eventually(lambda: stack.value(waiting, organizer.id) == 0, "the mails to be sent", 180)


def crowd(stack: Stack, event: dict, status: str, size: int = CROWD) -> None:
    """Gives so many people a place with a ticket, or a place in line, by SQL."""
    stack.rows("""
        WITH people AS (
            INSERT INTO users (id, email, display_name, password_hash)
            SELECT id, id || '@example.com', 'Guest', '-' FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, %s)) n
            RETURNING id, email
        ), registered AS (
            INSERT INTO registrations (id, event_id, user_id, holder_name, status, confirmed_at, line_number)
            SELECT gen_random_uuid(), %s, id, 'Guest', %s, CASE WHEN %s = 'confirmed' THEN now() END,
                CASE WHEN %s = 'waitlisted' THEN row_number() OVER (ORDER BY id) END FROM people
            RETURNING id, event_id, user_id, status
        )
        INSERT INTO tickets (id, registration_id, event_id, user_id, code, qr_text)
        SELECT gen_random_uuid(), id, event_id, user_id, left(replace(id::text, '-', ''), 14), '' FROM registered
        WHERE status = 'confirmed'
        """, size, event["id"], status, status, status)
    stack.rows(f"UPDATE event_places SET {status} = {status} + %s, last_line_number = %s, revision = revision + 1 "
               "WHERE event_id = %s", size, size, event["id"])


def test_a_large_event_is_called_off_at_once_and_its_tickets_follow(
    world: World, organizer: Person, people: People, stack: Stack,
) -> None:
    event, (holder, gone) = world.event(organizer, capacity=CROWD + 10), people.many(2)
    path = f"/events/{event['id']}"
    registration = world.register(holder, event)
    ticket = world.ticket(holder, registration)
    gone.api.delete(f"/registrations/{world.register(gone, event)['id']}")
    world.mailbox.wait_for(gone.email, event["title"])
    crowd(stack, event, "confirmed")

    answer = organizer.api.post(f"{path}/cancel")
    assert (answer["status"], answer["confirmed"], answer["cancellationProgress"]["total"]) == ("cancelled", 0, CROWD + 1)
    # As it reads from here on, however far the steps have come.
    own = holder.api.get(f"/registrations/{registration['id']}")
    assert (own["status"], own["ticket"]["status"]) == ("cancelled", "revoked")
    assert own["cancelledAt"] == answer["cancelledAt"]
    assert holder.api.get(f"/tickets/{ticket['id']}")["status"] == "revoked"
    stats = organizer.api.get(f"{path}/stats")
    assert (stats["confirmed"], stats["cancelled"]) == (0, CROWD + 2)
    scan = organizer.api.post(f"{path}/check-ins", {"code": ticket["qrText"]})
    assert (scan["result"], scan["attendee"]["displayName"]) == ("eventCancelled", holder.name)
    jws = organizer.api.send("GET", f"{path}/check-in-manifest").text.split(".")[1]
    manifest = json.loads(base64.urlsafe_b64decode(jws + "=" * (-len(jws) % 4)))
    assert manifest["cancelledAt"] == answer["cancelledAt"]
    assert {line[4] for line in manifest["tickets"]} == {"revoked"}
    assert holder.api.delete(f"/registrations/{registration['id']}")["status"] == "cancelled"
    problem(gone.api.send("POST", f"{path}/registrations"), 409, "event-cancelled")
    assert organizer.api.post(f"{path}/cancel")["version"] == answer["version"]

    eventually(lambda: organizer.api.get(path)["cancellationProgress"] is None, "the last step", 30)
    assert stack.value("SELECT count(*) FROM tickets WHERE event_id = %s AND status = 'valid'", event["id"]) == 0
    # Everybody who had a place hears of it once; who had left, and who leaves now, hears nothing more.
    told = """
        SELECT count(*), count(DISTINCT registration_id), count(*) FILTER (WHERE user_id = %s) FROM notifications
        WHERE event_id = %s AND kind = 'event.cancelled'
        """
    eventually(lambda: stack.rows(told, holder.id, event["id"])[0] == (CROWD + 1, CROWD + 1, 1), "a mail for everybody", 60)
    kinds = "SELECT array_agg(kind::text ORDER BY created_at) FROM notifications WHERE event_id = %s AND user_id = %s"
    assert stack.value(kinds, event["id"], holder.id) == ["registration.confirmed", "event.cancelled"]
    assert "event.cancelled" not in stack.value(kinds, event["id"], gone.id)


def test_a_waitlist_moves_up_in_steps_while_the_capacity_follows(
    world: World, organizer: Person, people: People, stack: Stack,
) -> None:
    event, (holder, newcomer) = world.event(organizer, capacity=1, waitlistEnabled=True), people.many(2)
    path = f"/events/{event['id']}"
    world.register(holder, event)
    crowd(stack, event, "waitlisted")
    raised = organizer.api.patch(path, {"capacity": CROWD + 1}, headers={"If-Match": f'"{event["version"]}"'})
    assert raised["capacityTarget"] == CROWD + 1
    assert raised["capacity"] == raised["confirmed"] < CROWD and raised["waitlisted"] > 0
    assert world.register(newcomer, event)["status"] == "waitlisted"
    eventually(lambda: organizer.api.get(path)["capacityTarget"] is None, "the last step", 30)
    counts = world.counts(event)
    assert (counts["capacity"], counts["confirmed"], counts["waitlisted"]) == (CROWD + 1, CROWD + 1, 1)
    assert stack.value("SELECT count(*) FROM outbox WHERE event_id = %s AND type = 'em.registration.promoted'",
                       event["id"]) == CROWD


def test_steps_go_on_where_a_killed_service_left_them(world: World, organizer: Person, stack: Stack) -> None:
    size = 5_000
    for _ in range(3):
        event = world.event(organizer, capacity=size)
        crowd(stack, event, "confirmed", size)
        organizer.api.post(f"/events/{event['id']}/cancel")
        valid = "SELECT count(*) FROM tickets WHERE event_id = %s AND status = 'valid'"
        eventually(lambda: stack.value(valid, event["id"]) < size, "a first step", every=0.005)
        stack.kill("api-service")
        left = stack.value(valid, event["id"])
        # Decided for good, and waiting for somebody to go on.
        assert stack.value("SELECT status FROM events WHERE id = %s", event["id"]) == "cancelled"
        assert left == 0 or stack.value("SELECT count(*) FROM pending_steps WHERE subject_id = %s", event["id"]) == 1
        stack.control("start", "api-service")
        eventually(lambda: stack.value(valid, event["id"]) == 0, "the last step", 30)
        eventually(lambda: organizer.api.get(f"/events/{event['id']}")["cancellationProgress"] is None, "the end", 30)
        told = "SELECT count(*), count(DISTINCT registration_id) FROM notifications WHERE event_id = %s AND kind = 'event.cancelled'"
        eventually(lambda: stack.rows(told, event["id"])[0] == (size, size), "a message for everybody, once", 120)
        if 0 < left < size:
            return
    raise AssertionError("it was done before the kill, three times: the test proved nothing")
