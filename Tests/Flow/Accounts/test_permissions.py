"""Every route × everybody: who gets in, who hears 401, 403 or 404. The table has a line for each line of openapi.yaml."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from uuid import uuid4

import pytest
import yaml

from em.api import Api, described, problem
from em.people import PASSWORD, People, Person
from em.world import World

# Who asks. `holder` has a registration for the event, `stranger` nothing here, but scans at the gate of
# another event; `other` organizes that one.
CALLERS = ("nobody", "stranger", "holder", "other", "gate", "partner", "owner", "admin")
PUBLIC = dict.fromkeys(CALLERS, 200)
SIGNED_IN = {**PUBLIC, "nobody": 401}
ORGANIZERS = {"nobody": 401, "stranger": 403, "holder": 403, "other": 403, "gate": 403, "partner": 200, "owner": 200, "admin": 200}
GATE = {**ORGANIZERS, "gate": 200}
# What belongs to the holder: others don't even learn that it exists.
HOLDERS = {"nobody": 401, "stranger": 404, "holder": 200, "other": 404, "gate": 404, "partner": 200, "owner": 200, "admin": 200}
# What is one person's own: for everybody else there is none.
OWNERS = {**dict.fromkeys(CALLERS, 404), "nobody": 401, "owner": 200}
ADMINS = {**dict.fromkeys(CALLERS, 403), "nobody": 401, "admin": 200}
DRAFT = {"nobody": 404, "stranger": 404, "holder": 404, "other": 404, "gate": 200, "partner": 200, "owner": 200, "admin": 200}


def hidden(table: dict[str, int]) -> dict[str, int]:
    """The same on a draft: who may not see it hears 404 instead of 403; signing in comes first."""
    return {who: 404 if DRAFT[who] == 404 and status == 403 else status for who, status in table.items()}


@dataclass
class Route:
    method: str
    path: str
    """As in openapi.yaml; filled in by the scene."""
    who: dict[str, int]
    body: dict | None = None
    good: int = 200
    """What stands for 200 in `who`."""
    note: str = ""
    fresh: bool = False
    """It changes what it is about: every caller gets an event of their own to try it on."""
    headers: tuple = ()


def route(method: str, path: str, who: dict[str, int], **more: object) -> Route:
    return Route(method, path, who, **more)


EVENT_BODY = {"title": "Matrix", "startsAt": "2031-01-01T10:00:00Z", "endsAt": "2031-01-01T12:00:00Z",
              "timeZone": "UTC", "capacity": 5}
LOGIN = {"email": "user@example.com", "password": PASSWORD}
CSRF = (("X-EM-CSRF", "1"),)
VERSION = (("If-Match", '"{version}"'),)

ROUTES = [
    route("POST", "/api/v1/auth/register", dict.fromkeys(CALLERS, 422), body={}),
    route("POST", "/api/v1/auth/login", dict.fromkeys(CALLERS, 422), body={}),
    route("POST", "/api/v1/auth/refresh", dict.fromkeys(CALLERS, 401), headers=CSRF),
    route("POST", "/api/v1/auth/logout", PUBLIC, good=204, headers=CSRF),
    route("POST", "/api/v1/auth/sign-in-link", dict.fromkeys(CALLERS, 410), body={"token": "made up"}),
    route("POST", "/api/v1/auth/reauthenticate", SIGNED_IN, body={}, good=422),
    route("POST", "/api/v1/auth/verify-email", dict.fromkeys(CALLERS, 410), body={"token": "made up"}),
    route("POST", "/api/v1/auth/verify-email/resend", PUBLIC, body={"email": "nobody@example.test"}, good=202),
    route("POST", "/api/v1/auth/password-reset", PUBLIC, body={"email": "nobody@example.test"}, good=202),
    route("POST", "/api/v1/auth/password-reset/confirm", dict.fromkeys(CALLERS, 410), body={"token": "made up", "password": PASSWORD}),
    route("POST", "/api/v1/auth/email-change/confirm", dict.fromkeys(CALLERS, 410), body={"token": "made up"}),
    route("GET", "/api/v1/me", SIGNED_IN),
    route("PATCH", "/api/v1/me", SIGNED_IN, body={}),
    # One's own account only, whoever one is: there is no id to name another's. Without a password nothing happens.
    route("DELETE", "/api/v1/me", SIGNED_IN, body={}, good=422),
    route("POST", "/api/v1/me/password", SIGNED_IN, body={}, good=422),
    route("POST", "/api/v1/me/email", SIGNED_IN, body={}, good=422),
    route("GET", "/api/v1/me/export", SIGNED_IN),
    route("GET", "/api/v1/me/sessions", SIGNED_IN),
    route("DELETE", "/api/v1/me/sessions?keepCurrent=true", SIGNED_IN, good=204),
    route("DELETE", "/api/v1/me/sessions/{session}", {**dict.fromkeys(CALLERS, 404), "nobody": 401}),  # somebody else's
    route("GET", "/api/v1/me/registrations", SIGNED_IN),
    route("GET", "/api/v1/me/notifications", SIGNED_IN),
    route("GET", "/api/v1/me/notifications/unread", SIGNED_IN),
    route("POST", "/api/v1/me/notifications/read", SIGNED_IN, body={}),
    route("POST", "/api/v1/me/notifications/{mailing}/read", SIGNED_IN, good=404),
    route("GET", "/api/v1/me/preferences", SIGNED_IN),
    route("PATCH", "/api/v1/me/preferences", SIGNED_IN, body={}),
    route("GET", "/api/v1/unsubscribe", dict.fromkeys(CALLERS, 410)),
    route("POST", "/api/v1/unsubscribe", dict.fromkeys(CALLERS, 410), body={"token": "made up"}),
    route("GET", "/api/v1/events", PUBLIC),
    route("POST", "/api/v1/events", {**SIGNED_IN, "stranger": 403, "holder": 403, "gate": 403, "partner": 403}, body=EVENT_BODY, good=201),
    route("GET", "/api/v1/events/{id}", PUBLIC),
    route("GET", "/api/v1/events/{id}", DRAFT, note="draft"),
    route("GET", "/api/v1/events/{id}.html", PUBLIC),
    route("GET", "/api/v1/events/{id}.html", dict.fromkeys(CALLERS, 404), note="draft"),
    route("PATCH", "/api/v1/events/{id}", ORGANIZERS, body={"venue": "New"}, fresh=True, headers=VERSION),
    route("PATCH", "/api/v1/events/{id}", hidden(ORGANIZERS), body={"venue": "New"}, note="draft", fresh=True, headers=VERSION),
    route("POST", "/api/v1/events/{id}/publish", hidden(ORGANIZERS), note="draft", fresh=True),
    route("POST", "/api/v1/events/{id}/cancel", ORGANIZERS, fresh=True),
    route("POST", "/api/v1/events/{id}/registrations", {**SIGNED_IN, "holder": 409}, good=201, fresh=True),
    route("POST", "/api/v1/events/{id}/registrations/add", ORGANIZERS, body={"email": "nobody@nowhere.example"}, good=422),
    route("DELETE", "/api/v1/events/{id}/registrations/{registration}", ORGANIZERS, fresh=True),
    route("GET", "/api/v1/events/{id}/registrations", ORGANIZERS),
    route("GET", "/api/v1/events/{id}/registrations.csv", ORGANIZERS),
    route("GET", "/api/v1/events/{id}/registrations", hidden(ORGANIZERS), note="draft"),
    route("GET", "/api/v1/registrations/{registration}", HOLDERS),
    route("GET", "/api/v1/registrations/{registration}/notifications", HOLDERS),
    route("GET", "/api/v1/registrations/{registration}/timeline", HOLDERS),
    route("POST", "/api/v1/registrations/{registration}/resend", {**HOLDERS, "holder": 403}, good=202),
    route("DELETE", "/api/v1/registrations/{registration}",
          {**HOLDERS, "partner": 403, "owner": 403, "admin": 403}, fresh=True),
    route("GET", "/api/v1/tickets/{ticket}", HOLDERS),
    route("GET", "/api/v1/tickets/{ticket}.svg", HOLDERS),
    route("GET", "/api/v1/tickets/{ticket}.png", HOLDERS),
    route("GET", "/api/v1/tickets/{ticket}.pdf", HOLDERS),
    route("GET", "/api/v1/tickets/{ticket}.ics", HOLDERS),
    route("POST", "/api/v1/tickets/{ticket}/reissue", HOLDERS, good=409),  # it was checked in
    route("POST", "/api/v1/tickets/{ticket}/transfer", {**HOLDERS, "partner": 403, "owner": 403, "admin": 403},
          body={"email": "nobody@nowhere.example"}, good=409),
    route("DELETE", "/api/v1/tickets/{ticket}/transfer", {**HOLDERS, "partner": 403, "owner": 403, "admin": 403}, good=204),
    route("POST", "/api/v1/ticket-transfers/accept", SIGNED_IN, body={"token": "made up"}, good=410),
    route("POST", "/api/v1/events/{id}/check-ins", GATE, body={"code": "0000-0000-0000"}),
    route("POST", "/api/v1/events/{id}/check-ins", hidden(GATE), body={"code": "0000-0000-0000"}, note="draft"),
    route("GET", "/api/v1/events/{id}/check-ins", GATE),
    route("GET", "/api/v1/events/{id}/check-in-manifest", GATE),
    route("POST", "/api/v1/events/{id}/check-ins/batch", GATE, body={"scans": []}),
    route("GET", "/api/v1/events/{id}/check-ins/conflicts", ORGANIZERS),
    route("POST", "/api/v1/check-ins/{checkIn}/undo", {**HOLDERS, "holder": 404, "gate": 403}, body={"reason": "a mistake"}),
    route("GET", "/api/v1/events/{id}/members", ORGANIZERS),
    route("POST", "/api/v1/events/{id}/members", ORGANIZERS, body={"email": "nobody@nowhere.example", "role": "checkInStaff"}, good=422),
    route("DELETE", "/api/v1/events/{id}/members/{user}", ORGANIZERS, good=204),
    route("GET", "/api/v1/events/{id}/announcements", PUBLIC),
    route("GET", "/api/v1/events/{id}/announcements", DRAFT, note="draft"),
    route("POST", "/api/v1/events/{id}/announcements", ORGANIZERS, body={"title": "T", "body": "B"}, good=201),
    route("POST", "/api/v1/events/{id}/announcements/preview", ORGANIZERS, body={"audience": "all"}),
    route("DELETE", "/api/v1/events/{id}/announcements/{mailing}", ORGANIZERS, good=404),
    route("GET", "/api/v1/events/{id}/mail-settings", ORGANIZERS),
    route("PUT", "/api/v1/events/{id}/mail-settings", ORGANIZERS, body={"paragraph": "", "colour": None}),
    route("POST", "/api/v1/events/{id}/mail-previews", ORGANIZERS, body={"kind": "event.reminder"}),
    # No access token goes along with a frame's address, which nobody guesses.
    route("GET", "/api/v1/mail-previews/{mailing}.html", dict.fromkeys(CALLERS, 404)),
    route("GET", "/api/v1/events/{id}/delivery", ORGANIZERS),
    route("GET", "/api/v1/events/{id}/mailings", ORGANIZERS),
    route("GET", "/api/v1/events/{id}/mailings", hidden(ORGANIZERS), note="draft"),
    route("GET", "/api/v1/events/{id}/mailings/{mailing}", ORGANIZERS, good=404),
    route("GET", "/api/v1/events/{id}/stats", ORGANIZERS),
    route("GET", "/api/v1/events/{id}/stats", hidden(ORGANIZERS), note="draft"),
    route("GET", "/api/v1/api-keys", SIGNED_IN),
    route("POST", "/api/v1/api-keys", SIGNED_IN, body={"name": "Matrix", "scopes": ["events:read"]}, good=201),
    route("DELETE", "/api/v1/api-keys/{mailing}", {**dict.fromkeys(CALLERS, 404), "nobody": 401}),  # nobody's
    route("GET", "/api/v1/subscriptions", SIGNED_IN),
    # Wrong in itself, so that nothing is made: who may not hears so first.
    route("POST", "/api/v1/subscriptions", {**SIGNED_IN, "stranger": 403, "holder": 403, "gate": 403, "partner": 403}, body={}, good=422),
    *(route(method, f"/api/v1/subscriptions/{{subscription}}{rest}", OWNERS, body=body, good=good)
      for method, rest, body, good in (
          ("GET", "", None, 200), ("PATCH", "", {"name": "Mine"}, 200), ("POST", "/credentials", None, 200),
          ("POST", "/replay", {"eventId": "00000000-0000-7000-8000-000000000000"}, 404))),
    route("DELETE", "/api/v1/subscriptions/{subscription}", OWNERS, fresh=True, good=204),
    route("GET", "/api/v1/messages?eventId={id}", ORGANIZERS),
    route("GET", "/api/v1/messages?eventId={id}", hidden(ORGANIZERS), note="draft"),
    route("GET", "/api/v1/subscriptions/{subscription}/deliveries", OWNERS),
    route("POST", "/api/v1/subscriptions/{subscription}/deliveries/{mailing}/retry", OWNERS, good=404),
    route("POST", "/api/v1/subscriptions/{subscription}/test", OWNERS, good=202),
    route("GET", "/api/v1/admin/users", ADMINS),
    route("PATCH", "/api/v1/admin/users/{user}", ADMINS, body={"role": "user"}),
    route("POST", "/api/v1/admin/users/{bystander}/lock", ADMINS),
    route("POST", "/api/v1/admin/users/{bystander}/unlock", ADMINS),
    route("DELETE", "/api/v1/admin/users/{bystander}/sessions", ADMINS, good=204),
    route("GET", "/api/v1/admin/users/{user}/events", ADMINS),
    route("PUT", "/api/v1/events/{id}/owner", ADMINS, body={"email": "nobody@nowhere.example"}, good=422),
    route("GET", "/api/v1/admin/audit", ADMINS),
    route("GET", "/api/v1/admin/audit.csv", ADMINS),
    route("GET", "/api/v1/admin/verify", ADMINS),
    route("GET", "/api/v1/admin/system", ADMINS),
    route("GET", "/api/v1/admin/sending", ADMINS),
    route("POST", "/api/v1/admin/sending/pause", ADMINS),
    route("POST", "/api/v1/admin/sending/resume", ADMINS),
    route("GET", "/api/v1/admin/dead-letters", ADMINS),
    route("POST", "/api/v1/admin/dead-letters/{id}/replay", ADMINS, good=404),
    route("DELETE", "/api/v1/admin/dead-letters/{id}", ADMINS, good=404),
    route("GET", "/.well-known/jwks.json", PUBLIC),
    route("GET", "/.well-known/ticket-keys.json", PUBLIC),
    route("GET", "/openapi.yaml", PUBLIC),
    route("GET", "/asyncapi.yaml", PUBLIC),
]


@pytest.fixture(scope="module")
def cast(world: World, people: People) -> SimpleNamespace:
    """`partner` and `gate` are members of the owner's team with the role `user` in the installation."""
    roles = {"stranger": "user", "holder": "user", "other": "organizer", "gate": "user", "partner": "user",
             "owner": "organizer", "admin": "admin"}
    cast = SimpleNamespace(nobody=None, **{name: people.one(role, name.title()) for name, role in roles.items()})
    world.stack.insert("INSERT INTO event_members (event_id, user_id, role) VALUES (%s, %s, %s)",
                       [(world.event(cast.other)["id"], cast.stranger.id, "checkInStaff")])
    return cast


