"""Finding an event: by words, by days, by scrolling on; and the way back to where one was."""

import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from em.people import PASSWORD, People
from em.visitor import Visitor
from em.world import World, timestamp

OpenPage = Callable[[str], Visitor]
PAGE = 20  # events that the list asks for at a time


def listed(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("list", name="Events").get_by_role("article")


@pytest.mark.parametrize("screen", ["phone"], indirect=True)
def test_a_long_list_goes_on_as_one_scrolls_and_is_there_on_the_way_back(open_page: OpenPage, world: World, people: People) -> None:
    host, reader, word = people.one("organizer"), open_page("reader"), f"Parade{uuid.uuid4().hex[:8]}"
    for number in range(PAGE + 5):
        world.event(host, title=f"{word} {number:02}", startsAt=timestamp(2 + number / 100), endsAt=timestamp(3))
    reader.open(f"/?query={word}")  # as somebody sent it
    expect(reader.page.get_by_label("Search events")).to_have_value(word)
    expect(listed(reader)).to_have_count(PAGE)
    reader.page.mouse.wheel(0, 20_000)
    expect(listed(reader)).to_have_count(PAGE + 5)
    expect(reader.page.get_by_role("button", name="Load more")).to_have_count(0)
    last = listed(reader).get_by_role("link", name=f"{word} 24")
    last.click()
    expect(reader.page.get_by_role("heading", level=1)).to_have_text(f"{word} 24")
    assert reader.page.evaluate("window.scrollY") == 0
    reader.page.go_back()
    expect(listed(reader)).to_have_count(PAGE + 5)
    expect(last).to_be_in_viewport()
    expect(reader.page.get_by_label("Search events")).to_have_value(word)
    reader.page.go_forward()
    expect(reader.page.get_by_role("heading", level=1)).to_have_text(f"{word} 24")


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_the_days_are_chosen_and_each_event_says_what_is_left(open_page: OpenPage, world: World, people: People) -> None:
    host, reader, word = people.one("organizer"), open_page("reader"), f"Regatta{uuid.uuid4().hex[:8]}"
    guests = people.many(9)
    events = {"soon": world.event(host, title=f"{word} soon", capacity=10),
              "full": world.event(host, title=f"{word} full", capacity=1),
              "line": world.event(host, title=f"{word} line", capacity=1, waitlistEnabled=True),
              "shut": world.event(host, title=f"{word} shut", registrationOpensAt=timestamp(1)),
              "late": world.event(host, title=f"{word} late", startsAt=timestamp(20), endsAt=timestamp(20.1))}
    for guest in guests:
        world.register(guest, events["soon"])
    for event in (events["full"], events["line"]):
        world.register(guests[0], event)
    reader.open("/")
    reader.fill("Search events", word)
    expect(listed(reader)).to_have_count(5)
    for name, left in (("soon", "1 left"), ("full", "Full"), ("line", "Waitlist"), ("shut", "Opens later"), ("late", "10 places")):
        # What everybody may read can be a second old: it is read again by whoever looks again.
        expect(listed(reader).filter(has_text=f"{word} {name}")).to_contain_text(left)
    reader.page.get_by_label("When").select_option("week")
    expect(listed(reader)).to_have_count(4)
    reader.look("this week")
    assert "when=week" in reader.page.url and f"query={word}" in reader.page.url
    reader.page.get_by_label("When").select_option("today")
    reader.sees("in these days.")
    reader.page.reload()
    reader.sees("in these days.")
    reader.page.get_by_label("When").select_option("month")
    expect(listed(reader)).to_have_count(5)


@pytest.mark.parametrize("screen", ["phone"], indirect=True)
@pytest.mark.parametrize("way", ["sign in", "sign up"])
def test_who_comes_in_on_the_way_is_one_step_from_where_they_were(open_page: OpenPage, world: World, people: People, way: str) -> None:
    event, reader, person = world.event(people.one("organizer")), open_page("reader"), people.one()
    reader.open(f"/?query={event['title'].replace(' ', '+')}")
    listed(reader).get_by_role("link", name=event["title"]).click()
    reader.follow("Sign in to register")
    if way == "sign up":
        reader.follow("Create an account")
        reader.fill("Name", "Nora New")
    reader.fill("Email", person.email if way == "sign in" else f"{uuid.uuid4().hex}@example.test")
    reader.fill("Password", PASSWORD)
    reader.press(way.capitalize())
    expect(reader.page.get_by_role("button", name="Register", exact=True)).to_be_visible()
    expect(reader.page.get_by_role("heading", level=1)).to_be_focused()
    reader.page.go_back()
    expect(listed(reader)).to_have_count(1)
