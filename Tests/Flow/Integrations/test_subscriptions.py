"""Queues for programs outside: what comes in, who may read it, and what they may do besides: nothing."""

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pika
import pika.exceptions
import pytest
import requests

from em.api import Api, problem
from em.contract import described
from em.people import PASSWORD, People, Person
from em.stack import Stack
from em.waiting import eventually
from em.world import World

REFUSED = pika.exceptions.ProbableAccessDeniedError, pika.exceptions.ProbableAuthenticationError


def subscribe(person: Person, **wish: object) -> dict:
    return person.api.post("/subscriptions", {"name": "A test's", "scope": "own", "types": ["*"], "delivery": "queue", **wish}, status=201)


class Reader:
    """The program at the other end, with what the subscription's person was told."""

    def __init__(self, amqp: dict, password: str | None = None):
        url = amqp["url"].replace("amqp://", "")
        host, port = url.rsplit(":", 1)
        self.queue = amqp["queue"]
        self.connection = pika.BlockingConnection(pika.ConnectionParameters(
            host, int(port), amqp["virtualHost"], pika.PlainCredentials(amqp["username"], password or amqp["password"]),
            socket_timeout=20, blocked_connection_timeout=20))
        self.channel = self.connection.channel()
        self.heard: list[dict] = []

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        if self.connection.is_open:
            self.connection.close()

    def listen(self) -> list[dict]:
        """By consuming: a queue with one active reader answers no basic.get."""
        for method, _, body in self.channel.consume(self.queue, inactivity_timeout=0.2):
            if method is None:
                break
            self.heard.append(json.loads(body))
            described().check_delivery(self.heard[-1])
            self.channel.basic_ack(method.delivery_tag)
        return self.heard

    def types(self, event: dict) -> list[str]:
        return [message["type"] for message in self.listen() if message["subject"] == event["id"]]


@pytest.fixture
def organizer(people: People) -> Iterator[Person]:
    person = people.one("organizer")
    yield person
    for each in person.api.get("/subscriptions")["items"]:
        person.api.send("DELETE", f"/subscriptions/{each['id']}")


def test_a_queue_hears_of_its_owners_events_what_it_asked_for(world: World, people: People, organizer: Person) -> None:
    other, guest = people.one("organizer"), people.one()
    every, some = subscribe(organizer), subscribe(organizer, types=["em.registration.*", "em.event.published"])
    foreign, own = world.event(other), world.event(organizer)
    world.register(guest, foreign)
    registration = world.register(guest, own)
    world.ticket(guest, registration)
    with Reader(every["amqp"]) as all_of_it, Reader(some["amqp"]) as part:
        expected = ["em.event.published", "em.registration.confirmed", "em.ticket.issued"]
        eventually(lambda: all_of_it.types(own) == expected, "all messages of the own event")
        assert part.types(own) == ["em.event.published", "em.registration.confirmed"]
        assert not all_of_it.types(foreign) and not part.types(foreign)
        log = organizer.api.get(f"/messages?eventId={own['id']}")["items"]
        assert [each for each in all_of_it.heard if each["subject"] == own["id"]] == log


def test_an_admin_hears_of_every_event(world: World, people: People) -> None:
    admin, organizer = people.one("admin"), people.one("organizer")
    made = subscribe(admin, scope="all", types=["em.event.*"])
    try:
        event = world.event(organizer)
        with Reader(made["amqp"]) as reader:
            eventually(lambda: reader.types(event) == ["em.event.published"], "somebody else's event")
    finally:
        admin.api.send("DELETE", f"/subscriptions/{made['id']}")


def refused(reader: Reader, attempt) -> None:
    """The broker closes the channel with 403 ACCESS_REFUSED; the next attempt gets one of its own."""
    channel = reader.connection.channel()
    channel.confirm_delivery()
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as closed:
        attempt(channel)
    assert closed.value.reply_code == 403, closed.value


