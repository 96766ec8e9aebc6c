"""asyncapi.yaml: well-formed by AsyncAPI 3.0, and complete by the code. That what is said is as described, the flow tests see."""

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema_rs
import pytest
import yaml
from asyncapi3.models.asyncapi import AsyncAPI3

from em.contract import FRAMES, ROOT, Described, NotAsDescribed, asyncapi, resolved

META = jsonschema_rs.Draft7Validator(yaml.safe_load((Path(__file__).parent / "asyncapi-3.0.yaml").read_text()),
                                     validate_formats=True)


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "$ref" and isinstance(each, str):
                yield each
            else:
                yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def without(*path: str) -> Callable[[dict], None]:
    def change(document: dict) -> None:
        for part in path[:-1]:
            document = document[part]
        del document[path[-1]]
    return change


def having(value: object, *path: str) -> Callable[[dict], None]:
    def change(document: dict) -> None:
        for part in path[:-1]:
            document = document[part]
        document[path[-1]] = value
    return change


def test_it_is_asyncapi() -> None:
    wrong = [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in META.iter_errors(asyncapi())]
    assert not wrong
    AsyncAPI3.model_validate(asyncapi())  # what others make of the specification


@pytest.mark.parametrize("spoil", [
    without("info", "version"), having("2.6.0", "asyncapi"), without("operations", "sendFrames", "channel"),
    having("publish", "operations", "sendFrames", "action"), having("ws://localhost/ws", "servers", "site", "host"),
    having({"type": "object"}, "channels", FRAMES, "messages", "counts"), having("queue", "channels", "events", "bindings", "amqp", "is"),
    having("strnig", "components", "schemas", "EventTopic", "type"), having(True, "components", "messages", "counts", "optional"),
    having({"$ref": "#/components/schemas/Counts", "description": "ignored"}, "components", "messages", "counts", "payload")])
def test_control_what_is_no_asyncapi_is_found(spoil: Callable[[dict], None]) -> None:
    document = copy.deepcopy(asyncapi())
    spoil(document)
    assert not META.is_valid(document)


def test_every_reference_leads_somewhere_and_everything_is_used() -> None:
    document, used = asyncapi(), set(references(asyncapi()))
    for pointer in used:
        resolved(document, pointer)
    components = {f"#/components/{kind}/{name}" for kind, made in document["components"].items() for name in made}
    assert components <= used
    for name, operation in document["operations"].items():
        channel = operation["channel"]["$ref"]
        assert all(each["$ref"].startswith(f"{channel}/messages/") for each in operation.get("messages", [])), name
    spoken = {each["$ref"] for operation in document["operations"].values() for each in operation.get("messages", [])}
    assert spoken == {f"#/channels/{channel}/messages/{name}" for channel in ("events", FRAMES)
                      for name in document["channels"][channel]["messages"]}


def test_every_example_is_as_described() -> None:
    document, kinds = asyncapi(), Described(asyncapi())
    for name, message in document["components"]["messages"].items():
        assert message["examples"] and message["summary"], name
        for example in message["examples"]:
            assert example["payload"]["type"] == message["name"]
            if name in kinds.from_clients:
                kinds.check_sent(example["payload"])
            elif name in document["channels"][FRAMES]["messages"]:
                kinds.check_frame(example["payload"])
            else:
                kinds.check_delivery(example["payload"])
                if name in document["channels"]["events"]["messages"]:
                    kinds.check_message(example["payload"])


@pytest.mark.parametrize("change", [
    having("em.event.unheard", "type"), having("7", "data", "revision"), having("Tess", "data", "displayName"), without("subject"),
    having(7, "sequence"), having("0", "sequence"), having("2026-05-01T18:00:00Z", "time"), having("known", "data", "status"),
    having("Ada", "name"), without("data", "userId")])
def test_control_a_wrong_message_is_found(change: Callable[[dict], None]) -> None:
    message = copy.deepcopy(asyncapi()["components"]["messages"]["registrationConfirmed"]["examples"][0]["payload"])
    kinds = Described(asyncapi())
    kinds.check_message(message)
    change(message)
    with pytest.raises(NotAsDescribed):
        kinds.check_message(message)


