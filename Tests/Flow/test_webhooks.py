"""Webhooks: signed as the standard says, tried again, kept away from the inside, and nobody waits for anybody else's.

The stack lets them through to 127.77.0.0/16 (EM_WEBHOOK_ALLOWED_ADDRESSES), where these tests have their receivers. What is
inside stays refused when it is given (tests of the route and Tests/Unit/Webhooks) and, which is what these subscriptions are
made by SQL for, when it is used."""

import threading
import time
import uuid

import pytest
import requests

from em.api import problem
from em.people import People, Person
from em.receiver import Heard, Receiver, Refused, secrets, verify
from em.stack import Stack
from em.waiting import eventually
from em.world import World


class Subscription:
    def __init__(self, stack: Stack, owner: Person, url: str, types: tuple[str, ...] = ("*",)):
        self.stack, self.owner, self.id = stack, owner, str(uuid.uuid4())
        stack.rows("INSERT INTO subscriptions (id, user_id, name, scope, types, delivery, url, created_at) "
                   "VALUES (%s, %s, 'CRM', 'own', %s, 'webhook', %s, now())", self.id, owner.id, list(types), url)

    def secrets(self, generation: int = 1) -> tuple[str, str]:
        return secrets((self.stack.state / "keys/webhook.key").read_text().strip(), self.id, generation)

    def log(self, **query: str) -> list[dict]:
        return self.owner.api.get(f"/subscriptions/{self.id}/deliveries", params=query)["items"]

    def test(self) -> dict:
        return self.owner.api.post(f"/subscriptions/{self.id}/test", status=202)

    def tried(self, delivery: dict, attempts: int = 1, within: float = 20) -> dict:
        """The delivery once it was tried so often."""
        def look() -> dict | None:
            found = next(each for each in self.log() if each["id"] == delivery["id"])
            return found if len(found["attempts"]) >= attempts else None

        return eventually(look, "the attempt", within)

    def status(self) -> str:
        return self.stack.value("SELECT status FROM subscriptions WHERE id = %s", self.id)

    def end(self) -> None:
        self.stack.rows("DELETE FROM subscriptions WHERE id = %s", self.id)


@pytest.fixture
def subscribe(stack: Stack):
    made: list[Subscription] = []

    def subscribe(*arguments: object) -> Subscription:
        made.append(Subscription(stack, *arguments))
        return made[-1]

    yield subscribe
    for subscription in made:
        subscription.end()


@pytest.fixture
def organizer(people: People) -> Person:
    return people.one("organizer", "Oda")


def test_a_registration_arrives_and_its_signatures_hold(world: World, people: People, organizer: Person, subscribe) -> None:
    with Receiver() as receiver:
        subscription = subscribe(organizer, receiver.url, ("em.registration.*",))
        event, foreign = world.event(organizer), world.event(people.one("organizer"))
        world.register(people.one(), foreign)
        registration = world.register(people.one(), event)
        heard = eventually(lambda: receiver.of(event["id"]), "the delivery")[0]
        for secret, scheme in zip(subscription.secrets(), ("v1", "v1a")):
            assert verify(heard, secret) == scheme
        message = heard.message
        assert (message["type"], message["data"]["registrationId"]) == ("em.registration.confirmed", registration["id"])
        assert message["specversion"] == "1.0" and message["id"] == heard.id and message["sequence"].isdigit()
        assert heard.headers["content-type"] == "application/cloudevents+json"
        assert heard.headers["user-agent"].startswith("EM-Connect-Webhooks/")
        row = eventually(lambda: subscription.log(status="delivered"), "the log")[0]
        assert row["messageId"] == heard.id and row["sequence"] == message["sequence"] and row["eventId"] == event["id"]
        [attempt] = row["attempts"]
        assert attempt["status"] == 204 and attempt["error"] is None and row["nextAttemptAt"] is None
        # Neither what it didn't ask for (em.event.published, em.ticket.issued) nor what is somebody else's.
        assert {each.message["type"] for each in receiver.heard} == {"em.registration.confirmed"}
        assert {each.message["subject"] for each in receiver.heard} == {event["id"]}