def test_a_queues_reader_may_read_it_and_nothing_else(organizer: Person) -> None:
    mine, second = subscribe(organizer), subscribe(organizer)
    with Reader(mine["amqp"]) as reader:
        reader.listen()  # what it is for
        for queue in (second["amqp"]["queue"], "notifications.plan", "ticket-worker.issue.parked"):
            refused(reader, lambda channel, queue=queue: channel.basic_get(queue))
            refused(reader, lambda channel, queue=queue: channel.basic_consume(queue, lambda *_: None))
        own = mine["amqp"]["queue"]
        refused(reader, lambda channel: channel.queue_declare(f"test.{uuid.uuid4().hex}", exclusive=True))
        refused(reader, lambda channel: channel.queue_declare("", exclusive=True))
        refused(reader, lambda channel: channel.exchange_declare(f"test.{uuid.uuid4().hex}", "fanout"))
        refused(reader, lambda channel: channel.queue_bind(own, "em.events", "#"))
        refused(reader, lambda channel: channel.queue_bind(own, "em.work", "mail.send"))
        refused(reader, lambda channel: channel.queue_unbind(own, "em.scoped", ""))
        refused(reader, lambda channel: channel.exchange_bind("em.scoped", "em.work", "#"))
        refused(reader, lambda channel: channel.queue_purge(second["amqp"]["queue"]))
        refused(reader, lambda channel: channel.queue_delete(own))
        refused(reader, lambda channel: channel.exchange_delete("em.events"))
        for exchange, key in (("em.events", "em.event.published"), ("em.work", "mail.send"), ("em.retry", "x"), ("em.dead", "x"),
                              ("", own), ("", "notifications.plan"), ("amq.topic", "x")):
            refused(reader, lambda channel, exchange=exchange, key=key: channel.basic_publish(exchange, key, b"{}"))
        reader.listen()  # and it still may


def test_a_reader_learns_nothing_of_what_is_not_theirs(organizer: Person) -> None:
    """A passive declare answers with the number of messages, or that there is no such queue."""
    mine, second = subscribe(organizer), subscribe(organizer)
    with Reader(mine["amqp"]) as reader:
        def said(attempt) -> str:
            with pytest.raises(pika.exceptions.ChannelClosedByBroker) as closed:
                attempt(reader.connection.channel())
            assert closed.value.reply_code == 403, closed.value
            return closed.value.reply_text

        def passive(name: str) -> str:
            return said(lambda channel: channel.queue_declare(name, passive=True)).replace(name, "NAME")

        own = mine["amqp"]["queue"]
        there = ("notifications.plan", "ticket-worker.issue", "ticket-worker.issue.parked", second["amqp"]["queue"])
        absent = ("nothing", f"em.subscription.{uuid.uuid4()}", f"test.{uuid.uuid4()}", own + "x", own.upper())
        assert len({passive(name) for name in (*there, *absent)}) == 1
        exchanges = {said(lambda channel, name=name: channel.exchange_declare(name, passive=True)).replace(name, "NAME")
                     for name in ("em.events", "em.scoped", "amq.topic", "nothing", own)}
        assert len(exchanges) == 1
        assert reader.connection.channel().queue_declare(own, passive=True).method.message_count == 0


def test_a_reader_has_so_many_connections_and_channels_and_no_more(organizer: Person) -> None:
    mine, second = subscribe(organizer), subscribe(organizer)
    with ExitStack() as opened:
        readers = [opened.enter_context(Reader(mine["amqp"])) for _ in range(8)]
        with pytest.raises(REFUSED):
            Reader(mine["amqp"])
        with Reader(second["amqp"]) as reader:
            reader.listen()  # another subscription has connections of its own
        readers.pop().connection.close()
        readers.append(opened.enter_context(eventually(lambda: admitted(mine["amqp"]), "a connection in its place")))
        for _ in range(31):  # beside the one that it has
            readers[0].connection.channel()
        with pytest.raises(pika.exceptions.ConnectionClosedByBroker):
            readers[0].connection.channel(33)


def admitted(amqp: dict) -> Reader | None:
    try:
        return Reader(amqp)
    except REFUSED:
        return None


