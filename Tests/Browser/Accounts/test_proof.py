"""Who somebody is, shown again: a password for what a session left open must not be enough for, links that sign in or end an
account's past, and administrators who lock an account and hand its events over."""

import base64
import hashlib
import os
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from em.api import Api
from em.people import PASSWORD, People, Person
from em.stack import Stack
from em.visitor import Visitor
from em.waiting import eventually
from em.world import World

OpenPage = Callable[..., Visitor]
AGAIN = "Enter your password again"
desktop = pytest.mark.parametrize("screen", ["desktop"], indirect=True)
phone = pytest.mark.parametrize("screen", ["phone"], indirect=True)


def age_sessions(stack: Stack, person: Person) -> None:
    """As if they had signed in a while ago."""
    stack.rows("UPDATE sessions SET authenticated_at = now() - interval '11 minutes' WHERE user_id = %s", person.id)


def link(stack: Stack, person: Person, purpose: str) -> str:
    """The token of a link, as the mail or the command line would hold it."""
    token = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
    stack.rows("INSERT INTO account_links (token_hash, user_id, purpose, created_at, expires_at) "
               "VALUES (%s, %s, %s, now(), now() + interval '1 hour')", hashlib.sha256(token.encode()).digest(), person.id, purpose)
    return token


def test_an_old_sign_in_makes_a_key_once_the_password_was_entered(open_page: OpenPage, people: People, stack: Stack) -> None:
    owner, person = open_page("owner"), people.one("organizer")
    page = owner.page
    owner.foresee("/api/v1/api-keys")
    owner.foresee("/auth/reauthenticate")
    owner.sign_in(person.email, PASSWORD)
    age_sessions(stack, person)
    owner.open("/account/api-keys")
    owner.fill("Name", "Badge printer")
    page.get_by_label("See your events").check()
    owner.press("Make the key")
    dialog = page.get_by_role("dialog", name=AGAIN)
    field = dialog.get_by_label("Your password", exact=True)
    expect(dialog).to_be_visible()
    owner.look("asked")
    # Declined, the request fails as it did, and what was typed is still there.
    dialog.get_by_role("button", name="Not now").click()
    expect(dialog).to_have_count(0)
    owner.sees("Enter your password again to continue.")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Badge printer")

    owner.press("Make the key")
    field.fill("wrong wrong")
    dialog.get_by_role("button", name="Continue").click()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    owner.sees("Incorrect password.")
    owner.look("wrong")
    field.fill(PASSWORD)
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog).to_have_count(0)
    assert page.get_by_label("Key", exact=True).input_value().startswith("emk_")
    # The sign-in is recent now: nothing is asked.
    owner.fill("Name", "Door display")
    page.get_by_label("See your events").check()
    owner.press("Make the key")
    owner.sees("Door display is made.")
    assert len(person.api.get("/api-keys")["items"]) == 2


@desktop
def test_several_requests_wait_for_one_question(open_page: OpenPage, people: People, stack: Stack) -> None:
    admin, person = open_page("admin"), people.one("admin")
    crowd = people.many(2, name="Cara Crowd")
    page = admin.page
    admin.foresee("/admin/users/")
    admin.sign_in(person.email, PASSWORD)
    age_sessions(stack, person)
    admin.open(f"/admin/users?query={crowd[0].email.split('-')[0]}")
    roles = page.get_by_role("combobox", name="Role of Cara Crowd")
    expect(roles).to_have_count(2)
    # A modal dialog lets nobody choose twice: both are under way before the first answer comes.
    held = []
    page.route("**/api/v1/admin/users/*", lambda route: held.append(route))
    for role in roles.all():
        role.select_option("organizer")
    # Playwright tells of them while it waits for the page.
    eventually(lambda: page.evaluate("1") and len(held) == 2, "both are asked for")
    for route in held:
        route.continue_()
    page.unroute("**/api/v1/admin/users/*")
    dialog = page.get_by_role("dialog", name=AGAIN)
    dialog.get_by_label("Your password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Continue").click()
    eventually(lambda: stack.value("SELECT count(*) FROM users WHERE role = 'organizer' AND id = ANY(%s)", [one.id for one in crowd]) == 2,
               "both are organizers")
    expect(dialog).to_have_count(0)
    expect(roles.first).to_have_value("organizer")
    expect(roles.last).to_have_value("organizer")


