"""Webhooks: signed as the standard says, tried again, kept away from the inside, and nobody waits for anybody else's.

The stack lets them through to 127.77.0.0/16 (EM_WEBHOOK_ALLOWED_ADDRESSES), where these tests have their receivers. What is
inside stays refused when it is given (tests of the route and Tests/Unit/Webhooks) and, which is what these subscriptions are
made by SQL for, when it is used."""

import os
import subprocess
import threading
import time
import uuid
from pathlib import Path

import pytest
import requests

from em.api import problem
from em.people import People, Person
from em.receiver import Heard, Receiver, Refused, secrets, verify
from em.stack import Second, Stack
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

    def tried(self, delivery: dict, attempts: int = 1, within: float = 60) -> dict:
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


def test_from_the_request_for_it_to_a_signed_delivery(world: World, people: People, organizer: Person) -> None:
    """As an integrator goes: nothing here is known but what the API said."""
    with Receiver() as receiver:
        made = organizer.api.post("/subscriptions", {"name": "CRM", "scope": "own", "types": ["em.registration.*"], "delivery": "webhook",
                                                     "url": receiver.url}, status=201)
        path = f"/subscriptions/{made['id']}"
        assert made["secret"].startswith("whsec_") and made["publicKey"].startswith("whpk_") and made["secretRotatesUntil"] is None
        assert not {"secret", "publicKey"} & organizer.api.get(path).keys()
        event = world.event(organizer)
        registration = world.register(people.one(), event)
        first = eventually(lambda: receiver.of(event["id"]), "the delivery")[0]
        assert first.message["data"]["registrationId"] == registration["id"]
        assert len(first.headers["webhook-signature"].split()) == 2
        assert [verify(first, made[secret]) for secret in ("secret", "publicKey")] == ["v1", "v1a"]

        renewed = organizer.api.post(f"{path}/credentials")
        assert renewed["secret"] != made["secret"] and renewed["publicKey"] != made["publicKey"] and renewed["secretRotatesUntil"]
        world.register(people.one(), event)
        second = eventually(lambda: receiver.of(event["id"])[1:], "the next delivery")[0]
        assert len(second.headers["webhook-signature"].split()) == 4
        for secrets_of in (made, renewed):
            assert [verify(second, secrets_of[secret]) for secret in ("secret", "publicKey")] == ["v1", "v1a"]
        with pytest.raises(Refused):  # the control: the new secret did not sign what was sent before it was made
            verify(first, renewed["secret"])

        assert organizer.api.get(f"{path}/deliveries?status=delivered")["items"][0]["eventId"] == event["id"]
        assert organizer.api.send("DELETE", path).status_code == 204
        world.register(people.one(), event)
        eventually(lambda: len(organizer.api.get(f"/messages?eventId={event['id']}")["items"]) >= 4, "the last to be published")
        assert len(receiver.of(event["id"])) == 2


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
        [notice] = organizer.api.get("/me/notifications")["items"]
        assert (notice["kind"], notice["eventId"]) == ("subscription.paused", None)
        assert notice["subscription"] == {"name": "CRM", "isDisabled": True}
        assert organizer.api.get("/me/notifications/unread") == {"unread": 1}
        assert organizer.api.post(f"/me/notifications/{notice['id']}/read") == {"unread": 0}


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


def test_no_subscription_is_made_for_an_address_inside(organizer: Person, inside: tuple[Receiver, Receiver]) -> None:
    four, six = inside
    wish = {"name": "CRM", "scope": "own", "types": ["*"], "delivery": "webhook"}
    for address in INSIDE:
        url = address.format(port=four.port, six=six.port)
        refusal = problem(organizer.api.send("POST", "/subscriptions", json={**wish, "url": url}), 422, "validation-failed")
        assert [each["field"] for each in refusal["errors"]] == ["url"], url
    assert not organizer.api.get("/subscriptions")["items"]
    with Receiver() as receiver:  # the control: nothing but the address was wrong
        made = organizer.api.post("/subscriptions", {**wish, "url": receiver.url}, status=201)
        path = f"/subscriptions/{made['id']}"
        for address in INSIDE:
            refusal = problem(organizer.api.send("PATCH", path, json={"url": address.format(port=four.port, six=six.port)}), 422)
            assert [each["field"] for each in refusal["errors"]] == ["url"]
        assert organizer.api.get(path)["url"] == receiver.url


def test_no_delivery_gets_inside(organizer: Person, subscribe, inside: tuple[Receiver, Receiver]) -> None:
    four, six = inside
    made = [(address, subscribe(organizer, address.format(port=four.port, six=six.port))) for address in INSIDE]
    tests = [subscription.test() for _, subscription in made]
    for (address, subscription), test in zip(made, tests):
        [attempt] = subscription.tried(test)["attempts"]
        assert attempt["error"] == "address not allowed" and attempt["errorCode"] == "address-not-allowed", address
        assert attempt["status"] is None, address
    assert four.connections == six.connections == 1  # the fixture's


NAMES = {"four.example.test": ["127.0.0.1"], "six.example.test": ["::1"], "meta.example.test": ["169.254.169.254"],
         "private.example.test": ["10.0.0.1"], "both.example.test": ["127.0.0.1", "::1"],
         "mixed.example.test": ["127.77.0.1", "127.0.0.1", "::1"], "fine.example.test": ["127.77.0.1"]}


