"""Events and registrations, made through the API in as few words as a test needs."""

import uuid
from datetime import datetime, timedelta, timezone

from em.api import Api
from em.mailbox import Mailbox
from em.people import People, Person
from em.stack import Stack
from em.waiting import eventually


def timestamp(days: float) -> str:
    """So many days from now, at a full second, as the API writes times."""
    return (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class World:
    def __init__(self, stack: Stack, people: People, mailbox: Mailbox):
        self.stack, self.people, self.mailbox = stack, people, mailbox
        self.anyone = Api(stack.url)

    def details(self, **changes: object) -> dict:
        """The body of an event nobody else has, as a form would send it."""
        return {"title": f"Event {uuid.uuid4().hex[:12]}", "description": "Made by a test.", "venue": "Hall 1",
                "startsAt": timestamp(2), "endsAt": timestamp(2.1), "timeZone": "Europe/Berlin", "capacity": 10,
                "waitlistEnabled": False, **changes}

    def draft(self, owner: Person, **changes: object) -> dict:
        return owner.api.post("/events", self.details(**changes), status=201)

    def event(self, owner: Person, **changes: object) -> dict:
        """A published one."""
        return owner.api.post(f"/events/{self.draft(owner, **changes)['id']}/publish")

    def register(self, person: Person, event: dict) -> dict:
        return person.api.post(f"/events/{event['id']}/registrations", status=201)

    def ticket(self, person: Person, registration: dict, within: float = 60) -> dict:
        """Waits for the worker."""
        return eventually(lambda: person.api.get(f"/registrations/{registration['id']}")["ticket"],
                          f"a ticket for registration {registration['id']}", within)

    def counts(self, event: dict) -> dict:
        """From the database: what everybody may read can be a second old."""
        names = ("confirmed", "waitlisted", "capacity", "revision")
        row = self.stack.rows("SELECT confirmed, waitlisted, capacity, revision FROM event_places WHERE event_id = %s",
                              event["id"])[0]
        return dict(zip(names, row))