def test_an_admin_locks_an_account_and_hands_its_events_over(open_page: OpenPage, people: People, world: World, stack: Stack) -> None:
    owner, successor = people.one("organizer", "Olga Ortega"), people.one("organizer", "Nora Next")
    event = world.event(owner, title="Handed over")
    admin = open_page("admin")
    page = admin.page
    admin.foresee(f"/events/{event['id']}/owner")
    admin.sign_in((own := people.one("admin")).email, PASSWORD)
    admin.open(f"/admin/users?query={own.email}")
    mine = page.get_by_role("table", name="Users").get_by_role("row").filter(has_text=own.email)
    expect(mine.get_by_role("link", name="Events")).to_be_visible()
    expect(mine.get_by_role("button")).to_have_count(0)  # an account is never locked by its own holder
    admin.open(f"/admin/users?query={owner.email}")
    row = page.get_by_role("table", name="Users").get_by_role("row").filter(has_text=owner.email)

    row.get_by_role("button", name="Sign out").click()
    admin.press("Sign out everywhere")
    admin.sees("Olga Ortega is signed out everywhere.")
    assert owner.api.send("GET", "/me").status_code == 401
    row.get_by_role("button", name="Lock").click()
    admin.look("lock")
    admin.press("Lock account")
    admin.sees("Olga Ortega is locked out.")
    expect(row.get_by_text("Locked", exact=True)).to_be_visible()
    admin.look("locked")
    out = open_page("out")
    out.foresee("/auth/login")
    out.open("/sign-in")
    out.fill("Email", owner.email)
    out.fill("Password", PASSWORD)
    out.press("Sign in")
    out.sees("This account is locked.")

    row.get_by_role("link", name="Events").click()
    admin.press("Hand over Handed over")
    dialog = page.get_by_role("dialog", name="Hand over “Handed over”?")
    address = dialog.get_by_label("Email of the new owner")
    address.fill(people.one().email)
    dialog.get_by_role("button", name="Hand over").click()
    expect(address).to_be_focused()
    expect(dialog).to_contain_text("Enter the confirmed email address of an organizer.")
    admin.look("nobody's")
    address.fill(successor.email)
    dialog.get_by_role("button", name="Hand over").click()
    admin.sees(f"“Handed over” belongs to {successor.email} now.")
    admin.sees("This account owns no events")
    assert successor.api.get(f"/events/{event['id']}")["ownerId"] == successor.id

    admin.follow("Users")
    admin.fill("Search users", owner.email)
    row.get_by_role("button", name="Unlock").click()
    admin.press("Unlock account")
    admin.sees("Olga Ortega can sign in again.")
    expect(row.get_by_text("Locked", exact=True)).to_have_count(0)
    out.press("Sign in")
    out.page.wait_for_url(lambda url: "/sign-in" not in url)


@phone
def test_a_sign_in_link_works_once(open_page: OpenPage, people: People, stack: Stack) -> None:
    visitor, person = open_page("admin"), people.one("admin", "Ada Admin")
    visitor.foresee("/auth/sign-in-link")
    token = link(stack, person, "signIn")
    visitor.open(f"/sign-in-link#token={token}")
    expect(visitor.page).to_have_url("/sign-in-link")  # the token has left the address
    visitor.look("asked")
    visitor.press("Sign in")
    visitor.sees("You’re signed in.")
    visitor.look("in")
    visitor.navigate("Users")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Users")
    visitor.sign_out()
    visitor.open(f"/sign-in-link#token={token}")
    visitor.page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    visitor.sees("This link has expired or was already used.")
    visitor.look("used-up")
    visitor.follow("Sign in with your password")
    expect(visitor.page).to_have_url("/sign-in")


