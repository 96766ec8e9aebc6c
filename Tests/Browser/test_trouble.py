"""When something is away: it is said, nothing is lost, and it heals without a reload."""

from collections.abc import Callable

import pytest
from playwright.sync_api import WebSocketRoute, expect

from em.people import PASSWORD, People
from em.visitor import Visitor
from em.world import World

Visit = Callable[[str], Visitor]
phone = pytest.mark.parametrize("screen", ["phone"], indirect=True)
desktop = pytest.mark.parametrize("screen", ["desktop"], indirect=True)


@phone
def test_a_lost_socket_is_said_and_what_was_missed_is_shown(visit: Visit, world: World, people: People) -> None:
    host = people.one("organizer")
    event, watcher = world.event(host), visit("watcher")
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
def test_a_busy_service_and_no_service_at_all_take_nothing(visit: Visit, world: World, people: People) -> None:
    event, user = world.event(people.one("organizer")), visit("user")
    user.foresee("/registrations")
    user.sign_in(people.one().email, PASSWORD)
    user.open(f"/events/{event['id']}")
    way = f"**/events/{event['id']}/registrations"
    busy = '{"type":"unavailable","title":"Busy","status":503,"traceId":"0123456789abcdef0123456789abcdef"}'
    user.page.route(way, lambda route: route.fulfill(status=503, content_type="application/problem+json", body=busy))
    user.press("Register")
    user.sees("Nothing was changed: please try again in a moment.")
    user.look("busy")
    user.page.unroute(way)
    user.page.route(way, lambda route: route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway</h1>"))
    user.press("Register")
    user.sees("Trying again is safe.")
    user.page.unroute(way)
    user.press("Register")
    expect(user.part("registration-state")).to_have_attribute("data-state", "confirmed")


@desktop
def test_a_session_that_ends_while_one_writes_loses_nothing(visit: Visit, people: People) -> None:
    host, organizer = people.one("organizer"), visit("organizer")
    organizer.foresee("/api/v1/")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open("/organizer/new")
    organizer.fill("Title", "Written with patience")
    organizer.fill("Starts", "2031-05-01T19:30")
    organizer.fill("Ends", "2031-05-01T22:00")
    organizer.fill("Capacity", "5")
    expired = '{"type":"token-expired","title":"Expired","status":401,"traceId":"0123456789abcdef0123456789abcdef"}'
    for way in ("**/api/v1/events", "**/api/v1/auth/refresh"):
        organizer.page.route(way, lambda route: route.fulfill(status=401, content_type="application/problem+json", body=expired))
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