@pytest.fixture
def named(stack: Stack, tmp_path: Path):
    """Has notifications run where these names have these addresses: in a mount namespace with an /etc/hosts of its own."""
    hosts = tmp_path / "hosts"
    hosts.write_text("".join(f"{address} {name}\n" for name, addresses in NAMES.items() for address in addresses))
    inside = ("unshare", "--mount", *(() if os.getuid() == 0 else ("--map-root-user",)), "sh", "-c",
              f"mount --bind {hosts} /etc/hosts && exec \"$@\"", "sh")
    if subprocess.run([*inside, "true"], capture_output=True).returncode:
        pytest.skip("this machine gives no mount namespace; Tests/Unit/OutgoingHTTP tests the same with localhost")
    stack.control("stop", "notifications")
    yield lambda **settings: Second(stack, "notifications", inside, **settings)
    stack.control("start", "notifications")


def test_no_name_leads_inside_whatever_its_addresses(
        stack: Stack, organizer: Person, subscribe, inside: tuple[Receiver, Receiver], named) -> None:
    four, six = inside
    with Receiver() as receiver:
        # One port for all, so that every address of a name is one where somebody could be.
        with Receiver("127.0.0.1", port=receiver.port) as guarded, Receiver("::1", port=receiver.port) as guarded_six:
            def tried(name: str, subscription: Subscription) -> dict:
                return subscription.tried(subscription.test())["attempts"][-1]

            made = {name: subscribe(organizer, f"http://{name}:{receiver.port}/") for name in NAMES}
            with named():
                came = {name: tried(name, subscription) for name, subscription in made.items()}
            for name in ("four", "six", "meta", "private", "both"):
                assert came[f"{name}.example.test"]["errorCode"] == "address-not-allowed", name
            # What may be reached is reached; of a name with both kinds only that.
            assert came["fine.example.test"]["status"] == came["mixed.example.test"]["status"] == 204
            assert guarded.connections == guarded_six.connections == 0 and receiver.connections >= 1
            # The control: without the guard the same names lead there.
            stack.rows("UPDATE subscriptions SET resting_until = NULL WHERE id = ANY(%s)", [each.id for each in made.values()])
            with named(EM_WEBHOOK_ALLOWED_ADDRESSES="127.0.0.0/8,::1/128"):
                for name in ("four", "six", "both"):
                    subscription = made[f"{name}.example.test"]
                    assert subscription.tried(subscription.test())["attempts"][-1]["status"] == 204, name
            assert guarded.connections >= 1 and guarded_six.connections >= 1
        # The good address is silent now: its name's other ones are not tried instead.
    with Receiver("127.0.0.1", port=receiver.port) as guarded, named():
        mixed = subscribe(organizer, f"http://mixed.example.test:{receiver.port}/")
        assert tried("mixed", mixed)["status"] is None and guarded.connections == 0


def test_no_redirect_is_followed(organizer: Person, subscribe, inside: tuple[Receiver, Receiver]) -> None:
    four, six = inside
    targets = [address.format(port=four.port, six=six.port) for address in INSIDE]
    with Receiver(answer=lambda heard: (int(heard.path[1:4]), {"Location": targets[int(heard.path[5:])]})) as receiver:
        made = [subscribe(organizer, f"http://127.77.0.1:{receiver.port}/{status}-{number}")
                for number, status in enumerate((301, 302, 303, 307, 308) * 3) if number < len(targets)]
        tests = [subscription.test() for subscription in made]
        for number, (subscription, test) in enumerate(zip(made, tests)):
            [attempt] = subscription.tried(test)["attempts"]
            assert attempt["status"] == (301, 302, 303, 307, 308)[number % 5]
        assert four.connections == six.connections == 1


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


def test_who_is_no_admin_any_more_is_told_nothing_of_others(world: World, people: People, organizer: Person, subscribe) -> None:
    """Not what was owed before either, and not when they ask for it again."""
    admin, former = people.one("admin"), people.one("admin")
    with Receiver(answer=lambda _: answer) as receiver, Receiver() as beside:
        answer = 503
        made = former.api.post("/subscriptions", {"name": "CRM", "scope": "all", "types": ["em.event.*"], "delivery": "webhook",
                                                  "url": receiver.url}, status=201)
        path = f"/subscriptions/{made['id']}"
        try:
            event = world.event(organizer)
            [delivery] = eventually(lambda: [each for each in former.api.get(f"{path}/deliveries")["items"]
                                             if each["eventId"] == event["id"] and each["attempts"]], "the first attempt")
            admin.api.patch(f"/admin/users/{former.id}", {"role": "organizer"})
            answer, tries = 204, len(receiver.of(event["id"]))
            former.api.post(f"{path}/deliveries/{delivery['id']}/retry", status=202)
            subscription = subscribe(organizer, beside.url)
            for _ in range(2):  # which shows that what is due was looked for since
                assert subscription.tried(subscription.test())["status"] == "delivered"
            assert len(receiver.of(event["id"])) == tries
            admin.api.patch(f"/admin/users/{former.id}", {"role": "admin"})  # the control: it only waited
            eventually(lambda: len(receiver.of(event["id"])) > tries, "an administrator to be told")
        finally:
            former.api.send("DELETE", path)
