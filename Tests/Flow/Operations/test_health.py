"""Each service says how it is, leaves properly when told, and rides out the absence of what it can do without."""

import asyncio
import signal

import pytest
import requests

from em.api import problem
from em.flood import Flood
from em.live import Socket
from em.people import People
from em.stack import LONGEST_DRAIN, SERVICES, Second, Stack
from em.waiting import eventually
from em.world import World


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_tells_how_it_is(stack: Stack, service: str) -> None:
    assert stack.inside(service, "/livez").status_code == 200
    ready = stack.inside(service, "/readyz")
    assert ready.status_code == 200 and ready.json() == {"status": "ready", "missing": [], "degraded": []}
    metrics = stack.inside(service, "/metrics")
    assert metrics.status_code == 200 and metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in metrics.text.splitlines() if line and not line.startswith("#")]
    assert len(lines) > 10
    for line in lines:
        float(line.rpartition(" ")[2])


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_health_and_metrics_are_not_for_the_outside(stack: Stack, path: str) -> None:
    assert requests.get(stack.url + path, timeout=10).status_code == 404


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_leaves_within_its_time_when_told(stack: Stack, service: str) -> None:
    with Second(stack, service) as second:
        assert second.leave() == 0


def test_what_was_stored_before_leaving_was_also_answered(world: World, people: People, stack: Stack) -> None:
    """Told to leave in the middle of a crowd, the API keeps no place whose taker has heard nothing."""
    event = world.event(people.one("organizer"), capacity=300)

    def taken() -> int:
        return stack.value("SELECT count(*) FROM registrations WHERE event_id = %s", event["id"])

    def leave_on_the_way() -> None:
        eventually(lambda: taken() >= 10, "registrations under way", every=0.005)
        assert second.leave() == 0

    with Second(stack, "api-service") as second:
        flood = Flood([second.url], event["id"], people.many(300), patience=0)
        answers = flood.run(meanwhile=lambda: asyncio.to_thread(leave_on_the_way))
    assert answers["201 confirmed"] == taken() >= 10, answers


class Away:
    """One server of the stack, stopped for the length of a `with`."""

    def __init__(self, stack: Stack, server: str):
        self.stack, self.server = stack, server

    def __enter__(self) -> None:
        self.stack.control("stop", self.server)

    def __exit__(self, *_: object) -> None:
        self.stack.control("start", self.server)


def all_ready(stack: Stack) -> bool:
    return all(stack.inside(service, "/readyz").status_code == 200 for service in SERVICES)


def test_without_the_broker_registrations_go_on(world: World, people: People, stack: Stack) -> None:
    event, user = world.event(people.one("organizer")), people.one()
    with Socket(stack) as watcher:
        watcher.subscribe(f"event:{event['id']}")
        with Away(stack, "rabbitmq"):
            registration = world.register(user, event)
            assert registration["status"] == "confirmed" and registration["ticket"] is None
            watcher.expect(type="counts", confirmed=1)  # news doesn't wait for the broker
            assert stack.inside("api-service", "/readyz").status_code == 200
            assert stack.inside("ticket-worker", "/livez").status_code == 200
    world.ticket(user, registration, within=60)
    world.mailbox.wait_for(user.email, event["title"], within=30)
    eventually(lambda: all_ready(stack), "everything ready again", within=30)


def test_without_the_cache_registrations_go_on(world: World, people: People, stack: Stack) -> None:
    event, user, later = world.event(people.one("organizer")), people.one(), people.one()
    with Socket(stack) as watcher:
        watcher.subscribe(f"event:{event['id']}")
        with Away(stack, "redis"):
            registration = world.register(user, event)
            world.ticket(user, registration)
            assert stack.inside("api-service", "/readyz").status_code == 200
            assert world.counts(event)["confirmed"] == 1
        # The same socket hears what it missed and what comes.
        watcher.expect(type="counts", where=lambda frame: frame["confirmed"] >= 1, within=20)
        world.register(later, event)
        watcher.expect(type="counts", where=lambda frame: frame["confirmed"] == 2, within=20)
    eventually(lambda: all_ready(stack), "everything ready again", within=30)


def test_without_the_mail_server_the_mail_waits(world: World, people: People, stack: Stack) -> None:
    event, user = world.event(people.one("organizer")), people.one()

    def status() -> str:
        [notification] = user.api.get("/me/notifications")["items"] or [{"status": ""}]
        return notification["status"]

    with Away(stack, "mail"):
        world.ticket(user, world.register(user, event))
        eventually(lambda: status() == "retrying", "the failed attempt noted")
    world.mailbox.wait_for(user.email, event["title"], within=45)
    eventually(lambda: status() == "sent", "the mail noted as sent")


def test_without_the_database_the_answer_is_a_refusal(world: World, people: People, stack: Stack) -> None:
    event, user = world.event(people.one("organizer")), people.one()
    with Away(stack, "postgres"):
        refused = user.api.send("POST", f"/events/{event['id']}/registrations")
        document = problem(refused, 503)
        assert document["type"] in ("unavailable", "outcome-unknown") and refused.headers["Retry-After"]
        eventually(lambda: stack.inside("api-service", "/readyz").status_code == 503, "api-service not ready")
        for service in SERVICES:
            assert stack.inside(service, "/livez").status_code == 200
    eventually(lambda: all_ready(stack), "everything ready again", within=30)
    world.ticket(user, world.register(user, event), within=30)
