"""Whatever is sent, the answer is a 4xx problem document: never a 5xx, never the inside turned out."""

import base64
import json
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from em.api import described, problem
from em.live import Socket
from em.people import PASSWORD, People, base64url
from em.stack import Stack
from em.world import World

NOBODY = "01980000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def scene(world: World, people: People) -> SimpleNamespace:
    """One of everything, for the paths of the table below."""
    organizer, user, stranger, admin = (people.one(role) for role in ("organizer", "user", "user", "admin"))
    event = world.event(organizer)
    registration = world.register(user, event)
    ticket = world.ticket(user, registration)
    return SimpleNamespace(organizer=organizer, user=user, stranger=stranger, admin=admin, anyone=None, event=event["id"],
                           draft=world.draft(organizer)["id"], registration=registration["id"], ticket=ticket["id"])


def call(world: World, scene: SimpleNamespace, who: str, method: str, path: str, **arguments) -> requests.Response:
    person = getattr(scene, who)
    api = person.api if person else world.anyone
    return api.send(method, path.format(**vars(scene)), **arguments)


@dataclass
class Case:
    """`fields` are the names that a 422 has to list."""

    name: str
    who: str
    method: str
    path: str
    status: int
    type: str
    body: object = None
    fields: set[str] = field(default_factory=set)
    headers: dict[str, str] = field(default_factory=dict)

    def arguments(self) -> dict:
        headers = dict(self.headers)
        if self.body is None:
            return {"headers": headers}
        headers.setdefault("Content-Type", "application/json")
        data = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return {"headers": headers, "data": data}


def event_body(**changes: object) -> dict:
    return {"title": "T", "startsAt": "2031-01-01T10:00:00Z", "endsAt": "2031-01-01T12:00:00Z",
            "timeZone": "Europe/Berlin", "capacity": 5, **changes}


def wrong_event(name: str, fields: set[str], **changes: object) -> Case:
    return Case(f"event: {name}", "organizer", "POST", "/events", 422, "validation-failed", event_body(**changes), fields)


def not_json(name: str, body: bytes) -> Case:
    return Case(f"not JSON: {name}", "organizer", "POST", "/events", 400, "malformed-json", body)


SIGN_UP = {"email": "x@example.test", "password": PASSWORD, "displayName": "X"}
ACCOUNT_FIELDS = {"email", "password", "displayName"}
VERSION = {"If-Match": '"1"'}

