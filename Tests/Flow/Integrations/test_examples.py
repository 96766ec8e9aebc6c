"""infra/examples: what integrators copy does what it says, whatever happens to it."""

import base64
import hashlib
import hmac
import json
import os
import random
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pika
import pika.exceptions
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from em.attendance import Careless, Churn, Consumer, Queue, Subscribed, check_the_list_of_a_killed_consumer, last_sequence, truth
from em.api import Api
from em.contract import asyncapi
from em.people import PASSWORD, People, Person
from em.receiver import ADDRESS
from em.stack import ROOT, Stack
from em.waiting import eventually
from em.world import World

EXAMPLES = ROOT / "infra/examples"
SCOPES = ("messages:read", "registrations:read")
OPERATIONS = int(os.environ.get("EM_EXAMPLE_OPERATIONS", "1200"))
"""Registrations and cancellations; promotions come on top. `make chaos PROFILE=long` takes 5,000 (Tests/Chaos/test_consumer.py)."""


@pytest.fixture
def organizer(people: People) -> Person:
    return people.one("organizer")


@pytest.fixture
def queue(stack: Stack, organizer: Person) -> Iterator[Subscribed]:
    queue = Subscribed(organizer.api, stack.address["EM_AMQP_URL"])
    yield queue
    queue.close()


second_queue = queue  # one more, for the same organizer


