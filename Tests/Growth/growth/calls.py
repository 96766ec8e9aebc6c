"""Every route of api-service/openapi.yaml, as the people of the product call it: first and deep pages, sorts, filters, searches."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pika
import requests
import yaml

from growth.scene import PASSWORD, Actor, Scene, cursor, link_token, timestamp

ROOT = Path(__file__).resolve().parents[3]
COOKIE = "__Host-em_refresh"


@dataclass(frozen=True)
class Request:
    path: str
    actor: Actor | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One way of calling a route. `make` is asked before each call, outside of what is measured: it may prepare rows."""

    operation: str  # "GET /api/v1/events/{id}"
    variant: str
    make: Callable[[int], Request]

    @property
    def name(self) -> str:
        return self.operation.replace("/api/v1", "") + (f" ({self.variant})" if self.variant else "")


def operations() -> list[str]:
    document = yaml.safe_load((ROOT / "api-service/openapi.yaml").read_text())
    return [f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods
            if method in ("get", "post", "put", "patch", "delete")]


class Calls:
    """The table. Rooms as everywhere: accounts, events, registrations, tickets, check-in, notifications, integrations, operations;
    last what tells everybody at an event something."""

    def __init__(self, scene: Scene):
        self.scene, self.table, self.run = scene, [], uuid.uuid4().hex[:8]
        self.accounts()
        self.own()
        self.events()
        self.registrations()
        self.tickets()
        self.check_in()
        self.team()
        self.notifications()
        self.integrations()
        self.operations()
        self.masses()

    def add(self, operation: str, make: Callable[[int], Request], variant: str = "") -> None:
        method, path = operation.split()
        prefix = "" if path.startswith(("/.well-known", "/openapi", "/asyncapi")) else "/api/v1"
        self.table.append(Call(f"{method} {prefix}{path}", variant, make))

    def read(self, operation: str, actor: Actor | None, path: str, *variants: tuple[str, str]) -> None:
        """The same path in several ways: (what is special about it, the query)."""
        for variant, query in variants or (("", ""),):
            self.add(operation, lambda _, query=query: Request(path + (f"?{query}" if query else ""), actor), variant)

    # MARK: Accounts

    def link(self, purpose: str, person: Actor, email: str | None = None) -> dict[str, str]:
        token, known = link_token()
        self.scene.rows("INSERT INTO account_links (token_hash, user_id, purpose, email, created_at, expires_at) "
                        "VALUES (%s, %s, %s, %s, now(), now() + interval '50 minutes')", known, person.id, purpose, email)
        return {"token": token}

    def cookie(self, person: Actor) -> dict[str, str]:
        token, known = link_token()
        self.scene.rows("INSERT INTO refresh_tokens (token_hash, session_id) VALUES (%s, %s)", known, person.session)
        return {"X-EM-CSRF": "1", "Cookie": f"{COOKIE}={token}"}

    def accounts(self) -> None:
        scene, run = self.scene, self.run

        def confirm_change(turn: int) -> Request:
            person, email = scene.stranger(), f"confirmed-{turn}-{run}@example.test"
            scene.rows("INSERT INTO email_changes (user_id, old_email, new_email, requested_at) VALUES (%s, %s, %s, now())",
                       person.id, person.email, email)
            return Request("/auth/email-change/confirm", body=self.link("changeEmail", person, email))

        self.add("POST /auth/register", lambda turn: Request("/auth/register", body={
            "email": f"new-{turn}-{run}@example.test", "password": "a long enough one", "displayName": "New Here"}))
        self.add("POST /auth/login", lambda _: Request("/auth/login", body={"email": scene.stranger().email, "password": PASSWORD}))
        self.add("POST /auth/refresh", lambda _: Request("/auth/refresh", headers=self.cookie(scene.stranger())))
        self.add("POST /auth/logout", lambda _: Request("/auth/logout", headers=self.cookie(scene.stranger())))
        self.add("POST /auth/sign-in-link", lambda _: Request("/auth/sign-in-link", body=self.link("signIn", scene.stranger())))
        self.add("POST /auth/reauthenticate", lambda _: Request("/auth/reauthenticate", scene.stranger(), {"password": PASSWORD}))
        self.add("POST /auth/verify-email", lambda _: Request("/auth/verify-email", body=self.link("verifyEmail", scene.stranger())))
        self.add("POST /auth/verify-email/resend",
                 lambda _: Request("/auth/verify-email/resend", body={"email": scene.stranger().email}))
        self.add("POST /auth/password-reset", lambda _: Request("/auth/password-reset", body={"email": scene.stranger().email}))
        self.add("POST /auth/password-reset/confirm", lambda _: Request("/auth/password-reset/confirm", body={
            **self.link("resetPassword", scene.stranger()), "password": "another long one"}))
        self.add("POST /auth/email-change/confirm", confirm_change)

    def own(self) -> None:
        scene, run, faithful = self.scene, self.run, self.scene.faithful
        self.read("GET /me", faithful, "/me")
        self.add("PATCH /me", lambda turn: Request("/me", scene.visitor(), {"displayName": f"Renamed {turn}"}))
        self.add("DELETE /me", lambda _: Request("/me", scene.visitor(), {"password": PASSWORD}))
        self.add("POST /me/password", lambda _: Request("/me/password", scene.visitor(), {
            "currentPassword": PASSWORD, "newPassword": "an even longer one"}))
        self.add("POST /me/email", lambda turn: Request("/me/email", scene.visitor(), {
            "email": f"changed-{turn}-{run}@example.test", "password": PASSWORD}))
        self.read("GET /me/export", faithful, "/me/export")
        deep = scene.deep("sessions", "sessions WHERE user_id = %s AND revoked_at IS NULL", faithful.id, descending=True)
        self.read("GET /me/sessions", faithful, "/me/sessions", ("", ""), ("deep page", f"cursor={deep}"))
        self.add("DELETE /me/sessions", lambda _: Request("/me/sessions", scene.visitor()))

        def end_session(_: int) -> Request:
            person = scene.visitor()
            return Request(f"/me/sessions/{scene.value('SELECT id FROM sessions WHERE user_id = %s LIMIT 1', person.id)}", person)

        self.add("DELETE /me/sessions/{id}", end_session)
        deep = scene.deep("ownRegistrations", "registrations WHERE user_id = %s", faithful.id, descending=True)
        event = scene.value("SELECT event_id FROM registrations WHERE user_id = %s LIMIT 1", faithful.id)
        self.read("GET /me/registrations", faithful, "/me/registrations", ("", ""), ("deep page", f"cursor={deep}"),
                  ("of an event", f"eventId={event}"))
        deep = scene.deep("notifications", "notifications WHERE user_id = %s", faithful.id, descending=True)
        self.read("GET /me/notifications", faithful, "/me/notifications", ("", ""), ("deep page", f"cursor={deep}"),
                  ("unread", "unread=true"))
        self.read("GET /me/notifications/unread", faithful, "/me/notifications/unread")

        def read_one(turn: int) -> Request:
            row = scene.column("SELECT id FROM notifications WHERE user_id = %s ORDER BY id LIMIT 8", faithful.id)[turn]
            return Request(f"/me/notifications/{row}/read", faithful)

        self.add("POST /me/notifications/{id}/read", read_one)
        self.add("POST /me/notifications/read", lambda _: Request("/me/notifications/read", scene.visitor(), {}))
        self.read("GET /me/preferences", faithful, "/me/preferences")
        self.add("PATCH /me/preferences", lambda turn: Request("/me/preferences", faithful, {
            "topics": [{"topic": "announcements", "mail": turn % 2 == 0}]}))

        def unsubscribe() -> str:
            token, known = link_token()
            scene.rows("INSERT INTO unsubscribe_links (token_hash, user_id, topic, created_at) VALUES (%s, %s, 'reminders', now())",
                       known, scene.stranger().id)
            return token

        self.add("GET /unsubscribe", lambda _: Request(f"/unsubscribe?token={unsubscribe()}"))
        self.add("POST /unsubscribe", lambda _: Request("/unsubscribe", body={"token": unsubscribe(), "mail": False}))

    # MARK: Events

    def events(self) -> None:
        scene, host, admin = self.scene, self.scene.host, self.scene.admin
        public = scene.deep("publishedEvents", "events WHERE status = 'published' AND ends_at > now()", at="starts_at")
        mine = scene.deep("ownEvents", "events WHERE owner_id = %s", host.id, at="starts_at", descending=True)
        every = scene.deep("ownEvents", "events", at="starts_at", descending=True)
        soon, later = timestamp(60), timestamp(62)
        # Public answers are kept for a second: another number of rows is another answer.
        for variant, query in (("", ""), ("deep page", f"&cursor={public}"), ("common word", "&query=concert"),
                               ("rare word", "&query=zzyzx"), ("two days", f"&from={soon}&to={later}")):
            self.add("GET /events", lambda turn, query=query: Request(f"/events?limit={20 + turn}{query}"), variant)
        self.read("GET /events", host, "/events", ("mine", "mine=true"), ("mine, deep page", f"mine=true&cursor={mine}"),
                  ("mine, rare word", "mine=true&query=zzyzx"))
        self.read("GET /events", admin, "/events", ("all", "all=true"), ("all, deep page", f"all=true&cursor={every}"),
                  ("all, rare word", "all=true&query=zzyzx"), ("all, two days", f"all=true&from={soon}&to={later}"))
        several = scene.column("SELECT id FROM events WHERE status = 'published' ORDER BY id DESC LIMIT 8")
        self.add("GET /events/{id}", lambda turn: Request(f"/events/{several[turn % len(several)]}"))
        self.read("GET /events/{id}", host, f"/events/{scene.probe['open']}", ("by its host", ""))
        self.add("GET /events/{id}.html", lambda turn: Request(f"/events/{several[turn % len(several)]}.html"))
        self.add("POST /events", lambda turn: Request("/events", host, self.draft(turn), {"Idempotency-Key": str(uuid.uuid4())}))

        def draft(_: int) -> Request:
            event = scene.value(
                "INSERT INTO events (id, owner_id, title, description, venue, starts_at, ends_at, time_zone) VALUES (gen_random_uuid(), "
                "%s, 'A draft', '', '', now() + interval '30 days', now() + interval '31 days', 'Europe/Berlin') RETURNING id", host.id)
            scene.rows("INSERT INTO event_places (event_id, capacity) VALUES (%s, 10)", event)
            scene.rows("INSERT INTO event_members (event_id, user_id, role) VALUES (%s, %s, 'owner')", event, host.id)
            return Request(f"/events/{event}/publish", host)

        self.add("POST /events/{id}/publish", draft)
        # Nobody is told of another description.
        self.add("PATCH /events/{id}", lambda turn: self.edit(scene.probe["open"], {"description": f"Words {turn}"}), "description")

        def more_places(_: int) -> Request:
            line = scene.probe["line"]
            capacity = scene.value("SELECT capacity FROM event_places WHERE event_id = %s", line)
            return self.edit(line, {"capacity": capacity + 2})

        self.add("PATCH /events/{id}", more_places, "two places more for a line")

    def draft(self, turn: int) -> dict[str, Any]:
        return {"title": f"Made by the growth test {turn}", "description": "Words.", "venue": "Hall 1", "startsAt": timestamp(32),
                "endsAt": timestamp(32.1), "timeZone": "Europe/Berlin", "capacity": 10, "waitlistEnabled": False}

    def edit(self, event: str, changes: dict[str, Any]) -> Request:
        version = self.scene.value("SELECT version FROM events WHERE id = %s", event)
        return Request(f"/events/{event}", self.scene.host, changes, {"If-Match": f'"{version}"'})

    # MARK: Registrations

    def of_event(self, name: str, status: str, most: int = 60) -> list[tuple[str, str]]:
        """Registrations of a probe event and whose they are."""
        return [(str(row), str(user)) for row, user in self.scene.rows(
            "SELECT id, user_id FROM registrations WHERE event_id = %s AND status = %s ORDER BY created_at LIMIT %s",
            self.scene.probe[name], status, most)]

    def registrations(self) -> None:
        scene, host = self.scene, self.scene.host
        opened, line = scene.probe["open"], scene.probe["line"]
        for name, event in (("", opened), ("into a line", line)):
            self.add("POST /events/{id}/registrations", lambda _, event=event: Request(
                f"/events/{event}/registrations", scene.stranger(), headers={"Idempotency-Key": str(uuid.uuid4())}), name)
        forward = scene.deep("attendees", "registrations WHERE event_id = %s", opened)
        backward = scene.deep("attendees", "registrations WHERE event_id = %s", opened, descending=True)
        named = scene.rows(
            "SELECT r.created_at, r.id FROM registrations r JOIN users u ON u.id = r.user_id WHERE r.event_id = %s "
            'ORDER BY u.display_name COLLATE "und-x-icu", r.id OFFSET %s LIMIT 1',
            opened, scene.value("SELECT count(*) * 9 / 10 FROM registrations WHERE event_id = %s", opened))[0]
        code = scene.value("SELECT code FROM tickets WHERE event_id = %s AND status = 'valid' LIMIT 1", opened)
        self.read(
            "GET /events/{id}/registrations", host, f"/events/{opened}/registrations", ("", ""), ("deep page", f"cursor={forward}"),
            ("newest", "sort=newest"), ("newest, deep page", f"sort=newest&cursor={backward}"), ("by name", "sort=name"),
            ("by name, deep page", f"sort=name&cursor={cursor('attendees', *named)}"), ("cancelled", "status=cancelled"),
            ("common word", "query=ada"), ("rare word", "query=zzyzx"), ("ticket code", f"query={code}"),
            ("rare word, by name", "query=zzyzx&sort=name"))
        self.read("GET /events/{id}/registrations", host, f"/events/{line}/registrations", ("with a line", ""),
                  ("the line", "status=waitlisted"), ("the line by name", "status=waitlisted&sort=name"))
        self.add("POST /events/{id}/registrations/add", lambda _: Request(
            f"/events/{opened}/registrations/add", host, {"email": scene.stranger().email}, {"Idempotency-Key": str(uuid.uuid4())}))
        confirmed, ahead, waiting = self.of_event("open", "confirmed"), self.of_event("line", "confirmed"), self.of_event("line", "waitlisted")
        self.add("DELETE /events/{id}/registrations/{registrationId}", lambda turn: Request(
            f"/events/{opened}/registrations/{confirmed[turn][0]}", host, {"reason": "asked for it"}))
        self.read("GET /events/{id}/registrations.csv", host, f"/events/{scene.probe['past']}/registrations.csv")
        for name, people in (("", confirmed[8:]), ("first of a line", waiting), ("in a line", waiting[30:])):
            self.add("GET /registrations/{id}", lambda turn, people=people: Request(
                f"/registrations/{people[turn % len(people)][0]}", host), name)
        for part in ("notifications", "timeline"):
            self.add(f"GET /registrations/{{id}}/{part}",
                     lambda turn, part=part: Request(f"/registrations/{confirmed[8 + turn][0]}/{part}", host))
        self.add("POST /registrations/{id}/resend", lambda turn: Request(f"/registrations/{confirmed[16 + turn][0]}/resend", host))
        for name, people in (("", confirmed[24:]), ("with promotion", ahead), ("of a line", waiting[40:])):
            self.add("DELETE /registrations/{id}", lambda turn, people=people: Request(
                f"/registrations/{people[turn % len(people)][0]}", scene.actor(people[turn % len(people)][1])), name)

    # MARK: Tickets and check-in

    def tickets(self) -> None:
        scene = self.scene
        held = scene.rows("SELECT id, user_id FROM tickets WHERE event_id = %s AND status = 'valid' ORDER BY issued_at DESC LIMIT 60",
                          scene.probe["open"])

        def own(turn: int, path: str, body: Any = None) -> Request:
            ticket, user = held[turn]
            return Request(path.format(ticket), scene.actor(user), body)

        self.add("GET /tickets/{id}", lambda turn: own(turn, "/tickets/{}"))
        for kind in ("svg", "png", "pdf", "ics"):
            self.add(f"GET /tickets/{{id}}.{kind}", lambda turn, kind=kind: own(turn, f"/tickets/{{}}.{kind}"))
        self.add("POST /tickets/{id}/reissue", lambda turn: Request(f"/tickets/{held[8 + turn][0]}/reissue", scene.host))
        self.add("POST /tickets/{id}/transfer", lambda turn: own(16 + turn, "/tickets/{}/transfer", {"email": scene.stranger().email}))
        self.add("DELETE /tickets/{id}/transfer", lambda turn: own(16 + turn, "/tickets/{}/transfer"))

        def accept(turn: int) -> Request:
            ticket, taker = held[32 + turn][0], scene.stranger()
            token, known = link_token()
            transfer = scene.value(
                "INSERT INTO ticket_transfers (id, ticket_id, registration_id, event_id, from_user_id, recipient_email, created_at, "
                "expires_at) SELECT gen_random_uuid(), id, registration_id, event_id, user_id, %s, now(), now() + interval '1 day' "
                "FROM tickets WHERE id = %s RETURNING id", taker.email, ticket)
            scene.rows("INSERT INTO transfer_links (token_hash, transfer_id, created_at) VALUES (%s, %s, now())", known, transfer)
            return Request("/ticket-transfers/accept", taker, {"token": token})

        self.add("POST /ticket-transfers/accept", accept)

    def check_in(self) -> None:
        scene, host, gate = self.scene, self.scene.host, self.scene.probe["gate"]
        entered = scene.column("SELECT id FROM tickets WHERE event_id = %s AND status = 'valid' ORDER BY id LIMIT 8", gate)

        def changed(turn: int) -> Request:
            scene.rows("UPDATE tickets SET holder_renames = holder_renames + 1 WHERE id = %s", entered[turn])
            return Request(f"/events/{gate}/check-in-manifest", host)

        def since(turn: int) -> Request:
            path = f"/events/{gate}/check-in-manifest?since="
            known = requests.get(f"{scene.stack.url}/api/v1{path}", headers={"Authorization": f"Bearer {host.token}"}, timeout=60)
            changed(turn)
            return Request(path + known.headers["ETag"].removeprefix('W/').strip('"'), host)

        self.add("GET /events/{id}/check-in-manifest", changed, "something has changed")
        self.add("GET /events/{id}/check-in-manifest", since, "what has changed")
        self.read("GET /events/{id}/check-in-manifest", host, f"/events/{gate}/check-in-manifest", ("nothing has changed", ""))
        deep = scene.deep("scans", "scans WHERE event_id = %s", gate, at="received_at", descending=True)
        self.read("GET /events/{id}/check-ins", host, f"/events/{gate}/check-ins", ("", ""), ("deep page", f"cursor={deep}"))
        codes = scene.column("SELECT code FROM tickets t WHERE event_id = %s AND status = 'valid' AND NOT EXISTS ("
                             " SELECT FROM check_ins c WHERE c.ticket_id = t.id) ORDER BY id LIMIT 100", gate)
        self.add("POST /events/{id}/check-ins", lambda turn: Request(
            f"/events/{gate}/check-ins", host, {"code": codes[turn], "gate": "North"}, {"Idempotency-Key": str(uuid.uuid4())}))
        self.add("POST /events/{id}/check-ins/batch", lambda turn: Request(f"/events/{gate}/check-ins/batch", host, {"scans": [
            {"scanId": f"{self.run} {turn} {number}", "device": "Phone", "code": code, "scannedAt": timestamp(0)}
            for number, code in enumerate(codes[10 + turn * 2:12 + turn * 2])]}))
        conflict = "scans WHERE event_id = %s AND is_offline AND let_in AND result <> 'admitted'"
        deep = scene.deep("scanConflicts", conflict, gate, at="received_at", descending=True)
        self.read("GET /events/{id}/check-ins/conflicts", host, f"/events/{gate}/check-ins/conflicts", ("", ""), ("deep page", f"cursor={deep}"))
        admitted = scene.column("SELECT id FROM check_ins WHERE event_id = %s ORDER BY id LIMIT 8", gate)
        self.add("POST /check-ins/{id}/undo", lambda turn: Request(f"/check-ins/{admitted[turn]}/undo", host, {"reason": "the wrong person"}))

    def team(self) -> None:
        scene, host, event = self.scene, self.scene.host, self.scene.probe["open"]
        deep = scene.deep("members", "event_members WHERE event_id = %s", event, row="user_id")
        self.read("GET /events/{id}/members", host, f"/events/{event}/members", ("", ""), ("deep page", f"cursor={deep}"))
        self.add("POST /events/{id}/members", lambda _: Request(
            f"/events/{event}/members", host, {"email": scene.stranger().email, "role": "checkInStaff"}))
        staff = scene.column("SELECT user_id FROM event_members WHERE event_id = %s AND role = 'checkInStaff' LIMIT 8", event)
        self.add("DELETE /events/{id}/members/{userId}", lambda turn: Request(f"/events/{event}/members/{staff[turn % len(staff)]}", host))

    # MARK: Notifications

    def notifications(self) -> None:
        scene, host, event = self.scene, self.scene.host, self.scene.probe["open"]
        deep = scene.deep("announcements", "announcements WHERE event_id = %s", event, at="at", descending=True)
        self.read("GET /events/{id}/announcements", None, f"/events/{event}/announcements", ("", ""), ("deep page", f"cursor={deep}"))
        self.add("POST /events/{id}/announcements", lambda turn: Request(f"/events/{event}/announcements", host, {
            "title": f"Later {turn}", "body": "Words.", "sendAt": timestamp(20)}), "scheduled")

        def scheduled(_: int) -> Request:
            row = scene.value("SELECT id FROM announcements WHERE event_id = %s AND status = 'scheduled' LIMIT 1", event)
            return Request(f"/events/{event}/announcements/{row}", host)

        self.add("DELETE /events/{id}/announcements/{announcementId}", scheduled)
        for audience in ("all", "confirmed", "checkedIn"):
            self.add("POST /events/{id}/announcements/preview", lambda _, audience=audience: Request(
                f"/events/{event}/announcements/preview", host, {"audience": audience}), f"to {audience}")
        self.read("GET /events/{id}/mail-settings", host, f"/events/{event}/mail-settings")
        self.add("PUT /events/{id}/mail-settings", lambda turn: Request(f"/events/{event}/mail-settings", host, {
            "paragraph": f"Bring a coat, or {turn}.", "colour": "#0b6e5f", "reminders": ["P7D"]}))
        self.add("POST /events/{id}/mail-previews", lambda _: Request(f"/events/{event}/mail-previews", host, {"kind": "event.reminder"}))

        def preview(_: int) -> Request:
            row = scene.value("INSERT INTO mail_previews (id, event_id, created_at, kind, language, paragraph, subject, plain_text, html) VALUES "
                              "(gen_random_uuid(), %s, now(), 'event.reminder', 'en', '', 'Soon', 'Soon.', '<p>Soon.</p>') RETURNING id", event)
            return Request(f"/mail-previews/{row}.html")

        self.add("GET /mail-previews/{id}.html", preview)
        self.read("GET /events/{id}/delivery", host, f"/events/{event}/delivery")
        deep = scene.deep("mailings", "mailings WHERE event_id = %s", event, at="at", descending=True)
        self.read("GET /events/{id}/mailings", host, f"/events/{event}/mailings", ("", ""), ("deep page", f"cursor={deep}"))
        past = scene.probe["past"]
        mailing = scene.value("SELECT id FROM mailings WHERE event_id = %s AND kind = 'event.reminder'", past)
        self.read("GET /events/{id}/mailings/{mailingId}", host, f"/events/{past}/mailings/{mailing}")
        self.read("GET /events/{id}/stats", host, f"/events/{past}/stats")

    # MARK: Integrations

    def integrations(self) -> None:
        scene, host, program = self.scene, self.scene.host, self.scene.integrator
        deep = scene.deep("apiKeys", "api_keys WHERE user_id = %s", host.id, descending=True)
        self.read("GET /api-keys", host, "/api-keys", ("", ""), ("deep page", f"cursor={deep}"))
        self.add("POST /api-keys", lambda turn: Request("/api-keys", program, {"name": f"Key {turn}", "scopes": ["events:read"]}))

        def revoke(_: int) -> Request:
            row = scene.value("SELECT id FROM api_keys WHERE user_id = %s AND revoked_at IS NULL LIMIT 1", host.id)
            return Request(f"/api-keys/{row}", host)

        self.add("DELETE /api-keys/{id}", revoke)
        webhook, delivery = scene.probe["webhook"], "webhook_deliveries WHERE subscription_id = %s"
        self.read("GET /subscriptions", program, "/subscriptions")
        self.add("POST /subscriptions", lambda turn: Request("/subscriptions", program, {
            "name": f"Queue {turn}", "scope": "own", "types": ["em.registration.*"], "delivery": "queue"}))

        def queue(path: str = "") -> str:
            return self.queue_of(program, path)

        self.add("GET /subscriptions/{id}", lambda _: Request(queue(), program))
        self.add("PATCH /subscriptions/{id}", lambda turn: Request(queue(), program, {"name": f"Renamed {turn}"}))
        self.add("POST /subscriptions/{id}/credentials", lambda _: Request(queue("/credentials"), program))
        event, last = scene.rows("SELECT event_id, last FROM outbox_sequences WHERE event_id = %s", scene.probe["open"])[0]
        self.add("POST /subscriptions/{id}/replay", lambda _: Request(
            self.queue_of(host, "/replay"), host, {"eventId": str(event), "after": str(last // 2), "limit": 20}))
        self.add("DELETE /subscriptions/{id}", lambda _: Request(queue(), program))
        self.read("GET /messages", host, "/messages", ("", f"eventId={event}&limit=50"), ("deep page", f"eventId={event}&limit=50&after={last * 9 // 10}"))
        deep = scene.deep("webhookDeliveries", delivery, webhook, descending=True)
        self.read("GET /subscriptions/{id}/deliveries", program, f"/subscriptions/{webhook}/deliveries", ("", ""), ("deep page", f"cursor={deep}"),
                  ("failed", "status=failed"), ("queued", "status=queued"))
        failed = scene.column(f"SELECT id FROM {delivery} AND status = 'failed' ORDER BY id LIMIT 8", webhook)
        self.add("POST /subscriptions/{id}/deliveries/{deliveryId}/retry", lambda turn: Request(
            f"/subscriptions/{webhook}/deliveries/{failed[turn % len(failed)]}/retry", program))
        self.add("POST /subscriptions/{id}/test", lambda _: Request(f"/subscriptions/{webhook}/test", program))

    def queue_of(self, person: Actor, path: str) -> str:
        """Somebody's subscription by a queue; made when there is none."""
        scene = self.scene
        found = scene.column("SELECT id FROM subscriptions WHERE user_id = %s AND delivery = 'queue' AND ended_at IS NULL LIMIT 1", person.id)
        if not found:
            found = scene.column(
                "INSERT INTO subscriptions (id, user_id, name, scope, types, delivery, created_at) VALUES (gen_random_uuid(), %s, 'Queue', "
                "'own', '{em.event.published}', 'queue', now()) RETURNING id", person.id)
        return f"/subscriptions/{found[0]}{path}"

    # MARK: Operations

    def operations(self) -> None:
        scene, admin = self.scene, self.scene.admin
        deep = scene.deep("users", "users WHERE deleted_at IS NULL")
        newest = scene.deep("users", "users WHERE deleted_at IS NULL", descending=True)
        self.read("GET /admin/users", admin, "/admin/users", ("", ""), ("deep page", f"cursor={deep}"), ("other end", f"cursor={newest}"),
                  ("common word", "query=ada"), ("rare word", "query=zzyzx"), ("an address", f"query={scene.faithful.email}"))
        self.add("PATCH /admin/users/{id}", lambda _: Request(f"/admin/users/{scene.visitor().id}", admin, {"role": "organizer"}))
        locked = [scene.visitor().id for _ in range(8)]
        for what in ("lock", "unlock"):
            self.add(f"POST /admin/users/{{id}}/{what}", lambda turn, what=what: Request(f"/admin/users/{locked[turn]}/{what}", admin))
        self.add("DELETE /admin/users/{id}/sessions", lambda _: Request(f"/admin/users/{scene.visitor().id}/sessions", admin))
        deep = scene.deep("ownedEvents", "events WHERE owner_id = %s", scene.host.id, at="starts_at", descending=True)
        self.read("GET /admin/users/{id}/events", admin, f"/admin/users/{scene.host.id}/events", ("", ""), ("deep page", f"cursor={deep}"))
        organizers = scene.column("SELECT email FROM users WHERE role = 'organizer' AND email_verified_at IS NOT NULL LIMIT 9")
        handed = scene.column("SELECT id FROM events WHERE owner_id = %s AND title LIKE 'Made by%%' LIMIT 8", scene.host.id)

        def hand_over(turn: int) -> Request:
            events = handed or scene.column("SELECT id FROM events WHERE title LIKE 'Made by%%' ORDER BY id DESC LIMIT 8")
            return Request(f"/events/{events[turn % len(events)]}/owner", admin, {"email": organizers[turn % len(organizers)]})

        self.add("PUT /events/{id}/owner", hand_over)
        deep, event = scene.deep("audit", "audit", at="at", row="id", descending=True), scene.probe["open"]
        subject = scene.value("SELECT subject_id FROM audit WHERE subject_id IS NOT NULL ORDER BY id DESC LIMIT 1")
        self.read("GET /admin/audit", admin, "/admin/audit", ("", ""), ("deep page", f"cursor={deep}"), ("actor", "actor=ada"),
                  ("nobody", "actor=zzyzx"), ("family of actions", "action=event"), ("rare action", "action=account.deleted"),
                  ("an event", f"eventId={event}"), ("a subject", f"subjectId={subject}"),
                  ("two days", f"from={timestamp(-12)}&to={timestamp(-10)}"))
        self.read("GET /admin/audit.csv", admin, "/admin/audit.csv", ("an event", f"eventId={event}"))
        self.add("GET /admin/verify", self.verified)
        self.read("GET /admin/system", admin, "/admin/system")
        self.read("GET /admin/sending", admin, "/admin/sending")
        self.read("POST /admin/sending/resume", admin, "/admin/sending/resume")
        self.read("GET /admin/dead-letters", admin, "/admin/dead-letters")
        self.add("POST /admin/dead-letters/{id}/replay", lambda _: Request(f"/admin/dead-letters/{self.dead_letter()}/replay", admin))
        self.add("DELETE /admin/dead-letters/{id}", lambda _: Request(f"/admin/dead-letters/{self.dead_letter()}", admin))
        for path in ("/.well-known/jwks.json", "/.well-known/ticket-keys.json", "/openapi.yaml", "/asyncapi.yaml"):
            self.read(f"GET {path}", None, path)

    def verified(self, turn: int) -> Request:
        """Of a large site, the first check takes longer than a call waits for it."""
        request = Request("/admin/verify", self.scene.admin)
        deadline = time.monotonic() + 120
        while turn == 0 and time.monotonic() < deadline:
            answer = requests.get(f"{self.scene.stack.url}/api/v1{request.path}", timeout=30,
                                  headers={"Authorization": f"Bearer {self.scene.admin.token}"})
            if answer.ok:
                break
        return request

    def dead_letter(self) -> str:
        """Parks a message that no worker understands and answers what the product calls it."""
        message = str(uuid.uuid4())
        with pika.BlockingConnection(pika.URLParameters(self.scene.stack.address["EM_AMQP_URL"])) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.basic_publish("em.dead", "ticket-worker.issue", b"{}", mandatory=True, properties=pika.BasicProperties(
                message_id=message, delivery_mode=2, content_type="application/cloudevents+json",
                headers={"em-attempt": 5, "em-reason": "handler-failed", "em-last-failure": "handler-failed"}))
        listed = requests.get(f"{self.scene.stack.url}/api/v1/admin/dead-letters?limit=100", timeout=30,
                              headers={"Authorization": f"Bearer {self.scene.admin.token}"}).json()["items"]
        return next(letter["id"] for letter in listed if letter["messageId"] == message)

    # MARK: Everybody at an event

    def masses(self) -> None:
        """Sending is paused from here on: what is measured is the planning; the mails wait, as they do behind a slow server."""
        scene, host = self.scene, self.scene.host
        self.read("POST /admin/sending/pause", scene.admin, "/admin/sending/pause")
        doomed = [scene.probe[f"doomed {number}"] for number in range(1, 9)]
        self.add("POST /events/{id}/announcements", lambda turn: Request(
            f"/events/{doomed[turn]}/announcements", host, {"title": "Doors open at six", "body": "Come early."},
            {"Idempotency-Key": str(uuid.uuid4())}), "to everybody")
        self.add("PATCH /events/{id}", lambda turn: self.edit(doomed[turn], {"venue": f"Hall {turn + 2}"}), "venue, everybody is told")

        def whole_line(turn: int) -> Request:
            capacity, waiting = scene.rows("SELECT capacity, waitlisted FROM event_places WHERE event_id = %s", doomed[turn])[0]
            return self.edit(doomed[turn], {"capacity": capacity + waiting})

        self.add("PATCH /events/{id}", whole_line, "places for a whole line")
        self.add("POST /events/{id}/cancel", lambda turn: Request(f"/events/{doomed[turn]}/cancel", host))