@pytest.fixture(scope="module")
def scenes(world: World, people: People, cast: SimpleNamespace) -> Callable[[str], dict[str, str]]:
    """Makes the event that a route is tried on: published with the holder's registration, or a draft."""
    def make(note: str) -> dict[str, str]:
        event = world.draft(cast.owner) if note == "draft" else world.event(cast.owner)
        world.stack.insert("INSERT INTO event_members (event_id, user_id, role) VALUES (%s, %s, %s)",
                           [(event["id"], cast.gate.id, "checkInStaff"), (event["id"], cast.partner.id, "coOrganizer")])
        scene = {"id": event["id"], "version": str(event["version"]), "user": cast.stranger.id,
                 "bystander": people.one().id, "mailing": str(uuid4())}
        scene["subscription"] = str(uuid4())
        world.stack.insert("INSERT INTO subscriptions (id, user_id, name, scope, types, delivery, url, status, created_at) "
                           "VALUES (%s, %s, 'Scene', 'own', '{*}', 'webhook', 'https://example.com/', 'paused', now())",
                           [(scene["subscription"], cast.owner.id)])
        if note != "draft":
            scene["registration"] = world.register(cast.holder, event)["id"]
        return scene

    return make


@pytest.fixture(scope="module")
def lasting(world: World, people: People, cast: SimpleNamespace, scenes: Callable[[str], dict[str, str]]) -> dict[str, dict[str, str]]:
    return stage(world, people, cast, scenes)