def test_the_list_is_exact_however_often_its_keeper_is_killed(
        stack: Stack, world: World, people: People, organizer: Person, queue: Subscribed, second_queue: Subscribed, tmp_path: Path) -> None:
    event = world.event(organizer, capacity=OPERATIONS // 12, waitlistEnabled=True)["id"]
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")
    churn = Churn(stack.url, event, people.many(OPERATIONS // 4), OPERATIONS, seed)
    check_the_list_of_a_killed_consumer(
        stack, Consumer(tmp_path / "list.sqlite", queue), Careless(tmp_path / "careless", second_queue), churn, event,
        random.Random(seed))


@pytest.fixture
def history(stack: Stack, world: World, people: People, organizer: Person) -> dict:
    """An event to which something has happened."""
    event = world.event(organizer, capacity=10, waitlistEnabled=True)
    Churn(stack.url, event["id"], people.many(30), 160, 7).finish()
    last_sequence(stack, event["id"])
    return event


def test_the_list_is_rebuilt_from_the_api_alone(stack: Stack, organizer: Person, history: dict, tmp_path: Path) -> None:
    reader = Consumer(tmp_path / "list.sqlite", url=stack.url, token=organizer.key(*SCOPES))
    for _ in range(2):  # again it changes nothing
        ran = reader.run("replay", EM_EVENT=history["id"])
        assert ran.returncode == 0, ran.stderr
        assert reader.listed() == truth(stack, history["id"])
    assert reader.known(history["id"]) == last_sequence(stack, history["id"])


def test_what_a_full_queue_dropped_is_fetched(
        stack: Stack, world: World, people: People, organizer: Person, tmp_path: Path) -> None:
    small = Queue(stack.address["EM_AMQP_URL"], organizer.id, limit=20)
    consumer = Consumer(tmp_path / "list.sqlite", small, stack.url, organizer.key(*SCOPES))
    try:
        event = world.event(organizer, capacity=10, waitlistEnabled=True)
        Churn(stack.url, event["id"], people.many(30), 160, 11).finish()  # nobody reads meanwhile
        last = last_sequence(stack, event["id"])
        consumer.start()
        eventually(lambda: consumer.known(event["id"]) == last, "everything is worked in", within=60)
        assert consumer.stop() == 0
        assert consumer.listed() == truth(stack, event["id"])
    finally:
        consumer.end()
        small.close()


def test_control_without_the_api_a_list_with_gaps_says_so(
        stack: Stack, world: World, people: People, organizer: Person, tmp_path: Path) -> None:
    small = Queue(stack.address["EM_AMQP_URL"], organizer.id, limit=5)
    alone = Consumer(tmp_path / "list.sqlite", small)
    try:
        event = world.event(organizer, capacity=10, waitlistEnabled=True)
        Churn(stack.url, event["id"], people.many(16), 40, 13).finish()
        last_sequence(stack, event["id"])
        alone.start()
        eventually(lambda: not small.waiting and "are missing" in alone.run("list").stderr, "it says that it is not exact")
    finally:
        alone.end()
        small.close()


def test_messages_in_another_order_make_the_same_list(stack: Stack, organizer: Person, history: dict, tmp_path: Path) -> None:
    """A restarted consumer may get later messages first."""
    queue = Queue(stack.address["EM_AMQP_URL"], organizer.id)
    consumer = Consumer(tmp_path / "list.sqlite", queue)
    try:
        messages = organizer.api.get(f"/messages?eventId={history['id']}&limit=500")["items"]
        assert len(messages) > 200
        for message in messages[100:] + messages[:120]:
            queue.channel.basic_publish("", queue.name, json.dumps(message))
        consumer.start()
        eventually(lambda: consumer.known(history["id"]) == len(messages), "everything is worked in", within=60)
        assert consumer.stop() == 0
        assert consumer.listed() == truth(stack, history["id"])
    finally:
        consumer.end()
        queue.close()


def test_a_list_that_is_older_than_the_event_log_starts_anew(stack: Stack, organizer: Person, history: dict, tmp_path: Path) -> None:
    last = last_sequence(stack, history["id"])
    stack.rows("DELETE FROM outbox WHERE event_id = %s AND sequence <= %s", history["id"], last - 5)
    reader = Consumer(tmp_path / "list.sqlite", url=stack.url, token=organizer.key(*SCOPES))
    ran = reader.run("replay", EM_EVENT=history["id"])
    assert ran.returncode == 0, ran.stderr
    assert sorted(reader.listed()) == sorted(truth(stack, history["id"])) and reader.known(history["id"]) == last


def test_its_keeper_outlives_a_refusal(stack: Stack, world: World, people: People, tmp_path: Path) -> None:
    """Which may be for now: of a role, or of a site that is being restarted, so that the broker finds nobody to ask."""
    admin, person = people.one("admin"), people.one("admin")
    queue = Subscribed(person.api, stack.address["EM_AMQP_URL"], scope="all")
    consumer = Consumer(tmp_path / "list.sqlite", queue, stack.url, admin.key(*SCOPES))
    try:
        consumer.start()
        first = world.event(admin)["id"]
        eventually(lambda: consumer.known(first) == 1, "it reads", within=30)
        admin.api.patch(f"/admin/users/{person.id}", {"role": "organizer"})
        eventually(lambda: refuses(queue), "the broker to refuse it", within=30)
        missed = world.event(admin)["id"]
        time.sleep(3)  # in which it tries again, and is refused
        assert consumer.child.poll() is None
        admin.api.patch(f"/admin/users/{person.id}", {"role": "admin"})
        eventually(lambda: not refuses(queue), "the broker to let it in", within=30)
        world.register(people.one(), {"id": missed})
        eventually(lambda: consumer.known(missed) >= 2, "it reads again, and has fetched what it missed", within=40)
        assert consumer.stop() == 0
    finally:
        consumer.end()
        queue.close()


def refuses(queue: Subscribed) -> bool:
    try:
        with pika.BlockingConnection(pika.URLParameters(queue.url)) as connection:
            connection.channel().basic_consume(queue.name, lambda *_: None)
    except pika.exceptions.AMQPError:
        return True
    return False


# MARK: Webhooks

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))


class Hook:
    """What a sender sends; made here from the specification, with nothing of the example's."""

    def __init__(self, secret: str = SECRET, at: float | None = None):
        message = asyncapi()["components"]["messages"]["ticketIssued"]["examples"][0]["payload"]
        self.body = json.dumps(message).encode()
        self.identity, self.timestamp, self.secret = f"msg-{uuid.uuid4()}", int(at or time.time()), secret

    @property
    def signed(self) -> bytes:
        return f"{self.identity}.{self.timestamp}.".encode() + self.body

    @property
    def v1(self) -> str:
        key = base64.b64decode(self.secret.split("_", 1)[1])
        return "v1," + base64.b64encode(hmac.new(key, self.signed, hashlib.sha256).digest()).decode()

    @property
    def v1a(self) -> str:
        return "v1a," + base64.b64encode(KEY.sign(self.signed)).decode()

    def headers(self, signature: str) -> dict[str, str]:
        return {"webhook-id": self.identity, "webhook-timestamp": str(self.timestamp), "webhook-signature": signature,
                "Content-Type": "application/cloudevents+json"}


class Receiver:
    def __init__(self, home: Path, place: tuple[str, int] | None = None, output: Path | None = None, **environment: str):
        self.address, self.port = place or free_place("127.0.0.1")
        self.output = output or home / "output"
        environment |= {"PATH": os.environ["PATH"], "WEBHOOK_LISTEN": f"{self.address}:{self.port}", "WEBHOOK_SEEN": str(home / "seen.sqlite")}
        with open(self.output, "wb") as output:
            self.child = subprocess.Popen([sys.executable, EXAMPLES / "webhook-receiver.py"], stdout=output,
                                          stderr=subprocess.DEVNULL, env=environment)
        eventually(self._listens, "the receiver listens")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((self.address, self.port)) == 0

    def take(self, hook: Hook, signature: str) -> int:
        return requests.post(f"http://{self.address}:{self.port}/", data=hook.body, headers=hook.headers(signature), timeout=10).status_code

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *_: object) -> None:
        self.child.kill()
        self.child.wait()


