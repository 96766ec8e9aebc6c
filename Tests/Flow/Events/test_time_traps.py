"""Events and time: nothing becomes past by a slip, and what is over can still be put right."""

import pytest

from em.api import problem
from em.people import People, Person
from em.stack import SERVICES, Stack
from em.world import World, timestamp


def edit(organizer: Person, event: dict, **change: object):
    tag = f'"{organizer.api.get("/events/" + event["id"])["version"]}"'
    return organizer.api.send("PATCH", f"/events/{event['id']}", json=change, headers={"If-Match": tag})


def over(world: World, organizer: Person) -> dict:
    event = world.event(organizer)
    world.stack.rows("UPDATE events SET starts_at = now() - interval '2 days', ends_at = now() - interval '1 day' WHERE id = %s",
                     event["id"])
    return event


@pytest.mark.parametrize("kind", ["event", "draft"])
def test_an_edit_puts_no_event_into_the_past_unless_it_says_so(world: World, people: People, kind: str) -> None:
    organizer = people.one("organizer")
    event = getattr(world, kind)(organizer)
    past = {"startsAt": timestamp(-365), "endsAt": timestamp(-364.9)}
    for change in (past, {**past, "confirmPast": False}, {"startsAt": timestamp(-1), "endsAt": timestamp(-0.001)}):
        refused = problem(edit(organizer, event, **change), 422, "validation-failed")
        assert [error["field"] for error in refused["errors"]] == ["endsAt"]
    assert refused["errors"][0]["code"] == "in-the-past" and "confirmPast" in refused["errors"][0]["message"]
    wrong = problem(edit(organizer, event, **past, confirmPast="yes"), 422, "validation-failed")
    assert [error["field"] for error in wrong["errors"]] == ["confirmPast"]
    assert organizer.api.get(f"/events/{event['id']}")["endsAt"] == event["endsAt"]
    assert edit(organizer, event, startsAt=timestamp(-1)).status_code == 200  # under way
    assert edit(organizer, event, **past, confirmPast=True).status_code == 200
    after = organizer.api.get(f"/events/{event['id']}")
    assert after["endsAt"] == past["endsAt"] and "confirmPast" not in after
    assert after["status"] == ("ended" if kind == "event" else "draft")


def test_what_is_over_can_be_edited_opened_again_and_called_off(world: World, people: People) -> None:
    organizer, guest = people.one("organizer"), people.one()
    event = over(world, organizer)
    problem(guest.api.send("POST", f"/events/{event['id']}/registrations"), 409, "event-ended")
    edited = edit(organizer, event, description="The slides are here.", endsAt=timestamp(-0.9))
    assert edited.status_code == 200 and edited.json()["status"] == "ended"
    opened = edit(organizer, event, endsAt=timestamp(1))
    assert opened.status_code == 200 and opened.json()["status"] == "published"
    world.ticket(guest, world.register(guest, event))

    event = over(world, organizer)
    called_off = organizer.api.post(f"/events/{event['id']}/cancel")
    assert called_off["status"] == "cancelled"
    problem(edit(organizer, event, title="Too late"), 409, "event-cancelled")
    stranger = people.one("organizer")
    problem(stranger.api.send("POST", f"/events/{over(world, organizer)['id']}/cancel"), 403)


def test_a_plus_in_a_query_is_spelled(world: World, people: People) -> None:
    lost = problem(world.anyone.send("GET", "/events?from=2026-05-01T18:00:00+02:00"), 422, "validation-failed")
    assert "%2B" in lost["errors"][0]["message"] and lost["errors"][0]["field"] == "from"
    world.anyone.get("/events?from=2026-05-01T18:00:00%2B02:00")
    other = problem(world.anyone.send("GET", "/events?to=tomorrow"), 422, "validation-failed")
    assert "%2B" not in other["errors"][0]["message"]


@pytest.mark.parametrize("spelling", ['"{version}"', 'W/"{version}.x"', '"0", "{version}"', '"0","{version}.a,b" , W/"7"'])
def test_if_match_takes_lists_and_weak_tags(world: World, people: People, spelling: str) -> None:
    organizer = people.one("organizer")
    event = world.event(organizer)
    header = {"If-Match": spelling.format(version=event["version"])}
    assert organizer.api.patch(f"/events/{event['id']}", {"venue": "Hall 7"}, headers=header)["venue"] == "Hall 7"


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_health_answers_head(stack: Stack, service: str, path: str) -> None:
    import requests

    answer = requests.head(f"http://127.0.0.1:{stack.port(service)}{path}", timeout=10)
    assert answer.status_code == 200 and not answer.content
