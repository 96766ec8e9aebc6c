"""The description of what EM-Connect says without being asked (api-service/asyncapi.yaml), and whether what is heard is so.

Readers of a message have to leave aside what they don't know. These tests don't: a member that isn't described is a mistake
here, of the code or of the description."""

from functools import cache
from pathlib import Path

import jsonschema_rs
import yaml

ROOT = Path(__file__).resolve().parents[3]
FRAMES = "socket"


class NotAsDescribed(AssertionError):
    pass


@cache
def asyncapi() -> dict:
    return yaml.safe_load((ROOT / "api-service/asyncapi.yaml").read_text())


def resolved(document: dict, pointer: str) -> dict:
    """What a reference within the document points to."""
    found = document
    for part in pointer.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return resolved(document, found["$ref"]) if "$ref" in found else found


def closed(schema: object, document: dict, within: bool = False) -> object:
    """The schema with its references filled in, and with objects that hold nothing but what is described.

    `within`: one of the parts of an `allOf`, which knows only some of the members."""
    if isinstance(schema, list):
        return [closed(each, document, within) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return closed(resolved(document, schema["$ref"]), document, within)
    made = {}
    for word, value in schema.items():
        if word in ("properties", "patternProperties"):
            made[word] = {name: closed(each, document) for name, each in value.items()}
        elif word in ("allOf", "anyOf", "oneOf"):
            made[word] = closed(value, document, within=True)
        elif word in ("items", "additionalProperties"):
            made[word] = closed(value, document)
        else:
            made[word] = value
    if not within and ("properties" in made or "allOf" in made):
        made["unevaluatedProperties"] = False
    return made


class Described:
    """The messages of the document, by the `type` that they carry."""

    def __init__(self, document: dict):
        self.facts = self._validators(document, "events")
        self.deliveries = self._validators(document, "webhook")
        self.frames = self._validators(document, FRAMES)
        receiving = next(each for each in document["operations"].values() if each["action"] == "receive")
        headers = {"$ref": "#/components/schemas/MessageHeaders"}
        self.headers = jsonschema_rs.Draft202012Validator(closed(headers, document), validate_formats=True)
        self.from_clients = {resolved(document, each["$ref"])["name"] for each in receiving["messages"]}

    @staticmethod
    def _validators(document: dict, channel: str) -> dict[str, jsonschema_rs.Draft202012Validator]:
        messages = (resolved(document, each["$ref"]) for each in document["channels"][channel]["messages"].values())
        return {message["name"]: jsonschema_rs.Draft202012Validator(closed(message["payload"], document), validate_formats=True)
                for message in messages}

    def check_message(self, message: dict) -> None:
        """A CloudEvent that was heard on em.events."""
        self._check(self.facts, message)

    def check_delivery(self, message: dict) -> None:
        """The same from a subscription: what a webhook brought, or its queue."""
        self._check(self.deliveries, message)

    def check_headers(self, headers: dict) -> None:
        """Of AMQP, without those of the broker's own that dead-lettering adds."""
        wrong = [error.message for error in self.headers.iter_errors({name: value for name, value in headers.items()
                                                                      if not name.startswith("x-")})]
        if wrong:
            raise NotAsDescribed(f"headers are not as asyncapi.yaml says: {'; '.join(wrong)}\n{headers}")

    def check_frame(self, frame: dict) -> None:
        """A text frame that the hub sent."""
        assert frame.get("type") not in self.from_clients, f"only clients say this: {frame}"
        self._check(self.frames, frame)

    def check_sent(self, frame: dict) -> None:
        """A text frame of a client's."""
        assert frame.get("type") in self.from_clients, f"no client says this: {frame}"
        self._check(self.frames, frame)

    @staticmethod
    def _check(validators: dict, value: dict) -> None:
        validator = validators.get(value.get("type"))
        if validator is None:
            raise NotAsDescribed(f"asyncapi.yaml doesn't know this type: {value}")
        wrong = [f"/{'/'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(value)]
        if wrong:
            raise NotAsDescribed(f"{value['type']} is not as asyncapi.yaml says: {'; '.join(wrong)}\n{value}")


@cache
def described() -> Described:
    return Described(asyncapi())
