"""The gate with its network cut, and what becomes of it when the network is back."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import requests
from playwright.sync_api import Request, Route, expect

from em.people import PASSWORD, People, Person
from em.stack import Stack
from em.visitor import Visitor
from em.waiting import eventually
from em.world import World

OpenPage = Callable[[str], Visitor]
phone = pytest.mark.parametrize("screen", ["phone"], indirect=True)
desktop = pytest.mark.parametrize("screen", ["desktop"], indirect=True)


@dataclass
class Guest:
    person: Person
    ticket: dict
    text: str  # of the QR code


def guest_of(world: World, people: People, event: dict, name: str) -> Guest:
    person = people.one(name=name)
    ticket = world.ticket(person, world.register(person, event))
    return Guest(person, ticket, world.stack.value("SELECT qr_text FROM tickets WHERE id = %s", ticket["id"]))


def open_gate(visitor: Visitor, host: Person, event: dict, gate: str = "North gate") -> None:
    """Until the gate could do without a network."""
    visitor.sign_in(host.email, PASSWORD)
    visitor.open(f"/gate/{event['id']}")
    visitor.fill("Gate", gate)
    visitor.page.keyboard.press("Enter")
    visitor.sees("on this device, as of")
    visitor.sees("This page opens without a network.")


def scan(visitor: Visitor, text: str, result: str, *words: str) -> None:
    """As a keyboard scanner does it: the text and Enter, wherever the focus is."""
    shown = visitor.part("check-in-result")
    before = shown.get_attribute("data-scan") or ""
    visitor.page.keyboard.type(text)
    visitor.page.keyboard.press("Enter")
    expect(shown).not_to_have_attribute("data-scan", before)
    expect(shown).to_have_attribute("data-result", result)
    for word in words:
        expect(shown).to_contain_text(word)


def mode(visitor: Visitor, text: str) -> None:
    expect(visitor.part("gate-mode")).to_have_text(text)


@phone
def test_the_gate_goes_on_without_a_network(open_page: OpenPage, world: World, people: People, stack: Stack) -> None:
    host = people.one("organizer")
    event, other = world.event(host, title="Night of the long queue"), world.event(host)
    anna, boris, chiara, dora = (guest_of(world, people, event, name) for name in ("Anna Able", "Boris Bold", "Chiara Clear", "Dora Gone"))
    stranger = guest_of(world, people, other, "Stan Stranger")
    dora.person.api.delete(f"/registrations/{dora.ticket['registrationId']}")
    eventually(lambda: stack.value("SELECT status FROM tickets WHERE id = %s", dora.ticket["id"]) == "revoked", "Dora’s ticket is revoked")
    gate = open_page("gate")
    gate.foresee("net::ERR_INTERNET_DISCONNECTED")
    open_gate(gate, host, event)
    mode(gate, "Online")
    scan(gate, dora.text, "revoked")

    gate.page.context.set_offline(True)
    gate.page.reload()  # the battery was changed meanwhile
    mode(gate, "Offline")
    expect(gate.page.get_by_role("heading", level=1)).to_have_text("Night of the long queue")
    gate.sees("This page opens without a network.")
    scan(gate, anna.text, "admitted", "Anna Able")
    forged = anna.text[:-9] + ("A" if anna.text[-9] != "A" else "B") + anna.text[-8:]
    scan(gate, forged, "unknown", "No ticket has this code.")
    scan(gate, anna.text, "duplicate", "First scan", "North gate")
    scan(gate, dora.text, "revoked", "This ticket is no longer valid.")
    scan(gate, stranger.text, "wrongEvent")
    scan(gate, boris.ticket["code"].lower(), "admitted", "Boris Bold")
    gate.look("admitted")
    scan(gate, boris.text, "duplicate")
    scan(gate, chiara.text, "admitted", "Chiara Clear")
    mode(gate, "Offline, 3 unsynced")
    gate.look("offline")
    assert stack.value("SELECT count(*) FROM check_ins WHERE event_id = %s", event["id"]) == 0
    # The gate is closed and opened again: nothing is lost.
    gate.page.reload()
    mode(gate, "Offline, 3 unsynced")
    scan(gate, chiara.text, "duplicate")

    elsewhere = {"code": chiara.text, "gate": "South gate", "device": "tablet 2"}
    assert host.api.post(f"/events/{event['id']}/check-ins", elsewhere)["result"] == "admitted"
    gate.page.context.set_offline(False)
    mode(gate, "Online")
    conflict = gate.part("gate-conflicts")
    expect(conflict).to_contain_text("Chiara Clear")
    expect(conflict).to_contain_text("at North gate")
    expect(conflict).to_contain_text("South gate, tablet 2")
    expect(conflict).not_to_contain_text("Anna")
    gate.look("conflict")
    used = stack.rows("SELECT ticket_id::text FROM check_ins WHERE event_id = %s", event["id"])
    assert sorted(used) == sorted((guest.ticket["id"],) for guest in (anna, boris, chiara))
    gate.press("Noted Chiara Clear")
    expect(conflict).to_have_count(0)
    scan(gate, anna.text, "duplicate", "North gate")

    organizer = open_page("organizer")
    organizer.sign_in(host.email, PASSWORD)
    organizer.open(f"/organizer/events/{event['id']}/check-in")
    organizer.sees("Conflicts between gates")
    organizer.sees("One ticket was let in more than once.")
    organizer.look("scans")


@desktop
def test_a_list_that_somebody_changed_on_its_way_is_not_taken(open_page: OpenPage, world: World, people: People) -> None:
    host = people.one("organizer")
    event, gate = world.event(host), open_page("gate")
    guest_of(world, people, event, "Anna Able")
    gate.sign_in(host.email, PASSWORD)

    def change(route: Route, request: Request) -> None:
        answer = route.fetch()
        head, body, tail = answer.text().split(".")
        route.fulfill(response=answer, body=f"{head}.{body[:40]}{'A' if body[40] != 'A' else 'B'}{body[41:]}.{tail}")

    gate.page.route("**/check-in-manifest?*", change)
    gate.open(f"/gate/{event['id']}")
    gate.sees("The list of tickets isn’t signed by this site. It was not taken.")
    gate.sees("The list of tickets is not on this device yet.")
    gate.page.unroute("**/check-in-manifest?*")
    gate.press("Fetch the list now")
    gate.sees("1 ticket on this device")


@desktop
def test_a_scan_whose_answer_got_lost_is_one_scan(open_page: OpenPage, world: World, people: People, stack: Stack) -> None:
    host = people.one("organizer")
    event, gate = world.event(host), open_page("gate")
    anna = guest_of(world, people, event, "Anna Able")
    gate.foresee("/check-ins")
    open_gate(gate, host, event)

    def lose(route: Route, request: Request) -> None:
        route.fetch()
        route.abort()

    gate.page.route("**/check-ins", lose)
    scan(gate, anna.text, "admitted", "Anna Able")
    assert gate.part("check-in-result").get_attribute("data-offline") == "true"
    mode(gate, "Online")  # told again, under the same id
    expect(gate.part("gate-conflicts")).to_have_count(0)
    assert stack.value("SELECT count(*) FROM check_ins WHERE event_id = %s", event["id"]) == 1


@desktop
def test_signing_out_takes_the_names_off_the_device(open_page: OpenPage, world: World, people: People) -> None:
    host = people.one("organizer")
    event, gate = world.event(host), open_page("gate")
    guest_of(world, people, event, "Anna Able")
    open_gate(gate, host, event)
    gate.open("/")
    gate.press("Sign out")
    expect(gate.page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()
    gate.foresee("/check-in-manifest")
    gate.open(f"/gate/{event['id']}")
    mode(gate, "Signed out")
    gate.sees("The list of tickets is not on this device yet.")
    gate.press("Sign in")
    gate.page.get_by_label("Email", exact=True).fill(host.email)
    gate.page.get_by_label("Password", exact=True).fill(PASSWORD)
    gate.page.get_by_role("dialog").get_by_role("button", name="Sign in", exact=True).click()
    mode(gate, "Online")
    gate.sees("1 ticket on this device")


@phone
def test_the_gate_can_be_installed_and_it_alone_may_run_webassembly(open_page: OpenPage, stack: Stack) -> None:
    gate = open_page("gate")
    gate.open("/gate/")
    expect(gate.page.get_by_role("heading", level=1)).to_have_text("Gates")
    chromium = gate.page.context.new_cdp_session(gate.page)
    errors = chromium.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [error["errorId"] for error in errors] in ([], ["in-incognito"])  # a test's window is always incognito
    assert chromium.send("Page.getAppManifest")["manifest"]["scope"] == f"{stack.url}/gate/"

    def policy(path: str) -> str:
        return requests.get(stack.url + path, timeout=10).headers["Content-Security-Policy"]

    assert "'wasm-unsafe-eval'" in policy("/gate/") and "'unsafe-eval'" not in policy("/gate/")
    assert not [path for path in ("/", "/organizer", "/gates", "/assets/none.js", "/api/v1/events") if "wasm" in policy(path)]
