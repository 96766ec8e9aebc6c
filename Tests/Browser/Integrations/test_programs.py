"""What people set up for their programs: API keys, and what tells the programs of what happens."""

from collections.abc import Callable

import pika
import pytest
from playwright.sync_api import expect

from em.api import Api
from em.people import PASSWORD, People
from em.stack import Stack
from em.visitor import Visitor
from em.waiting import eventually
from em.world import World

OpenPage = Callable[..., Visitor]


def test_a_key_is_made_shown_once_used_and_revoked(open_page: OpenPage, people: People, stack: Stack) -> None:
    owner, person = open_page("owner"), people.one("organizer")
    page = owner.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    owner.sign_in(person.email, PASSWORD)
    owner.open("/account")
    owner.follow("API keys")
    owner.sees("No keys yet")
    owner.look("none")
    owner.press("Make the key")
    owner.sees("Give it a name.")
    owner.sees("Choose what it may do.")
    owner.look("wrong")
    owner.fill("Name", "Badge printer")
    page.get_by_label("See your events").check()
    page.get_by_label("For", exact=True).select_option("30")
    owner.press("Make the key")
    key = page.get_by_label("Key", exact=True).input_value()
    assert key.startswith("emk_")
    owner.press("Copy Key")
    owner.sees("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == key
    owner.look("made")

    keyed = Api(stack.url, key)
    assert keyed.send("GET", "/events?mine=true").status_code == 200
    assert keyed.send("GET", "/me").status_code == 403
    page.reload()
    cards = page.get_by_role("list", name="API keys").get_by_role("listitem")
    expect(cards).to_contain_text("last used")
    expect(page.get_by_label("Key", exact=True)).to_have_count(0)
    owner.press("Revoke Badge printer")
    owner.look("really")
    owner.press("Yes, revoke")
    expect(cards).to_contain_text("Revoked")
    assert keyed.send("GET", "/events?mine=true").status_code == 401


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_a_queue_is_set_up_paused_given_a_new_password_and_deleted(open_page: OpenPage, people: People) -> None:
    owner, person = open_page("owner"), people.one("organizer")
    page = owner.page
    owner.sign_in(person.email, PASSWORD)
    owner.open("/organizer")
    owner.follow("Subscriptions")
    owner.sees("No subscriptions yet")
    owner.press("Set it up")
    owner.sees("Give it a name.")
    owner.look("wrong")
    owner.fill("Name", "Badge printer")
    page.get_by_label("How it is told").select_option("queue")
    page.get_by_label("Registrations: confirmed").check()
    owner.press("Set it up")
    first = page.get_by_label("Password", exact=True).input_value()
    assert first and page.get_by_label("Queue", exact=True).input_value().startswith("em.subscription.")
    owner.look("made")
    owner.follow("Badge printer")
    expect(page.get_by_role("heading", level=1)).to_have_text("Badge printer")
    owner.press("Pause")
    owner.sees("Paused")
    owner.look("paused")
    owner.press("Resume")
    owner.sees("Active")
    owner.press("New password")
    owner.press("Yes, make it")
    expect(page.get_by_label("Password", exact=True)).not_to_have_value(first)
    owner.press("Delete")
    owner.look("really")
    owner.press("Yes, delete")
    owner.sees("No subscriptions yet")


@pytest.mark.parametrize("screen", ["phone"], indirect=True)
def test_a_webhook_that_can_not_be_reached_shows_why(open_page: OpenPage, people: People) -> None:
    owner, person = open_page("owner"), people.one("organizer")
    page = owner.page
    owner.sign_in(person.email, PASSWORD)
    owner.open("/organizer/subscriptions")
    owner.fill("Name", "Door display")
    owner.fill("Address", "https://nobody.invalid/hook")
    page.get_by_label("Tickets: issued").check()
    owner.press("Set it up")
    assert page.get_by_label("Secret to check signatures with").input_value().startswith("whsec_")
    owner.follow("Door display")
    owner.sees("Nothing delivered yet")
    owner.press("Send a test")
    card = page.get_by_role("list", name="Deliveries").get_by_role("listitem").first
    expect(card).to_contain_text("Trying again")
    card.get_by_text("1 attempt").click()
    expect(card).to_contain_text("Unknown host")
    owner.look("unreachable")
    owner.press("New secret")
    owner.press("Yes, make it")
    owner.sees("signs beside the new one until")
    owner.look("rotated")


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_a_queue_is_told_other_things_and_some_once_more(open_page: OpenPage, world: World, people: People, stack: Stack) -> None:
    person = people.one("organizer")
    event = world.event(person, title="Told twice")
    for guest in people.many(3):
        world.register(guest, event)
    log = f"/messages?eventId={event['id']}"
    told = eventually(lambda: (found := person.api.get(log)["items"]) and len(found) >= 7 and found, "places and tickets are published")
    made = person.api.post("/subscriptions", {"name": "Badges", "scope": "own", "types": ["em.ticket.issued"], "delivery": "queue"}, status=201)
    owner = open_page("owner")
    page = owner.page
    owner.foresee("/replay")
    owner.sign_in(person.email, PASSWORD)
    owner.open(f"/organizer/subscriptions/{made['id']}")
    owner.press("Edit")
    page.get_by_label("em.ticket.issued").uncheck()  # which only a program chooses, and anybody can take away
    owner.fill("Name", "")
    owner.press("Save changes")
    owner.sees("Give it a name.")
    owner.sees("Choose what it is told.")
    owner.look("wrong")
    owner.fill("Name", "Badges and greetings")
    page.get_by_label("Registrations: confirmed").check()
    owner.press("Save changes")
    expect(page.get_by_role("heading", level=1)).to_have_text("Badges and greetings")
    owner.sees("Saved.")
    expect(page.get_by_role("button", name="Edit", exact=True)).to_be_focused()
    assert person.api.get(f"/subscriptions/{made['id']}")["types"] == ["em.registration.*"]

    owner.press("Send them again")
    owner.sees("Choose an event.")
    page.get_by_label("Event", exact=True).select_option(label=page.get_by_role("option", name="Told twice").inner_text())
    owner.fill("From message", "3")
    owner.fill("To message", "2")
    owner.sees("Enter a number that is not below the first.")
    owner.look("backwards")
    owner.fill("From message", "1")
    owner.fill("To message", "")
    way = "**/replay"
    busy = '{"type":"unavailable","title":"Busy","status":503,"traceId":"0123456789abcdef0123456789abcdef"}'
    page.route(way, lambda route: route.fulfill(status=503, content_type="application/problem+json", body=busy))
    owner.press("Send them again")
    owner.sees("Broken off after 0 messages.")
    owner.look("broken off")
    page.unroute(way)
    owner.press("Send them again")
    owner.sees("3 messages go out once more.")
    owner.look("sent")
    with pika.BlockingConnection(pika.URLParameters(stack.address["EM_AMQP_URL"])) as connection:
        channel = connection.channel()
        eventually(lambda: channel.queue_declare(made["amqp"]["queue"], passive=True).method.message_count == 3, "they lie in the queue")
    # A stretch in which nothing is for it.
    owner.fill("To message", next(message["sequence"] for message in told if message["type"] == "em.event.published"))
    owner.press("Send them again")
    owner.sees("There is nothing in it that this subscription is told.")
    owner.press("Pause")
    owner.sees("Resume it first")


@pytest.mark.parametrize("screen", ["phone"], indirect=True)
def test_a_webhook_moves_to_another_address_and_hears_what_it_missed(open_page: OpenPage, world: World, people: People) -> None:
    person = people.one("organizer")
    event = world.event(person, title="Missed")
    world.ticket(guest := people.one(), world.register(guest, event))
    made = person.api.post("/subscriptions", {"name": "Display", "scope": "own", "types": ["em.ticket.*"], "delivery": "webhook",
                                              "url": "https://nobody.invalid/old"}, status=201)
    owner = open_page("owner")
    page = owner.page
    owner.foresee("/api/v1/subscriptions/")
    owner.sign_in(person.email, PASSWORD)
    owner.open(f"/organizer/subscriptions/{made['id']}")
    owner.press("Edit")
    address = page.get_by_label("Address", exact=True)
    address.fill("http://127.0.0.1/inside")
    owner.press("Save changes")
    expect(address).to_have_attribute("aria-invalid", "true")
    expect(address).to_be_focused()
    owner.look("refused")
    address.fill("https://nobody.invalid/new")
    owner.press("Save changes")
    owner.sees("https://nobody.invalid/new")
    page.get_by_label("Event", exact=True).select_option(index=1)
    owner.press("Send them again")
    owner.sees("1 message goes out once more.")
    expect(page.get_by_role("list", name="Deliveries").get_by_role("listitem").first).to_contain_text("em.ticket.issued")
    owner.look("heard")