@pytest.fixture(scope="module")
def lasting_for_keys(
    world: World, people: People, cast: SimpleNamespace, scenes: Callable[[str], dict[str, str]]
) -> dict[str, dict[str, str]]:
    """Another one: the tests by role may have undone the check-in of theirs."""
    return stage(world, people, cast, scenes)


def stage(world: World, people: People, cast: SimpleNamespace, scenes: Callable[[str], dict[str, str]]) -> dict[str, dict[str, str]]:
    """Its ticket is checked in and stays so: the check-in that is tried to be undone is another event's."""
    def checked_in(scene: dict[str, str]) -> tuple[str, str]:
        ticket = world.ticket(cast.holder, {"id": scene["registration"]})
        return ticket["id"], cast.owner.api.post(f"/events/{scene['id']}/check-ins", {"code": ticket["code"]})["checkInId"]

    published = scenes("")
    published["ticket"], _ = checked_in(published)
    _, published["checkIn"] = checked_in(scenes(""))
    published["session"] = people.one().session
    return {"": published, "draft": scenes("draft")}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path} {route.note}".strip())
def test_a_route_lets_in_whom_it_should(
    world: World, cast: SimpleNamespace, scenes: Callable[[str], dict[str, str]], lasting: dict[str, dict[str, str]], route: Route
) -> None:
    wrong = []
    for who in CALLERS:
        scene = scenes(route.note) if route.fresh else lasting[route.note]
        person: Person | None = getattr(cast, who)
        api = Api(world.stack.url, person.token if person else None)
        headers = {name: value.format(**scene) for name, value in route.headers}
        response = api.send(route.method, route.path.format(**scene), json=route.body, headers=headers)
        expected = route.good if route.who[who] == 200 else route.who[who]
        if response.status_code != expected:
            wrong.append(f"{who}: {described(response)}, expected {expected}")
        elif expected >= 400:
            problem(response, expected)
    assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="module")
