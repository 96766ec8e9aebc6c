"""The whole way in real browsers: an organizer, an attendee and somebody who only watches, each in a window."""

import re
import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from em import gate
from em.people import PASSWORD, People
from em.stack import Stack
from em.visitor import Visitor
from em.world import World

OpenPage = Callable[[str], Visitor]
phone = pytest.mark.parametrize("screen", ["phone"], indirect=True)


def create_and_publish(organizer: Visitor, title: str, capacity: int) -> str:
    """By the form; answers the event's id."""
    organizer.navigate("Organize")
    organizer.follow("Create event")
    organizer.fill("Title", title)
    organizer.fill("Description", "Bring a lantern.\nTea is there.")
    organizer.fill("Venue", "Old harbour, Kiel")
    organizer.fill("Starts", "2031-05-01T19:30")
    organizer.fill("Ends", "2031-05-01T22:00")
    organizer.page.get_by_label("Time zone", exact=True).select_option("Europe/Berlin")
    organizer.fill("Capacity", str(capacity))
    organizer.look("form")
    organizer.press("Create event")
    organizer.sees("This is a draft.")
    organizer.look("draft")
    organizer.press("Publish")
    organizer.sees_count(f"0 of {capacity} places taken")
    return organizer.page.url.rstrip("/").rpartition("/")[2]


def sign_up(user: Visitor, name: str, email: str) -> None:
    user.open("/")
    user.navigate("Sign up")
    user.fill("Name", name)
    user.fill("Email", email)
    user.fill("Password", PASSWORD)
    user.look("sign-up")
    user.press("Sign up")
    user.page.wait_for_url(lambda url: "/sign-up" not in url)


def find(user: Visitor, title: str) -> None:
    user.navigate("Events")
    user.fill("Search events", title)
    results = user.page.get_by_role("list", name="Events").get_by_role("article")
    expect(results).to_have_count(1)
    user.look("found")
    user.follow(title)
    expect(user.page.get_by_role("heading", level=1)).to_have_text(title)


def register_and_see_the_ticket(user: Visitor, stack: Stack, event: str) -> str:
    """All on one page, without a reload; answers the ticket's code."""
    user.page.evaluate("window.notReloaded = true")
    user.press("Register")
    expect(user.part("registration-state")).to_have_attribute("data-state", "confirmed")
    image = user.part("ticket-qr")
    expect(image).to_be_visible()
    user.sees_picture("ticket-qr")
    assert user.page.evaluate("window.notReloaded") is True
    user.look("ticket")
    code = user.part("ticket-code").inner_text()
    text = stack.value("SELECT qr_text FROM tickets WHERE event_id = %s AND code = %s", event, code)
    assert gate.scan(image.screenshot()) == text
    return code


def check_in(organizer: Visitor, code: str, result: str) -> None:
    organizer.fill("Ticket code", code)
    organizer.press("Check in")
    expect(organizer.part("check-in-result")).to_have_attribute("data-result", result)
    expect(organizer.page.get_by_label("Ticket code", exact=True)).to_have_value("")


def test_the_journey(open_page: OpenPage, world: World, people: People, stack: Stack) -> None:
    host, last_one = people.one("organizer", "Olga Ortega"), people.one(name="Lars Last")
    organizer, user, watcher = open_page("organizer"), open_page("user"), open_page("watcher")
    title, name = f"Lantern walk {uuid.uuid4().hex[:8]}", "Ursula Ünal"
    email = f"{uuid.uuid4().hex}@example.test"

    organizer.sign_in(host.email, PASSWORD)
    event = create_and_publish(organizer, title, capacity=2)
    watcher.open(f"/events/{event}")
    watcher.sees_count("0 of 2 places taken")
    expect(watcher.page.get_by_text("Live", exact=True)).to_be_visible()
    watcher.page.evaluate("window.notReloaded = true")

    sign_up(user, name, email)
    find(user, title)
    code = register_and_see_the_ticket(user, stack, event)
    watcher.sees_count("1 of 2 places taken")
    world.mailbox.wait_for(email, title)

    world.register(last_one, {"id": event})
    watcher.sees_count("2 of 2 places taken")
    watcher.sees("This event is full.")
    watcher.look("full")

    organizer.follow("Attendees")
    row = organizer.page.get_by_role("row").filter(has_text=email)
    expect(row).to_contain_text(name)
    expect(row).to_contain_text(code)
    organizer.look("attendees")
    organizer.follow("Check-in")
    organizer.follow("Open the gate")
    organizer.fill("Gate", "North gate")
    check_in(organizer, code.lower(), "admitted")
    expect(organizer.part("check-in-result")).to_contain_text(name)
    organizer.look("admitted")
    check_in(organizer, code, "duplicate")
    expect(organizer.part("check-in-result")).to_contain_text(re.compile(r"First scan: .*\d.* at North gate"))
    organizer.look("duplicate")
    check_in(organizer, "0000-0000-0000", "unknown")

    # Whoever is inside keeps the place: the check-in is taken back first.
    admitted = next(scan for scan in host.api.get(f"/events/{event}/check-ins")["items"] if scan["result"] == "admitted")
    host.api.post(f"/check-ins/{admitted['id']}/undo", {"reason": "went home"})
    user.press("Cancel registration")
    user.look("really")
    user.press("Yes, cancel registration")
    expect(user.part("registration-state")).to_have_attribute("data-state", "cancelled")
    watcher.sees_count("1 of 2 places taken")
    expect(watcher.page.get_by_role("main").get_by_role("link", name="Sign in to register")).to_be_visible()
    assert watcher.page.evaluate("window.notReloaded") is True
    check_in(organizer, code, "revoked")
    world.mailbox.wait_for(email, f"cancelled: {title}")

    organizer.open(f"/organizer/events/{event}/announcements")
    organizer.fill("Title", "The fog is lifting")
    organizer.fill("Text", "We start on time.")
    organizer.press("Post announcement")
    watcher.sees("The fog is lifting")
    organizer.look("announced")
    watcher.look("announced")