@pytest.mark.parametrize("change", [having("count", "type"), having("58", "revision"), having("Tess", "who"), without("capacity"),
                                    having("me", "topic")])
def test_control_a_wrong_frame_is_found(change: Callable[[dict], None]) -> None:
    frame = copy.deepcopy(asyncapi()["components"]["messages"]["counts"]["examples"][0]["payload"])
    kinds = Described(asyncapi())
    kinds.check_frame(frame)
    change(frame)
    with pytest.raises(NotAsDescribed):
        kinds.check_frame(frame)


# MARK: The code


def source(path: str) -> str:
    return (ROOT / path).read_text()


def cases(path: str, enumeration: str) -> set[str]:
    """The raw values of a Swift enumeration of strings."""
    body = re.search(rf"\benum {enumeration}: String.*?\n}}", source(path), re.S)
    assert body, f"{path} has no {enumeration}"
    found = set()
    for line in re.findall(r"^    case (.+)$", body[0], re.M):
        if not line.startswith("."):
            found |= {raw or name for name, raw in re.findall(r'(\w+)(?: = "([^"]+)")?', line)}
    return found


def enumerated(name: str) -> set[str]:
    return set(asyncapi()["components"]["schemas"][name]["enum"])


def test_every_kind_of_message_in_the_code_is_described_and_none_else() -> None:
    described = {resolved(asyncapi(), each["$ref"])["name"] for each in asyncapi()["channels"]["events"]["messages"].values()}
    assert described == cases("Sources/Domain/Messages/Message.swift", "MessageType")
    assert len(described) >= 14


def test_every_live_update_in_the_code_is_described_and_none_else() -> None:
    made = set(re.findall(r'frame\.type = "(\w+)"', source("Sources/Domain/Messages/LiveUpdate.swift")))
    made |= set(re.findall(r'type: "(\w+)"', source("ws-hub/Sockets/ClientMessage.swift")))
    taken = set(re.findall(r'case \("(\w+)"', source("ws-hub/Sockets/ClientMessage.swift")))
    assert set(asyncapi()["channels"][FRAMES]["messages"]) == made | taken
    assert Described(asyncapi()).from_clients == taken and len(made) >= 15


@pytest.mark.parametrize(("schema", "path", "enumeration"), [
    ("EventStatus", "Sources/Domain/Events/Event.swift", "EventStatus"),
    ("RegistrationStatus", "Sources/Domain/Registrations/Registration.swift", "RegistrationStatus"),
    ("TicketStatus", "Sources/Domain/Tickets/Ticket.swift", "TicketStatus"),
    ("NotificationStatus", "Sources/Domain/Notifications/NotificationKind.swift", "NotificationStatus"),
    ("NotificationKind", "Sources/Domain/Notifications/NotificationKind.swift", "NotificationKind")])
def test_the_values_are_those_of_the_code(schema: str, path: str, enumeration: str) -> None:
    assert enumerated(schema) == cases(path, enumeration)


def test_the_codes_of_errors_and_ends_are_those_of_the_hub() -> None:
    access, client = source("ws-hub/Sockets/SessionAccess.swift"), source("ws-hub/Sockets/ClientMessage.swift")
    sent = set(re.findall(r'(?:ServerMessage\.error\(\s*|code: |\? |: )"([a-z]+(?:-[a-z]+)+|forbidden|unavailable)"', access + client))
    assert set(asyncapi()["components"]["schemas"]["ErrorFrame"]["properties"]["code"]["enum"]) == sent
    swift = source("ws-hub/Sockets/CloseCode.swift")
    numbers = {name: int(number) for name, number in re.findall(r"case (\w+) = (\d+)", swift)}
    reasons = dict(re.findall(r'case \.(\w+): "([^"]*)"', swift))
    told = {end["code"]: end["reason"] for end in asyncapi()["channels"][FRAMES]["x-close-codes"]}
    assert told == {number: reasons[name] or "normal" for name, number in numbers.items()}
