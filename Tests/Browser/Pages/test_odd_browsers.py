"""Browsers as they are: one that translates the page, one that keeps nothing, one that can't say where it is or what it speaks;
and data that a browser can do nothing with. Each page is there all the same."""

import json
import uuid
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Playwright, Route, expect

from em.people import PASSWORD, People, Person
from em.scene import Scene, sign_in, unfold
from em.stack import Stack
from em.visitor import Visitor
from em.world import World

OpenPage = Callable[..., Visitor]
phone = pytest.mark.parametrize("screen", ["phone"], indirect=True)
desktop = pytest.mark.parametrize("screen", ["desktop"], indirect=True)

# What Chromium's and Edge's translators do: every text, as it comes, stands in elements of theirs. "replaced": by another text.
TRANSLATED = """(() => {
  const passed = new Set(['SCRIPT', 'STYLE', 'TEXTAREA', 'OPTION', 'TITLE', 'FONT', 'NOSCRIPT']);
  const wrap = (text) => {
    if (!text.data || !text.parentElement || passed.has(text.parentElement.tagName)) return;
    const outer = document.createElement('font');
    const inner = outer.appendChild(document.createElement('font'));
    text.replaceWith(outer);
    inner.append(WAY === 'moved' ? text : text.cloneNode());
  };
  const texts = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return [node];
    const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) found.push(walker.currentNode);
    return found;
  };
  new MutationObserver((records) => { for (const { addedNodes } of records) for (const node of addedNodes) texts(node).forEach(wrap); })
    .observe(document, { childList: true, subtree: true });
})()"""

# As in a browser whose settings forbid all of it: asking is refused already. "missing": as in an old one, or without HTTPS.
BLOCKED = """(() => {
  const refuse = () => { throw new DOMException('The operation is insecure.', 'SecurityError'); };
  const take = (object, name) => Object.defineProperty(object, name, {
    configurable: true, get: WAY === 'blocked' ? refuse : () => undefined });
  for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches']) take(window, name);
  for (const name of ['serviceWorker', 'wakeLock', 'clipboard']) take(Navigator.prototype, name);
  if (WAY === 'blocked') LockManager.prototype.request = async () => refuse();
  else for (const name of ['locks', 'vibrate']) take(Navigator.prototype, name);
  for (const name of ['BroadcastChannel', 'AudioContext', 'requestIdleCallback', 'IntersectionObserver']) delete window[name];
  delete Crypto.prototype.randomUUID;
  Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined });
  if (WAY === 'missing') delete Intl.supportedValuesOf;
})()"""

# A browser that says of its place and languages what its system says.
NOWHERE = """(() => {
  const { resolvedOptions } = Intl.DateTimeFormat.prototype;
  Intl.DateTimeFormat.prototype.resolvedOptions = function () { return { ...resolvedOptions.call(this), timeZone: ZONE }; };
  Object.defineProperty(Navigator.prototype, 'languages', { get: () => LANGUAGES });
  Object.defineProperty(Navigator.prototype, 'language', { get: () => LANGUAGES?.[0] });
})()"""


def as_odd(page: Page, script: str, **values: object) -> None:
    for name, value in values.items():
        script = script.replace(name, "undefined" if value is None else json.dumps(value))
    page.context.add_init_script(script)


@pytest.fixture(scope="module")
def scene(world: World, people: People, stack: Stack) -> Scene:
    return Scene(world, people, stack)


Odd = Callable[..., Page]


@pytest.fixture
def odd(browser: Browser, stack: Stack) -> Iterator[Odd]:
    """A window of a browser made odd by a script; no page of it may have crashed."""
    contexts, crashes = [], []

    def open_window(script: str, **values: object) -> Page:
        contexts.append(browser.new_context(base_url=stack.url, reduced_motion="reduce"))
        page = contexts[-1].new_page()
        as_odd(page, script, **values)
        page.on("pageerror", lambda error: crashes.append(f"{page.url}: {error}"))
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert not crashes, "\n".join(crashes)


def open_every_page(scene: Scene, odd: Odd, script: str, **values: object) -> None:
    pages: dict[str, Page] = {}
    crashed = []
    for person, name, address, sign in scene.pages():
        key = person.id if person else ""
        if key not in pages:
            pages[key] = odd(script, **values)
            if person:
                sign_in(pages[key], person)
        page = pages[key]
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        if sign:
            expect(page.get_by_text(sign).first).to_be_visible()
        expect(page.locator(".em-skeleton")).to_have_count(0)
        unfold(page, name)
        shown = page.get_by_role("main").inner_text()
        if "Something went wrong" in shown or "can’t be shown" in shown:
            crashed.append(f"{name}: {shown[:200]}")
    assert not crashed, "\n".join(crashed)