def test_the_ticket_is_there_on_every_page_that_shows_it(open_page: OpenPage, world: World, people: People, stack: Stack) -> None:
    """My tickets, the ticket's own page and the notifications; and after a reload one is still signed in."""
    event, person = world.event(people.one("organizer")), people.one()
    ticket = world.ticket(person, world.register(person, event))
    world.mailbox.wait_for(person.email, event["title"])
    user = open_page("user")
    user.sign_in(person.email, PASSWORD)
    user.navigate("My tickets")
    user.look("my-tickets")
    user.follow(f"Show ticket for {event['title']}")
    expect(user.part("ticket-code")).to_have_text(ticket["code"])
    user.page.reload()
    expect(user.part("ticket-code")).to_have_text(ticket["code"])
    user.sees_picture("ticket-qr")
    user.look("ticket-page")
    path = user.pictures / f"{user.name}-{user.taken:02}-ticket-page.png"
    assert gate.scan(path.read_bytes()) == ticket["qrText"]
    user.navigate("Notifications")
    user.sees(event["title"])
    user.look("notifications")
    user.open_menu()
    user.press("Sign out")
    expect(user.page.get_by_role("button", name="Sign out")).to_have_count(0)
    user.page.reload()
    user.navigate("Sign in")
    expect(user.page.get_by_role("heading", level=1)).to_have_text("Sign in")


@phone
def test_a_form_says_what_is_wrong(open_page: OpenPage, people: People) -> None:
    organizer = open_page("organizer")
    organizer.sign_in(people.one("organizer").email, PASSWORD)
    organizer.open("/organizer/new")
    organizer.press("Create event")
    organizer.sees("Give the event a title.")
    expect(organizer.page.get_by_label("Title", exact=True)).to_be_focused()
    organizer.fill("Title", "Backwards")
    organizer.fill("Starts", "2031-05-02T10:00")
    organizer.fill("Ends", "2031-05-01T10:00")
    organizer.fill("Capacity", "5")
    organizer.press("Create event")
    organizer.sees("It must end after it starts.")
    organizer.look("wrong")


def test_an_event_is_edited_and_called_off(open_page: OpenPage, world: World, people: People) -> None:
    host, guest = people.one("organizer"), people.one()
    event = world.event(host)
    world.register(guest, event)
    organizer, watcher = open_page("organizer"), open_page("watcher")
    watcher.open(f"/events/{event['id']}")
    watcher.sees_count("1 of 10 places taken")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}/edit")
    organizer.fill("Venue", "The lighthouse")
    organizer.press("Save changes")
    organizer.sees("Saved.")
    watcher.sees("The lighthouse")
    organizer.follow("Overview")
    organizer.press("Cancel event")
    organizer.sees("1 person will be told by email.")
    organizer.look("really")
    organizer.press("Yes, cancel event")
    watcher.sees("This event was cancelled.")
    organizer.look("called-off")
    watcher.look("called-off")


def test_an_administrator_grants_a_role(open_page: OpenPage, people: People, stack: Stack) -> None:
    admin, person = people.one("admin"), people.one(name="Rosa Rising")
    visitor = open_page("admin")
    visitor.sign_in(admin.email, PASSWORD)
    visitor.navigate("Users")
    visitor.fill("Search users", person.email)
    row = visitor.page.get_by_role("row").filter(has_text=person.email)
    expect(row).to_be_visible()
    expect(visitor.page.get_by_role("row")).to_have_count(2)
    row.get_by_role("combobox").select_option("organizer")
    visitor.sees("Rosa Rising is now organizer.")
    visitor.look("granted")
    assert stack.value("SELECT role FROM users WHERE id = %s", person.id) == "organizer"


@phone
def test_what_is_not_there_is_said(open_page: OpenPage) -> None:
    visitor = open_page("stranger")
    visitor.foresee("/nothing/here")  # answered with 404, which Chromium reports
    answer = visitor.page.goto("/nothing/here")
    assert answer and answer.status == 404
    expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
    visitor.look("nothing")
    visitor.open("/organizer")
    visitor.look("organizer-only")
    expect(visitor.page.get_by_role("main")).to_contain_text(re.compile("sign in", re.IGNORECASE))
