"""What an operator's hand on a dead letter brings about, what an organizer's resend does, and limits changed in operation."""

import json
import subprocess
import time
import uuid
from datetime import datetime, timezone

import pika
import pytest

from em.mailbox import Mailbox
from em.people import People, Person
from em.stack import Stack
from em.waiting import eventually
from em.world import World
from em_stack import servers

ISSUE, PLAN = "ticket-worker.issue", "notifications.plan"


class Broker:
    """The broker in an administrator's hands."""

    def __init__(self, stack: Stack):
        self.stack = stack
        self.connection = pika.BlockingConnection(pika.URLParameters(stack.address["EM_AMQP_URL"]))
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()

    def depth(self, queue: str) -> int:
        return self.channel.queue_declare(queue, passive=True).method.message_count

    def park(self, queue: str, body: bytes, message_id: str) -> None:
        """As a worker does with what it gives up on."""
        headers = {"em-attempt": 5, "em-reason": "handler-failed", "em-last-failure": "handler-failed",
                   "em-first-seen": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")}
        self.publish("em.dead", queue, body, message_id, headers)

    def publish(self, exchange: str, key: str, body: bytes, message_id: str, headers: dict | None = None) -> None:
        self.channel.basic_publish(exchange, key, body, mandatory=True, properties=pika.BasicProperties(
            message_id=message_id, delivery_mode=2, content_type="application/cloudevents+json", headers=headers or {}))

    def ctl(self, *arguments: str) -> None:
        subprocess.run(["/usr/lib/rabbitmq/bin/rabbitmqctl", "-q", *arguments], check=True, capture_output=True, timeout=60,
                       env=servers.rabbitmq_environment(self.stack.layout), cwd=self.stack.layout.state)


@pytest.fixture
def broker(stack: Stack):
    broker = Broker(stack)
    yield broker
    broker.connection.close()


def letter(admin: Person, message_id: str) -> dict | None:
    return next((one for one in admin.api.get("/admin/dead-letters?limit=100")["items"] if one["messageId"] == message_id), None)


def audited(stack: Stack, action: str, subject: str) -> list[str]:
    return [str(actor) for actor, in stack.rows(
        "SELECT actor_id FROM audit WHERE action = %s AND subject_id = %s", action, subject)]


class GivenUp:
    """Somebody with a place, whose message ticket-worker has given up on: it lies parked, and there is no ticket."""

    def __init__(self, stack: Stack, world: World, people: People, broker: Broker, admin: Person):
        self.stack, self.person = stack, people.one()
        self.event = world.event(people.one("organizer"))
        stack.control("stop", "ticket-worker")
        try:
            self.registration = world.register(self.person, self.event)
            self.message, self.body = eventually(lambda: self.taken(broker), "its message is in the queue")
        finally:
            stack.control("start", "ticket-worker")
        broker.park(ISSUE, self.body, self.message)
        self.letter = eventually(lambda: letter(admin, self.message), "the dead letter is listed")

    def taken(self, broker: Broker) -> tuple[str, bytes] | None:
        method, properties, body = broker.channel.basic_get(ISSUE, auto_ack=True)
        if method is None or json.loads(body)["data"]["registrationId"] != self.registration["id"]:
            return None
        return properties.message_id, body

    def tickets(self) -> int:
        return self.stack.value("SELECT count(*) FROM tickets WHERE registration_id = %s", self.registration["id"])

    def handled(self) -> int:
        return self.stack.value(
            "SELECT count(*) FROM inbox WHERE consumer = %s AND message_id = %s", ISSUE, self.message)


def test_a_replayed_message_is_handled_once_under_its_own_id(
        stack: Stack, world: World, people: People, broker: Broker) -> None:
    admin = people.one("admin")
    given_up = GivenUp(stack, world, people, broker, admin)
    found = given_up.letter
    assert (found["queue"], found["reason"], found["attempts"], found["replays"]) == (ISSUE, "handler-failed", 5, 0)
    assert json.loads(found["payload"])["id"] == given_up.message and found["eventId"] == given_up.event["id"]
    assert given_up.tickets() == given_up.handled() == 0

    for _ in range(2):
        taken = admin.api.post(f"/admin/dead-letters/{found['id']}/replay")
        assert taken == {"id": found["id"], "status": "replayed"}

    assert world.ticket(given_up.person, given_up.registration)["status"] == "valid"
    # And once more, as a broker may deliver it.
    broker.publish("", ISSUE, given_up.body, given_up.message)
    eventually(lambda: broker.depth(ISSUE) == 0, "nothing left to do")
    after = world.register(people.one(), given_up.event)
    eventually(lambda: stack.value("SELECT count(*) FROM tickets WHERE registration_id = %s", after["id"]),
               "what came behind it is handled")
    assert given_up.tickets() == given_up.handled() == 1
    assert letter(admin, given_up.message) is None
    assert audited(stack, "dead-letter.replayed", found["id"]) == [admin.id]


def test_a_discarded_message_is_gone_and_happens_never(
        stack: Stack, world: World, people: People, broker: Broker) -> None:
    admin = people.one("admin")
    given_up = GivenUp(stack, world, people, broker, admin)
    found = given_up.letter
    for _ in range(2):
        assert admin.api.delete(f"/admin/dead-letters/{found['id']}") == {"id": found["id"], "status": "discarded"}
    assert letter(admin, given_up.message) is None
    # Gone is gone, for a replay as well.
    assert admin.api.send("POST", f"/admin/dead-letters/{found['id']}/replay").status_code == 404
    assert audited(stack, "dead-letter.discarded", found["id"]) == [admin.id]
    assert audited(stack, "dead-letter.replayed", found["id"]) == []
    # Settled, as far as the inbox goes: a reconciliation must not bring it back.
    assert (given_up.tickets(), given_up.handled()) == (0, 1)
    given_up.person.api.delete(f"/registrations/{given_up.registration['id']}")  # for `verify`, which looks for such


def test_an_organizer_sends_a_mail_once_more(stack: Stack, world: World, people: People, mailbox: Mailbox) -> None:
    organizer, person = people.one("organizer"), people.one()
    event = world.event(organizer)
    registration = world.register(person, event)
    mailbox.wait_for(person.email, "Your ticket")

    def mails() -> list[dict]:
        return organizer.api.get(f"/registrations/{registration['id']}/notifications")["items"]

    eventually(lambda: [mail["status"] for mail in mails()] == ["sent"], "the first mail is told as sent")
    # Asked for twice while it is on its way, it is the same one.
    stack.control("stop", "notifications")
    try:
        asked = [organizer.api.post(f"/registrations/{registration['id']}/resend", status=202) for _ in range(2)]
    finally:
        stack.control("start", "notifications")
    assert len({one["notification"]["id"] for one in asked}) == 1
    eventually(lambda: [mail["status"] for mail in mails()] == ["sent", "sent"], "the second one is told as sent")
    eventually(lambda: len(mailbox.listed(person.email)) == 2, "two mails in the mailbox")
    assert stack.value("SELECT count(*) FROM audit WHERE actor_id = %s AND subject_id = %s",
                       organizer.id, registration["id"]) >= 1


def test_limits_are_changed_in_operation_by_policies(stack: Stack, people: People, broker: Broker) -> None:
    admin = people.one("admin")
    delayed, parked = f"{PLAN}.retry.1h", f"{PLAN}.parked"
    assert broker.depth(delayed) == 0
    try:
        # An hour becomes half a second, and the queue takes one message.
        broker.ctl("set_policy", "--apply-to", "queues", "em-test", rf"^{delayed.replace('.', '[.]')}$",
                   json.dumps({"message-ttl": 500, "max-length": 1}))

        def shorter() -> bool:
            # Policies reach a queue a moment after they are set; what came before keeps its time.
            identity = str(uuid.uuid4())
            broker.publish("em.retry", delayed, b"nothing that anybody can read", identity, {"em-attempt": 4})
            deadline = time.monotonic() + 3
            while time.monotonic() < deadline:
                if letter(admin, identity):
                    return True
                time.sleep(0.1)
            return False

        assert eventually(shorter, "a message is back long before its hour", within=40)
    finally:
        broker.ctl("clear_policy", "em-test")
        broker.channel.queue_purge(delayed)
        for one in admin.api.get(f"/admin/dead-letters?limit=100&queue={PLAN}")["items"]:
            if one["reason"] == "undecodable":
                admin.api.delete(f"/admin/dead-letters/{one['id']}")
    eventually(lambda: broker.depth(parked) == 0, "the parking queue is empty again")
