"""One of everything that a page can show, and where each page is."""

import re
import uuid
from collections.abc import Iterator

from playwright.sync_api import Page, expect

from em.people import PASSWORD, People, Person
from em.stack import Stack
from em.waiting import eventually
from em.world import World, timestamp

ACCOUNT = (("sign-in", "/sign-in"), ("sign-up", "/sign-up"), ("forgot", "/forgot-password"),
           ("reset", "/reset-password#token=t"), ("reset-without-link", "/reset-password"),
           ("accept", "/accept-ticket#token=t"), ("accept-without-link", "/accept-ticket"),
           ("verify", "/verify-email#token=t"), ("verify-without-link", "/verify-email"),
           ("sign-in-link", "/sign-in-link#token=t"), ("sign-in-link-without-link", "/sign-in-link"),
           ("change-email", "/change-email#token=t"), ("unsubscribe", "/unsubscribe#token=t"), ("nothing", "/nothing/here"))
WORDS = """An evening under the old linden trees with the town's orchestra, who play what they like best.

Gates open an hour before. Bring a blanket; there are warm drinks at the kiosk.
• No dogs, please
• Children come in free"""


class Scene:
    """One of everything that a page can show."""

    def __init__(self, world: World, people: People, stack: Stack):
        self.host, self.guest = people.one("organizer", "Olga Ortega"), people.one(name="Ursula Ünal")
        self.admin = people.one("admin", "Ada Admin")
        self.open = world.event(self.host, title="Midsummer concert in the park, with the town’s orchestra and guests",
                                description=WORDS, venue="Linden park, by the old bandstand", capacity=120)
        self.full = world.event(self.host, title="Four seats, one cello", capacity=2, waitlistEnabled=True)
        self.later = world.event(self.host, title="Lantern walk", registrationOpensAt=timestamp(1))
        self.called_off = world.event(self.host, title="Rained off")
        self.draft = world.draft(self.host, title="Not yet said")
        crowd = people.many(5, name="Cara Crowd")
        for person in crowd:
            world.register(person, self.open)
        for person in crowd[:3]:
            world.register(person, self.full)
        mine = world.register(self.guest, self.open)
        world.register(self.guest, self.full)
        world.register(self.guest, self.called_off)
        self.host.api.post(f"/events/{self.called_off['id']}/cancel")
        self.host.api.post(f"/events/{self.open['id']}/announcements",
                           {"title": "The kiosk is open", "body": "Warm drinks and pretzels.\nCash only."}, status=201)
        self.ticket = world.ticket(self.guest, mine)
        stranger = world.ticket(crowd[0], crowd[0].api.get("/me/registrations")["items"][-1])
        for _ in range(2):
            self.host.api.post(f"/events/{self.open['id']}/check-ins", {"code": stranger["code"], "gate": "North gate"})
        self.keys = Programs(self.host, stack)
        world.mailbox.wait_for(self.guest.email, self.open["title"])

    def pages(self) -> Iterator[tuple[Person | None, str, str, str]]:
        """Who looks, the picture's name, the address, and what is there when the page is."""
        event, full = f"/events/{self.open['id']}", f"/events/{self.full['id']}"
        yield None, "events", "/", "place"
        yield None, "events-found", "/?query=Midsummer", "Midsummer concert"
        yield None, "events-none", "/?query=zzzz", "Nothing found"
        yield None, "event", event, "The kiosk is open"
        yield None, "event-full", full, "This event is full."
        yield None, "event-later", f"/events/{self.later['id']}", "Registration opens on"
        yield None, "event-called-off", f"/events/{self.called_off['id']}", "This event was cancelled."
        yield None, "event-missing", "/events/00000000-0000-7000-8000-000000000000", "doesn’t exist"
        for name, address in ACCOUNT:
            yield None, name, address, ""
        yield self.guest, "my-tickets", "/tickets", "Show ticket"
        yield self.guest, "ticket", f"/tickets/{self.ticket['id']}", self.ticket["code"]
        yield self.guest, "account", "/account", "This device"
        yield self.guest, "notifications", "/notifications", "Your place is confirmed"
        yield self.guest, "event-mine", event, self.ticket["code"]
        yield self.guest, "event-in-line", full, "In line at 2"
        yield self.guest, "not-for-me", "/organizer", "Not for this account"
        own = f"/organizer/events/{self.open['id']}"
        yield self.host, "organizer", "/organizer", "Not yet said"
        yield self.host, "organizer-new", "/organizer/new", "Create event"
        yield self.host, "organizer-draft", f"/organizer/events/{self.draft['id']}", "This is a draft."
        yield self.host, "organizer-overview", own, "In figures"
        yield self.host, "organizer-edit", f"{own}/edit", "Save changes"
        yield self.host, "organizer-attendees", f"{own}/attendees", "Ursula Ünal"
        yield self.host, "organizer-check-in", f"{own}/check-in", "Duplicate"
        yield self.host, "organizer-team", f"{own}/team", "Owner"
        yield self.host, "gate", f"/gate/{self.open['id']}", "on this device, as of"
        yield self.host, "gates", "/gate/", "Midsummer concert"
        yield self.host, "organizer-mails", f"{own}/mails", "Reminders"
        yield self.host, "organizer-mail-shown", f"{own}/mails", "Reminders"
        yield self.host, "organizer-announcements", f"{own}/announcements", "The kiosk is open"
        yield self.host, "subscriptions", "/organizer/subscriptions", "Paused"
        for kind, sign in (("queue", "User name"), ("webhook", "Deliveries"), ("paused", "Resume it first")):
            yield self.host, f"subscription-{kind}", f"/organizer/subscriptions/{self.keys.subscriptions[kind]}", sign
        yield self.host, "subscription-edited", f"/organizer/subscriptions/{self.keys.subscriptions['webhook']}", "Deliveries"
        yield self.host, "organizer-notifications", "/notifications", "A subscription gets no more deliveries"
        yield self.host, "api-keys", "/account/api-keys", "Revoked"
        yield self.admin, "admin-users", "/admin/users", "Role"
        yield self.admin, "admin-user-events", f"/admin/users/{self.host.id}/events", "Hand over"
        yield self.admin, "admin-audit", "/admin/audit", "event.published"
        yield self.admin, "admin-system", "/admin/system", "Queues"