# Each oddity once at every page, two at a time.
@pytest.mark.parametrize(("script", "way", "zone", "languages"), [
    (TRANSLATED, "moved", "Etc/Unknown", ["en-US@posix"]), (TRANSLATED, "replaced", None, []), (BLOCKED, "blocked", "", None),
    (BLOCKED, "missing", "posix/Europe/Berlin", ["C", "en_GB.UTF-8", "x"]),
    ("", "", "Mars/Olympus_Mons", ["", "en", None, "not a tag"])], ids=["moved", "replaced", "blocked", "missing", "nowhere"])
def test_every_page_is_there(scene: Scene, odd: Odd, script: str, way: str, zone: str | None, languages: list[str] | None) -> None:
    """Translated or without storage, in a browser that knows neither its place nor its language."""
    open_every_page(scene, odd, f"{NOWHERE};\n{script}", WAY=way, ZONE=zone, LANGUAGES=languages)


@phone
@pytest.mark.parametrize("way", ["moved", "replaced"])
def test_a_translated_page_can_be_used(open_page: OpenPage, world: World, people: People, way: str) -> None:
    """What comes and goes on the way from the list to a ticket and back, and on the organizer's side."""
    host, first, person = people.one("organizer"), people.one(), people.one(name="Tara Translated")
    event = world.event(host, capacity=2, waitlistEnabled=True)
    user, organizer = open_page("user"), open_page("organizer")
    for visitor in (user, organizer):
        as_odd(visitor.page, TRANSLATED, WAY=way)
        visitor.foresee("/auth/login")
    user.open(f"/events/{event['id']}")
    user.follow("Sign in to register")
    user.press("Sign in")
    user.sees("Enter your password.")
    user.fill("Email", person.email)
    user.fill("Password", "not it at all")
    user.press("Sign in")
    user.sees("Incorrect email or password.")
    user.press("Show what is typed")
    user.fill("Password", PASSWORD)
    user.press("Sign in")
    state = user.part("registration-state")
    user.press("Register")
    expect(state).to_have_attribute("data-state", "confirmed")
    expect(user.part("ticket-code")).to_be_visible()
    user.sees_count("1 of 2 places taken")
    user.page.get_by_text("What happened so far").click()
    user.sees("Ticket made")
    user.press("Cancel registration")
    user.press("Keep my place")
    user.press("Cancel registration")
    user.press("Yes, cancel registration")
    expect(state).to_have_attribute("data-state", "cancelled")
    for other in (first, people.one()):
        world.register(other, event)
    user.sees("This event is full.")
    user.press("Join the waitlist")
    expect(state).to_have_attribute("data-state", "waitlisted")
    user.sees("In line at 1")
    first.api.delete(f"/registrations/{first.api.get('/me/registrations')['items'][0]['id']}")
    user.sees("You moved up: you have a place.")
    user.press("Deutsch")
    expect(user.page.get_by_role("button", name="Anmeldung absagen").or_(user.page.get_by_role("button", name="Abmelden").last)).to_be_visible()
    user.press("English")
    user.navigate("My tickets")
    user.sees("Show ticket")
    user.navigate("Notifications")
    user.press("Mark all as read")
    expect(user.page.get_by_role("button", name="Mark all as read")).to_have_count(0)
    user.open(f"/events/{event['id']}")
    host.api.post(f"/events/{event['id']}/announcements", {"title": "News", "body": "Read https://example.org/a."}, status=201)
    user.sees("News")
    user.sign_out()
    expect(user.page.get_by_role("heading", level=1)).to_have_text("Events")

    organizer.sign_in(host.email, PASSWORD)
    own = f"/organizer/events/{event['id']}"
    organizer.open(f"{own}/attendees")
    organizer.press("Add attendee")
    organizer.press("Add to the event")
    organizer.sees("Enter your email address.")
    organizer.press("Back")
    organizer.fill("Search attendees", "Tara")
    expect(organizer.page.get_by_role("row")).to_have_count(3)  # the one who moved up had canceled before
    organizer.press("Remove Tara Translated")
    organizer.page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    organizer.sees("Tara Translated was removed.")
    organizer.open(f"{own}/edit")
    organizer.fill("Title", "")
    organizer.press("Save changes")
    organizer.sees("Give the event a title.")
    organizer.fill("Title", "Another title")
    organizer.press("Save changes")
    organizer.sees("Saved.")
    organizer.open(f"{own}/announcements")
    organizer.fill("Title", "More news")
    organizer.fill("Text", "There is more.")
    organizer.press("Post announcement")
    organizer.sees("Posted.")
    organizer.open(f"/gate/{event['id']}")
    organizer.sees("on this device, as of")
    for code, result in (("0000-0000-0000", "unknown"), ("1110-0000-0009", "unknown")):
        before = organizer.part("check-in-result").get_attribute("data-scan") or ""
        organizer.page.keyboard.type(code)
        organizer.page.keyboard.press("Enter")
        expect(organizer.part("check-in-result")).not_to_have_attribute("data-scan", before)
        expect(organizer.part("check-in-result")).to_have_attribute("data-result", result)


