"""What the holder of a ticket does with it: keeps it, gives it to somebody else, has its code made anew."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from em import gate, pictures
from em.mailbox import Mailbox
from em.people import PASSWORD, People
from em.visitor import Visitor
from em.world import World

OpenPage = Callable[[str], Visitor]
desktop = pytest.mark.parametrize("screen", ["desktop"], indirect=True)
phone = pytest.mark.parametrize("screen", ["phone"], indirect=True)


def saved(visitor: Visitor, button: str) -> bytes:
    with visitor.page.expect_download() as download:
        visitor.press(button)
    return download.value.path().read_bytes()


@phone
def test_a_ticket_is_kept_in_every_form(open_page: OpenPage, world: World, people: People) -> None:
    event, person = world.event(people.one("organizer")), people.one()
    ticket = world.ticket(person, world.register(person, event))
    visitor = open_page("holder")
    visitor.sign_in(person.email, PASSWORD)
    visitor.open(f"/tickets/{ticket['id']}")
    visitor.sees_picture("ticket-qr")
    visitor.look("ticket")
    assert gate.scan(pictures.printed(saved(visitor, "Save as PDF"), dpi=300)) == ticket["qrText"]
    assert gate.scan(saved(visitor, "Save as image")) == ticket["qrText"]
    assert f"SUMMARY:{event['title']}" in saved(visitor, "Add to calendar").decode().replace("\r\n ", "")


@phone
def test_a_ticket_is_given_to_somebody_else(open_page: OpenPage, world: World, people: People, mailbox: Mailbox) -> None:
    event, (holder, friend) = world.event(people.one("organizer")), people.many(2)
    ticket = world.ticket(holder, world.register(holder, event))
    giver, taker = open_page("giver"), open_page("taker")
    giver.foresee(f"/api/v1/registrations/{ticket['registrationId']}")  # theirs no more in the end
    giver.sign_in(holder.email, PASSWORD)
    giver.open(f"/tickets/{ticket['id']}")
    giver.press("Give it to somebody else")
    giver.press("Offer the ticket")
    giver.sees("Enter their email address.")
    giver.look("asked")
    giver.fill("Their email", "not-the-friend@example.test")
    giver.press("Offer the ticket")
    expect(giver.part("ticket-offer")).to_contain_text("Offered to not-the-friend@example.test until")
    giver.look("offered")
    giver.page.reload()
    giver.press("Withdraw the offer")
    giver.sees("The offer is withdrawn")
    expect(giver.part("ticket-offer")).to_have_count(0)
    giver.press("Give it to somebody else")
    giver.fill("Their email", friend.email)
    giver.press("Offer the ticket")
    giver.sees(f"We wrote to {friend.email}.")

    mail = mailbox.wait_for(friend.email, f"A ticket for {event['title']}").get_body(("plain",)).get_content()
    taker.open(re.search(r"http\S+/accept-ticket#token=\S+", mail).group())
    expect(taker.page).to_have_url("/accept-ticket")
    taker.sees("Sign in, and it can be yours.")
    taker.look("stranger")
    taker.fill("Email", friend.email)
    taker.fill("Password", PASSWORD)
    taker.press("Sign in")
    taker.sees(f"({friend.email})")
    taker.look("signed-in")
    taker.press("Accept the ticket")
    taker.sees("The place is yours.")
    taker.look("taken")
    giver.sees("This ticket is no longer valid.")
    taker.follow("See your tickets")
    taker.follow(f"Show ticket for {event['title']}")
    expect(taker.part("ticket-code")).to_be_visible()
    assert taker.part("ticket-code").inner_text() != ticket["code"]


@desktop
def test_a_link_that_was_used_says_so(open_page: OpenPage, people: People) -> None:
    visitor, person = open_page("late"), people.one()
    visitor.foresee("/ticket-transfers/accept")
    visitor.sign_in(person.email, PASSWORD)
    visitor.open("/accept-ticket#token=mRqKd1yCwFJ0mH0cVn6WbX8oT3pLzQe2sUgYiA5kD7E")
    visitor.press("Accept the ticket")
    expect(visitor.page.get_by_role("alert")).to_be_visible()
    visitor.look("refused")
    visitor.page.reload()
    visitor.sees("This page opens with the link in our mail.")


@desktop
def test_a_new_code_takes_the_old_ones_place(open_page: OpenPage, world: World, people: People) -> None:
    organizer, person = people.one("organizer"), people.one()
    event = world.event(organizer)
    ticket = world.ticket(person, world.register(person, event))
    visitor = open_page("holder")
    visitor.sign_in(person.email, PASSWORD)
    visitor.open(f"/tickets/{ticket['id']}")
    visitor.press("Get a new code")
    visitor.look("asked")
    visitor.press("Keep this one")
    expect(visitor.part("ticket-code")).to_have_text(ticket["code"])
    visitor.press("Get a new code")
    visitor.press("Yes, a new code")
    visitor.page.wait_for_url(lambda url: "/tickets/" in url and ticket["id"] not in url)
    visitor.sees("Your ticket has a new code.")
    visitor.sees_picture("ticket-qr")
    code = visitor.part("ticket-code").inner_text()
    assert code != ticket["code"]
    visitor.look("anew")
    scans = f"/events/{event['id']}/check-ins"
    assert organizer.api.post(scans, {"code": ticket["code"]})["result"] == "revoked"
    # An old link leads to the ticket that is good.
    visitor.open(f"/tickets/{ticket['id']}")
    expect(visitor.part("ticket-code")).to_have_text(code)
    visitor.sees("The old one is not valid any more.")
    assert organizer.api.post(scans, {"code": code})["result"] == "admitted"
    visitor.page.reload()
    visitor.sees("You are checked in.")
    expect(visitor.page.get_by_role("button", name="Get a new code")).to_have_count(0)


@phone
def test_a_ticket_that_was_seen_opens_without_a_network(open_page: OpenPage, world: World, people: People) -> None:
    event, guest = world.event(people.one("organizer"), title="Deep in the cellar"), people.one()
    ticket = world.ticket(guest, world.register(guest, event))
    user = open_page("user")
    user.foresee("ERR_INTERNET_DISCONNECTED")
    user.foresee("/ws")
    user.sign_in(guest.email, PASSWORD)
    user.open(f"/tickets/{ticket['id']}")
    user.sees_picture("ticket-qr")
    shown = user.part("ticket-qr").evaluate(DRAWN)
    user.page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    user.page.context.set_offline(True)
    user.page.reload()
    user.sees("You are offline.")
    user.sees(ticket["code"])
    user.sees_picture("ticket-qr")
    assert user.part("ticket-qr").evaluate(DRAWN) == shown, "the same code as with a network"
    user.look("offline")
    user.open("/tickets")
    user.sees("Deep in the cellar")
    user.page.context.set_offline(False)
    user.follow("Show ticket for Deep in the cellar")  # which the list of a signed-in person has
    expect(user.page.get_by_text("You are offline.")).to_have_count(0)
    user.sees("Get a new code")
    # Whoever signs out leaves nothing behind.
    user.sign_out()
    assert user.page.evaluate("localStorage.getItem('em.tickets')") is None


# The picture's pixels, small, as text.
DRAWN = """image => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 114;
  const on = canvas.getContext('2d');
  on.drawImage(image, 0, 0, 114, 114);
  return canvas.toDataURL();
}"""
