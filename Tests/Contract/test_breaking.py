"""Programs written against the last release go on working: `released/` holds its descriptions.

At a release both files are copied there. What has to break something gets a route, or a kind of message, of its own instead."""

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import yaml

from breaking import Comparison
from em.contract import ROOT


@cache
def documents(name: str) -> tuple[dict, dict]:
    """The last release's, and the one of now."""
    released, current = Path(__file__).parent / "released" / name, ROOT / "api-service" / name
    return yaml.safe_load(released.read_text()), yaml.safe_load(current.read_text())


def at(document: dict, *path: str | int) -> dict:
    for part in path:
        document = document[part]
    return document


def test_the_api_takes_nothing_away() -> None:
    assert Comparison(*documents("openapi.yaml")).openapi() == []


def test_the_messages_take_nothing_away() -> None:
    assert Comparison(*documents("asyncapi.yaml")).asyncapi() == []


EVENTS, EVENT = ("paths", "/api/v1/events"), ("components", "schemas", "Event")
DRAFT = ("components", "schemas", "EventDraft")
HARM: dict[str, Callable[[dict], object]] = {
    "/api/v1/events is gone": lambda document: at(document, "paths").pop("/api/v1/events"),
    "POST /api/v1/events is gone": lambda document: at(document, *EVENTS).pop("post"),
    "POST /api/v1/events: no 201 any more": lambda document: at(document, *EVENTS, "post", "responses").pop("201"),
    "POST /api/v1/events 201: venue is gone": lambda document: at(document, *EVENT, "properties").pop("venue"),
    "POST /api/v1/events 201: venue may be missing now": lambda document: at(document, *EVENT, "required").remove("venue"),
    "POST /api/v1/events 201.capacity: was integer, is string": lambda document: at(document, *EVENT, "properties").update(
        capacity={"type": "string"}),
    "POST /api/v1/events body: language has to be given": lambda document: at(document, *DRAFT, "required").append("language"),
    "POST /api/v1/events body.title: maxLength is lower": lambda document: at(document, *DRAFT, "properties", "title").update(maxLength=20),
    "POST /api/v1/events/{id}/members body.role: takes coOrganizer no more": lambda document: at(
        document, "components", "schemas", "MemberWish", "properties", "role", "enum").remove("coOrganizer"),
    "GET /api/v1/events: the parameter page has to be given": lambda document: at(document, *EVENTS, "get", "parameters").append(
        {"name": "page", "in": "query", "required": True, "schema": {"type": "integer"}}),
    "GET /api/v1/events: the parameter query is gone": lambda document: at(document, *EVENTS, "get", "parameters").pop(0),
    "GET /api/v1/events ?limit: maximum is lower": lambda document: at(document, "components", "parameters", "Limit", "schema").update(
        maximum=50),
    "GET /api/v1/events: other credentials than before": lambda document: at(document, *EVENTS, "get").update(
        security=[{"accessToken": []}]),
    "GET /api/v1/events: operationId was listEvents": lambda document: at(document, *EVENTS, "get").update(operationId="events"),
}


@pytest.mark.parametrize("harm", HARM)
def test_control_harm_to_the_api_is_found(harm: str) -> None:
    released, _ = documents("openapi.yaml")
    current = copy.deepcopy(released)
    HARM[harm](current)
    assert harm in Comparison(released, current).openapi()


MESSAGE_HARM: dict[str, Callable[[dict], object]] = {
    "events is gone": lambda document: at(document, "channels").pop("events"),
    "events: ticketIssued is gone": lambda document: at(document, "channels", "events", "messages").pop("ticketIssued"),
    "events: ticketIssued was called em.ticket.issued": lambda document: at(document, "components", "messages", "ticketIssued").update(
        name="em.ticket.made"),
    "events ticketIssued payload.data: userId is gone": lambda document: at(
        document, "components", "schemas", "TicketData", "properties").pop("userId"),
    "events ticketIssued payload: sequence may be missing now": lambda document: at(
        document, "components", "schemas", "CloudEvent", "required").remove("sequence"),
    "events registrationConfirmed payload.data.revision: was integer, is string": lambda document: at(
        document, "components", "schemas", "RegistrationData", "properties").update(revision={"type": "string"}),
    "socket counts payload: capacity is gone": lambda document: at(document, "components", "schemas", "Counts", "properties").pop("capacity"),
    "socket authenticate payload: device has to be given": lambda document: at(
        document, "components", "schemas", "Authenticate", "required").append("device"),
    "socket: another address": lambda document: at(document, "channels", "socket").update(address="/socket"),
    "socket: the close code 4409 is gone": lambda document: at(document, "channels", "socket")["x-close-codes"].pop(10),
}


@pytest.mark.parametrize("harm", MESSAGE_HARM)
def test_control_harm_to_messages_is_found(harm: str) -> None:
    released, _ = documents("asyncapi.yaml")
    current = copy.deepcopy(released)
    MESSAGE_HARM[harm](current)
    assert harm in Comparison(released, current).asyncapi()


def test_control_additions_are_no_harm() -> None:
    released, _ = documents("openapi.yaml")
    current = copy.deepcopy(released)
    at(current, *EVENT, "properties").update(series={"type": "string"})
    at(current, *EVENT, "required").append("series")
    at(current, *DRAFT, "properties").update(series={"type": "string"})
    at(current, "components", "schemas", "EventStatus", "enum").append("postponed")
    at(current, *EVENTS, "get", "parameters").append({"name": "series", "in": "query", "schema": {"type": "string"}})
    current["paths"]["/api/v1/series"] = current["paths"]["/api/v1/events"]
    assert Comparison(released, current).openapi() == []