@phone
@pytest.mark.parametrize("way", ["blocked", "missing"])
def test_a_gate_works_without_storage(open_page: OpenPage, world: World, people: People, stack: Stack, way: str) -> None:
    host, guests = people.one("organizer"), people.many(2, name="Gina Guest")
    event, gate = world.event(host), open_page("gate")
    codes = [world.ticket(guest, world.register(guest, event))["code"] for guest in guests]
    as_odd(gate.page, BLOCKED, WAY=way)
    gate.foresee("net::ERR_INTERNET_DISCONNECTED")
    gate.foresee("/auth/refresh")  # a browser that keeps nothing doesn't know that there is no session to ask for
    gate.sign_in(host.email, PASSWORD)
    gate.open(f"/gate/{event['id']}")
    gate.sees("2 tickets on this device")
    gate.sees("This browser keeps nothing")

    def scan(code: str, result: str) -> None:
        before = gate.part("check-in-result").get_attribute("data-scan") or ""
        gate.page.keyboard.type(code)
        gate.page.keyboard.press("Enter")
        expect(gate.part("check-in-result")).not_to_have_attribute("data-scan", before)
        expect(gate.part("check-in-result")).to_have_attribute("data-result", result)

    scan(codes[0], "admitted")
    gate.page.context.set_offline(True)
    expect(gate.part("gate-mode")).to_have_text("Offline")
    scan(codes[0], "duplicate")
    scan(codes[1], "admitted")
    scan(codes[1], "duplicate")
    expect(gate.part("gate-mode")).to_have_text("Offline, 1 unsynced")
    gate.page.context.set_offline(False)
    expect(gate.part("gate-mode")).to_have_text("Online")
    assert stack.value("SELECT count(*) FROM check_ins WHERE event_id = %s", event["id"]) == 2


@pytest.mark.parametrize("zone", ["Mars/Olympus_Mons", "Etc/Unknown", ":/nowhere", "posix/Europe/Berlin"])
def test_the_first_page_is_there_whatever_the_system_calls_its_zone(playwright: Playwright, stack: Stack, scene: Scene, zone: str) -> None:
    """Not by a script: the browser itself is started so."""
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-dev-shm-usage"],
                                         env={"TZ": zone, "LANG": "en_US@posix", "LANGUAGE": "en_US@posix"})
    try:
        page = browser.new_context(base_url=stack.url).new_page()
        for address in ("/?query=Midsummer", f"/events/{scene.open['id']}"):
            page.goto(address)
            expect(page.get_by_text("Midsummer concert").first).to_be_visible()
            expect(page.get_by_text("CEST").or_(page.get_by_text("CET")).or_(page.get_by_text("GMT+")).first).to_be_visible()
    finally:
        browser.close()


@phone
def test_one_bad_event_is_one_bad_card(open_page: OpenPage, scene: Scene, world: World) -> None:
    """A zone that this browser doesn't know, times that are none, states of a later version; and what can't be drawn at all."""
    name = f"Card {uuid.uuid4().hex[:8]}"
    titles = [world.event(scene.host, title=f"{name} {number}")["title"] for number in range(7)]
    reader = open_page("reader")
    reader.foresee("Minified React error #31")  # an object as a text

    def spoil(event: dict) -> None:
        changes = dict(zip(titles, (
            {"timeZone": "posix/Europe/Berlin"}, {"timeZone": "Mars/Olympus_Mons"}, {"startsAt": "soon", "endsAt": "later"},
            {"startsAt": "2031-05-01T18:00:00Z", "endsAt": "2031-05-01T17:00:00Z"}, {"status": "postponed"},
            {"venue": {"name": "Hall"}}, {}), strict=True))
        event.update(changes.get(event["title"], {}))

    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        for event in body.get("items", [body]):
            if "title" in event:
                spoil(event)
        route.fulfill(response=response, json=body)

    reader.page.route("**/api/v1/events?*", answer)
    reader.page.route("**/api/v1/events/*-*-*-*-*", answer)
    reader.open(f"/?query={name}")
    cards = reader.page.get_by_role("list", name="Events").get_by_role("listitem")
    expect(cards).to_have_count(7)
    expect(cards.filter(has_text="This entry can’t be shown.")).to_have_count(1)
    for title in titles[:5] + titles[6:]:
        reader.sees(title)
    unknown = cards.filter(has_text=titles[1])
    expect(unknown).to_contain_text("UTC")
    expect(unknown).to_contain_text("doesn’t know the time zone Mars/Olympus_Mons")
    for title in titles[:5]:
        reader.open(f"/?query={name}")
        reader.follow(title)
        expect(reader.page.get_by_role("heading", level=1)).to_have_text(title)
    reader.look("broken")