class Programs:
    """What an organizer has set up for programs of theirs."""

    def __init__(self, host: Person, stack: Stack):
        host.api.post("/api-keys", {"name": "Badge printer in the foyer", "scopes": ["events:read", "registrations:read"]}, status=201)
        lost = host.api.post("/api-keys", {"name": "Lost on the train", "scopes": ["check-ins:write"]}, status=201)
        host.api.delete(f"/api-keys/{lost['id']}")

        def subscribe(name: str, *types: str, **how: str) -> str:
            return host.api.post("/subscriptions", {"name": name, "scope": "own", "types": types, **how}, status=201)["id"]

        hook = {"delivery": "webhook", "url": "https://nobody.invalid/a/long/way/to/the/hook/of/our/customers"}
        self.subscriptions = {
            "queue": subscribe("Badge printer", "em.registration.*", "em.ticket.issued", delivery="queue"),
            "webhook": subscribe("Customer relations", "em.registration.*", "em.event.*", **hook),
            "paused": subscribe("Door display of last year", "*", **hook)}
        host.api.patch(f"/subscriptions/{self.subscriptions['paused']}", {"status": "paused"})
        tried = self.subscriptions["webhook"]
        host.api.post(f"/subscriptions/{tried}/test", status=202)
        eventually(lambda: host.api.get(f"/subscriptions/{tried}/deliveries")["items"][0]["attempts"], "the first attempt")
        # As if it had been silent for days; and as if somebody had been there.
        stack.rows("INSERT INTO notifications (id, user_id, cause_id, kind, details, status, sent_at) VALUES (gen_random_uuid(), %s, "
                   "gen_random_uuid(), 'subscription.paused', jsonb_build_object('name', 'Door display of last year', 'url', %s::text, "
                   "'isDisabled', false, 'since', '2026-05-01T08:00:00Z'), 'sent', now())", host.id, hook["url"])
        for minutes, state, status, words in ((3, "delivered", 204, None), (50, "failed", 500, "<h1>Out of order</h1>")):
            delivery = str(uuid.uuid4())
            stack.rows("INSERT INTO webhook_deliveries (id, subscription_id, message_id, type, status, attempts, created_at, finished_at) "
                       "VALUES (%s, %s, gen_random_uuid(), 'em.registration.confirmed', %s, 1, now() - make_interval(mins => %s), now())",
                       delivery, tried, state, minutes)
            stack.rows("INSERT INTO webhook_attempts (delivery_id, at, status, duration_ms, excerpt) "
                       "VALUES (%s, now() - make_interval(mins => %s), %s, 38, %s)", delivery, minutes, status, words)


def sign_in(page: Page, person: Person) -> None:
    page.goto("/sign-in")
    page.get_by_label("Email", exact=True).fill(person.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def unfold(page: Page, name: str) -> None:
    """What only shows when somebody asks for it."""
    if name == "organizer-mail-shown":
        page.get_by_role("button", name=re.compile("^(Show the mail|Mail ansehen)$")).click()
        expect(page.frame_locator("iframe").locator("h1, h2").first).to_be_visible()
    if name == "subscription-edited":
        page.get_by_role("button", name=re.compile("^(Edit|Bearbeiten)$")).click()
        expect(page.get_by_role("dialog")).to_be_visible()
    if name == "subscription-webhook":
        for summary in page.locator("main summary").all():
            summary.click()
