"""One's own account in the browser: where one is signed in, password, address, data, and the end of it."""

import json
import re
import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from em.api import Api
from em.mailbox import Mailbox
from em.people import PASSWORD, People
from em.stack import Stack
from em.visitor import Visitor

OpenPage = Callable[[str], Visitor]
NEW_PASSWORD = "another horse, another staple"


@pytest.mark.parametrize("screen", ["phone"], indirect=True)
def test_somebody_looks_after_their_account(open_page: OpenPage, people: People, stack: Stack, mailbox: Mailbox) -> None:
    visitor, person = open_page("owner"), people.one(name="Tess Tester")
    page = visitor.page
    elsewhere = Api(stack.url).post("/auth/login", {"email": person.email, "password": PASSWORD}, headers={"User-Agent": "Lynx/2.9"})
    visitor.sign_in(person.email, PASSWORD)
    visitor.navigate("Tess Tester (your account)")
    visitor.sees("This device")
    sessions = page.get_by_role("list", name="Sessions").get_by_role("listitem")
    expect(sessions).to_have_count(3)  # the session that the test's people have, too
    visitor.look("account")

    sessions.filter(has_text="Lynx/2.9").get_by_role("button").click()
    visitor.sees("Lynx/2.9 is signed out.")
    expect(sessions).to_have_count(2)
    assert Api(stack.url, elsewhere["accessToken"]).send("GET", "/me").status_code == 401
    visitor.press("Sign out all others")
    visitor.sees("All other devices are signed out.")
    expect(sessions).to_have_count(1)

    visitor.foresee("/api/v1/me/password")
    form = page.get_by_role("form", name="Change password")
    form.get_by_label("Current password", exact=True).fill("wrong wrong")
    form.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    visitor.press("Change password")
    visitor.sees("Incorrect password.")
    expect(form.get_by_label("Current password", exact=True)).to_be_focused()
    form.get_by_label("Current password", exact=True).fill(PASSWORD)
    form.get_by_label("New password", exact=True).fill("password1")
    visitor.press("Change password")
    visitor.sees("This password is too common.")
    form.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    visitor.look("new-password")
    visitor.press("Change password")
    visitor.sees("Your new password is saved.")
    page.reload()  # the new session is this browser's
    visitor.sees("This device")

    address = f"{uuid.uuid4().hex}@example.test"
    form = page.get_by_role("form", name="Change email address")
    form.get_by_label("New email address", exact=True).fill(address)
    form.get_by_label("Your password", exact=True).fill(NEW_PASSWORD)
    visitor.press("Change address")
    visitor.sees(f"We sent a mail to {address}")
    assert "choose a new password at once" in mailbox.wait_for(person.email, "another address").get_body(("plain",)).get_content()
    mail = mailbox.wait_for(address, "Confirm your new address").get_body(("plain",)).get_content()
    assert person.name not in mail
    visitor.open(re.search(r"http\S+/change-email#token=\S+", mail).group())
    expect(page).to_have_url("/change-email")
    visitor.press("Confirm my new address")
    visitor.sees("This is your account’s address from now on.")
    visitor.look("address-changed")
    visitor.follow("See your account")
    visitor.sees(address)

    with page.expect_download() as download:
        visitor.press("Download your data")
    data = json.loads(download.value.path().read_text())
    assert data["account"]["email"] == address and data["sessions"]

    visitor.foresee("/api/v1/me")
    visitor.press("Delete your account")
    dialog = page.get_by_role("dialog", name="Delete your account for good?")
    visitor.look("last-question")
    dialog.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("button", name="Delete your account")).to_be_focused()
    visitor.press("Delete your account")
    dialog.get_by_label("Your password", exact=True).fill(NEW_PASSWORD)
    dialog.get_by_role("button", name="Delete for good").click()
    visitor.sees("Your account is deleted.")
    visitor.look("gone")
    assert stack.rows("SELECT display_name, deleted_at IS NOT NULL FROM users WHERE id = %s", person.id) == [("Deleted account", True)]
    assert not stack.rows("SELECT 1 FROM users WHERE email IN (%s, %s)", person.email, address)