def test_what_was_changed_on_the_way_or_is_old_or_anothers_does_not_hold(organizer: Person, subscribe) -> None:
    with Receiver() as receiver:
        subscription, other = subscribe(organizer, receiver.url), subscribe(organizer, receiver.url)
        subscription.test()
        heard = eventually(lambda: receiver.heard, "the test")[0]
        assert heard.message["type"] == "em.subscription.test"
        assert heard.message["data"] == {"subscriptionId": subscription.id}
        for secret, foreign in zip(subscription.secrets(), other.secrets()):
            verify(heard, secret)
            for changed in (Heard(heard.path, heard.headers, heard.body + b" "),
                            Heard(heard.path, {**heard.headers, "webhook-id": str(uuid.uuid4())}, heard.body),
                            Heard(heard.path, {**heard.headers, "webhook-timestamp": str(int(time.time()) + 1)}, heard.body)):
                with pytest.raises(Refused, match="no signature"):
                    verify(changed, secret)
            with pytest.raises(Refused, match="no signature"):
                verify(heard, foreign)
            with pytest.raises(Refused, match="old"):
                verify(heard, secret, time.time() + 301)


def test_while_a_secret_is_replaced_both_sign(stack: Stack, organizer: Person, subscribe) -> None:
    with Receiver() as receiver:
        subscription = subscribe(organizer, receiver.url)
        for age, good, bad in ((0, (1, 2), ()), (25, (2,), (1,))):
            stack.rows("UPDATE subscriptions SET generation = 2, rotated_at = now() - %s * interval '1 hour' WHERE id = %s",
                       age, subscription.id)
            delivery = subscription.test()
            heard = eventually(lambda: [each for each in receiver.heard if each.id == delivery["messageId"]], "the test")[0]
            assert len(heard.headers["webhook-signature"].split()) == 2 * len(good)
            for generation in good:
                for secret in subscription.secrets(generation):
                    verify(heard, secret)
            for generation in bad:
                with pytest.raises(Refused):
                    verify(heard, subscription.secrets(generation)[0])


def test_a_failed_delivery_comes_again_under_the_same_id(organizer: Person, subscribe) -> None:
    with Receiver(answer=lambda _: 204 if len(receiver.heard) > 2 else 503) as receiver:
        subscription = subscribe(organizer, receiver.url)
        delivery = subscription.tried(subscription.test())
        assert delivery["status"] == "retrying" and delivery["nextAttemptAt"]
        assert delivery["attempts"][0]["status"] == 503 and delivery["attempts"][0]["responseExcerpt"] == "heard"
        # By itself after some five seconds, and at once when its owner says so.
        delivery = subscription.tried(delivery, 2)
        again = subscription.owner.api.post(f"/subscriptions/{subscription.id}/deliveries/{delivery['id']}/retry", status=202)
        assert again["id"] == delivery["id"]
        delivery = subscription.tried(delivery, 3)
        assert delivery["status"] == "delivered" and [each["status"] for each in delivery["attempts"]] == [503, 503, 204]
        assert len({heard.id for heard in receiver.heard}) == 1
        first, second, _ = receiver.heard
        assert second.at - first.at >= 4 and first.headers["webhook-signature"] != second.headers["webhook-signature"]


def test_a_receiver_that_is_gone_is_left_alone_and_its_owner_told(world: World, organizer: Person, subscribe) -> None:
    with Receiver(answer=lambda _: 410) as receiver:
        subscription = subscribe(organizer, receiver.url)
        delivery = subscription.tried(subscription.test())
        assert delivery["status"] == "failed" and subscription.status() == "disabled"
        world.event(organizer)
        mail = world.mailbox.wait_for(organizer.email, "A webhook of yours")
        assert receiver.url in mail.get_body(("plain",)).get_content() and "410 Gone" in mail.get_body(("plain",)).get_content()
        assert len(receiver.heard) == 1


INSIDE = ["http://127.0.0.1:{port}/", "http://[::1]:{six}/", "http://169.254.169.254/latest/meta-data/", "http://2130706433:{port}/",
          "http://0x7f000001:{port}/", "http://0177.0.0.1:{port}/", "http://127.1:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
          "http://[::ffff:7f00:1]:{port}/", "http://localhost:{port}/", "http://0.0.0.0:{port}/", "https://127.0.0.1:{port}/"]