def keys(cast: SimpleNamespace) -> dict[str, str]:
    """The owner's API keys, one for each scope."""
    scopes = ("events:read", "events:write", "registrations:read", "registrations:write", "check-ins:write", "announcements:write",
              "messages:read", "subscriptions:write")
    return {scope: cast.owner.api.post("/api-keys", {"name": scope, "scopes": [scope]}, status=201)["key"] for scope in scopes}


@pytest.fixture(scope="module")
def security(world: World) -> dict[tuple[str, str], list[dict]]:
    document = yaml.safe_load(world.anyone.send("GET", "/openapi.yaml").text)
    return {(method.upper(), starred(path)): operation.get("security", document.get("security", []))
            for path, item in document["paths"].items() for method, operation in item.items() if method in METHODS}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path} {route.note}".strip())
def test_an_api_key_opens_what_its_scope_names_and_nothing_else(
    world: World, cast: SimpleNamespace, scenes: Callable[[str], dict[str, str]], lasting_for_keys: dict[str, dict[str, str]],
    keys: dict[str, str], security: dict[tuple[str, str], list[dict]], route: Route
) -> None:
    """By the owner's keys: with the scope that the description names they may what the owner may, with any other nothing."""
    ways = security[route.method, starred(route.path)]
    needed = next((way["apiKey"][0] for way in ways if "apiKey" in way), None)
    looks_at_tokens = any("accessToken" in way for way in ways)
    wrong = []
    for scope, key in keys.items():
        has_effect = scope == needed or not looks_at_tokens
        scene = scenes(route.note) if route.fresh and has_effect else lasting_for_keys[route.note]
        headers = {name: value.format(**scene) for name, value in route.headers}
        response = Api(world.stack.url, key).send(route.method, route.path.format(**scene), json=route.body, headers=headers)
        allowed = route.good if route.who["owner"] == 200 else route.who["owner"]
        expected = allowed if has_effect else 403
        if response.status_code != expected:
            wrong.append(f"{scope}: {described(response)}, expected {expected}")
        elif not has_effect:
            assert problem(response, 403, "scope-missing").get("scope") == needed
    assert not wrong, "\n".join(wrong)


