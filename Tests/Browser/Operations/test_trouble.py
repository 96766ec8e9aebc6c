"""When something is away: it is said, nothing is lost, and it heals without a reload."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Request, Route, WebSocketRoute, expect

from em.people import PASSWORD, People
from em.visitor import Visitor
from em.world import World, timestamp

OpenPage = Callable[[str], Visitor]
EXPIRED = '{"type":"token-expired","title":"Expired","status":401,"traceId":"0123456789abcdef0123456789abcdef"}'
phone = pytest.mark.parametrize("screen", ["phone"], indirect=True)
desktop = pytest.mark.parametrize("screen", ["desktop"], indirect=True)


@phone
def test_a_lost_socket_is_said_and_what_was_missed_is_shown(open_page: OpenPage, world: World, people: People) -> None:
    host = people.one("organizer")
    event, watcher = world.event(host), open_page("watcher")
    sockets: list[WebSocketRoute] = []
    away = False

    def between(socket: WebSocketRoute) -> None:
        if away:
            return socket.close(code=1012)
        sockets.append(socket)
        socket.connect_to_server()

    watcher.page.route_web_socket("**/ws", between)
    watcher.open(f"/events/{event['id']}")
    live = watcher.page.get_by_text("Live", exact=True)
    expect(live).to_be_visible()
    watcher.sees_count("0 of 10 places taken")
    announcements = f"/events/{event['id']}/announcements"
    host.api.post(announcements, {"title": "Doors at six", "body": "Come early."}, status=201)
    watcher.sees("Doors at six")
    away = True
    sockets[-1].close(code=1012)
    watcher.sees("Reconnecting…")
    watcher.look("reconnecting")
    world.register(people.one(), event)
    host.api.post(announcements, {"title": "Doors at seven", "body": "Come later."}, status=201)
    away = False
    watcher.sees_count("1 of 10 places taken")
    expect(live).to_be_visible()
    watcher.sees("Doors at seven")
    host.api.post(announcements, {"title": "Doors at eight", "body": "Have patience."}, status=201)
    watcher.sees("Doors at eight")
    headings = watcher.page.get_by_role("heading", name="Doors at")
    expect(headings).to_have_text(["Doors at eight", "Doors at seven", "Doors at six"])


@phone
def test_a_busy_service_and_no_service_at_all_take_nothing(open_page: OpenPage, world: World, people: People) -> None:
    event, user = world.event(people.one("organizer")), open_page("user")
    user.foresee("/registrations")
    user.sign_in(people.one().email, PASSWORD)
    user.open(f"/events/{event['id']}")
    way = f"**/events/{event['id']}/registrations"
    busy = '{"type":"unavailable","title":"Busy","status":503,"traceId":"0123456789abcdef0123456789abcdef"}'
    user.page.route(way, lambda route: route.fulfill(status=503, content_type="application/problem+json", body=busy))
    user.press("Register")
    user.sees("Nothing was changed. Please try again in a moment.")
    user.look("busy")
    user.page.unroute(way)
    user.page.route(way, lambda route: route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway</h1>"))
    user.press("Register")
    user.sees("It’s safe to try again.")
    user.page.unroute(way)
    user.press("Register")
    expect(user.part("registration-state")).to_have_attribute("data-state", "confirmed")


@desktop
def test_a_session_that_ends_while_one_writes_loses_nothing(open_page: OpenPage, people: People) -> None:
    host, organizer = people.one("organizer"), open_page("organizer")
    organizer.foresee("/api/v1/")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open("/organizer/new")
    organizer.fill("Title", "Written with patience")
    organizer.fill("Starts", "2031-05-01T19:30")
    organizer.fill("Ends", "2031-05-01T22:00")
    organizer.fill("Capacity", "5")
    for way in ("**/api/v1/events", "**/api/v1/auth/refresh"):
        organizer.page.route(way, lambda route: route.fulfill(status=401, content_type="application/problem+json", body=EXPIRED))
    organizer.press("Create event")
    dialog = organizer.page.get_by_role("dialog")
    expect(dialog.get_by_text("What you were doing is still here.")).to_be_visible()
    organizer.look("ended")
    for way in ("**/api/v1/events", "**/api/v1/auth/refresh"):
        organizer.page.unroute(way)
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in", exact=True).click()
    expect(dialog).to_have_count(0)
    expect(organizer.page.get_by_label("Title", exact=True)).to_have_value("Written with patience")
    organizer.press("Create event")
    organizer.sees("This is a draft.")


@phone
def test_a_token_that_is_over_is_renewed_and_the_tap_is_not_lost(open_page: OpenPage, world: World, people: People) -> None:
    event, user = world.event(people.one("organizer")), open_page("user")
    user.foresee("/registrations")
    user.sign_in(people.one().email, PASSWORD)
    user.open(f"/events/{event['id']}")
    expect(user.page.get_by_role("button", name="Register")).to_be_visible()
    keys: list[str] = []
    renewals: list[str] = []
    user.page.on("request", lambda request: request.url.endswith("/auth/refresh") and renewals.append(request.url))

    def is_over_once(route: Route, request: Request) -> None:
        keys.append(request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fulfill(status=401, content_type="application/problem+json", body=EXPIRED)
        else:
            route.continue_()

    user.page.route(f"**/events/{event['id']}/registrations", is_over_once)
    user.press("Register")
    expect(user.part("registration-state")).to_have_attribute("data-state", "confirmed")
    assert len(keys) == 2 and keys[0] == keys[1] and len(renewals) == 1
    expect(user.page.get_by_role("alert")).to_have_count(0)


@phone
def test_a_clock_that_is_wrong_does_no_harm(open_page: OpenPage, world: World, people: People) -> None:
    """Two hours ahead: registration would seem open already, and a token would seem over."""
    event, user = world.event(people.one("organizer"), registrationOpensAt=timestamp(1 / 24)), open_page("user")
    user.page.add_init_script("""
      const Real = Date, ahead = 7_200_000;
      window.Date = class extends Real {
        constructor(...given) { if (given.length > 0) super(...given); else super(Real.now() + ahead); }
        static now() { return Real.now() + ahead; }
      };""")
    user.sign_in(people.one().email, PASSWORD)
    user.open(f"/events/{event['id']}")
    user.sees("Registration opens on")
    expect(user.page.get_by_role("button", name="Register")).to_have_count(0)
    user.open("/tickets")
    user.sees("No registrations yet")


@phone
def test_on_a_slow_network_every_step_is_seen_and_one_tap_is_enough(open_page: OpenPage, world: World, people: People) -> None:
    """Slow 3G as browsers imitate it: 400 kbit/s, 400 ms."""
    event, user = world.event(people.one("organizer")), open_page("user")
    user.sign_in(people.one().email, PASSWORD)
    session = user.page.context.new_cdp_session(user.page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {
        "offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000})
    user.page.goto(f"/events/{event['id']}", wait_until="commit")
    expect(user.page.get_by_text("EM-Connect").first).to_be_visible()
    expect(user.page.get_by_role("button", name="Register")).to_be_visible(timeout=40_000)
    user.press("Register")
    user.sees("Your place is being taken…")
    user.picture("slow")
    user.sees("Your place is confirmed.")
    user.sees_picture("ticket-qr")


@desktop
def test_an_api_that_is_away_is_said_and_the_page_heals(open_page: OpenPage, world: World, people: People) -> None:
    event, user = world.event(people.one("organizer")), open_page("user")
    user.foresee("/api/v1/")
    way = "**/api/v1/events**"
    user.page.route(way, lambda route: route.abort())
    user.open(f"/?query={event['title'].replace(' ', '+')}")
    user.sees("The server can’t be reached.")
    user.look("away")
    user.page.unroute(way)
    user.press("Try again")
    user.sees(event["title"])
    user.page.route(f"**/api/v1/events/{event['id']}", lambda route: route.fulfill(
        status=503, content_type="application/problem+json", body='{"type":"unavailable","title":"Busy","status":503}'))
    user.page.get_by_role("link", name=event["title"]).click()
    user.sees("The service is temporarily unavailable.")
    user.page.unroute(f"**/api/v1/events/{event['id']}")
    user.press("Try again")
    user.sees_count("0 of 10 places taken")


@desktop
def test_two_tabs_agree(open_page: OpenPage, world: World, people: People) -> None:
    event, person, user = world.event(people.one("organizer")), people.one(), open_page("user")
    user.sign_in(person.email, PASSWORD)
    user.open(f"/events/{event['id']}")
    other = user.page.context.new_page()
    other.goto(f"/events/{event['id']}")
    expect(other.get_by_role("button", name="Register")).to_be_visible()
    user.press("Register")
    expect(other.get_by_test_id("registration-state")).to_have_attribute("data-state", "confirmed")
    user.sign_out()
    expect(other.get_by_role("link", name="Sign in to register")).to_be_visible()
    other.close()
