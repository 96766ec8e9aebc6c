"""The ways back into an account: mails with links, and the pages that they open."""

import json
import re
import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import Request, Route, expect

from em.mailbox import Mailbox
from em.people import PASSWORD, People
from em.visitor import Visitor

OpenPage = Callable[[str], Visitor]
desktop = pytest.mark.parametrize("screen", ["desktop"], indirect=True)
phone = pytest.mark.parametrize("screen", ["phone"], indirect=True)


def answer(visitor: Visitor, path: str, status: int, body: object = None) -> list[dict]:
    """Answers a route of the API in the server's place; answers what was asked, as it comes."""
    asked: list[dict] = []

    def fulfil(route: Route, request: Request) -> None:
        asked.append(request.post_data_json)
        kind = "application/problem+json" if status >= 400 else "application/json"
        route.fulfill(status=status, content_type=kind, body="" if body is None else json.dumps(body))

    visitor.foresee(f"/api/v1{path}")
    visitor.page.route(f"**/api/v1{path}", fulfil)
    return asked


def refuse(visitor: Visitor, path: str, status: int, slug: str) -> list[dict]:
    return answer(visitor, path, status, {"type": slug, "title": slug, "status": status, "traceId": "0" * 32})


@phone
def test_a_forgotten_password_is_replaced_by_the_link_of_a_mail(open_page: OpenPage, people: People, mailbox: Mailbox) -> None:
    """The link works once, and its token leaves the address bar."""
    visitor, person = open_page("forgetful"), people.one()
    visitor.foresee("/auth/password-reset/confirm")
    visitor.open("/sign-in")
    visitor.follow("Forgot your password?")
    visitor.press("Send the link")
    visitor.sees("Enter your email address.")
    visitor.fill("Email", person.email)
    visitor.press("Send the link")
    visitor.sees("If there is an account with the address")
    visitor.look("asked")
    mail = mailbox.wait_for(person.email, "new password").get_body(("plain",))
    link = re.search(r"http\S+/reset-password#token=\S+", mail.get_content())
    visitor.open(link.group())
    expect(visitor.page).to_have_url("/reset-password")
    visitor.fill("New password", "short")
    visitor.press("Save password")
    visitor.sees("Use at least 8 characters.")
    visitor.press("Show what is typed")
    expect(visitor.page.get_by_label("New password", exact=True)).to_have_attribute("type", "text")
    visitor.fill("New password", "a longer one")
    visitor.look("new-password")
    visitor.press("Save password")
    visitor.sees("Your new password is saved.")
    visitor.look("saved")
    visitor.fill("Email", person.email)
    visitor.fill("Password", "a longer one")
    visitor.press("Sign in")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Events")
    visitor.open(link.group())
    visitor.fill("New password", "another one yet")
    visitor.press("Save password")
    visitor.sees("This link has expired or was already used.")
    visitor.look("used-up")
    visitor.follow("Ask for a new link")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Forgot your password?")


@desktop
def test_a_link_that_is_used_up_leads_to_another(open_page: OpenPage) -> None:
    visitor = open_page("late")
    refuse(visitor, "/auth/verify-email", 410, "link-invalid")
    asked = answer(visitor, "/auth/verify-email/resend", 202)
    visitor.open("/verify-email#token=used")
    visitor.press("Confirm my address")
    visitor.sees("This link has expired or was already used.")
    visitor.fill("Email", "lea@example.test")
    visitor.press("Send a new link")
    visitor.sees("waits to be confirmed")
    visitor.look("another-link")
    assert asked == [{"email": "lea@example.test"}]


@phone
def test_an_address_is_confirmed_before_the_first_sign_in(open_page: OpenPage, people: People) -> None:
    """Where the installation asks for it: sign-up tells of the mail, sign-in offers another, the link ends it."""
    visitor, person = open_page("newcomer"), people.one()
    answer(visitor, "/auth/register", 202)
    refuse(visitor, "/auth/login", 403, "email-not-verified")
    verified = answer(visitor, "/auth/verify-email", 204)
    visitor.open("/sign-up")
    visitor.fill("Name", "Nia New")
    visitor.fill("Email", f"{uuid.uuid4().hex}@example.test")
    visitor.fill("Password", PASSWORD)
    visitor.press("Sign up")
    visitor.sees("We sent a mail to")
    visitor.look("told")
    visitor.open("/sign-in")
    visitor.fill("Email", person.email)
    visitor.fill("Password", PASSWORD)
    visitor.press("Sign in")
    visitor.sees("Confirm your email address first, using the link we sent you.")
    expect(visitor.page.get_by_role("button", name="Send a new link")).to_be_visible()
    visitor.look("not-yet")
    visitor.open("/verify-email#token=fresh")
    expect(visitor.page).to_have_url("/verify-email")
    visitor.press("Confirm my address")
    visitor.sees("Your address is confirmed.")
    visitor.look("confirmed")
    assert verified == [{"token": "fresh"}]
    visitor.page.unroute("**/api/v1/auth/login")
    visitor.follow("Sign in")
    visitor.fill("Email", person.email)
    visitor.fill("Password", PASSWORD)
    visitor.press("Sign in")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Events")