def test_the_table_names_every_route_of_the_description(world: World) -> None:
    document = yaml.safe_load(world.anyone.send("GET", "/openapi.yaml").text)
    described_routes = {(method.upper(), path.count("{"), starred(path))
                        for path, item in document["paths"].items() for method in item if method in METHODS}
    tried = {(route.method, route.path.split("?")[0].count("{"), starred(route.path)) for route in ROUTES}
    assert described_routes == tried


METHODS = ("get", "post", "patch", "put", "delete")


def starred(path: str) -> str:
    return re.sub(r"\{\w+\}", "*", path.split("?")[0])


def test_an_organizer_sees_only_their_own_people(world: World, cast: SimpleNamespace, lasting: dict[str, dict[str, str]]) -> None:
    """Names and addresses of attendees are for their organizer; nobody's stand in what is public."""
    event = lasting[""]["id"]
    for path in (f"/events/{event}", "/events?limit=100", f"/events/{event}/announcements"):
        assert cast.holder.email not in world.anyone.send("GET", path).text
        assert cast.owner.email not in world.anyone.send("GET", path).text
    assert cast.holder.email in cast.owner.api.send("GET", f"/events/{event}/registrations").text


def test_a_role_granted_counts_from_the_next_token_on(world: World, people: People, cast: SimpleNamespace) -> None:
    person = people.one()
    cast.admin.api.patch(f"/admin/users/{person.id}", {"role": "organizer"})
    assert person.api.get("/me")["role"] == "organizer"
    token = world.anyone.post("/auth/login", {"email": person.email, "password": PASSWORD})["accessToken"]
    assert Api(world.stack.url, token).send("POST", "/events", json=EVENT_BODY).status_code == 201


