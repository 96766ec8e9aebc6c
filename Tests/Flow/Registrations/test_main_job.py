"""One registration's whole way through the four built binaries: HTTP in; mail, ticket and socket out."""

import re
import uuid
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
from cryptography.exceptions import InvalidSignature

from em import gate
from em.api import Api, problem
from em.live import Socket
from em.people import PASSWORD, People, Person
from em.stack import Stack
from em.waiting import eventually
from em.world import World, timestamp


@pytest.fixture(scope="module")
def organizer(people: People) -> Person:
    return people.one("organizer", "Olga Ortega")


def sign_up(stack: Stack, name: str) -> Person:
    body = {"email": f"{uuid.uuid4().hex}@example.test", "password": PASSWORD, "displayName": name}
    answer = Api(stack.url).post("/auth/register", body, status=201)
    user = answer["user"]
    assert (user["email"], user["displayName"], user["role"]) == (body["email"], name, "user")
    # As if they had followed the link in a mail: who has not is greeted without a name.
    stack.rows("UPDATE users SET email_verified_at = now() WHERE id = %s", user["id"])
    return Person(user["id"], user["email"], name, "user", Api(stack.url, answer["accessToken"]))


def part_of(mail: EmailMessage, kind: str) -> EmailMessage:
    [part] = [part for part in mail.walk() if part.get_content_type() == kind and not part.get_filename("").endswith(".ics")]
    return part


def calendar_of(mail: EmailMessage) -> list[str]:
    """The lines of the attached calendar file, unfolded (RFC 5545 §3.1)."""
    [attached] = [part for part in mail.iter_attachments() if part.get_content_type() == "text/calendar"]
    assert attached.get_filename().endswith(".ics")
    return attached.get_content().replace("\r\n", "\n").replace("\n ", "").splitlines()


def test_register_then_ticket_mail_updates_gate_and_back(world: World, stack: Stack, organizer: Person) -> None:
    login = Api(stack.url).post("/auth/login", {"email": organizer.email, "password": PASSWORD})
    organizer.api.token = login["accessToken"]
    title = f"Lantern walk {uuid.uuid4().hex[:8]}"
    draft = world.draft(organizer, title=title, venue="Old harbour", capacity=3)
    assert (draft["status"], draft["confirmed"]) == ("draft", 0)
    problem(world.anyone.send("GET", f"/events/{draft['id']}"), 404, "not-found")
    event = organizer.api.post(f"/events/{draft['id']}/publish")
    assert event["status"] == "published"

    user = sign_up(stack, "Ursula Ünal")
    found = user.api.get("/events", params={"query": title})["items"]
    assert [item["id"] for item in found] == [event["id"]]

    with Socket(stack) as watcher, Socket(stack, user.token) as own:
        snapshot = watcher.subscribe(f"event:{event['id']}")["snapshot"]
        assert (snapshot["confirmed"], snapshot["capacity"]) == (0, 3)
        own.subscribe("me")

        registration = world.register(user, event)
        assert registration["status"] == "confirmed" and registration["eventId"] == event["id"]
        problem(user.api.send("POST", f"/events/{event['id']}/registrations"), 409, "already-registered")

        news = own.expect(type="ticket", registrationId=registration["id"])
        assert news["eventId"] == event["id"]
        moved = watcher.expect(type="counts", where=lambda frame: frame["confirmed"] == 1)
        assert moved["revision"] > snapshot["revision"] and moved["capacity"] == 3
        ticket = user.api.get(f"/tickets/{news['id']}")
        assert ticket["status"] == "valid" and ticket["registrationId"] == registration["id"]
        [mine] = user.api.get("/me/registrations")["items"]
        assert mine["ticket"]["code"] == ticket["code"] and mine["event"]["title"] == title

        verified = gate.verify(ticket["qrText"], world.anyone.get("/.well-known/ticket-keys.json"))
        assert (verified.ticket, verified.event, verified.issue) == (ticket["id"], event["id"], 1)
        assert gate.scan(user.api.send("GET", f"/tickets/{ticket['id']}.png").content) == ticket["qrText"]
        check_mail(world.mailbox.wait_for(user.email, title), user, event, ticket)
        own.expect(type="notification", status="sent", kind="registration.confirmed")

        check_in_once(organizer, event, ticket, user)

        # Whoever is inside keeps the place, until an organizer takes the check-in back.
        problem(user.api.send("DELETE", f"/registrations/{registration['id']}"), 409, "already-checked-in")
        [inside] = [scan for scan in organizer.api.get(f"/events/{event['id']}/check-ins")["items"] if scan["result"] == "admitted"]
        organizer.api.post(f"/check-ins/{inside['id']}/undo", {"reason": "went home"})
        cancelled = user.api.delete(f"/registrations/{registration['id']}")
        assert cancelled["status"] == "cancelled" and cancelled["ticket"]["status"] == "revoked"
        watcher.expect(type="counts", where=lambda frame: frame["confirmed"] == 0)
        assert world.counts(event)["confirmed"] == 0
        mail = world.mailbox.wait_for(user.email, f"cancelled: {title}")
        assert "METHOD:CANCEL" in calendar_of(mail)
        scan = organizer.api.post(f"/events/{event['id']}/check-ins", {"code": ticket["code"]})
        assert scan["result"] == "revoked"

    kinds = {item["kind"]: item["status"] for item in user.api.get("/me/notifications")["items"]}
    assert kinds == {"registration.confirmed": "sent", "registration.cancelled": "sent"}