def test_whoever_has_no_password_or_an_old_one_stays_outside(organizer: Person) -> None:
    made = subscribe(organizer)
    for user, password in ((made["amqp"]["username"], "guessed"), (f"em-sub-{uuid.uuid4()}", made["amqp"]["password"]),
                           ("em_api", made["amqp"]["password"]), ("em-sub-", "x"), ("", "")):
        with pytest.raises(REFUSED):
            Reader({**made["amqp"], "username": user}, password)
    renewed = organizer.api.post(f"/subscriptions/{made['id']}/credentials")
    assert renewed["amqp"]["password"] != made["amqp"]["password"] and renewed["amqp"]["queue"] == made["amqp"]["queue"]
    with pytest.raises(REFUSED):
        Reader(made["amqp"])
    with Reader(renewed["amqp"]) as reader:
        reader.listen()


def test_a_paused_queue_gets_nothing_new_and_other_types_count_at_once(world: World, people: People, organizer: Person) -> None:
    made, guest = subscribe(organizer), people.one()
    path = f"/subscriptions/{made['id']}"
    with Reader(made["amqp"]) as reader:
        assert organizer.api.patch(path, {"status": "paused"})["status"] == "paused"
        missed = world.event(organizer)
        eventually(lambda: organizer.api.get(f"/messages?eventId={missed['id']}")["items"], "what it misses to be published")
        assert organizer.api.patch(path, {"status": "active", "types": ["em.event.*"]})["types"] == ["em.event.*"]
        event = world.event(organizer)
        registration = world.register(guest, event)
        world.ticket(guest, registration)
        organizer.api.post(f"/events/{event['id']}/cancel")
        eventually(lambda: reader.types(event) == ["em.event.published", "em.event.cancelled"], "the types that it asks for now")
        assert not reader.types(missed)


def test_a_subscription_goes_with_its_queue_and_is_nobody_elses(world: World, people: People, organizer: Person) -> None:
    made = subscribe(organizer)
    path = f"/subscriptions/{made['id']}"
    assert "amqp" not in organizer.api.get(path) and made["amqp"]["password"] not in organizer.api.send("GET", "/subscriptions").text
    stranger = people.one("organizer")
    for method in ("GET", "PATCH", "DELETE"):
        problem(stranger.api.send(method, path, json={} if method == "PATCH" else None), 404, "not-found")
    with Reader(made["amqp"]) as reader:
        cancelled = []
        reader.channel.add_on_cancel_callback(lambda frame: cancelled.append(frame))
        reader.channel.basic_consume(reader.queue, lambda *_: None)
        assert organizer.api.send("DELETE", path).status_code == 204
        eventually(lambda: reader.connection.process_data_events(0.1) or cancelled, "the broker to end the reader")
    problem(organizer.api.send("GET", path), 404, "not-found")
    problem(organizer.api.send("DELETE", path), 404, "not-found")
    with pytest.raises(REFUSED):
        Reader(made["amqp"])


def test_what_was_missed_comes_again_to_this_queue_only(world: World, people: People, organizer: Person) -> None:
    event = world.event(organizer)
    world.register(people.one(), event)
    eventually(lambda: len(organizer.api.get(f"/messages?eventId={event['id']}")["items"]) >= 3, "its first messages")
    log = organizer.api.get(f"/messages?eventId={event['id']}")["items"]
    late, beside = subscribe(organizer, types=["em.event.*", "em.ticket.*"]), subscribe(organizer)
    path, key = f"/subscriptions/{late['id']}/replay", {"Idempotency-Key": uuid.uuid4().hex}
    first = organizer.api.post(path, {"eventId": event["id"], "limit": 2}, headers=key)
    assert first == {"replayed": 1, "nextCursor": "2"}
    assert organizer.api.post(path, {"eventId": event["id"], "limit": 2}, headers=key) == first
    rest = organizer.api.post(path, {"eventId": event["id"], "after": first["nextCursor"]})
    assert rest["nextCursor"] is None
    with Reader(late["amqp"]) as reader, Reader(beside["amqp"]) as other:
        wanted = [message for message in log if message["type"].startswith(("em.event.", "em.ticket."))]
        eventually(lambda: len(reader.listen()) >= len(wanted), "the messages once more")
        assert reader.heard == wanted and not other.types(event)
    foreign = world.event(people.one("organizer"))
    problem(organizer.api.send("POST", path, json={"eventId": foreign["id"]}), 404, "not-found")
    problem(organizer.api.send("POST", path, json={"eventId": str(uuid.uuid4())}), 404, "not-found")
    organizer.api.patch(f"/subscriptions/{late['id']}", {"status": "paused"})
    problem(organizer.api.send("POST", path, json={"eventId": event["id"]}), 409, "subscription-not-active")


