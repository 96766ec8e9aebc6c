"""The three main jobs without a mouse, on a laptop and in the width of a phone: taking a place, creating an event, checking
somebody in; and a list that has no end."""

import re
import uuid
from collections.abc import Callable

from playwright.sync_api import Locator, Route, expect

from em.people import PASSWORD, People, Person
from em.visitor import Visitor
from em.world import World

OpenPage = Callable[[str], Visitor]


def reach(visitor: Visitor, wanted: Locator, key: str = "Tab") -> None:
    """By the Tab key, from wherever the focus is; what is reached can be seen."""
    expect(wanted).to_be_visible()
    for _ in range(60):
        visitor.page.keyboard.press(key)
        if wanted.evaluate("element => element === document.activeElement"):
            return expect(wanted).to_be_in_viewport()
    raise AssertionError(f"{visitor.name}: {key} never reaches {wanted}")


def write(visitor: Visitor, label: str, text: str) -> None:
    reach(visitor, visitor.page.get_by_label(label, exact=True))
    visitor.page.keyboard.type(text)


def press(visitor: Visitor, name: str) -> None:
    reach(visitor, visitor.page.get_by_role("button", name=name, exact=True))
    visitor.page.keyboard.press("Enter")


def go(visitor: Visitor, name: str) -> None:
    """By the header, which hides behind a button on a phone; back to it from a page that has the focus already."""
    expect(visitor.page.locator("#navigation")).to_be_attached()
    menu = visitor.page.get_by_role("button", name=re.compile("^Menu"))
    key = "Shift+Tab" if visitor.page.evaluate("document.activeElement.closest('main') !== null") else "Tab"
    if menu.is_visible():
        reach(visitor, menu, key)
        visitor.page.keyboard.press("Enter")
        expect(menu).to_have_attribute("aria-expanded", "true")
        key = "Tab"
    follow(visitor, visitor.page.get_by_role("navigation", name="Main").get_by_role("link", name=name, exact=True), key)


def follow(visitor: Visitor, link: Locator, key: str = "Tab") -> None:
    reach(visitor, link, key)
    visitor.page.keyboard.press("Enter")


def sign_in(visitor: Visitor, person: Person) -> None:
    write(visitor, "Email", person.email)
    write(visitor, "Password", PASSWORD)
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_url(lambda url: "/sign-in" not in url)


def test_a_place_is_taken_and_given_back_by_keyboard(open_page: OpenPage, world: World, people: People) -> None:
    event, user = world.event(people.one("organizer")), open_page("user")
    state = user.part("registration-state")
    user.open("/")
    write(user, "Search events", event["title"])
    user.page.keyboard.press("Enter")
    follow(user, user.page.get_by_role("article").get_by_role("link", name=event["title"]))
    follow(user, user.page.get_by_role("link", name="Sign in to register"))
    sign_in(user, people.one())
    press(user, "Register")
    expect(state).to_have_attribute("data-state", "confirmed")
    press(user, "Cancel registration")
    expect(user.page.get_by_role("button", name="Keep my place")).to_be_focused()
    user.page.keyboard.press("Escape")
    expect(user.page.get_by_role("button", name="Cancel registration")).to_be_focused()
    user.page.keyboard.press("Enter")
    press(user, "Yes, cancel registration")
    expect(state).to_have_attribute("data-state", "cancelled")


def test_an_event_is_created_and_a_guest_checked_in_by_keyboard(open_page: OpenPage, world: World, people: People) -> None:
    host, guest, organizer = people.one("organizer"), people.one(name="Gina Guest"), open_page("organizer")
    organizer.open("/")
    go(organizer, "Sign in")
    sign_in(organizer, host)
    go(organizer, "Organize")
    follow(organizer, organizer.page.get_by_role("link", name="Create event"))
    write(organizer, "Title", "Typed with ten fingers")
    for label, time in (("Starts", "0730PM"), ("Ends", "1030PM")):
        write(organizer, label, "05012031")
        organizer.page.keyboard.press("ArrowRight")
        organizer.page.keyboard.type(time)
    write(organizer, "Capacity", "3")
    organizer.page.keyboard.press("Enter")
    organizer.sees("It has a description: not yet, and it may stay so")
    press(organizer, "Publish")
    organizer.sees_count("0 of 3 places taken")

    event = organizer.page.url.rpartition("/")[2]
    ticket = world.ticket(guest, world.register(guest, {"id": event}))
    for name in ("Check-in", "Open the gate"):
        follow(organizer, organizer.page.get_by_role("link", name=name))
    write(organizer, "Ticket code", ticket["code"])
    organizer.page.keyboard.press("Enter")
    expect(organizer.part("check-in-result")).to_have_attribute("data-result", "admitted")
    expect(organizer.page.get_by_label("Ticket code", exact=True)).to_be_focused()
    organizer.page.keyboard.type(ticket["code"])
    organizer.page.keyboard.press("Enter")
    expect(organizer.part("check-in-result")).to_have_attribute("data-result", "duplicate")


def test_a_list_without_an_end_keeps_nobody_from_what_follows_it(open_page: OpenPage, world: World, people: People) -> None:
    """To who scrolls a few pages come by themselves; to a keyboard none, or it would never get past them."""
    event, reader = world.event(people.one("organizer")), open_page("reader")

    def one_more_page(route: Route) -> None:
        route.fulfill(json={"items": [event | {"id": str(uuid.uuid4())} for _ in range(20)], "nextCursor": "more"})

    reader.page.route("**/api/v1/events?**", one_more_page)
    listed = reader.page.get_by_role("list", name="Events").get_by_role("article")
    behind = reader.page.get_by_role("link", name="API and messages")
    reader.open("/")
    expect(listed).to_have_count(20)
    press(reader, "Load more")
    expect(listed).to_have_count(40)
    expect(listed.nth(20).get_by_role("link")).to_be_focused()
    reach(reader, behind)
    expect(listed).to_have_count(40)

    reader.page.reload()
    for count in (20, 40, 60, 80):
        expect(listed).to_have_count(count)
        reader.page.mouse.wheel(0, 20_000)
    expect(behind).to_be_in_viewport()
    expect(listed).to_have_count(80)
