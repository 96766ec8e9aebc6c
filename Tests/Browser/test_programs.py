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
