"""What somebody sees who is sent a link to an event: the head of its page, filled in by the server."""

import re
from html import unescape
from urllib.request import urlopen

from em.api import problem
from em.people import People
from em.stack import Stack
from em.world import World

NASTY = """"Rock" & <b>roll</b> <!--# include virtual="/api/v1/me" --> 'til \\ late"""


def head(stack: Stack, event: str) -> dict[str, str]:
    """The page's title and its meta elements by name, as a browser reads them."""
    with urlopen(f"{stack.url}/events/{event}", timeout=20) as answer:
        page = answer.read().decode()
        assert "no-cache" in answer.headers["Cache-Control"]
    assert page.count("<title>") == 1 and "<script type=\"module\"" in page
    assert "<b>" not in page
    found = {name: unescape(content) for name, content in re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">', page)}
    return found | {"title": unescape(re.search("<title>(.*?)</title>", page)[1])}


def test_a_link_to_an_event_says_what_when_and_where(stack: Stack, world: World, people: People) -> None:
    host = people.one("organizer")
    event = world.event(host, title=NASTY, venue="Hall \"7\"", description="First line.\n\nSecond <line>. " + "long " * 100,
                        startsAt="2031-07-01T17:30:00Z", endsAt="2031-07-01T20:00:00Z", timeZone="Asia/Tokyo")
    seen = head(stack, event["id"])
    assert seen["title"] == f"{NASTY} · EM-Connect"
    assert seen["og:title"] == NASTY
    assert seen["og:url"] == f"{stack.url}/events/{event['id']}"
    assert seen["og:description"].startswith("Wed, 2 Jul 2031, 02:30 · Hall \"7\" · First line. Second <line>. long long")
    assert len(seen["og:description"]) < 260 and seen["og:description"].endswith("…")
    assert seen["description"] == seen["og:description"]
    with urlopen(seen["og:image"], timeout=20) as picture:
        assert picture.headers["Content-Type"] == "image/png"


def test_a_link_to_nothing_that_is_public_says_nothing(stack: Stack, world: World, people: People) -> None:
    draft = world.draft(people.one("organizer"), title="Not yet said")
    for event in (draft["id"], "00000000-0000-7000-8000-000000000000"):
        seen = head(stack, event)
        assert seen["title"] == "EM-Connect" and "og:title" not in seen
        assert seen["description"] == "Find events, take a place, carry your ticket."


def test_attendees_are_listed_in_the_order_asked_for(world: World, people: People) -> None:
    host = people.one("organizer")
    event = world.event(host)
    for name in ("bea Second", "Ada First", "Zoe Last", "ada Again"):
        world.register(people.one(name=name), event)

    def names(sort: str) -> list[str]:
        """Page by page, so that every place where a page ends is tried."""
        found, cursor = [], ""
        while True:
            page = host.api.get(f"/events/{event['id']}/registrations?limit=1&sort={sort}&cursor={cursor}")
            found += [item["attendee"]["displayName"] for item in page["items"]]
            if page["nextCursor"] is None:
                return found
            cursor = page["nextCursor"]

    assert names("registered") == ["bea Second", "Ada First", "Zoe Last", "ada Again"]
    assert names("newest") == ["ada Again", "Zoe Last", "Ada First", "bea Second"]
    assert names("name") == ["ada Again", "Ada First", "bea Second", "Zoe Last"]
    assert names("") == names("registered")
    problem(host.api.send("GET", f"/events/{event['id']}/registrations?sort=height"), 422, "validation-failed")