@desktop
def test_a_first_proof_ends_what_was_before_and_leads_to_a_new_password(open_page: OpenPage, people: People, stack: Stack) -> None:
    visitor, person = open_page("owner"), people.one()
    visitor.foresee("/auth/refresh")
    visitor.sign_in(person.email, PASSWORD)  # this browser's session ends, too
    stack.rows("UPDATE users SET email_verified_at = NULL WHERE id = %s", person.id)
    visitor.open(f"/verify-email#token={link(stack, person, 'verifyEmail')}")
    visitor.press("Confirm my address")
    visitor.sees("Please choose a new password now.")
    visitor.look("confirmed")
    assert person.api.send("GET", "/me").status_code == 401
    assert Api(stack.url).send("POST", "/auth/login", json={"email": person.email, "password": PASSWORD}).status_code == 401
    visitor.follow("Choose a new password")
    expect(visitor.page).to_have_url("/reset-password")
    visitor.fill("New password", "a longer one")
    visitor.press("Save password")
    visitor.sees("Your new password is saved.")
    visitor.fill("Email", person.email)
    visitor.fill("Password", "a longer one")
    visitor.press("Sign in")
    visitor.page.wait_for_url(lambda url: "/sign-in" not in url)


@desktop
def test_a_helper_without_a_proven_address_waits_in_the_team(open_page: OpenPage, people: People, world: World, stack: Stack) -> None:
    host, helper = people.one("organizer"), people.one(name="Hedda Helper")
    stack.rows("UPDATE users SET email_verified_at = NULL WHERE id = %s", helper.id)
    event = world.event(host)
    organizer = open_page("organizer")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}/team")
    organizer.fill("Email of their account", helper.email)
    organizer.press("Add to the team")
    organizer.sees("Hedda Helper joins the team after confirming their email address: Check-in staff.")
    row = organizer.page.get_by_role("table", name="Team").get_by_role("row").filter(has_text=helper.email)
    expect(row).to_contain_text("Waits for their confirmation")
    organizer.look("pending")
    stack.rows("UPDATE users SET email_verified_at = now() WHERE id = %s", helper.id)


@phone
def test_a_guest_who_is_inside_keeps_the_place_and_the_organizer_is_warned(open_page: OpenPage, people: People, world: World) -> None:
    host, guest = people.one("organizer"), people.one(name="Gina Guest")
    event = world.event(host)
    ticket = world.ticket(guest, world.register(guest, event))
    visitor = open_page("guest")
    visitor.foresee("/api/v1/registrations/")
    visitor.sign_in(guest.email, PASSWORD)
    visitor.open(f"/events/{event['id']}")
    visitor.press("Cancel registration")
    host.api.post(f"/events/{event['id']}/check-ins", {"code": ticket["code"], "gate": "North gate"})
    # The page that was open before learns it from the refusal.
    visitor.press("Yes, cancel registration")
    visitor.sees("This ticket is already checked in.")
    visitor.look("inside")
    visitor.press("Keep my place")
    visitor.sees("You are checked in.")
    expect(visitor.page.get_by_role("button", name="Cancel registration")).to_have_count(0)
    visitor.open(f"/tickets/{ticket['id']}")
    visitor.sees("You are checked in.")
    expect(visitor.page.get_by_role("button", name="Give it to somebody else")).to_have_count(0)

    organizer = open_page("organizer")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}/attendees")
    organizer.press("Remove Gina Guest")
    organizer.sees("Gina Guest is inside. The check-in is undone, too.")
    organizer.look("removal")
    organizer.page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    organizer.sees("Gina Guest was removed.")
