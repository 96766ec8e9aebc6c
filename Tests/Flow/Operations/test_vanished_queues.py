"""What the broker loses while everybody is connected is made again, and nothing that was owed is lost with it."""

import pika
import pytest

from em.people import People
from em.stack import Second, Stack
from em.waiting import eventually
from em.world import World

WORKERS = {"ticket-worker.issue": ("em.registration.confirmed", "em.registration.promoted"),
           "notifications.plan": ("em.ticket.issued", "em.registration.cancelled", "em.event.updated"),
           "notifications.webhooks": ("#",)}
JOBS = {"notifications.mail": "mail.send"}


class Saboteur:
    """An operator's slip: with all rights, beside somebody whose queue hears everything (the suite's own tap does so too)."""

    def __init__(self, stack: Stack):
        self.connection = pika.BlockingConnection(pika.URLParameters(stack.address["EM_AMQP_URL"]))
        self.channel = self.connection.channel()
        self.everything = self.channel.queue_declare("", exclusive=True).method.queue
        self.channel.queue_bind(self.everything, "em.events", "#")

    def __enter__(self) -> "Saboteur":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def is_there(self, queue: str) -> bool:
        channel = self.connection.channel()
        try:
            channel.queue_declare(queue, passive=True)
        except pika.exceptions.ChannelClosedByBroker:
            return False
        channel.close()
        return True

    def consumers(self, queue: str) -> int:
        if not self.is_there(queue):
            return 0
        return self.channel.queue_declare(queue, passive=True).method.consumer_count

    def heard(self) -> list[str]:
        ids = []
        while (found := self.channel.basic_get(self.everything, auto_ack=True))[0]:
            ids.append(found[1].message_id)
        return ids


@pytest.fixture
def saboteur(stack: Stack):
    with Saboteur(stack) as saboteur:
        yield saboteur


def unbind_workers(saboteur: Saboteur) -> None:
    for queue, keys in WORKERS.items():
        for key in keys:
            saboteur.channel.queue_unbind(queue, "em.events", key)


def all_arrives(world: World, people: People, number: int = 5, meanwhile=lambda: None) -> None:
    event = world.event(people.one("organizer"), capacity=100)
    crowd = people.many(number)
    registrations = []
    for place, person in enumerate(crowd):
        registrations.append(world.register(person, event))
        if place == number // 2:
            meanwhile()
    for person, registration in zip(crowd, registrations):
        world.ticket(person, registration, within=60)
        world.mailbox.wait_for(person.email, event["title"], within=60)


@pytest.mark.parametrize("queue", [*WORKERS, *JOBS])
def test_a_queue_deleted_while_everybody_is_connected(
    saboteur: Saboteur, world: World, people: People, queue: str
) -> None:
    saboteur.channel.queue_delete(queue)

    def delete_again() -> None:
        # RabbitMQ 3.10 breaks a quorum queue for good that is deleted while it is being made (its record stays, without a leader).
        eventually(lambda: saboteur.consumers(queue), "the new queue is read", 30)
        saboteur.channel.queue_delete(queue)

    all_arrives(world, people, meanwhile=delete_again)
    assert saboteur.is_there(queue)
    heard = saboteur.heard()
    assert heard and len(heard) == len(set(heard)), "who lost nothing hears nothing twice"


def test_bindings_taken_away_while_everybody_is_connected(saboteur: Saboteur, world: World, people: People) -> None:
    def unbind() -> None:
        unbind_workers(saboteur)
        for queue, key in JOBS.items():
            saboteur.channel.queue_unbind(queue, "em.work", key)

    unbind()
    all_arrives(world, people, meanwhile=unbind)


def test_what_a_deleted_queue_held_goes_to_the_new_one(
    stack: Stack, saboteur: Saboteur, world: World, people: People
) -> None:
    event = world.event(people.one("organizer"), capacity=100)
    crowd = people.many(5)
    stack.control("stop", "ticket-worker")
    try:
        registrations = [world.register(person, event) for person in crowd]
        depth = lambda: saboteur.channel.queue_declare("ticket-worker.issue", passive=True).method.message_count  # noqa: E731
        eventually(lambda: depth() >= len(crowd), "they wait in the queue")
        saboteur.heard()
        saboteur.channel.queue_delete("ticket-worker.issue")
        eventually(lambda: saboteur.is_there("ticket-worker.issue") and depth() >= len(crowd), "they wait in a new queue", 30)
    finally:
        stack.control("start", "ticket-worker")
    for person, registration in zip(crowd, registrations):
        world.ticket(person, registration, within=60)
    assert len(set(saboteur.heard())) == len(crowd), "of the tickets, and of nothing again"


def test_the_control_bindings_are_lost_in_silence(stack: Stack, saboteur: Saboteur, world: World, people: People) -> None:
    """With the guard taken away, a fact is lost that a worker's binding alone should have brought."""
    lost = people.one()
    stack.control("stop", "api-service")
    try:
        with Second(stack, "api-service", EM_MUTANT="trust-bindings") as trusting:
            event = published(trusting, world, people.one("organizer"))

            def is_published() -> bool:
                return stack.value("SELECT count(*) FROM outbox WHERE event_id = %s AND published_at IS NULL", event["id"]) == 0

            # By then its relay is connected, and has bound everything.
            eventually(is_published, "the event's fact published", 30)
            saboteur.channel.queue_unbind("ticket-worker.issue", "em.events", "em.registration.confirmed")
            registration = trusting_post(trusting, lost, f"/events/{event['id']}/registrations")
            eventually(is_published, "the registration's fact published", 30)
            assert trusting.leave() == 0
    finally:
        stack.control("start", "api-service")
        unbind_workers(saboteur)  # what the mutant bound would bring everything twice
    assert stack.value("SELECT count(*) FROM tickets WHERE registration_id = %s", registration["id"]) == 0
    stack.rows("UPDATE outbox SET published_at = NULL WHERE event_id = %s AND type = 'em.registration.confirmed'", event["id"])
    world.ticket(lost, registration, within=60)


def published(service: Second, world: World, organizer) -> dict:
    event = trusting_post(service, organizer, "/events", world.details())
    return trusting_post(service, organizer, f"/events/{event['id']}/publish")


def trusting_post(service: Second, person, path: str, body: dict | None = None) -> dict:
    import requests

    answer = requests.post(f"{service.url}/api/v1{path}", json=body, timeout=10,
                           headers={"Authorization": f"Bearer {person.token}"})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()
