"""Every operation that takes an Idempotency-Key, sent twice under one: one effect, and the second answer is the first one's."""

import uuid
from functools import cache

import pytest
import yaml

from em.api import problem
from em.people import People, Person
from em.receiver import Receiver
from em.stack import ROOT, Stack
from em.waiting import eventually
from em.world import World

ONCE = {"amqp", "secret", "publicKey", "key"}
"""Shown with the first answer only."""


@cache
def named() -> dict[str, tuple[str, str]]:
    """Method and path of each operation that takes a key."""
    paths = yaml.safe_load((ROOT / "api-service/openapi.yaml").read_text())["paths"]
    return {operation["operationId"]: (method.upper(), path.removeprefix("/api/v1"))
            for path, item in paths.items() for method, operation in item.items() if isinstance(operation, dict)
            and {"$ref": "#/components/parameters/IdempotencyKey"} in operation.get("parameters", [])}


class Scene:
    """Somebody who may do all of it, and what they do it to."""

    def __init__(self, world: World, people: People):
        self.world, self.admin, self.guest = world, people.one("admin"), people.one()
        self.event = world.event(self.admin)
        self.ticket = world.ticket(self.guest, world.register(self.guest, self.event))
        self.receiver = Receiver()
        self.webhook, self.queue = (self.admin.api.post("/subscriptions", {**SUBSCRIPTION, **how}, status=201)["id"] for how in (
            {"delivery": "webhook", "url": self.receiver.url}, {"delivery": "queue"}))

    def attempts(self, operation: str) -> list[tuple[Person, str, object]]:
        """By whom, of which id, with what body."""
        me, event = self.admin, self.event["id"]
        return {
            "createEvent": [(me, "", self.world.details())],
            "register": [(me, event, None)],
            "addAttendee": [(me, event, {"email": self.world.people.one().email})],
            "checkIn": [(me, event, {"code": self.ticket["code"], "gate": "North"})],
            "postAnnouncement": [(me, event, {"title": "Doors", "body": "Open."})],
            "createApiKey": [(me, "", {"name": "Printer", "scopes": ["events:read"]})],
            "createSubscription": [(me, "", {**SUBSCRIPTION, "delivery": "queue"})],
            "renewCredentials": [(me, self.queue, None), (me, self.webhook, None)],
            "replayMessages": [(me, self.queue, {"eventId": event}), (me, self.webhook, {"eventId": event})],
            "testSubscription": [(me, self.webhook, None)],
        }[operation]


SUBSCRIPTION = {"name": "CRM", "scope": "own", "types": ["*"]}


@pytest.fixture(scope="module")
def scene(world: World, people: People):
    scene = Scene(world, people)
    with scene.receiver:
        yield scene
        for each in scene.admin.api.get("/subscriptions")["items"]:
            scene.admin.api.send("DELETE", f"/subscriptions/{each['id']}")


@pytest.mark.parametrize("operation", named())
def test_twice_under_one_key_is_once(scene: Scene, operation: str) -> None:
    method, path = named()[operation]
    for person, identity, body in scene.attempts(operation):
        where, key = path.replace("{id}", identity), {"Idempotency-Key": uuid.uuid4().hex}
        first, second = (person.api.send(method, where, headers=key, json=body) for _ in range(2))
        assert first.status_code // 100 == 2 and first.status_code == second.status_code, first.text + second.text
        assert "Idempotency-Replayed" not in first.headers and second.headers["Idempotency-Replayed"] == "true"
        told, again = ({name: value for name, value in answer.json().items() if name not in ONCE} for answer in (first, second))
        assert told == again
        other = person.api.send(method, where, headers={**key, "Content-Type": "application/json"}, data=b'{"name": "other"}')
        if body is not None:
            problem(other, 422)


def test_a_webhooks_secret_is_told_again_and_a_queues_password_is_not(scene: Scene) -> None:
    """Whoever rotates twice because an answer was lost has no secret left that the receiver knows."""
    for subscription, secret in ((scene.webhook, "secret"), (scene.queue, "amqp")):
        path, key = f"/subscriptions/{subscription}/credentials", {"Idempotency-Key": uuid.uuid4().hex}
        first, again = (scene.admin.api.post(path, headers=key) for _ in range(2))
        assert first[secret] and again.get(secret) == (first[secret] if secret == "secret" else None)
        assert scene.admin.api.post(path)[secret] != first[secret]  # the control: without the key it is another


def test_a_replay_is_answered_again_also_when_the_subscription_is_paused(stack: Stack, scene: Scene) -> None:
    key, wish = {"Idempotency-Key": uuid.uuid4().hex}, {"eventId": scene.event["id"], "limit": 2}
    eventually(lambda: len(scene.admin.api.get(f"/messages?eventId={scene.event['id']}")["items"]) > 2, "something to replay")
    for subscription in (scene.queue, scene.webhook):
        path = f"/subscriptions/{subscription}"
        named_once = {"Idempotency-Key": uuid.uuid4().hex}
        first = scene.admin.api.post(f"{path}/replay", wish, headers=named_once)
        scene.admin.api.patch(path, {"status": "paused"})
        again = scene.admin.api.send("POST", f"{path}/replay", json=wish, headers=named_once)
        assert again.status_code == 200 and again.json() == first and again.headers["Idempotency-Replayed"] == "true"
        # The control: under another name it is a new wish, and refused.
        problem(scene.admin.api.send("POST", f"{path}/replay", json=wish, headers=key), 409, "subscription-not-active")
        scene.admin.api.patch(path, {"status": "active"})