def test_who_is_no_admin_any_more_hears_nothing_more_of_others(world: World, people: People) -> None:
    admin, former, organizer = people.one("admin"), people.one("admin"), people.one("organizer")
    made = subscribe(former, scope="all", types=["em.event.*"])
    admin.api.patch(f"/admin/users/{former.id}", {"role": "organizer"})
    with pytest.raises(REFUSED):
        Reader(made["amqp"])
    assert former.api.get(f"/subscriptions/{made['id']}")["status"] == "disabled"
    problem(former.api.send("POST", "/subscriptions", json={"name": "x", "scope": "all", "types": ["*"], "delivery": "queue"}), 403, "forbidden")
    former.api.send("DELETE", f"/subscriptions/{made['id']}")


def test_an_accounts_queues_go_with_it(world: World, people: People, stack: Stack) -> None:
    person = people.one("organizer")
    made = subscribe(person)
    assert person.api.send("DELETE", "/me", json={"password": PASSWORD}).status_code == 204
    with pytest.raises(REFUSED):
        Reader(made["amqp"])

    def is_gone() -> bool:
        connection = pika.BlockingConnection(pika.URLParameters(stack.address["EM_AMQP_URL"]))
        try:
            connection.channel().queue_declare(made["amqp"]["queue"], passive=True)
        except pika.exceptions.ChannelClosedByBroker as closed:
            return closed.reply_code == 404
        finally:
            connection.close()
        return False

    eventually(is_gone, "the queue to go", within=30)
    eventually(lambda: not stack.rows("SELECT 1 FROM subscriptions WHERE id = %s", made["id"]), "its row to go")


def test_a_key_with_the_scope_makes_subscriptions(world: World, organizer: Person) -> None:
    keys = {scope: organizer.api.post("/api-keys", {"name": scope, "scopes": [scope]}, status=201)["key"]
            for scope in ("subscriptions:write", "messages:read")}
    wish = {"name": "By key", "scope": "own", "types": ["*"], "delivery": "queue"}
    problem(Api(world.stack.url, keys["messages:read"]).send("POST", "/subscriptions", json=wish), 403, "scope-missing")
    made = Api(world.stack.url, keys["subscriptions:write"]).post("/subscriptions", wish, status=201)
    with Reader(made["amqp"]) as reader:
        reader.listen()


def test_the_broker_asks_inside_only(stack: Stack) -> None:
    for path in ("user", "vhost", "resource", "topic"):
        answer = requests.post(f"{stack.url}/broker/{path}", data={"username": "em-sub-x"}, timeout=20)
        assert answer.status_code >= 400 and answer.text not in ("allow", "deny")


def test_inside_nobody_else_may_ask(stack: Stack, organizer: Person) -> None:
    """Passwords could be tried there as fast as anybody can ask."""
    made = subscribe(organizer)["amqp"]
    secret = (stack.layout.secrets / "broker-secret").read_text()

    def asked(query: str) -> requests.Response:
        return requests.post(f"http://127.0.0.1:{stack.port('api-service')}/broker/user{query}", timeout=20,
                             data={"username": made["username"], "password": made["password"]})

    assert asked(f"?secret={secret}").text == "allow"
    for query in ("", "?secret=", f"?secret={secret[:-1]}", f"?secret={secret}x", f"?Secret={secret}", f"?x={secret}"):
        answer = asked(query)
        assert answer.status_code == 404 and answer.text not in ("allow", "deny"), query
