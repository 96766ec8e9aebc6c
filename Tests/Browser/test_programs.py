"""What people set up for their programs: API keys, and what tells the programs of what happens."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from em.api import Api
from em.people import PASSWORD, People
from em.stack import Stack
from em.visitor import Visitor

Visit = Callable[..., Visitor]


def test_a_key_is_made_shown_once_used_and_revoked(visit: Visit, people: People, stack: Stack) -> None:
    owner, person = visit("owner"), people.one("organizer")
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
def test_a_queue_is_set_up_paused_given_a_new_password_and_deleted(visit: Visit, people: People) -> None:
    owner, person = visit("owner"), people.one("organizer")
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
def test_a_webhook_that_can_not_be_reached_shows_why(visit: Visit, people: People) -> None:
    owner, person = visit("owner"), people.one("organizer")
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
    expect(card).to_contain_text("unknown host")
    owner.look("unreachable")
    owner.press("New secret")
    owner.press("Yes, make it")
    owner.sees("signs beside the new one until")
    owner.look("rotated")