CASES = [
    not_json("cut off", b'{"title": "T"'),
    not_json("empty", b""),
    not_json("an array", b"[]"),
    not_json("a text", b'"event"'),
    not_json("null", b"null"),
    not_json("not UTF-8", b'{"title": "\xff\xfe"}'),
    not_json("UTF-16", '{"title": "T"}'.encode("utf-16")),
    not_json("nested a hundred thousand deep", b'{"title":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    not_json("half a surrogate", rb'{"title": "\ud800"}'),
    not_json("a number beyond all numbers", b'{"capacity": 1e999}'),
    Case("another media type", "organizer", "POST", "/events", 415, "unsupported-media-type", b"title=T",
         headers={"Content-Type": "application/x-www-form-urlencoded"}),
    wrong_event("numbers for texts", {"title", "description", "venue", "timeZone"}, title=1, description=[], venue={}, timeZone=True),
    wrong_event("texts for numbers", {"capacity", "waitlistEnabled"}, capacity="5", waitlistEnabled="yes"),
    wrong_event("a fraction of a place", {"capacity"}, capacity=1.5),
    wrong_event("no place", {"capacity"}, capacity=0),
    wrong_event("fewer than none", {"capacity"}, capacity=-1),
    wrong_event("a million and one places", {"capacity"}, capacity=1_000_001),
    wrong_event("more places than an integer holds", {"capacity"}, capacity=2**70),
    wrong_event("a title of 201 characters", {"title"}, title="t" * 201),
    wrong_event("a title of blanks", {"title"}, title=" \n\t "),
    wrong_event("a title with NUL", {"title"}, title="a\0b"),
    wrong_event("a description of 20001 characters", {"description"}, description="d" * 20_001),
    wrong_event("a venue of 301 characters", {"venue"}, venue="v" * 301),
    wrong_event("a venue with an escape character", {"venue"}, venue="\x1b[31m"),
    wrong_event("an unknown time zone", {"timeZone"}, timeZone="Mars/Olympus"),
    wrong_event("a path for a time zone", {"timeZone"}, timeZone="../../etc/passwd"),
    wrong_event("no time", {"startsAt", "endsAt"}, startsAt=None, endsAt=""),
    wrong_event("a time without a zone", {"startsAt"}, startsAt="2031-01-01T10:00:00"),
    wrong_event("a day that does not exist", {"startsAt"}, startsAt="2031-02-30T10:00:00Z"),
    wrong_event("a time as a number", {"startsAt"}, startsAt=1_900_000_000),
    wrong_event("the year 9999", {"endsAt"}, endsAt="9999-12-31T23:59:59Z"),
    wrong_event("the end before the start", {"endsAt"}, endsAt="2031-01-01T09:00:00Z"),
    Case("event: nothing", "organizer", "POST", "/events", 422, "validation-failed", {},
         {"title", "startsAt", "endsAt", "timeZone", "capacity"}),
    Case("sign-up: nothing", "anyone", "POST", "/auth/register", 422, "validation-failed", {}, ACCOUNT_FIELDS),
    Case("sign-up: wrong types", "anyone", "POST", "/auth/register", 422, "validation-failed",
         {"email": 1, "password": [], "displayName": {}}, ACCOUNT_FIELDS),
    Case("sign-up: over-long", "anyone", "POST", "/auth/register", 422, "validation-failed",
         {"email": "a" * 250 + "@example.test", "password": "p" * 129, "displayName": "n" * 101}, ACCOUNT_FIELDS),
    Case("sign-up: NUL", "anyone", "POST", "/auth/register", 422, "validation-failed",
         {"email": "a\0@example.test", "password": "passw\0rd1", "displayName": "a\0b"}, ACCOUNT_FIELDS),
    Case("sign-up: short", "anyone", "POST", "/auth/register", 422, "validation-failed",
         {**SIGN_UP, "password": "1234567"}, {"password"}),
    Case("sign-up: two lines in an address", "anyone", "POST", "/auth/register", 422, "validation-failed",
         {**SIGN_UP, "email": "a@example.test\r\nBcc: b@example.test"}, {"email"}),
    Case("sign-up: a taken address", "anyone", "POST", "/auth/register", 409, "email-taken",
         {**SIGN_UP, "email": "USER@example.com"}),
    Case("sign-in: a wrong password", "anyone", "POST", "/auth/login", 401, "invalid-credentials",
         {"email": "nobody@example.test", "password": PASSWORD}),
    Case("sign-in: nothing", "anyone", "POST", "/auth/login", 422, "validation-failed", {}, {"email", "password"}),
    Case("sign-in: a password of a megabyte", "anyone", "POST", "/auth/login", 413, "payload-too-large",
         {"email": "user@example.com", "password": "p" * 900_000}),
    Case("password reset: no address", "anyone", "POST", "/auth/password-reset", 422, "validation-failed", {"email": "nobody"}, {"email"}),
    Case("password reset: a list of addresses", "anyone", "POST", "/auth/password-reset", 422, "validation-failed",
         {"email": ["a@example.test", "b@example.test"]}, {"email"}),
    Case("resend: two lines in an address", "anyone", "POST", "/auth/verify-email/resend", 422, "validation-failed",
         {"email": "a@example.test\r\nBcc: b@example.test"}, {"email"}),
    Case("verify: nothing", "anyone", "POST", "/auth/verify-email", 422, "validation-failed", {}, {"token"}),
    Case("verify: a number", "anyone", "POST", "/auth/verify-email", 422, "validation-failed", {"token": 7}, {"token"}),
    Case("verify: a token of nobody's", "anyone", "POST", "/auth/verify-email", 410, "link-invalid", {"token": "A" * 43}),
    Case("verify: no token of ours", "anyone", "POST", "/auth/verify-email", 410, "link-invalid", {"token": "\0' OR 1=1"}),
    Case("new password: nothing", "anyone", "POST", "/auth/password-reset/confirm", 422, "validation-failed", {}, {"token", "password"}),
    Case("new password: over-long", "anyone", "POST", "/auth/password-reset/confirm", 422, "validation-failed",
         {"token": "A" * 43, "password": "p" * 129}, {"password"}),
    Case("new password: a token of nobody's", "anyone", "POST", "/auth/password-reset/confirm", 410, "link-invalid",
         {"token": "A" * 43, "password": PASSWORD}),
    Case("account: no name", "user", "PATCH", "/me", 422, "validation-failed", {"displayName": ""}, {"displayName"}),
    Case("account: null for a name", "user", "PATCH", "/me", 422, "validation-failed", {"displayName": None}, {"displayName"}),
    Case("edit: without If-Match", "organizer", "PATCH", "/events/{event}", 428, "precondition-required", {"venue": "V"}),
    Case("edit: a version without quotes", "organizer", "PATCH", "/events/{event}", 412, "version-mismatch", {"venue": "V"},
         headers={"If-Match": "1"}),
    Case("edit: versions that it never had", "organizer", "PATCH", "/events/{event}", 412, "version-mismatch", {"venue": "V"},
         headers={"If-Match": 'W/"77", "78,79", "x"'}),
    Case("edit: null for a title", "organizer", "PATCH", "/events/{draft}", 422, "validation-failed", {"title": None},
         {"title"}, VERSION),
    Case("edit: the end before the start", "organizer", "PATCH", "/events/{draft}", 422, "validation-failed",
         {"endsAt": "2001-01-01T00:00:00Z"}, {"endsAt"}, VERSION),
    Case("check-in: nothing", "organizer", "POST", "/events/{event}/check-ins", 422, "validation-failed", {}, {"code"}),
    Case("check-in: over-long", "organizer", "POST", "/events/{event}/check-ins", 422, "validation-failed",
         {"code": "C" * 513, "gate": "g" * 101, "device": "d" * 101, "scanId": "s" * 101, "scannedAt": "now"},
         {"code", "gate", "device", "scanId", "scannedAt"}),
    Case("announcement: over-long", "organizer", "POST", "/events/{event}/announcements", 422, "validation-failed",
         {"title": "t" * 201, "body": "b" * 10_001}, {"title", "body"}),
    Case("announcement: to a draft", "organizer", "POST", "/events/{draft}/announcements", 409, "event-not-published",
         {"title": "T", "body": "B"}),
    Case("role: an unknown one", "admin", "PATCH", "/admin/users/{user.id}", 422, "validation-failed", {"role": "root"}, {"role"}),
    Case("role: of nobody", "admin", "PATCH", f"/admin/users/{NOBODY}", 404, "not-found", {"role": "user"}),
    Case("list: a limit of 0", "anyone", "GET", "/events?limit=0", 422, "validation-failed", None, {"limit"}),
    Case("list: a limit of 101", "anyone", "GET", "/events?limit=101", 422, "validation-failed", None, {"limit"}),
    Case("list: a limit of words", "anyone", "GET", "/events?limit=many", 422, "validation-failed", None, {"limit"}),
    Case("list: a foreign cursor", "anyone", "GET", "/events?cursor=abc", 400, "bad-cursor"),
    Case("list: a cursor from the far future", "anyone", "GET", "/events?cursor=" + base64url(b"\1" + b"\x7f" * 24), 400, "bad-cursor"),
    Case("list: another list's cursor", "user", "GET", "/me/registrations?cursor=" + base64url(b"\1" + b"\0" * 24), 400, "bad-cursor"),
    Case("list: a time that is none", "anyone", "GET", "/events?from=yesterday", 422, "validation-failed", None, {"from"}),
    Case("list: a query that is not UTF-8", "anyone", "GET", "/events?query=%FF", 422, "validation-failed", None, {"query"}),
    Case("list: a query with NUL", "anyone", "GET", "/events?query=a%00b", 422, "validation-failed", None, {"query"}),
    Case("list: a query of 201 characters", "anyone", "GET", "/events?query=" + "q" * 201, 422, "validation-failed", None, {"query"}),
    Case("list: one's own without being anybody", "anyone", "GET", "/events?mine=true", 401, "not-authenticated"),
    Case("list: everybody's without being anybody", "anyone", "GET", "/events?all=true", 401, "not-authenticated"),
    Case("list: everybody's without being an admin", "organizer", "GET", "/events?all=true", 403, "forbidden"),
    Case("list: an unknown status", "organizer", "GET", "/events/{event}/registrations?status=lost", 422, "validation-failed",
         None, {"status"}),
    Case("list: an event id that is none", "user", "GET", "/me/registrations?eventId=7", 422, "validation-failed", None, {"eventId"}),
    Case("unknown event", "user", "POST", f"/events/{NOBODY}/registrations", 404, "not-found"),
    Case("unknown registration", "user", "DELETE", f"/registrations/{NOBODY}", 404, "not-found"),
    Case("unknown ticket", "user", "GET", f"/tickets/{NOBODY}.png", 404, "not-found"),
    Case("an id that is none", "user", "GET", "/events/42", 404, "not-found"),
    Case("an id with SQL", "user", "GET", "/events/1'%20OR%20'1'='1", 404, "not-found"),
    Case("an id with a NUL", "user", "GET", "/events/a%00b", 400, "bad-request"),
    Case("an id with a way up", "user", "GET", "/tickets/..%2F..%2Fetc%2Fpasswd.png", 404, "not-found"),
    Case("somebody else's registration", "stranger", "GET", "/registrations/{registration}", 404, "not-found"),
    Case("somebody else's place", "stranger", "DELETE", "/registrations/{registration}", 404, "not-found"),
    Case("somebody else's ticket", "stranger", "GET", "/tickets/{ticket}", 404, "not-found"),
    Case("somebody else's QR code", "stranger", "GET", "/tickets/{ticket}.svg", 404, "not-found"),
    Case("somebody else's draft", "stranger", "GET", "/events/{draft}", 404, "not-found"),
    Case("an unknown route", "user", "GET", "/nothing/here", 404, "not-found"),
    Case("an unknown format", "user", "GET", "/tickets/{ticket}.exe", 404, "not-found"),
    Case("a wrong method", "user", "PUT", "/events/{event}", 405, "method-not-allowed"),
    Case("a method nobody knows", "user", "BREW", "/events", 405, "method-not-allowed"),
    Case("a body of 300 KiB", "organizer", "POST", "/events", 413, "payload-too-large", {"title": "t" * 300_000}),
    Case("a body of 2 MiB", "organizer", "POST", "/events", 413, "payload-too-large", {"title": "t" * 2_000_000}),
    Case("an address of 20 KiB", "anyone", "GET", "/events?query=" + "q" * 20_000, 414, "uri-too-long"),
    Case("a header of 20 KiB", "anyone", "GET", "/events", 431, "headers-too-large", headers={"X-Long": "x" * 20_000}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_a_problem_of_the_sender(world: World, scene: SimpleNamespace, case: Case) -> None:
    response = call(world, scene, case.who, case.method, case.path, **case.arguments())
    document = problem(response, case.status, case.type)
    named = {error["field"] for error in document.get("errors", [])}
    assert named == case.fields, document
    assert all(error["message"] and error["code"] for error in document.get("errors", []))


def with_key(**fields: object) -> Callable[[People, SimpleNamespace], str]:
    return lambda people, scene: people.token(scene.user.id, "user", **fields)


def with_signature_of_another(people: People, scene: SimpleNamespace) -> str:
    head, body, signature = scene.user.token.split(".")
    raised = json.loads(base64.urlsafe_b64decode(body + "=="))
    return ".".join((head, base64url(json.dumps({**raised, "role": "admin"}).encode()), signature))


def hmac_with_the_public_key(people: People, scene: SimpleNamespace) -> str:
    return people.token(scene.user.id, "user", head={"alg": "HS256"})


HOUR_AGO = int(time.time()) - 3600
FORGED = Ed25519PrivateKey.generate()
TOKENS: dict[str, tuple[Callable[[People, SimpleNamespace], str], str]] = {
    "expired": (with_key(iat=HOUR_AGO, exp=HOUR_AGO + 900), "token-expired"),
    "signed by somebody else": (with_key(key=FORGED), "not-authenticated"),
    "no signature": (with_key(head={"alg": "none"}), "not-authenticated"),
    "another algorithm": (hmac_with_the_public_key, "not-authenticated"),
    "an unknown key": (with_key(head={"kid": "unknown"}), "not-authenticated"),
    "a key in its own header": (with_key(key=FORGED, head={"jwk": {"kty": "OKP", "crv": "Ed25519", "x": base64url(
        FORGED.public_key().public_bytes_raw())}}), "not-authenticated"),
    "another audience": (with_key(aud=["elsewhere"]), "not-authenticated"),
    "another issuer": (with_key(iss="https://elsewhere.example"), "not-authenticated"),
    "from the future": (with_key(iat=int(time.time()) + 7200, exp=int(time.time()) + 7300), "not-authenticated"),
    "good for a year": (with_key(exp=int(time.time()) + 365 * 86400), "not-authenticated"),
    "another person's claims": (with_signature_of_another, "not-authenticated"),
    "an unknown role": (with_key(role="emperor"), "not-authenticated"),
    "an id that is none": (with_key(sub="1"), "not-authenticated"),
    "no token at all": (lambda *_: "x", "not-authenticated"),
    "dots": (lambda *_: "..", "not-authenticated"),
    "of 4 KiB": (lambda *_: "e30." * 1000, "not-authenticated"),
    "a ticket's text": (lambda people, scene: scene.user.api.get(f"/tickets/{scene.ticket}")["qrText"], "not-authenticated"),
}


@pytest.mark.parametrize("name", TOKENS)
def test_a_wrong_token_opens_nothing(world: World, people: People, scene: SimpleNamespace, name: str) -> None:
    make, slug = TOKENS[name]
    token = make(people, scene)
    for path in ("/me", f"/registrations/{scene.registration}", "/events"):
        response = world.anyone.send("GET", path, headers={"Authorization": f"Bearer {token}"})
        problem(response, 401, slug)
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
    with Socket(world.stack) as live:
        live.send(type="authenticate", token=token)
        live.expect(type="error", code=slug)
        assert live.close_code() == 4401


def test_other_kinds_of_credentials_open_nothing(world: World, scene: SimpleNamespace) -> None:
    for header in ("", "Bearer", "Basic dXNlcjpwdw==", f"Bearer {scene.user.token} x", f"Token {scene.user.token}"):
        problem(world.anyone.send("GET", "/me", headers={"Authorization": header}), 401, "not-authenticated")
    problem(world.anyone.send("GET", f"/me?access_token={scene.user.token}"), 401, "not-authenticated")


# How a socket that says something wrong ends: the error's code, and the close code or None when it stays open.
FRAMES = {
    "no JSON": ("{", "malformed-message", 1008),
    "no object": ("[]", "malformed-message", 1008),
    "no type": ("{}", "malformed-message", 1008),
    "an unknown type": ('{"type": "shout"}', "unknown-type", 1008),
    "no topic": ('{"type": "subscribe"}', "malformed-message", 1008),
    "a topic that is none": ('{"type": "subscribe", "topic": "event:7"}', "unknown-topic", None),
    "an event that is none": ('{"type": "subscribe", "topic": "event:%s"}' % NOBODY, "not-found", None),
    "a private topic of nobody's": ('{"type": "subscribe", "topic": "me"}', "not-authenticated", None),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_socket_says_what_was_wrong(stack: Stack, name: str) -> None:
    text, code, close = FRAMES[name]
    with Socket(stack) as live:
        live.connection.send(text)
        assert live.expect(type="error", code=code)["message"]
        if close:
            assert live.close_code() == close


def test_a_draft_and_a_foreign_dashboard_are_not_for_sockets(world: World, stack: Stack, scene: SimpleNamespace) -> None:
    with Socket(stack, scene.stranger.token) as live:
        live.send(type="subscribe", topic=f"event:{scene.draft}")
        live.expect(type="error", code="not-found")
        live.send(type="subscribe", topic=f"organizer:{scene.event}")
        live.expect(type="error", code="forbidden")


def raw_status(stack: Stack, data: bytes) -> bytes:
    """The first line that nginx answers to bytes which no HTTP client would send."""
    with socket.create_connection(("127.0.0.1", urlsplit(stack.url).port), timeout=15) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(4096).split(b"\r\n")[0]


@pytest.mark.parametrize("data", [
    b"GARBAGE\r\n\r\n",
    b"GET /api/v1/events HTTP/1.1\r\n\r\n",
    b"GET /api/v1/events HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"POST /api/v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
    b"POST /api/v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /api/v1/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
])
def test_bytes_that_are_no_request_are_refused(stack: Stack, data: bytes) -> None:
    assert raw_status(stack, data).startswith(b"HTTP/1.1 4")


def test_the_same_is_accepted_with_that_field_right(world: World, people: People) -> None:
    """The control of the table above: the body that it spoils field by field is good."""
    made = people.one("organizer").api.send("POST", "/events", json=event_body(title=f"Fine {uuid.uuid4()}"))
    assert made.status_code == 201, described(made)
    assert world.anyone.send("GET", "/events?limit=100").status_code == 200