def free_place(address: str) -> tuple[str, int]:
    with socket.socket() as free:
        free.bind((address, 0))
        return free.getsockname()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    public = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    with Receiver(tmp_path, WEBHOOK_SECRET=SECRET, WEBHOOK_PUBLIC_KEY="whpk_" + base64.b64encode(public).decode()) as receiver:
        yield receiver


def test_genuine_webhooks_are_taken_once(receiver: Receiver) -> None:
    first, second, rotated = Hook(), Hook(), Hook()
    old_secret = "whsec_" + base64.b64encode(b"o" * 32).decode()
    for _ in range(2):  # the sender did not hear the answer
        assert receiver.take(first, first.v1) == 204
    assert receiver.take(second, second.v1a) == 204
    other = Hook(old_secret)
    other.identity, other.timestamp = rotated.identity, rotated.timestamp
    assert receiver.take(rotated, f"{other.v1} v2,unheard {rotated.v1}") == 204
    eventually(lambda: len(receiver.output.read_text().splitlines()) == 3, "each is printed once")


def test_what_could_not_be_worked_in_is_not_taken_for_had(tmp_path: Path) -> None:
    hook = Hook()
    with Receiver(tmp_path, output=Path("/dev/full"), WEBHOOK_SECRET=SECRET) as broken:
        for _ in range(2):
            assert broken.take(hook, hook.v1) == 500
    with Receiver(tmp_path, WEBHOOK_SECRET=SECRET) as mended:
        for _ in range(2):
            assert mended.take(hook, hook.v1) == 204
        eventually(lambda: len(mended.output.read_text().splitlines()) == 1, "it is printed, once")


def test_webhooks_that_are_not_genuine_are_refused(receiver: Receiver) -> None:
    tampered, renamed, old, early, strange, forged, bare = (
        Hook(), Hook(), Hook(at=time.time() - 301), Hook(at=time.time() + 360),
        Hook("whsec_" + base64.b64encode(b"x" * 32).decode()), Hook(), Hook())
    signature = tampered.v1
    tampered.body = tampered.body.replace(b"em.ticket.issued", b"em.ticket.revoked")
    assert receiver.take(tampered, signature) == 401
    signature = renamed.v1
    renamed.identity += "-again"
    assert receiver.take(renamed, signature) == 401
    for hook in (old, early, strange):
        assert receiver.take(hook, hook.v1) == 401
    assert receiver.take(forged, "v1a," + base64.b64encode(Ed25519PrivateKey.generate().sign(forged.signed)).decode()) == 401
    for signature in ("", "v1,", "v1," + "A" * 44, "v1 " + bare.v1.split(",")[1], "v1,!" + bare.v1[4:]):
        assert receiver.take(bare, signature) == 401
    assert receiver.take(bare, bare.v1) == 204  # the control: nothing but the signature was wrong
    eventually(lambda: len(receiver.output.read_text().splitlines()) == 1, "only the last is printed")


