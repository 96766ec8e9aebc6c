"""What another program hears on em.events: CloudEvents in order, without gaps, and nothing personal."""

import json
import uuid

import pika
import pytest

from em.contract import asyncapi, described
from em.live import Socket
from em.people import People
from em.stack import Stack
from em.tap import Tap
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
    organizer.api.delete(f"/events/{event['id']}/registrations/{registration['id']}")
    world.ticket(second, waiting)
    organizer.api.post(f"/events/{event['id']}/cancel")

    expected = ["em.event.published", "em.registration.confirmed", "em.ticket.issued", "em.registration.waitlisted",
                "em.ticket.checkedin", "em.announcement.posted", "em.registration.cancelled", "em.ticket.revoked",
                "em.ticket.checkinundone", "em.registration.promoted", "em.ticket.issued", "em.event.cancelled"]
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


def test_every_kind_of_message_and_frame_is_heard(world: World, people: People, stack: Stack, listener: Listener) -> None:
    """A little of everything, so that each is held against asyncapi.yaml: the messages here, the frames by the sockets."""
    organizer, holder, friend, unreachable = people.one("organizer"), *people.many(3)
    # Longer than a line of SMTP may be (RFC 5321 §4.5.3.1): refused for good.
    stack.rows("UPDATE users SET email = %s WHERE id = %s", f"{unreachable.id}-{'x' * 600}@example.test", unreachable.id)
    event = world.event(organizer, capacity=1, waitlistEnabled=True)
    path = f"/events/{event['id']}"
    with Socket(stack, organizer.token) as dashboard, Socket(stack) as visitor, Socket(stack, holder.token) as me:
        dashboard.subscribe(f"organizer:{event['id']}")
        visitor.subscribe(f"event:{event['id']}")
        me.subscribe("me")
        visitor.send(type="subscribe", topic="nothing")
        visitor.expect(type="error", code="unknown-topic")

        registration = world.register(holder, event)
        ticket = world.ticket(holder, registration)
        me.expect(type="ticket", id=ticket["id"])
        me.expect(type="notification")
        holder.api.post("/me/notifications/read")
        me.expect(type="unread")
        world.register(unreachable, event)
        dashboard.expect(type="deliveryProblems", failed=1)

        tag = organizer.api.send("GET", path).headers["ETag"]
        organizer.api.patch(path, {"venue": "Hall 2"}, headers={"If-Match": tag})
        organizer.api.post(f"{path}/announcements", {"title": "Doors", "body": "Open."}, status=201)
        visitor.expect(type="announcement")
        dashboard.expect(type="mailings")

        organizer.api.post(f"{path}/check-ins", {"code": ticket["code"], "gate": "North"})
        dashboard.expect(type="checkIns", checkedIn=1)
        scan = organizer.api.get(f"{path}/check-ins")["items"][0]
        organizer.api.post(f"/check-ins/{scan['id']}/undo", {"reason": "the wrong person"})
        dashboard.expect(type="checkIns", checkedIn=0)

        holder.api.post(f"/tickets/{ticket['id']}/transfer", {"email": friend.email}, status=202)
        link = world.mailbox.link_token(friend.email, f"A ticket for {event['title']}", f"{stack.url}/accept-ticket")
        friend.api.post("/ticket-transfers/accept", {"token": link})
        me.expect(type="registration", status="cancelled")
        friend.api.delete(f"/registrations/{registration['id']}")
        organizer.api.post(f"{path}/cancel")
        visitor.expect(type="event", status="cancelled")
        frames = {frame["type"] for socket in (dashboard, visitor, me) for frame in socket.frames}

    known = described()
    eventually(lambda: known.facts.keys() <= set(listener.types(event["id"])), "a message of every kind")
    log = f"/messages?eventId={event['id']}&limit=500"
    # The last mail to the unreachable address may fail while this is read.
    eventually(lambda: organizer.api.get(log)["items"] == [message for _, _, message in listener.of(event["id"])],
               "the log and the queue say the same")
    for _, properties, message in listener.of(event["id"]):
        known.check_message(message)
        known.check_headers(properties.headers)
    # What comes when Redis goes and comes back, test_main_job sees.
    assert frames == known.frames.keys() - known.from_clients - {"stale", "fresh"}


def test_control_the_tap_hears_everything_and_finds_a_wrong_message(tap: Tap, world: World, people: People) -> None:
    before = tap.heard
    world.event(people.one("organizer"))
    eventually(lambda: tap.heard > before, "the tap has heard of the new event")
    silent = Tap("")
    message = asyncapi()["components"]["messages"]["ticketIssued"]["examples"][0]["payload"]
    for spoilt in (message, {**message, "holder": "Tess"}):
        properties = pika.BasicProperties(message_id=message["id"], type=message["type"], headers={"owner": message["id"]})
        silent.take(message["type"], properties, json.dumps(spoilt).encode())
    assert len(silent.wrong) == 1 and "holder" in silent.wrong[0]
