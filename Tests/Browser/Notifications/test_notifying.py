"""What people are told, here and by mail: notifications, what of them one wants, announcements and how far they have come."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from em.mailbox import Mailbox
from em.people import PASSWORD, People, Person
from em.visitor import Visitor
from em.world import World

OpenPage = Callable[..., Visitor]
desktop = pytest.mark.parametrize("screen", ["desktop"], indirect=True)
phone = pytest.mark.parametrize("screen", ["phone"], indirect=True)


@phone
def test_what_is_new_is_counted_as_it_comes_and_can_be_read(open_page: OpenPage, world: World, people: People) -> None:
    host, guest, user = people.one("organizer"), people.one(), open_page("user")
    event = world.event(host, title="Bring a torch")
    user.sign_in(guest.email, PASSWORD)
    user.open("/")
    world.register(guest, event)
    badge = user.page.get_by_role("button", name="Menu").get_by_test_id("unread")
    expect(badge).to_contain_text("1")
    host.api.post(f"/events/{event['id']}/announcements", {"title": "Doors at six", "body": "Come early."}, status=201)
    expect(badge).to_contain_text("2")
    user.page.get_by_role("button", name="Menu").click()
    user.page.get_by_role("navigation", name="Main").get_by_role("link", name="Notifications").click()
    user.sees("Doors at six")
    user.sees("Come early.")
    user.look("unread")
    user.page.get_by_role("article").filter(has_text="Doors at six").get_by_role("button", name="Mark as read").click()
    expect(badge).to_contain_text("1")
    user.press("Mark all as read")
    expect(badge).to_have_count(0)
    user.page.reload()
    user.sees("Doors at six")
    expect(user.page.get_by_role("button", name="Mark as read")).to_have_count(0)


@phone
def test_one_chooses_what_comes_and_in_which_language(open_page: OpenPage, people: People) -> None:
    person, user = people.one(), open_page("user")
    user.sign_in(person.email, PASSWORD)
    user.open("/account")
    chosen = user.page.get_by_role("group", name="Announcements").get_by_label("By email")
    expect(chosen).to_be_checked()
    expect(user.page.get_by_role("group", name="Your registrations").get_by_label("By email")).to_be_disabled()
    user.look("preferences")
    chosen.click()
    expect(chosen).not_to_be_checked()
    user.page.get_by_role("combobox", name="Language").select_option("de")
    user.sees("Was zu Ihnen kommt")
    held = person.api.get("/me/preferences")
    assert held["language"] == "de"
    assert {topic["topic"]: topic["mail"] for topic in held["topics"]}["announcements"] is False


@desktop
def test_an_announcement_goes_to_those_it_is_for_and_one_sees_how_far_it_is(open_page: OpenPage, world: World, people: People) -> None:
    host = people.one("organizer")
    event = world.event(host, capacity=2, waitlistEnabled=True)
    for guest in people.many(3):
        world.register(guest, event)
    organizer = open_page("organizer")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}/announcements")
    organizer.fill("Title", "There is a second evening")
    organizer.fill("Text", "Tell us if you would come.")
    organizer.page.get_by_label("To", exact=True).select_option("waitlisted")
    organizer.sees("1 person now")
    organizer.look("written")
    organizer.press("Post announcement")
    organizer.sees("1 email sent")
    organizer.sees("Told")
    organizer.fill("Title", "Doors at six")
    organizer.fill("Text", "Come early.")
    organizer.page.get_by_label("To", exact=True).select_option("all")
    organizer.page.get_by_label("Send it later").check()
    organizer.fill("When", "2020-05-01T19:30")
    organizer.press("Schedule announcement")
    organizer.sees("Choose a time to come.")
    organizer.fill("When", event["startsAt"][:16])
    organizer.press("Schedule announcement")
    later = organizer.page.get_by_role("article").filter(has_text="Doors at six")
    expect(later.get_by_text("Scheduled", exact=True)).to_be_visible()
    organizer.look("later")
    later.get_by_role("button", name="Take it back").click()
    expect(later.get_by_text("Taken back", exact=True)).to_be_visible()


@desktop
def test_a_place_has_a_history_for_its_holder_and_for_the_organizer(open_page: OpenPage, world: World, people: People, mailbox: Mailbox) -> None:
    host, guest = people.one("organizer"), people.one(name="Gina Guest")
    event = world.event(host)
    world.ticket(guest, world.register(guest, event))
    mailbox.wait_for(guest.email, event["title"])
    user, organizer = open_page("user"), open_page("organizer")
    user.sign_in(guest.email, PASSWORD)
    user.open(f"/events/{event['id']}")
    user.page.get_by_text("What happened so far").first.click()
    for words in ("Registered", "Ticket made", "The mail server took the email"):
        user.sees(words)
    user.look("history")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}/attendees")
    organizer.page.get_by_role("button", name=re.compile("Gina Guest: What happened")).click()
    expect(organizer.page.get_by_role("dialog").get_by_text("The mail server took the email")).to_be_visible()
    organizer.look("history")


@desktop
def test_an_admin_holds_the_mail_back_and_lets_it_go(open_page: OpenPage, people: People) -> None:
    admin = open_page("admin")
    admin.sign_in(people.one("admin").email, PASSWORD)
    admin.open("/admin/system")
    try:
        admin.press("Pause sending")
        admin.sees("Paused")
        admin.look("paused")
    finally:
        admin.press("Resume sending")
    expect(admin.page.get_by_role("button", name="Pause sending")).to_be_visible()


@phone
def test_the_foot_of_a_mail_leads_to_fewer_of_its_kind(open_page: OpenPage, world: World, people: People, mailbox: Mailbox) -> None:
    host, guest = people.one("organizer"), people.one()
    event = world.event(host)
    world.register(guest, event)
    host.api.post(f"/events/{event['id']}/announcements", {"title": "The kiosk is open", "body": "Cash only."}, status=201)
    mail = mailbox.wait_for(guest.email, "The kiosk is open").get_body(("plain",)).get_content()
    reader = open_page("reader")
    reader.open(re.search(r"http\S+/unsubscribe#token=[\w-]+", mail).group())
    reader.sees("Mails about your place and its ticket still come.")
    assert announcements_by_mail(guest), "who only opens the page is not meant"
    reader.press("No more of these mails")
    reader.sees("We don’t mail you announcements any more.")
    reader.look("off")
    assert not announcements_by_mail(guest)
    reader.press("Undo")
    reader.sees("Such mails come again.")
    assert announcements_by_mail(guest)
    reader.foresee("/api/v1/unsubscribe")
    reader.open("/unsubscribe#token=made-up")
    reader.press("No more of these mails")
    reader.sees("This link has expired or was already used.")
    reader.look("used-up")


def announcements_by_mail(person: Person) -> bool:
    topics = {topic["topic"]: topic for topic in person.api.get("/me/preferences")["topics"]}
    return topics["announcements"]["mail"]


@desktop
def test_a_mail_is_seen_before_anybody_gets_it(open_page: OpenPage, world: World, people: People) -> None:
    host = people.one("organizer")
    event = world.event(host, title="Kite day")
    organizer = open_page("organizer")
    page = organizer.page
    organizer.foresee("Failed to execute 'postMessage'")  # of axe, whose looks stop at the sandboxed frame
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}/mails")
    organizer.fill("A paragraph of your own", "Bring a kite.")
    organizer.press("Show the mail")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("Bring a kite.")).to_be_visible()
    organizer.look("preview")
    organizer.fill("A paragraph of your own", "Bring two kites.")
    page.get_by_label("Mail", exact=True).select_option("event.reminder")
    organizer.sees("Below, it is as it was before your last changes.")
    organizer.press("Show it anew")
    expect(frame.get_by_text("Bring two kites.")).to_be_visible()
    expect(organizer.part("mail-preview")).to_contain_text("Kite day")
    organizer.open(f"/organizer/events/{event['id']}/announcements")
    organizer.fill("Title", "Wind is up")
    organizer.fill("Text", "Come at noon.")
    organizer.press("Show the mail")
    expect(frame.get_by_text("Come at noon.")).to_be_visible()


@phone
def test_answers_to_an_events_mails_go_where_its_organizer_wants_them(open_page: OpenPage, world: World, people: People, mailbox: Mailbox) -> None:
    host, guest = people.one("organizer"), people.one()
    event = world.event(host, title="Answered")
    organizer = open_page("organizer")
    organizer.foresee("/mail-settings")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}/mails")
    answers = organizer.page.get_by_label("Answers go to", exact=True)
    organizer.fill("Answers go to", "nobody at all")
    organizer.press("Save")
    expect(answers).to_have_attribute("aria-invalid", "true")
    expect(answers).to_be_focused()
    organizer.sees("Enter a valid email address.")
    organizer.look("refused")
    organizer.fill("Answers go to", " team@example.test ")
    organizer.press("Save")
    organizer.sees("Saved.")
    expect(answers).to_have_value("team@example.test")
    world.register(guest, event)
    assert "<team@example.test>" in mailbox.wait_for(guest.email, "Answered")["Reply-To"]
    organizer.page.reload()
    expect(answers).to_have_value("team@example.test")
    organizer.fill("Answers go to", "")
    organizer.press("Save")
    organizer.sees("Saved.")
    assert host.api.get(f"/events/{event['id']}/mail-settings")["replyTo"] is None