def test_what_we_send_the_example_takes(world: World, people: People, organizer: Person, tmp_path: Path) -> None:
    """By v1 and by v1a, and by the old secret while another takes its place."""
    place = free_place(ADDRESS)
    made = organizer.api.post("/subscriptions", {"name": "CRM", "scope": "own", "types": ["em.registration.*"], "delivery": "webhook",
                                                 "url": f"http://{place[0]}:{place[1]}/"}, status=201)
    try:
        event = world.event(organizer)
        for number, (setting, credential) in enumerate((("SECRET", "secret"), ("PUBLIC_KEY", "publicKey"), ("SECRET", "secret")), start=1):
            home = tmp_path / str(number)
            home.mkdir()
            if number == 3:
                organizer.api.post(f"/subscriptions/{made['id']}/credentials")
            with Receiver(home, place, **{f"WEBHOOK_{setting}": made[credential]}) as receiver:
                registration = world.register(people.one(), event)
                eventually(lambda: registration["id"] in receiver.output.read_text(), "it prints what it was told", within=30)
    finally:
        organizer.api.send("DELETE", f"/subscriptions/{made['id']}")


# MARK: The walk


def test_the_commands_of_the_readme_lead_to_a_list(stack: Stack, world: World, people: People, tmp_path: Path) -> None:
    """As they stand there, but for the address: api-walk, a key, a queue; then somebody registers, and is on the list."""
    commands = [line.strip() for line in (EXAMPLES / "README.md").read_text().splitlines() if line.startswith("    ")]
    first = "\n".join(commands[:commands.index("infra/examples/attendees.py follow &")]).replace("http://localhost:8080", stack.url)
    told = subprocess.run(["bash", "-euc", first + '\nprintf "%s\n" "told" "$EM_TOKEN" "$EM_QUEUE" "$EM_AMQP_URL"'], cwd=ROOT,
                          capture_output=True, text=True, timeout=120)
    assert told.returncode == 0, told.stdout + told.stderr
    token, name, url = told.stdout.split("told\n")[1].split()
    organizer = Api(stack.url, Api(stack.url).post("/auth/login", {"email": "organizer@example.com", "password": PASSWORD})["accessToken"])
    consumer = Consumer(tmp_path / "list.sqlite", url=stack.url, token=token)
    consumer.environment |= {"EM_AMQP_URL": url, "EM_QUEUE": name}
    try:
        event = organizer.post(f"/events/{organizer.post('/events', world.details(), status=201)['id']}/publish")
        consumer.start()
        guest = people.one()
        registration = world.register(guest, event)
        eventually(lambda: (registration["id"], guest.id, "confirmed") in consumer.listed(), "the guest is on the list", within=30)
    finally:
        consumer.end()
        for each in organizer.get("/subscriptions?limit=100")["items"]:
            if each["queue"] == name:
                organizer.send("DELETE", f"/subscriptions/{each['id']}")
        for each in organizer.get("/api-keys?limit=100")["items"]:
            if each["name"] == "attendees" and each["status"] == "active":
                organizer.send("DELETE", f"/api-keys/{each['id']}")



def test_the_walk_through_the_api(stack: Stack) -> None:
    ran = subprocess.run([EXAMPLES / "api-walk"], env={"PATH": os.environ["PATH"], "EM_URL": stack.url}, capture_output=True,
                         text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for words in ("once, with two requests", "version-mismatch", "already-registered", "attendees: 1", "check-in: admitted",
                  "check-in: duplicate", "em.ticket.checkedin", "the event is cancelled"):
        assert words in ran.stdout, ran.stdout


def test_control_the_walk_ends_at_the_first_surprise(stack: Stack) -> None:
    ran = subprocess.run([EXAMPLES / "api-walk"], capture_output=True, text=True, timeout=120, env={
        "PATH": os.environ["PATH"], "EM_URL": stack.url, "EM_ORGANIZER": "user@example.com"})
    assert ran.returncode != 0 and "403 instead of 201" in ran.stderr and "forbidden" in ran.stderr, ran.stdout + ran.stderr