@pytest.fixture(scope="module")
def inside():
    """Two servers that nobody outside may reach."""
    with Receiver("127.0.0.1") as four, Receiver("::1") as six:
        for server in (four, six):  # the control: they are there to be reached
            assert requests.post(server.url, data=b"{}", timeout=10).status_code == 204 and server.connections == 1
        yield four, six


@pytest.mark.parametrize("address", INSIDE)
def test_no_delivery_gets_inside(organizer: Person, subscribe, inside: tuple[Receiver, Receiver], address: str) -> None:
    four, six = inside
    subscription = subscribe(organizer, address.format(port=four.port, six=six.port))
    [attempt] = subscription.tried(subscription.test())["attempts"]
    assert attempt["error"] == "address not allowed" and attempt["status"] is None
    assert four.connections == six.connections == 1  # the fixture's


def test_no_redirect_is_followed(organizer: Person, subscribe, inside: tuple[Receiver, Receiver]) -> None:
    for status in (301, 302, 307, 308):
        with Receiver(answer=lambda _: (status, {"Location": inside[0].url})) as receiver:
            subscription = subscribe(organizer, receiver.url)
            [attempt] = subscription.tried(subscription.test())["attempts"]
            assert attempt["status"] == status and inside[0].connections == 1


def test_dead_receivers_delay_nobody(world: World, people: People, organizer: Person, subscribe) -> None:
    """Two are silent and one refuses connections; the healthy one gets everything long before the first timeout."""
    release = threading.Event()
    silent = [Receiver(answer=lambda _: 500 if release.wait(60) else 500) for _ in range(2)]
    with Receiver() as healthy, silent[0], silent[1]:
        dead = [subscribe(organizer, url) for url in (silent[0].url, silent[1].url, "http://127.77.0.1:9/")]
        subscribe(organizer, healthy.url, ("em.registration.*",))
        event = world.event(organizer, capacity=50)
        started = time.monotonic()
        for person in people.many(30):
            world.register(person, event)
        eventually(lambda: len({heard.id for heard in healthy.of(event["id"])}) == 30, "everything", within=12)
        took = time.monotonic() - started
        # The silent ones had a delivery at a time, the refusing one a few tries.
        assert all(len(receiver.heard) <= 2 for receiver in silent), [len(receiver.heard) for receiver in silent]
        assert 1 <= sum(len(each["attempts"]) for each in dead[2].log(limit="100")) <= 6
        latest = max(heard.at for heard in healthy.of(event["id"]))
        print(f"30 registrations and their deliveries took {took:.1f} s; the last arrived at {latest:.0f}")
        release.set()


def test_a_killed_worker_loses_nothing(stack: Stack, world: World, people: People, organizer: Person, subscribe) -> None:
    hold = threading.Event()

    def answer(_: Heard) -> int:
        hold.wait(60)
        return 204

    with Receiver(answer=answer) as receiver:
        subscription = subscribe(organizer, receiver.url, ("em.registration.*",))
        event = world.event(organizer, capacity=50)
        for person in people.many(5):
            world.register(person, event)
        eventually(lambda: receiver.heard, "a delivery under way")
        stack.kill("notifications")
        for person in people.many(5):
            world.register(person, event)
        hold.set()
        stack.control("start", "notifications")
        # What the dead process had in hand is due again after half a minute; the test does not wait for that.
        stack.rows("UPDATE webhook_deliveries SET lease_until = now() WHERE subscription_id = %s AND lease_until IS NOT NULL",
                   subscription.id)
        wanted = {row[0] for row in stack.rows("SELECT message_id::text FROM outbox WHERE event_id = %s AND type LIKE 'em.registration.%%'",
                                               event["id"])}
        assert len(wanted) == 10
        eventually(lambda: {each["messageId"] for each in subscription.log(status="delivered")} == wanted, "all ten", within=40)
        assert {heard.id for heard in receiver.of(event["id"])} == wanted


def test_a_strangers_webhook_is_nobodys(people: People, organizer: Person, subscribe) -> None:
    subscription = subscribe(organizer, "http://127.77.0.1:9/")
    stranger = people.one("admin")
    problem(stranger.api.send("GET", f"/subscriptions/{subscription.id}/deliveries"), 404, "not-found")
    problem(stranger.api.send("POST", f"/subscriptions/{subscription.id}/test"), 404, "not-found")
    problem(organizer.api.send("GET", f"/subscriptions/{subscription.id}/deliveries?status=lost"), 422)