def test_a_role_taken_away_is_gone_with_the_next_request(people: People, cast: SimpleNamespace) -> None:
    """The token still says what its bearer was; nobody goes by it."""
    organizer, admin = people.one("organizer"), people.one("admin")
    assert organizer.api.send("POST", "/events", json=EVENT_BODY).status_code == 201
    assert admin.api.send("GET", "/admin/users").status_code == 200
    for person in (organizer, admin):
        cast.admin.api.patch(f"/admin/users/{person.id}", {"role": "user"})
    problem(organizer.api.send("POST", "/events", json=EVENT_BODY), 403, "forbidden")
    problem(admin.api.send("GET", "/admin/users"), 403, "forbidden")


def test_the_last_administrator_stays_one(world: World, people: People) -> None:
    """Everybody else's role is lifted for a moment, in one transaction that other requests don't see: so by SQL."""
    admin = people.one("admin")
    others = [row[0] for row in world.stack.rows("SELECT id FROM users WHERE role = 'admin' AND id <> %s", admin.id)]
    world.stack.rows("UPDATE users SET role = 'organizer' WHERE id = ANY(%s)", others)
    try:
        problem(admin.api.send("PATCH", f"/admin/users/{admin.id}", json={"role": "user"}), 409, "last-admin")
    finally:
        world.stack.rows("UPDATE users SET role = 'admin' WHERE id = ANY(%s)", others)
    assert admin.api.get("/me")["role"] == "admin"
