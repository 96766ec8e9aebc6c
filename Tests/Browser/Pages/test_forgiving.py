"""The small things that cost people their work or their way: what was typed, where a link leads, a scanner on another keyboard, a
ticket at the door."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from playwright.sync_api import Dialog, Route, expect

from em.people import PASSWORD, People
from em.stack import Stack
from em.visitor import Visitor
from em.world import World, timestamp

OpenPage = Callable[..., Visitor]
phone = pytest.mark.parametrize("screen", ["phone"], indirect=True)
desktop = pytest.mark.parametrize("screen", ["desktop"], indirect=True)


@desktop
def test_another_language_leaves_what_was_typed(open_page: OpenPage, people: People) -> None:
    organizer = open_page("organizer")
    organizer.sign_in(people.one("organizer").email, PASSWORD)
    organizer.open("/organizer/new")
    organizer.fill("Title", "Half a title")
    organizer.fill("Starts", "2031-05-01T19:30")
    organizer.page.get_by_label("Keep a waitlist").check()
    organizer.press("Deutsch")
    expect(organizer.page.get_by_label("Titel", exact=True)).to_have_value("Half a title")
    expect(organizer.page.get_by_label("Beginn", exact=True)).to_have_value("2031-05-01T19:30")
    expect(organizer.page.get_by_role("heading", level=1)).to_have_text("Veranstaltung anlegen")
    organizer.press("English")
    expect(organizer.page.get_by_label("Title", exact=True)).to_have_value("Half a title")
    expect(organizer.page.get_by_label("Keep a waitlist")).to_be_checked()


@desktop
def test_leaving_a_filled_form_asks(open_page: OpenPage, world: World, people: People) -> None:
    host, organizer = people.one("organizer"), open_page("organizer")
    event = world.event(host)
    own = f"/organizer/events/{event['id']}"
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(own)
    organizer.follow("Edit")
    title = organizer.page.get_by_label("Title", exact=True)
    question = organizer.page.get_by_role("dialog", name="Leave without saving?")
    expect(title).to_have_value(event["title"])
    organizer.follow("Team")  # nothing was typed: nothing is asked
    organizer.page.wait_for_url(f"**{own}/team")
    organizer.follow("Edit")
    organizer.fill("Title", "Another title")
    organizer.follow("Team")
    expect(question).to_be_visible()
    organizer.look("asked")
    organizer.press("Stay here")
    expect(title).to_have_value("Another title")
    organizer.page.go_back()
    expect(question).to_be_visible()
    organizer.press("Stay here")
    assert organizer.page.url.endswith("/edit")
    expect(title).to_have_value("Another title")
    # The browser asks in its own words.
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    organizer.page.once("dialog", stay)
    organizer.page.evaluate("location.reload()")
    expect(title).to_have_value("Another title")
    assert asked == ["beforeunload"]
    # As it was: nothing to ask about.
    organizer.fill("Title", event["title"])
    organizer.follow("Team")
    organizer.page.wait_for_url(f"**{own}/team")
    organizer.follow("Edit")
    organizer.fill("Title", "Another title")
    organizer.press("Save changes")
    organizer.sees("Saved.")
    organizer.follow("Announcements")
    organizer.fill("Title", "Unsent")
    organizer.page.go_back()
    organizer.press("Leave")
    organizer.page.wait_for_url(f"**{own}/edit")
    organizer.fill("Title", "Never mind")
    organizer.press("Sign out")
    organizer.press("Stay here")
    organizer.fill("Title", "Another title")
    expect(title).to_have_value("Another title")
    organizer.follow("Announcements")
    organizer.fill("Title", "Sent")
    organizer.fill("Text", "It is.")
    organizer.press("Post announcement")
    organizer.sees("Posted.")
    organizer.follow("Overview")
    organizer.page.wait_for_url(f"**{own}")


@phone
def test_addresses_in_what_people_write_are_links(open_page: OpenPage, world: World, people: People) -> None:
    host, reader = people.one("organizer"), open_page("reader")
    event = world.event(host, description="Parking: https://example.org/map_(north). Not javascript:alert(1)\n<b>bold</b>")
    host.api.post(f"/events/{event['id']}/announcements", {"title": "News", "body": "(see https://example.org/news)"}, status=201)
    reader.open(f"/events/{event['id']}")
    for name, address in (("https://example.org/map_(north)", "https://example.org/map_(north)"), ("https://example.org/news", "https://example.org/news")):
        link = reader.page.get_by_role("link", name=name, exact=True)
        expect(link).to_have_attribute("href", address)
        expect(link).to_have_attribute("rel", "noopener nofollow ugc")
    expect(reader.page.locator(".em-prose a")).to_have_count(2)
    reader.sees("<b>bold</b>")
    reader.look("links")


@phone
@pytest.mark.parametrize("glued", [".", ")", "%3E", ",", "%E2%80%9D.", "!"])
def test_a_link_with_the_end_of_its_sentence_works(open_page: OpenPage, world: World, people: People, glued: str) -> None:
    event, reader = world.event(people.one("organizer")), open_page("reader")
    reader.open(f"/events/{event['id']}{glued}")
    expect(reader.page.get_by_role("heading", level=1)).to_have_text(event["title"])
    assert reader.page.url.endswith(f"/events/{event['id']}")
    reader.sees("Live")


@phone
@pytest.mark.parametrize("next_page", ["//evil.example/x", "/\\evil.example/x", "/%09/evil.example/x", "/%0A/evil.example", "https://evil.example"])
def test_signing_in_leads_to_a_page_of_ours(open_page: OpenPage, stack: Stack, people: People, next_page: str) -> None:
    user = open_page("user")
    user.open(f"/sign-in?next={next_page}")
    person = people.one()
    user.fill("Email", person.email)
    user.fill("Password", PASSWORD)
    user.press("Sign in")
    expect(user.page.get_by_role("heading", level=1)).to_have_text("Events")
    assert user.page.url == f"{stack.url}/"


@phone
def test_a_path_that_begins_with_slashes_is_a_page_that_is_not_there(open_page: OpenPage, stack: Stack) -> None:
    user = open_page("user")
    for path in ("/no/such/page", "//evil.example/", "///"):
        user.page.goto("/")
        user.page.evaluate("path => { history.pushState(1, '', location.origin + path); dispatchEvent(new PopStateEvent('popstate')); }", path)
        expect(user.page.get_by_role("heading", level=1)).to_be_visible()
        assert user.page.url.startswith(stack.url)


GERMAN = str.maketrans("YZyz:", "ZYzyÖ")
FRENCH = str.maketrans("AQWZM1234567:", "QAZW?&é\"'(-èM")


@desktop
def test_a_scanner_on_another_keyboard_is_understood(open_page: OpenPage, world: World, people: People, stack: Stack) -> None:
    host = people.one("organizer")
    event, gate = world.event(host), open_page("gate")
    texts = []
    for guest in people.many(2, name="Greta Guest"):
        ticket = world.ticket(guest, world.register(guest, event))
        texts.append(stack.value("SELECT qr_text FROM tickets WHERE id = %s", ticket["id"]))
    gate.foresee("ERR_INTERNET_DISCONNECTED")
    gate.sign_in(host.email, PASSWORD)
    gate.open(f"/gate/{event['id']}")
    gate.sees("2 tickets on this device")

    def scan(text: str, result: str) -> None:
        before = gate.part("check-in-result").get_attribute("data-scan") or ""
        gate.page.get_by_label("Ticket code", exact=True).focus()
        gate.page.keyboard.type(text)
        gate.page.keyboard.press("Enter")
        expect(gate.part("check-in-result")).not_to_have_attribute("data-scan", before)
        expect(gate.part("check-in-result")).to_have_attribute("data-result", result)

    scan(texts[0].translate(GERMAN), "admitted")
    scan(texts[0].translate(FRENCH), "duplicate")
    gate.page.context.set_offline(True)
    expect(gate.part("gate-mode")).to_have_text("Offline")
    scan(texts[1].translate(FRENCH), "admitted")
    scan(texts[1].translate(GERMAN), "duplicate")


def see_ticket(open_page: OpenPage, world: World, people: People, muted: bool = False) -> tuple[Visitor, dict, str]:
    event, guest = world.event(people.one("organizer"), title="Down in the vault"), people.one()
    ticket = world.ticket(guest, world.register(guest, event))
    user = open_page("user")
    user.foresee("/api/v1/")
    if muted:
        user.page.route_web_socket("**/ws", lambda socket: None)  # it opens, and says nothing
    user.sign_in(guest.email, PASSWORD)
    user.open(f"/tickets/{ticket['id']}")
    user.sees_picture("ticket-qr")
    return user, ticket, guest.id


@phone
def test_a_ticket_is_shown_though_the_session_has_run_out(open_page: OpenPage, world: World, people: People) -> None:
    user, ticket, _ = see_ticket(open_page, world, people)
    user.page.context.clear_cookies()  # as after some weeks
    user.page.reload()
    user.sees("You are signed out.")
    user.sees(ticket["code"])
    user.sees_picture("ticket-qr")
    user.look("signed-out")
    user.open("/tickets")
    user.follow("Down in the vault")
    user.sees(ticket["code"])
    # Somebody else sees none of it.
    user.sign_in(people.one().email, PASSWORD)
    user.open("/tickets")
    user.sees("No registrations yet")


@phone
@pytest.mark.parametrize("way", ["by the socket", "by the next answer"])
def test_a_ticket_is_gone_after_a_sign_out_from_elsewhere(open_page: OpenPage, world: World, people: People, stack: Stack, way: str) -> None:
    muted = way == "by the next answer"
    user, ticket, person = see_ticket(open_page, world, people, muted)
    kept = "() => localStorage.getItem('em.tickets')"
    assert user.page.evaluate(kept)
    session = stack.value("SELECT id::text FROM sessions WHERE user_id = %s AND revoked_at IS NULL ORDER BY created_at DESC LIMIT 1", person)
    elsewhere = people.one()
    elsewhere.api.token = people.token(person, "user", sid=session)
    assert elsewhere.api.send("DELETE", "/me/sessions").status_code == 204
    if muted:
        user.page.reload()
    expect(user.page.get_by_role("heading", level=1)).to_have_text("Please sign in")
    assert user.page.evaluate(kept) is None
    expect(user.page.get_by_text(ticket["code"])).to_have_count(0)
    user.page.reload()
    expect(user.page.get_by_text(ticket["code"])).to_have_count(0)


@desktop
def test_an_edit_that_ends_an_event_asks_first(open_page: OpenPage, world: World, people: People, stack: Stack) -> None:
    host, organizer = people.one("organizer"), open_page("organizer")
    event = world.event(host)
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}/edit")
    sent: list[dict] = []

    def note(route: Route) -> None:
        if route.request.method == "PATCH":
            sent.append(route.request.post_data_json)
        route.continue_()

    organizer.page.route(f"**/api/v1/events/{event['id']}", note)
    year = datetime.now(timezone.utc) - timedelta(days=365)
    organizer.fill("Starts", year.strftime("%Y-%m-%dT10:00"))
    organizer.fill("Ends", year.strftime("%Y-%m-%dT12:00"))
    organizer.press("Save changes")
    question = organizer.page.get_by_role("dialog", name="Put the event into the past?")
    expect(question).to_be_visible()
    organizer.look("asked")
    organizer.press("Back to the form")
    assert sent == []
    organizer.press("Save changes")
    organizer.press("Yes, it is over")
    organizer.sees("Saved.")
    assert [change.get("confirmPast") for change in sent] == [True]
    # What is over can be edited without being asked, and canceled.
    organizer.fill("Venue", "Where it was")
    organizer.press("Save changes")
    organizer.sees("Saved.")
    assert "confirmPast" not in sent[-1]
    organizer.follow("Overview")
    organizer.press("Cancel event")
    expect(organizer.page.get_by_role("dialog")).to_contain_text("Cancel this event?")


@desktop
def test_a_server_that_wants_to_be_sure_is_asked_for(open_page: OpenPage, world: World, people: People) -> None:
    """Its clock is ahead: the page had no reason to ask."""
    host, organizer = people.one("organizer"), open_page("organizer")
    organizer.foresee("/api/v1/events")
    event = world.event(host)
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}/edit")
    refusal = ('{"type":"validation-failed","title":"Invalid","status":422,"traceId":"0123456789abcdef0123456789abcdef","errors":'
               '[{"field":"endsAt","code":"in-the-past","message":"is in the past"}]}')
    way = f"**/api/v1/events/{event['id']}"
    sent: list[dict] = []

    def refuse(route: Route) -> None:
        if route.request.method != "PATCH":
            return route.continue_()
        sent.append(route.request.post_data_json)
        return route.fulfill(status=422, content_type="application/problem+json", body=refusal)

    organizer.page.route(way, refuse)
    organizer.fill("Venue", "Elsewhere")
    organizer.press("Save changes")
    organizer.press("Yes, it is over")
    expect(organizer.page.get_by_role("dialog")).to_have_count(0)
    assert sent[-1] == {"venue": "Elsewhere", "confirmPast": True}


@desktop
def test_another_zone_says_when_the_event_was_before(open_page: OpenPage, world: World, people: People) -> None:
    host, guest = people.one("organizer"), people.one()
    event = world.event(host, startsAt="2031-05-01T17:30:00Z", endsAt="2031-05-01T20:00:00Z", timeZone="Europe/Berlin")
    world.register(guest, event)
    organizer, user = open_page("organizer"), open_page("user")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}/edit")
    organizer.page.get_by_label("Time zone").select_option("Asia/Tokyo")
    organizer.sees("Before: Thu, 1 May 2031, 19:30–22:00 CEST.")
    organizer.press("Save changes")
    organizer.sees("Saved.")
    expect(organizer.page.get_by_text("Before:")).to_have_count(0)
    user.sign_in(guest.email, PASSWORD)
    user.open("/notifications")
    user.sees("The event was changed")
    change = user.page.get_by_role("listitem").filter(has_text="Starts: ").last
    expect(change).to_have_text("Starts: 1 May 2031, 19:30 CEST → 1 May 2031, 19:30 GMT+9")


@phone
def test_what_is_written_from_right_to_left_keeps_to_itself(open_page: OpenPage, world: World, people: People) -> None:
    host, reader = people.one("organizer", "مريم العربي"), open_page("reader")
    event = world.event(host, title="أمسية موسيقية في الحديقة (2031)", description="مرحبا بكم.\nWelcome, all.", venue="قاعة 1")
    host.api.post(f"/events/{event['id']}/announcements", {"title": "خبر 1.", "body": "تفاصيل: https://example.org/a."}, status=201)
    reader.open(f"/events/{event['id']}")
    for element in (reader.page.get_by_role("heading", level=1), reader.page.locator(".em-prose").first, reader.page.locator("dd[dir]").first,
                    reader.page.get_by_role("heading", level=3)):
        expect(element).to_have_attribute("dir", "auto")
        assert element.evaluate("element => getComputedStyle(element).direction") == "rtl"
    assert reader.page.get_by_text("by ").first.inner_text() == "by \u2068مريم العربي\u2069"
    reader.look("rtl")
    reader.open("/?query=2031")
    heading = reader.page.get_by_role("heading", name="أمسية موسيقية في الحديقة (2031)").first
    assert heading.evaluate("element => getComputedStyle(element).direction") == "rtl"
    organizer = open_page("organizer")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}/edit")
    for label in ("Title", "Description", "Venue"):
        field = organizer.page.get_by_label(label, exact=True)
        expect(field).to_have_attribute("dir", "auto")
        assert field.evaluate("element => getComputedStyle(element).direction") == "rtl"
    organizer.look("rtl-form")
