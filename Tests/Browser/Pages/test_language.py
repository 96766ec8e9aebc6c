"""The pages in the reader's language, with times and numbers as they are written there."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from em.eye import WIDER_THAN_THE_WINDOW
from em.people import PASSWORD, People
from em.visitor import Visitor
from em.world import World

OpenPage = Callable[..., Visitor]
phone = pytest.mark.parametrize("screen", ["phone"], indirect=True)


@phone
def test_a_german_browser_is_spoken_to_in_german(open_page: OpenPage, world: World, people: People) -> None:
    event = world.event(people.one("organizer"), capacity=1234, startsAt="2031-05-01T17:30:00Z", endsAt="2031-05-01T20:00:00Z",
                        timeZone="Asia/Tokyo")
    reader, person = open_page("reader", locale="de-DE"), people.one()
    person.api.patch("/me/preferences", {"language": "de"})
    reader.open(f"/events/{event['id']}")
    expect(reader.page.locator("html")).to_have_attribute("lang", "de")
    reader.sees_count("0 von 1.234 Plätzen belegt")
    reader.sees("19:30 Ihre Zeit")  # the event's own zone is ahead by seven hours
    reader.look("german")
    reader.foresee("/auth/login")
    reader.follow("Zum Teilnehmen anmelden")
    reader.fill("E-Mail", person.email)
    reader.fill("Passwort", "not it at all")
    reader.press("Anmelden")
    reader.sees("E-Mail-Adresse oder Passwort ist falsch.")
    reader.fill("Passwort", PASSWORD)
    reader.press("Anmelden")
    reader.press("Anmelden")
    reader.sees("Ihr Platz ist bestätigt.")
    reader.press("English")
    reader.sees("Your place is confirmed.")
    reader.page.reload()
    reader.sees("Your place is confirmed.")
    expect(reader.page.locator("html")).to_have_attribute("lang", "en")


@phone
def test_what_the_server_says_is_said_in_german_too(open_page: OpenPage, world: World, people: People) -> None:
    """Against a field, against the whole, and of what came of a delivery."""
    organizer, host = open_page("organizer", locale="de-DE"), people.one("organizer")
    host.api.patch("/me/preferences", {"language": "de"})
    event = world.event(host, capacity=3)
    for guest in people.many(2):
        world.register(guest, event)
    organizer.foresee("/api/v1/")
    organizer.open("/sign-in")
    organizer.fill("E-Mail", host.email)
    organizer.fill("Passwort", PASSWORD)
    organizer.press("Anmelden")
    organizer.page.wait_for_url(lambda url: "/sign-in" not in url)
    organizer.open("/organizer/subscriptions")
    organizer.fill("Name", "Anzeige an der Tür")
    organizer.fill("Adresse", "https://10.0.0.1/hook")
    organizer.page.get_by_label("Tickets: ausgestellt").check()
    organizer.press("Einrichten")
    organizer.sees("Geben Sie eine öffentlich erreichbare URL ein.")
    organizer.look("refused")
    organizer.fill("Adresse", "https://nobody.invalid/hook")
    organizer.press("Einrichten")
    organizer.follow("Anzeige an der Tür")
    organizer.press("Probe senden")
    card = organizer.page.get_by_role("list", name="Zustellungen").get_by_role("listitem").first
    expect(card).to_contain_text("Neuer Versuch")
    card.get_by_text("1 Versuch").click()
    expect(card).to_contain_text("Unbekannter Rechner")
    organizer.look("unreachable")
    organizer.open(f"/organizer/events/{event['id']}/edit")
    organizer.fill("Plätze", "1")
    organizer.press("Änderungen speichern")
    organizer.sees("Weniger als 2 Plätze sind nicht möglich: So viele Anmeldungen sind schon bestätigt.")


@phone
def test_a_new_browser_takes_over_the_language_of_the_account(open_page: OpenPage, people: People) -> None:
    person = people.one()
    person.api.patch("/me/preferences", {"language": "de"})
    newcomer, settled = open_page("newcomer"), open_page("settled")
    newcomer.sign_in(person.email, PASSWORD)
    expect(newcomer.page.get_by_role("heading", level=1)).to_have_text("Veranstaltungen")
    newcomer.page.reload()
    expect(newcomer.page.get_by_role("heading", level=1)).to_have_text("Veranstaltungen")
    settled.open("/sign-in")
    settled.press("English")  # said in this browser: that counts more
    settled.sign_in(person.email, PASSWORD)
    expect(settled.page.get_by_role("heading", level=1)).to_have_text("Events")


@phone
def test_the_pages_can_be_read_from_right_to_left(open_page: OpenPage, world: World, people: People) -> None:
    host, reader = people.one("organizer"), open_page("reader")
    event = world.event(host, waitlistEnabled=True)
    own = f"/organizer/events/{event['id']}"

    def from_the_right(*addresses: str) -> None:
        for address in addresses:
            reader.open(address)
            expect(reader.page.get_by_role("heading", level=1)).to_be_visible()
            expect(reader.page.locator(".em-skeleton")).to_have_count(0)
            reader.page.evaluate("document.documentElement.dir = 'rtl'")
            assert not reader.page.evaluate(WIDER_THAN_THE_WINDOW)
            assert reader.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            brand, menu = (reader.page.get_by_role(role, name=name).bounding_box() for role, name in
                           (("link", "EM-Connect"), ("button", "Menu")))
            assert brand["x"] > menu["x"]
            assert not reader.page.evaluate(LEANS_LEFT), address
            reader.picture("from-the-right")

    from_the_right("/", f"/events/{event['id']}", "/sign-in", "/sign-up")
    reader.sign_in(host.email, PASSWORD)
    from_the_right("/organizer", "/organizer/new", own, f"{own}/attendees", f"{own}/mails", "/account", "/notifications")


# What of the style sheets still knows left from right: text to the left, and room that is kept on the left of a list, a box to
# tick or a choice.
LEANS_LEFT = """() => [...document.querySelectorAll('body *')].filter((element) => {
  const { textAlign, paddingLeft, paddingRight, display } = getComputedStyle(element);
  return display !== 'none' && (textAlign === 'left' || (element.matches('ul, ol, .form-check') && parseFloat(paddingLeft) > parseFloat(paddingRight))
    || (element.matches('select') && parseFloat(paddingLeft) < parseFloat(paddingRight)));
}).map((element) => `${element.tagName} ${element.className}`)"""
