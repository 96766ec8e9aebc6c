"""What an event page says and does on the way to a place: the line, the times, and answers that get lost."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Request, Route, expect

from em.people import PASSWORD, People
from em.visitor import Visitor
from em.world import World, timestamp

OpenPage = Callable[[str], Visitor]
desktop = pytest.mark.parametrize("screen", ["desktop"], indirect=True)
phone = pytest.mark.parametrize("screen", ["phone"], indirect=True)


def state(visitor: Visitor, is_now: str) -> None:
    expect(visitor.part("registration-state")).to_have_attribute("data-state", is_now)


def test_somebody_in_line_moves_up_and_gets_the_place(open_page: OpenPage, world: World, people: People) -> None:
    """All of it without a reload."""
    event = world.event(people.one("organizer"), capacity=1, waitlistEnabled=True)
    holder, first, person = people.one(), people.one(), people.one()
    held, waiting = world.register(holder, event), world.register(first, event)
    user = open_page("user")
    user.sign_in(person.email, PASSWORD)
    user.open(f"/events/{event['id']}")
    user.sees("This event is full.")
    user.look("full")
    user.press("Join the waitlist")
    user.sees("In line at 2")
    user.look("in-line")
    user.press("Leave the line")
    user.press("Stay in line")
    user.press("Leave the line")
    user.look("really")
    user.press("Yes, leave the line")
    state(user, "cancelled")
    user.press("Join the waitlist")
    user.sees("In line at 2")
    first.api.delete(f"/registrations/{waiting['id']}")
    user.sees("In line at 1")
    holder.api.delete(f"/registrations/{held['id']}")
    user.sees("You moved up: you have a place.")
    state(user, "confirmed")
    user.sees_picture("ticket-qr")
    user.look("moved-up")


@phone
def test_what_is_expected_of_a_tap_gives_way_to_what_the_server_says(open_page: OpenPage, world: World, people: People) -> None:
    """The page hears of nothing, takes its reader's place for granted, and is wrong."""
    event, user = world.event(people.one("organizer"), capacity=1), open_page("user")
    user.foresee(f"/events/{event['id']}/registrations")
    user.page.route_web_socket("**/ws", lambda socket: None)  # it opens, and says nothing
    user.sign_in(people.one().email, PASSWORD)
    user.open(f"/events/{event['id']}")
    user.sees_count("0 of 1 places taken")
    held: list[Route] = []
    user.page.route(f"**/events/{event['id']}/registrations", lambda route: held.append(route))
    user.press("Register")
    user.sees("Your place is being taken…")
    user.look("expected")
    world.register(people.one(), event)
    held[0].continue_()
    user.sees("Sorry, this event is full.")
    expect(user.page.get_by_text("Your place is being taken…")).to_have_count(0)
    user.sees_count("1 of 1 places taken")
    expect(user.page.get_by_role("button", name="Register")).to_have_count(0)
    state(user, "none")
    user.look("corrected")


@desktop
def test_registration_opens_and_closes_by_itself(open_page: OpenPage, world: World, people: People) -> None:
    host, stranger = people.one("organizer"), open_page("stranger")
    event = world.event(host, registrationOpensAt=timestamp(1), registrationClosesAt=timestamp(1.5))
    wish = stranger.page.get_by_role("link", name="Sign in to register")
    in_three_seconds = 3 / 86_400

    def edit(**changes: str) -> None:
        """The open page hears of it."""
        event.update(host.api.patch(f"/events/{event['id']}", changes, headers={"If-Match": f'"{event["version"]}"'}))

    stranger.open(f"/events/{event['id']}")
    stranger.sees("Registration opens on")
    expect(wish).to_have_count(0)
    stranger.look("not-yet")
    edit(registrationOpensAt=timestamp(in_three_seconds))
    expect(wish).to_be_visible()
    stranger.sees("Registration closes on")
    edit(registrationClosesAt=timestamp(in_three_seconds))
    stranger.sees("Registration closed on")
    expect(wish).to_have_count(0)
    stranger.look("closed")


@phone
def test_an_answer_that_got_lost_takes_no_second_place(open_page: OpenPage, world: World, people: People) -> None:
    """The same wish has the same key until it is settled; the wish after that has another. And if only the answer was
    lost, the page hears of its place all the same."""
    event, person = world.event(people.one("organizer")), people.one()
    user = open_page("user")
    user.foresee("/registrations")
    keys: list[str] = []

    def lose_two(route: Route, request: Request) -> None:
        keys.append(request.headers["idempotency-key"])
        if len(keys) == 1:
            route.abort()  # the request never arrives
        elif len(keys) == 2:
            route.fetch()
            route.abort()  # it does, and the answer is lost
        else:
            route.continue_()

    user.page.route(f"**/events/{event['id']}/registrations", lose_two)
    user.sign_in(person.email, PASSWORD)
    user.open(f"/events/{event['id']}")
    user.press("Register")
    user.sees("The server can’t be reached.")
    user.look("lost")
    user.press("Register")
    state(user, "confirmed")
    user.press("Cancel registration")
    user.press("Yes, cancel registration")
    state(user, "cancelled")
    user.press("Register")
    state(user, "confirmed")
    assert keys[0] == keys[1] != keys[2]
    assert world.counts(event)["confirmed"] == 1
