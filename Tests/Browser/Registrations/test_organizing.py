"""An organizer's hand in who comes: adding, removing, and a capacity that must hold those who are in."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Request, Route, expect

from em.people import PASSWORD, People
from em.stack import Stack
from em.visitor import Visitor
from em.waiting import eventually
from em.world import World

OpenPage = Callable[[str], Visitor]
desktop = pytest.mark.parametrize("screen", ["desktop"], indirect=True)
phone = pytest.mark.parametrize("screen", ["phone"], indirect=True)


@desktop
def test_attendees_are_added_and_removed(open_page: OpenPage, world: World, people: People) -> None:
    host, guest = people.one("organizer"), people.one(name="Gina Guest")
    waiting = people.one(name="Willa Waiting")
    event = world.event(host, capacity=1, waitlistEnabled=True)
    organizer = open_page("organizer")
    organizer.foresee("/registrations/add")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}/attendees")
    organizer.sees("Nobody has registered yet")

    def add(email: str) -> None:
        organizer.fill("Email of their account", email)
        organizer.press("Add to the event")

    organizer.press("Add attendee")
    add("nobody@example.test")
    expect(organizer.page.get_by_label("Email of their account", exact=True)).to_have_attribute("aria-invalid", "true")
    organizer.look("nobody")
    add(guest.email)
    organizer.sees(f"{guest.email} has a place now.")
    row = organizer.page.get_by_role("row").filter(has_text=guest.email)
    expect(row).to_contain_text("Confirmed")
    world.mailbox.wait_for(guest.email, event["title"])
    organizer.press("Add attendee")
    add(guest.email)
    organizer.sees("This person is registered already.")
    add(waiting.email)
    organizer.sees(f"{waiting.email} is in line at 1.")
    organizer.look("added")

    gina = open_page("guest")
    gina.sign_in(guest.email, PASSWORD)
    gina.open(f"/events/{event['id']}")
    gina.sees("Your place is confirmed.")
    organizer.press("Remove Gina Guest")
    organizer.fill("Reason", "The hall is for members only.")
    organizer.look("really")
    organizer.press("Remove")
    organizer.sees("Gina Guest was removed.")
    expect(row).to_contain_text("Cancelled")
    expect(organizer.page.get_by_role("row").filter(has_text=waiting.email)).to_contain_text("Confirmed")
    organizer.look("removed")
    gina.sees("The organizer writes: “The hall is for members only.”")
    gina.look("told")


@phone
def test_a_capacity_below_those_who_are_in_is_refused_at_its_field(open_page: OpenPage, world: World, people: People, stack: Stack) -> None:
    host = people.one("organizer")
    event = world.event(host, capacity=3)
    for guest in people.many(2):
        world.register(guest, event)
    organizer = open_page("organizer")
    organizer.foresee(f"/events/{event['id']}")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}/edit")
    organizer.page.get_by_label("Keep a waitlist when it is full").check()
    organizer.page.get_by_label("Keep moving people up from the waitlist after registration has closed").uncheck()
    organizer.fill("Capacity", "1")
    organizer.press("Save changes")
    capacity = organizer.page.get_by_label("Capacity", exact=True)
    expect(capacity).to_have_attribute("aria-invalid", "true")
    expect(capacity).to_be_focused()
    organizer.sees("Capacity can’t be lower than 2, the number of confirmed registrations.")
    organizer.look("refused")
    organizer.fill("Capacity", "2")
    organizer.press("Save changes")
    organizer.sees("Saved.")
    stored = stack.rows("SELECT p.capacity, e.waitlist_enabled, e.promote_after_close FROM events e"
                        " JOIN event_places p ON p.event_id = e.id WHERE e.id = %s", event["id"])
    assert stored == [(2, True, False)]


# How many of a canvas' pixels have the accent's colour (#0b6e5f).
COLOURED = """canvas => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let pixels = 0;
  for (let at = 0; at < data.length; at += 4) pixels += data[at] === 11 && data[at + 1] === 110 && data[at + 3] === 255;
  return pixels;
}"""


@desktop
def test_the_dashboard_moves_with_the_gate(open_page: OpenPage, world: World, people: People) -> None:
    host, guest = people.one("organizer"), people.one()
    event = world.event(host)
    ticket = world.ticket(guest, world.register(guest, event))
    organizer = open_page("organizer")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}")
    expect(organizer.part("stats")).to_contain_text("0 of 1")
    host.api.post(f"/events/{event['id']}/check-ins", {"code": ticket["code"], "gate": "North gate"})
    expect(organizer.part("stats")).to_contain_text("1 of 1")
    organizer.sees("North gate")
    organizer.look("moved")
    # Not only the figures: the plots' words, and their bars (Chart.js, which nothing else loads).
    summaries = organizer.part("plot-summary")
    expect(summaries).to_contain_text(["1 so far", "1 so far"])
    world.register(people.one(), event)
    expect(summaries.first).to_contain_text("2 so far")
    bars = organizer.page.locator("canvas").first
    eventually(lambda: bars.evaluate(COLOURED) > 50, "the bars are drawn")


def test_mails_that_do_not_arrive_show_while_they_do_not(open_page: OpenPage, world: World, people: People, stack: Stack) -> None:
    host, guest = people.one("organizer"), people.one()
    event = world.event(host)
    organizer = open_page("organizer")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}")
    told = organizer.part("undelivered")
    expect(organizer.part("stats")).to_be_visible()
    expect(told).to_be_empty()
    expect(told).to_have_role("status")  # a region that was there before: what appears in it is read out
    for status in ("retrying", "failed"):
        stack.rows("INSERT INTO notifications (id, user_id, event_id, cause_id, kind, status, attempts) VALUES "
                   "(gen_random_uuid(), %s, %s, gen_random_uuid(), 'registration.confirmed', %s, 2)",
                   guest.id, event["id"], status)
    expect(told).to_contain_text("1 email could not be delivered. 1 email has not arrived yet and will be tried again.")
    organizer.look("undelivered")
    stack.rows("UPDATE notifications SET status = 'sent' WHERE event_id = %s", event["id"])
    expect(told).to_be_empty()


@desktop
def test_an_event_whose_answer_got_lost_is_created_once(open_page: OpenPage, people: People, stack: Stack) -> None:
    host, organizer, keys = people.one("organizer"), open_page("organizer"), []
    organizer.foresee("/api/v1/events")

    def lose_the_first_answer(route: Route, request: Request) -> None:
        keys.append(request.headers.get("idempotency-key"))
        answer = route.fetch()
        if len(keys) == 1:
            route.abort()
        else:
            route.fulfill(response=answer)

    organizer.page.route("**/api/v1/events", lose_the_first_answer)
    organizer.sign_in(host.email, PASSWORD)
    organizer.open("/organizer/new")
    organizer.fill("Title", "Said twice")
    organizer.fill("Starts", "2031-05-01T19:30")
    organizer.fill("Ends", "2031-05-01T22:00")
    organizer.fill("Capacity", "5")
    organizer.press("Create event")
    organizer.sees("The server can’t be reached.")
    organizer.press("Create event")
    organizer.sees("This is a draft.")
    assert keys[0] == keys[1]
    assert stack.value("SELECT count(*) FROM events WHERE title = 'Said twice' AND owner_id = %s", host.id) == 1
    organizer.follow("Duplicate event")
    expect(organizer.page.get_by_label("Title", exact=True)).to_have_value("Said twice")
    expect(organizer.page.get_by_label("Starts", exact=True)).to_have_value("")


def test_staff_is_added_opens_the_gate_and_nothing_else(open_page: OpenPage, world: World, people: People) -> None:
    host, helper = people.one("organizer"), people.one(name="Hedda Helper")
    event = world.event(host)
    guest = people.one(name="Gina Guest")
    ticket = world.ticket(guest, world.register(guest, event))
    organizer = open_page("organizer")
    organizer.foresee("/members")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}/team")
    row = organizer.page.get_by_role("row").filter(has_text=helper.email)
    organizer.fill("Email of their account", "nobody@example.test")
    organizer.press("Add to the team")
    expect(organizer.page.get_by_label("Email of their account", exact=True)).to_have_attribute("aria-invalid", "true")
    organizer.fill("Email of their account", helper.email)
    organizer.press("Add to the team")
    organizer.sees("Hedda Helper is in the team now: Check-in staff.")
    expect(row).to_contain_text("Check-in staff")
    organizer.look("added")

    staff = open_page("staff")
    staff.foresee(f"/events/{event['id']}/")
    staff.sign_in(helper.email, PASSWORD)
    staff.open("/gate/")
    staff.follow(event["title"])
    staff.sees("1 ticket on this device")
    staff.look("gate")
    staff.fill("Ticket code", ticket["code"])
    staff.press("Check in")
    expect(staff.part("check-in-result")).to_contain_text("Gina Guest")
    staff.look("admitted")
    staff.open(f"/organizer/events/{event['id']}/attendees")
    staff.sees("You don’t have permission to do this.")
    staff.look("not-theirs")

    organizer.press("Remove Hedda Helper")
    organizer.press("Yes, remove")
    expect(row).to_have_count(0)
    staff.open(f"/gate/{event['id']}")
    staff.sees("You don’t have permission to do this.")
    staff.sees("The list of tickets is not on this device yet.")


@desktop
def test_a_check_in_is_undone_with_a_reason(open_page: OpenPage, world: World, people: People) -> None:
    host, guest = people.one("organizer"), people.one(name="Gina Guest")
    event = world.event(host)
    ticket = world.ticket(guest, world.register(guest, event))
    scan = {"code": ticket["code"], "gate": "North gate", "device": "tablet 1"}
    host.api.post(f"/events/{event['id']}/check-ins", scan)
    organizer = open_page("organizer")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}/check-in")
    row = organizer.page.get_by_role("row").filter(has_text="Gina Guest")
    expect(row).to_contain_text("North gate, tablet 1")
    organizer.press("Undo the check-in of Gina Guest")
    organizer.press("Undo the check-in")
    expect(organizer.page.get_by_label("Reason", exact=True)).to_be_focused()
    organizer.fill("Reason", "She had the wrong door.")
    organizer.look("really")
    organizer.press("Undo the check-in")
    expect(row).to_contain_text("She had the wrong door.")
    assert host.api.post(f"/events/{event['id']}/check-ins", scan)["result"] == "admitted"
    expect(row.filter(has_text="Admitted")).to_have_count(1)  # heard, not asked for
    organizer.look("admitted again")


@phone
def test_a_spreadsheet_is_imported_and_every_line_answered(open_page: OpenPage, world: World, people: People) -> None:
    host = people.one("organizer")
    event = world.event(host, capacity=2, waitlistEnabled=True)
    [ada, bea, cleo] = (people.one(name=name) for name in ("Ada Able", "Bea Brave", "Cleo Calm"))
    world.register(cleo, event)
    # As Excel saves it for Windows, with a line that is none and an address that comes again.
    table = (f"sep=;\r\nName;E-Mail\r\n\"Able; Ada\";{ada.email}\r\nnobody;nobody@nowhere.example\r\n\r\nCleo;{cleo.email}\r\n"
             f"Bea;Bea Brave <mailto:{bea.email}>; {ada.email.upper()}\r\nDora;dora@\r\n")
    organizer = open_page("organizer")
    organizer.foresee("/registrations/add")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}/attendees")
    organizer.press("Import CSV")
    chooser = organizer.page.get_by_label("CSV file")
    chooser.set_input_files({"name": "empty.csv", "mimeType": "text/csv", "buffer": b"\n"})
    organizer.sees("There is no address in this file.")
    held: list[Route] = []
    organizer.page.route("**/registrations/add", lambda route: route.continue_() if held else held.append(route))
    chooser.set_input_files({"name": "guests.csv", "mimeType": "text/csv", "buffer": table.encode("utf-16")})
    organizer.sees("2 of 6")
    expect(organizer.page.get_by_role("progressbar")).to_have_attribute("value", "2")
    held[0].continue_()
    organizer.sees("2 people were added. 2 lines were refused. 1 is registered already. 1 line was left out.")
    organizer.look("imported")
    lines = organizer.page.get_by_role("list", name="Line by line").get_by_role("listitem")
    expect(lines).to_contain_text(["No account uses this email yet", "8dora@This is no email address", "In line at 1",
                                   "registered already", "Confirmed", f"7{ada.email.upper()}It stands in the file twice"])
    organizer.press("Done")
    organizer.sees("Ada Able")
    organizer.page.get_by_label("Order").select_option("name")
    names = organizer.page.get_by_role("table", name="Attendees").locator(".em-strong")
    expect(names).to_have_text(["Ada Able", "Bea Brave", "Cleo Calm"])
    organizer.page.get_by_label("Order").select_option("newest")
    expect(names).to_have_text(["Bea Brave", "Ada Able", "Cleo Calm"])
    organizer.press("Resend the mail to Cleo Calm")
    organizer.sees("The mail to Cleo Calm is on its way once more.")


@desktop
def test_the_editor_says_what_is_wrong_as_one_types_and_shows_what_others_will_see(open_page: OpenPage, people: People) -> None:
    organizer = open_page("organizer")
    organizer.sign_in(people.one("organizer").email, PASSWORD)
    organizer.open("/organizer/new")
    organizer.fill("Title", "Seen before it is there")
    preview = organizer.part("preview")
    expect(preview).to_contain_text("Seen before it is there")
    organizer.fill("Starts", "2031-05-01T19:30")
    organizer.fill("Ends", "2031-05-01T18:00")
    organizer.fill("Capacity", "0")
    organizer.sees("It must end after it starts.")
    expect(organizer.page.get_by_text("Enter how many places")).to_have_count(0)  # nobody has left that field yet
    organizer.fill("Ends", "2031-05-01T21:00")
    expect(organizer.page.get_by_text("It must end after it starts.")).to_have_count(0)
    organizer.sees("Enter how many places there are, at least 1.")
    organizer.fill("Capacity", "20")
    expect(preview).to_contain_text("0 of 20 places taken")
    expect(preview).to_contain_text("1 May 2031")
    organizer.look("preview")
    organizer.press("Create event")
    checks = organizer.page.get_by_role("list", name="Before you publish").get_by_role("listitem")
    expect(checks.nth(0)).to_have_attribute("data-state", "there")
    expect(checks.nth(1)).to_have_attribute("data-state", "missing")
    organizer.look("checklist")
