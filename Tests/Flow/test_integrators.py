"""What another program hears on em.events: CloudEvents in order, without gaps, and nothing personal."""

import json
import uuid

import pika
import pytest

from em.people import People
from em.stack import Stack
from em.waiting import eventually
from em.world import World


class Listener:
    """A queue of one's own, bound to everything."""

    def __init__(self, url: str):
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.queue = self.channel.queue_declare("", exclusive=True).method.queue
        self.channel.queue_bind(self.queue, "em.events", "#")
        self.heard: list[tuple[pika.spec.Basic.GetOk, pika.BasicProperties, dict]] = []

    def listen(self) -> None:
        while True:
            method, properties, body = self.channel.basic_get(self.queue, auto_ack=True)
            if method is None:
                return
            self.heard.append((method, properties, json.loads(body)))

    def of(self, event: str) -> list[tuple[pika.spec.Basic.GetOk, pika.BasicProperties, dict]]:
        self.listen()
        return [message for message in self.heard if message[2]["subject"] == event]

    def types(self, event: str) -> list[str]:
        return [message["type"] for _, _, message in self.of(event)]


@pytest.fixture
def listener(stack: Stack):
    listener = Listener(stack.address["EM_AMQP_URL"])
    yield listener
    listener.connection.close()


def test_everything_of_an_event_is_heard_in_order(world: World, people: People, listener: Listener) -> None:
    organizer = people.one("organizer", "Oda Unmistakable")
    user = people.one("user", "Ulf Unmistakable")
    trace = uuid.uuid4().hex
    event = world.event(organizer, capacity=1, waitlistEnabled=True, title=f"Secret {uuid.uuid4().hex}")
    registration = user.api.post(f"/events/{event['id']}/registrations", status=201,
                                 headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    ticket = world.ticket(user, registration)
    second = people.one()
    waiting = world.register(second, event)
    organizer.api.post(f"/events/{event['id']}/check-ins", {"code": ticket["code"], "gate": "North"})
    organizer.api.post(f"/events/{event['id']}/announcements", {"title": "Unmistakable news", "body": "Words."}, status=201)
    user.api.delete(f"/registrations/{registration['id']}")
    world.ticket(second, waiting)
    organizer.api.post(f"/events/{event['id']}/cancel")

    expected = ["em.event.published", "em.registration.confirmed", "em.ticket.issued", "em.registration.waitlisted",
                "em.ticket.checkedin", "em.announcement.posted", "em.registration.cancelled", "em.ticket.revoked",
                "em.registration.promoted", "em.ticket.issued", "em.event.cancelled"]
    def heard() -> list[str]:
        # A mail that could not be delivered would be reported too, at any moment.
        return [kind for kind in listener.types(event["id"]) if kind != "em.notification.failed"]

    eventually(lambda: len(heard()) >= len(expected), "all messages of the event")
    assert heard() == expected
    messages = listener.of(event["id"])

    assert [message["sequence"] for _, _, message in messages] == [str(n + 1) for n in range(len(messages))]
    assert len({message["id"] for _, _, message in messages}) == len(messages)
    for method, properties, message in messages:
        assert message["specversion"] == "1.0" and message["source"] and message["time"].endswith("Z")
        assert method.routing_key == message["type"] == message["type"].lower()
        assert properties.content_type.startswith("application/cloudevents+json")
        assert properties.delivery_mode == 2 and properties.message_id == message["id"]
        assert properties.headers["owner"] == organizer.id
        assert message["data"]["eventId"] == event["id"]
    confirmed = messages[1][2]
    assert confirmed["data"] == {**confirmed["data"], "registrationId": registration["id"], "userId": user.id,
                                 "status": "confirmed", "confirmed": 1, "waitlisted": 0, "capacity": 1}
    assert confirmed["data"]["revision"] > 0
    assert trace in confirmed["traceparent"] and trace in messages[2][2]["traceparent"]

    personal = (user.name, user.email, organizer.name, organizer.email, ticket["code"], ticket["qrText"], event["title"], "Unmistakable")
    for _, properties, message in messages:
        told = json.dumps(message, ensure_ascii=False) + str(properties.headers)
        assert not [value for value in personal if value in told], message


def test_one_owners_queue_hears_nothing_of_another(world: World, people: People, listener: Listener) -> None:
    mine, other = people.one("organizer"), people.one("organizer")
    queue = listener.channel.queue_declare("", exclusive=True).method.queue
    listener.channel.queue_bind(queue, "em.scoped", arguments={"x-match": "all", "owner": mine.id})
    foreign, own = world.event(other), world.event(mine)
    eventually(lambda: listener.types(own["id"]) and listener.types(foreign["id"]), "both events published")
    _, properties, body = eventually(
        lambda: (found := listener.channel.basic_get(queue, auto_ack=True))[0] and found, "the scoped message")
    assert json.loads(body)["subject"] == own["id"] and properties.headers["owner"] == mine.id
    assert listener.channel.basic_get(queue, auto_ack=True)[0] is None