def check_mail(mail: EmailMessage, user: Person, event: dict, ticket: dict) -> None:
    """Text and HTML, the QR code inline and shown by the HTML, an invitation that a calendar understands."""
    assert user.email in mail["To"] and mail["Message-ID"] and mail["Date"]
    text, page = part_of(mail, "text/plain").get_content(), part_of(mail, "text/html").get_content()
    for body in (text, page):
        assert event["title"] in body and ticket["code"] in body and user.name in body
    image = part_of(mail, "image/png")
    assert image.get_content_disposition() == "inline"
    assert f"cid:{image['Content-ID'].strip('<>')}" in page
    assert gate.scan(image.get_content()) == ticket["qrText"]
    lines = calendar_of(mail)
    starts = datetime.fromisoformat(event["startsAt"]).strftime("%Y%m%dT%H%M%SZ")
    for line in ("METHOD:REQUEST", f"DTSTART:{starts}", f"SUMMARY:{event['title']}", f"LOCATION:{event['venue']}"):
        assert line in lines, lines
    assert any(line.startswith("UID:") and ticket["registrationId"] in line for line in lines)


def check_in_once(organizer: Person, event: dict, ticket: dict, user: Person) -> None:
    path = f"/events/{event['id']}/check-ins"
    first = organizer.api.post(path, {"code": ticket["qrText"], "gate": "North", "device": "phone 1"})
    assert first["result"] == "admitted" and first["attendee"]["displayName"] == user.name
    typed = ticket["code"].lower().replace("-", " ")
    again = organizer.api.post(path, {"code": typed, "gate": "South", "device": "phone 2"})
    assert again["result"] == "duplicate"
    assert (again["firstScan"]["gate"], again["firstScan"]["device"]) == ("North", "phone 1")
    assert again["firstScan"]["at"] == first["at"]
    [attendee] = organizer.api.get(f"/events/{event['id']}/registrations", params={"query": user.email})["items"]
    assert attendee["checkedInAt"] == first["at"] and attendee["ticket"]["code"] == ticket["code"]
    stats = organizer.api.get(f"/events/{event['id']}/stats")
    assert (stats["checkedIn"], stats["confirmed"], stats["capacity"]) == (1, 1, 3)


def test_a_scan_sent_again_gets_the_same_answer(world: World, organizer: Person, people: People) -> None:
    event, user = world.event(organizer), people.one()
    ticket = world.ticket(user, world.register(user, event))
    scan = {"code": ticket["code"], "scanId": uuid.uuid4().hex, "device": "phone"}
    answers = [organizer.api.post(f"/events/{event['id']}/check-ins", scan) for _ in range(2)]
    assert [answer["result"] for answer in answers] == ["admitted", "admitted"]
    assert answers[0]["at"] == answers[1]["at"]


def test_the_gate_refuses_what_is_not_its_ticket(world: World, organizer: Person, people: People) -> None:
    here, elsewhere = world.event(organizer), world.event(organizer)
    closed = world.event(organizer, checkInOpensAt=timestamp(1))
    user = people.one()
    foreign, early = (world.ticket(user, world.register(user, event)) for event in (elsewhere, closed))

    def result(event: dict, code: str) -> str:
        return organizer.api.post(f"/events/{event['id']}/check-ins", {"code": code})["result"]

    assert result(here, foreign["qrText"]) == "wrongEvent"
    assert result(here, foreign["code"]) == "wrongEvent"
    assert result(closed, early["code"]) == "notYetValid"
    qr = foreign["qrText"]
    changed = qr[:40] + ("A" if qr[40] != "A" else "B") + qr[41:]
    for code in (changed, qr[:-8], "EM1:", "0000-0000-0000", "🎟️", "' OR 1=1 --"):
        assert result(here, code) == "unknown", code


def test_a_changed_ticket_fails_the_published_key(world: World, organizer: Person, people: People) -> None:
    event, user = world.event(organizer), people.one()
    ticket = world.ticket(user, world.register(user, event))
    keys = world.anyone.get("/.well-known/ticket-keys.json")
    read = gate.verify(ticket["qrText"], keys)
    ends = datetime.fromisoformat(event["endsAt"])
    assert read.not_before is None and ends < read.not_after <= ends + timedelta(days=2)
    for place in (20, 60, 100, 170):
        letter = "B" if ticket["qrText"][place] == "A" else "A"
        with pytest.raises((InvalidSignature, ValueError)):
            gate.verify(ticket["qrText"][:place] + letter + ticket["qrText"][place + 1 :], keys)
    access_keys = world.anyone.get("/.well-known/jwks.json")
    with pytest.raises(ValueError):  # the keys of access tokens sign no tickets
        gate.verify(ticket["qrText"], access_keys)


def test_a_freed_place_goes_to_the_first_in_line(world: World, organizer: Person, people: People, stack: Stack) -> None:
    event = world.event(organizer, capacity=1, waitlistEnabled=True)
    holder, first, second = people.many(3)
    held = world.register(holder, event)
    waiting = [world.register(person, event) for person in (first, second)]
    assert [(item["status"], item["position"]) for item in waiting] == [("waitlisted", 1), ("waitlisted", 2)]
    world.mailbox.wait_for(first.email, f"waiting list for {event['title']}")
    with Socket(stack, first.token) as socket:
        socket.subscribe("me")
        holder.api.delete(f"/registrations/{held['id']}")
        socket.expect(type="registration", registrationId=waiting[0]["id"], status="confirmed")
        socket.expect(type="ticket", registrationId=waiting[0]["id"])
    world.mailbox.wait_for(first.email, f"A place is yours: {event['title']}")
    left = second.api.get(f"/registrations/{waiting[1]['id']}")
    assert (left["status"], left["position"], left["ticket"]) == ("waitlisted", 1, None)
    counts = world.counts(event)
    assert (counts["confirmed"], counts["waitlisted"]) == (1, 1)


def test_edits_announcements_and_the_end_are_heard(world: World, organizer: Person, people: People, stack: Stack) -> None:
    event, user = world.event(organizer), people.one()
    ticket = world.ticket(user, world.register(user, event))
    path = f"/events/{event['id']}"
    with Socket(stack) as socket:
        socket.subscribe(f"event:{event['id']}")
        tag = organizer.api.send("GET", path).headers["ETag"]
        edited = organizer.api.patch(path, {"venue": "Hall 2"}, headers={"If-Match": tag})
        assert edited["version"] > event["version"] and edited["venue"] == "Hall 2"
        socket.expect(type="event", version=edited["version"])
        assert "Hall 2" in part_of(world.mailbox.wait_for(user.email, f"Changed: {event['title']}"), "text/plain").get_content()
        stale = organizer.api.send("PATCH", path, json={"venue": "Hall 3"}, headers={"If-Match": tag})
        problem(stale, 412, "version-mismatch")

        posted = organizer.api.post(f"{path}/announcements", {"title": "Doors", "body": "Open at six."}, status=201)
        heard = socket.expect(type="announcement", id=posted["id"])
        assert (heard["title"], heard["body"]) == ("Doors", "Open at six.")
        assert [item["id"] for item in world.anyone.get(f"{path}/announcements")["items"]] == [posted["id"]]

        assert organizer.api.post(f"{path}/cancel")["status"] == "cancelled"
        socket.expect(type="event", status="cancelled")
    mail = world.mailbox.wait_for(user.email, f"Cancelled: {event['title']}")
    assert "METHOD:CANCEL" in calendar_of(mail)
    assert user.api.get(f"/tickets/{ticket['id']}")["status"] == "revoked"
    problem(people.one().api.send("POST", f"{path}/registrations"), 409, "event-cancelled")


def test_the_window_and_the_capacity_are_kept(world: World, organizer: Person, people: People) -> None:
    soon = world.event(organizer, registrationOpensAt=timestamp(1))
    over = world.event(organizer, registrationClosesAt=timestamp(-0.5), registrationOpensAt=timestamp(-1))
    full = world.event(organizer, capacity=1)
    world.register(people.one(), full)
    refused = ((soon, "registration-not-open"), (over, "registration-closed"), (full, "full"))
    user = people.one()
    for event, slug in refused:
        problem(user.api.send("POST", f"/events/{event['id']}/registrations"), 409, slug)
        assert world.counts(event)["confirmed"] == (event is full)
    problem(user.api.send("POST", f"/events/{world.draft(organizer)['id']}/registrations"), 404, "not-found")
    world.register(people.one(), larger(organizer, full, 2))
    tag = {"If-Match": f'"{organizer.api.get("/events/" + full["id"])["version"]}"'}
    smaller = organizer.api.send("PATCH", f"/events/{full['id']}", json={"capacity": 1}, headers=tag)
    problem(smaller, 409, "capacity-below-confirmed")
    assert smaller.json()["confirmed"] == 2


def larger(organizer: Person, event: dict, capacity: int) -> dict:
    return organizer.api.patch(f"/events/{event['id']}", {"capacity": capacity},
                               headers={"If-Match": f'"{event["version"]}"'})


def test_an_idempotency_key_settles_a_lost_answer(world: World, organizer: Person, people: People) -> None:
    event, user = world.event(organizer), people.one()
    path, headers = f"/events/{event['id']}/registrations", {"Idempotency-Key": uuid.uuid4().hex}
    answers = [user.api.send("POST", path, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert world.counts(event)["confirmed"] == 1
    another = user.api.send("POST", path, headers={"Idempotency-Key": uuid.uuid4().hex})
    problem(another, 409, "already-registered")
    problem(user.api.send("POST", path, headers={"Idempotency-Key": "k" * 256}), 422, "validation-failed")


def test_the_table_for_spreadsheets_names_everybody(world: World, organizer: Person, people: People) -> None:
    event = world.event(organizer)
    [trickster] = people.many(1, name='=HYPERLINK("http://x")')
    ticket = world.ticket(trickster, world.register(trickster, event))
    table = organizer.api.send("GET", f"/events/{event['id']}/registrations.csv")
    assert table.status_code == 200 and table.headers["Content-Type"].startswith("text/csv")
    head, row = table.content.decode("utf-8-sig").splitlines()
    assert trickster.email in row and ticket["code"] in row
    assert '"\'=HYPERLINK' in row  # an apostrophe keeps a spreadsheet from running it


def test_lists_are_paged_without_gaps(world: World, people: People) -> None:
    organizer = people.one("organizer")
    made = {world.draft(organizer)["id"] for _ in range(5)}
    seen, cursor = [], ""
    while cursor is not None:
        page = organizer.api.get("/events", params={"mine": "true", "limit": "2", "cursor": cursor})
        assert len(page["items"]) <= 2
        seen += [item["id"] for item in page["items"]]
        cursor = page["nextCursor"]
    assert len(seen) == 5 and set(seen) == made


def test_an_admin_finds_everybodys_events_drafts_too(world: World, people: People) -> None:
    [one, other], admin, word = people.many(2, "organizer"), people.one("admin"), uuid.uuid4().hex[:12]
    made = {world.draft(one, title=f"Draft {word}")["id"], world.event(other, title=f"Out {word}")["id"]}
    found = admin.api.get("/events", params={"all": "true", "query": word})["items"]
    assert {event["id"] for event in found} == made
    assert admin.api.get("/events", params={"mine": "true", "query": word})["items"] == []


def test_the_system_names_every_service_and_what_it_was_built_from(people: People) -> None:
    services = people.one("admin").api.get("/admin/system")["services"]
    assert [service["name"] for service in services] == ["api-service", "ticket-worker", "notifications", "ws-hub"]
    assert all(service["instances"] > 0 and re.fullmatch(r"\d+\.\d+\.\d+", service["version"]) and service["revision"]
               for service in services), services


def test_a_watcher_who_comes_late_gets_the_state_of_now(world: World, organizer: Person, people: People, stack: Stack) -> None:
    event = world.event(organizer)
    for person in people.many(3):
        world.register(person, event)

    def snapshot() -> bool:
        with Socket(stack) as socket:
            return socket.subscribe(f"event:{event['id']}")["snapshot"]["confirmed"] == 3

    eventually(snapshot, "a snapshot with all three registrations", within=10)
