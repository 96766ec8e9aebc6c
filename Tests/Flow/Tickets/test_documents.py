"""Tickets as documents: whatever somebody prints or shows, a gate reads the code; what stands beside it is right."""

import base64
import random
import re

import pytest
from cryptography.exceptions import InvalidSignature

from em import gate, pictures
from em.api import problem
from em.people import People, Person
from em.waiting import eventually
from em.world import World

TITLE = ("Ein sehr langer Titel, der umgebrochen werden muss: Konzert für Violine, Viola und Violoncello · "
         "حفلة موسيقية في المساء · 東京フィルハーモニー交響楽団 · קונצרט")
VENUE = "قاعة الاحتفالات الكبرى, 東京都渋谷区"


@pytest.fixture(scope="module")
def organizer(people: People) -> Person:
    return people.one("organizer", "Olga Organizer")


@pytest.fixture(scope="module")
def concert(world: World, organizer: Person) -> dict:
    return world.event(organizer, title=TITLE, venue=VENUE, startsAt="2031-07-05T22:30:00Z", endsAt="2031-07-06T00:00:00Z",
                       timeZone="Asia/Tokyo")


@pytest.fixture(scope="module")
def holder(people: People) -> Person:
    return people.one(name="山田 太郎 / محمد")


@pytest.fixture(scope="module")
def ticket(world: World, concert: dict, holder: Person) -> dict:
    return world.ticket(holder, world.register(holder, concert))


def test_the_code_is_read_from_every_document_however_worn(world: World, holder: Person, ticket: dict) -> None:
    def document(kind: str) -> bytes:
        response = holder.api.send("GET", f"/tickets/{ticket['id']}.{kind}")
        assert response.status_code == 200
        return response.content

    page = pictures.printed(document("pdf"), dpi=300)
    assert gate.scan(page) == ticket["qrText"], "the whole page"
    mail = world.mailbox.wait_for(holder.email, "東京")
    inline = next(part for part in mail.walk() if part.get_content_type() == "image/png").get_content()
    symbols = {"svg": pictures.drawn(document("svg")), "png": document("png"), "mail": inline,
               "pdf": pictures.symbol_of(page, dpi=300)}
    for name, picture in symbols.items():
        assert gate.scan(picture) == ticket["qrText"], name
        for wear, worn in pictures.worn(picture).items():
            assert gate.scan(worn) == ticket["qrText"], f"{name}, {wear}"


def test_any_flipped_byte_is_refused(world: World, organizer: Person, concert: dict, ticket: dict) -> None:
    keys = world.anyone.get("/.well-known/ticket-keys.json")
    encoded = ticket["qrText"].removeprefix("EM1:")
    data = base64.b32decode(encoded + "=" * (-len(encoded) % 8))
    forged = []
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << random.randrange(8)
        forged.append("EM1:" + base64.b32encode(bytes(changed)).decode().rstrip("="))
    for code in forged:
        with pytest.raises((InvalidSignature, ValueError)):
            gate.verify(code, keys)
    scans = [{"scanId": str(number), "device": "forger", "code": code, "scannedAt": "2031-07-05T22:00:00Z", "admitted": False}
             for number, code in enumerate(forged)]
    results = organizer.api.post(f"/events/{concert['id']}/check-ins/batch", {"scans": scans})["results"]
    assert [result["result"] for result in results] == ["unknown"] * len(data)
    one = organizer.api.post(f"/events/{concert['id']}/check-ins", {"code": random.choice(forged)})
    assert one["result"] == "unknown"


def test_the_printed_ticket_says_everything_in_the_events_zone(holder: Person, ticket: dict) -> None:
    pdf = holder.api.send("GET", f"/tickets/{ticket['id']}.pdf").content
    checked = pictures.tool(pdf, "qpdf", "--check", "{}").stdout.decode()
    assert "No syntax or stream encoding errors found" in checked
    text = pictures.tool(pdf, "pdftotext", "-enc", "UTF-8", "{}", "-").stdout.decode()
    for words in (ticket["code"], "Sunday, 6 July 2031", "07:30 – 09:00", "Asia/Tokyo, UTC+09:00", "山田", "Olga Organizer",
                  "東京都渋谷区", "Violoncello"):
        assert words in text, f"{words!r} is not in {text!r}"
    fonts = pictures.tool(pdf, "pdffonts", "{}").stdout.decode()
    assert "DejaVu" in fonts and re.search(r"Droid|Fallback|CJK", fonts), fonts
    embedded = [line.split()[-5] for line in fonts.splitlines()[2:]]
    assert set(embedded) == {"yes"}, fonts
    info = pictures.tool(pdf, "pdfinfo", "{}").stdout.decode()
    assert re.search(r"Pages:\s+1\n", info) and "A4" in info


def test_a_ticket_is_printed_in_its_holders_language_and_script(world: World, people: People) -> None:
    organizer, holder = people.one("organizer", name="ഓൾഗ"), people.one(name="김민준 प्रियंका สมชาย አበበ")
    event = world.event(organizer, title="நடன விழா", venue="ភ្នំពេញ")
    ticket = world.ticket(holder, world.register(holder, event))

    def printed(kind: str = "pdf") -> bytes:
        return holder.api.send("GET", f"/tickets/{ticket['id']}.{kind}").content

    def text() -> str:
        return pictures.tool(printed(), "pdftotext", "-enc", "UTF-8", "{}", "-").stdout.decode()

    english = text()
    assert "WHEN" in english and "Show this code at the entrance" in english and "김민준" in english
    fonts = pictures.tool(printed(), "pdffonts", "{}").stdout.decode()
    for font in ("Nanum", "Devanagari", "Thai", "Ethiopic", "Malayalam", "Tamil", "Khmer"):
        assert font in fonts, fonts
    holder.api.patch("/me", {"language": "de"})
    german = text()
    assert "WANN" in german and "Zeigen Sie diesen Code am Einlass vor" in german and "WHEN" not in german
    starts = world.stack.value("SELECT extract(isodow FROM starts_at AT TIME ZONE time_zone) FROM events WHERE id = %s", event["id"])
    assert ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")[int(starts) - 1] in german
    # It is the holder's, whoever fetches it.
    fetched = organizer.api.send("GET", f"/tickets/{ticket['id']}.pdf").content
    assert fetched == printed()


def test_a_document_is_made_once_and_again_when_the_event_changes(world: World, organizer: Person, people: People) -> None:
    event, user = world.event(organizer), people.one()
    ticket = world.ticket(user, world.register(user, event))
    path = f"/tickets/{ticket['id']}.pdf"

    def made() -> object:
        return world.stack.value("SELECT made_at FROM ticket_documents WHERE ticket_id = %s", ticket["id"])

    assert not world.stack.rows("SELECT 1 FROM ticket_documents WHERE ticket_id = %s", ticket["id"])
    first = user.api.send("GET", path)
    at = made()
    again = user.api.send("GET", path)
    assert again.content == first.content and made() == at
    for kind in ("pdf", "svg", "png"):
        tag = user.api.send("GET", f"/tickets/{ticket['id']}.{kind}").headers["ETag"]
        known = user.api.send("GET", f"/tickets/{ticket['id']}.{kind}", headers={"If-None-Match": tag})
        assert known.status_code == 304 and not known.content
    organizer.api.patch(f"/events/{event['id']}", {"venue": "Another Hall"}, headers={"If-Match": f'"{event["version"]}"'})
    changed = user.api.send("GET", path, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200 and made() > at
    assert "Another Hall" in pictures.tool(changed.content, "pdftotext", "{}", "-").stdout.decode()


def test_the_calendar_entry_keeps_its_identity_through_changes(world: World, organizer: Person, people: People) -> None:
    event, user = world.event(organizer), people.one()
    ticket = world.ticket(user, world.register(user, event))

    def entry() -> dict[str, str]:
        text = user.api.send("GET", f"/tickets/{ticket['id']}.ics").text
        assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
        return dict(line.split(":", 1) for line in text.replace("\r\n ", "").split("\r\n") if ":" in line)

    before = entry()
    assert (before["METHOD"], before["STATUS"]) == ("PUBLISH", "CONFIRMED")
    edited = organizer.api.patch(f"/events/{event['id']}", {"title": "Renamed"}, headers={"If-Match": f'"{event["version"]}"'})
    after = entry()
    assert after["UID"] == before["UID"] and int(after["SEQUENCE"]) > int(before["SEQUENCE"]) and after["SUMMARY"] == "Renamed"
    organizer.api.post(f"/events/{event['id']}/cancel")
    cancelled = entry()
    assert (cancelled["METHOD"], cancelled["STATUS"], cancelled["UID"]) == ("CANCEL", "CANCELLED", before["UID"])
    assert int(cancelled["SEQUENCE"]) > int(after["SEQUENCE"]) and edited["title"] == "Renamed"


def test_a_reissued_ticket_replaces_the_old_one(world: World, organizer: Person, people: People) -> None:
    event, user = world.event(organizer), people.one()
    registration = world.register(user, event)
    old = world.ticket(user, registration)
    for _ in range(2):  # done twice it is done once
        user.api.post(f"/tickets/{old['id']}/reissue", status=202)
    new = eventually(lambda: next((ticket for ticket in [user.api.get(f"/registrations/{registration['id']}")["ticket"]]
                                   if ticket["id"] != old["id"]), None), "the next ticket")
    keys = world.anyone.get("/.well-known/ticket-keys.json")
    assert gate.verify(new["qrText"], keys).issue == 2
    assert new["code"] != old["code"]
    for code in (old["qrText"], old["code"]):
        assert organizer.api.post(f"/events/{event['id']}/check-ins", {"code": code})["result"] == "revoked"
    assert organizer.api.post(f"/events/{event['id']}/check-ins", {"code": new["qrText"]})["result"] == "admitted"
    problem(user.api.send("POST", f"/tickets/{new['id']}/reissue"), 409, "already-checked-in")
    count = "SELECT count(*) FROM tickets WHERE registration_id = %s"
    assert world.stack.value(count, registration["id"]) == 2


def test_a_ticket_is_handed_on_by_a_link(world: World, organizer: Person, people: People) -> None:
    event = world.event(organizer)
    holder, friend, other = people.many(3)
    registration = world.register(holder, event)
    old = world.ticket(holder, registration)
    problem(holder.api.send("POST", f"/tickets/{old['id']}/transfer", json={"email": holder.email}), 422, "validation-failed")
    for _ in range(2):  # asked twice it is one offer
        holder.api.post(f"/tickets/{old['id']}/transfer", {"email": friend.email}, status=202)
    mail = world.mailbox.wait_for(friend.email, f"A ticket for {event['title']}")
    text = mail.get_body(("plain",)).get_content()
    token = re.search(r"/accept-ticket#token=([\w-]+)", text)[1]
    stored = "SELECT count(*) FROM transfer_links WHERE encode(token_hash, 'escape') LIKE %s"
    assert world.stack.value(stored, f"%{token}%") == 0 and world.stack.value("SELECT count(*) FROM outbox WHERE data::text LIKE %s", f"%{token}%") == 0
    problem(world.anyone.send("POST", "/ticket-transfers/accept", json={"token": token}), 401)
    problem(friend.api.send("POST", "/ticket-transfers/accept", json={"token": token[:9] + ("A" if token[9] != "A" else "B") + token[10:]}), 410, "link-invalid")
    problem(holder.api.send("POST", "/ticket-transfers/accept", json={"token": token}), 409, "already-registered")

    for _ in range(2):
        assert friend.api.post("/ticket-transfers/accept", {"token": token})["registrationId"] == registration["id"]
    new = eventually(lambda: next((ticket for ticket in [friend.api.get(f"/registrations/{registration['id']}")["ticket"]]
                                   if ticket["id"] != old["id"]), None), "the friend's ticket")
    scan = f"/events/{event['id']}/check-ins"
    assert organizer.api.post(scan, {"code": old["qrText"]})["result"] == "revoked"
    admitted = organizer.api.post(scan, {"code": new["qrText"]})
    assert admitted["result"] == "admitted" and admitted["attendee"]["displayName"] == friend.name
    problem(holder.api.send("GET", f"/registrations/{registration['id']}"), 404)
    problem(other.api.send("POST", "/ticket-transfers/accept", json={"token": token}), 410, "link-invalid")
    world.mailbox.wait_for(holder.email, "Your ticket was taken over")
    world.mailbox.wait_for(friend.email, event["title"])
    kinds = [row[0] for row in world.stack.rows("SELECT type FROM outbox WHERE event_id = %s ORDER BY id", event["id"])]
    assert {"em.registration.transferred", "em.ticket.revoked", "em.ticket.issued"} <= set(kinds)
    assert world.counts(event)["confirmed"] == 1


def test_a_ticket_that_comes_back_comes_back_into_the_calendar(world: World, organizer: Person, people: People) -> None:
    """A calendar takes no entry with a lower sequence than the cancellation that it has."""
    event = world.event(organizer)
    settings = {"paragraph": "", "colour": None, "reminders": [], "replyTo": "desk@example.org"}
    assert organizer.api.send("PUT", f"/events/{event['id']}/mail-settings", json=settings).status_code == 200
    ann, bob = people.many(2)
    registration = world.register(ann, event)

    def entry(person: Person, subject: str, number: int) -> dict[str, str]:
        eventually(lambda: len([mail for mail in world.mailbox.listed(person.email) if subject in mail["Subject"]]) >= number,
                   f"{number} mails “{subject}”", 30)
        part = next(part for part in world.mailbox.wait_for(person.email, subject).walk()
                    if part.get_content_type() == "text/calendar")
        text = part.get_payload(decode=True).decode().replace("\r\n ", "")
        return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)

    def hand_on(holder: Person, to: Person) -> None:
        ticket = eventually(lambda: holder.api.get(f"/registrations/{registration['id']}")["ticket"], "a ticket")
        holder.api.post(f"/tickets/{ticket['id']}/transfer", {"email": to.email}, status=202)
        token = world.mailbox.link_token(to.email, f"A ticket for {event['title']}", f"{world.stack.url}/accept-ticket")
        to.api.post("/ticket-transfers/accept", {"token": token})

    entries = [entry(ann, f"Your ticket for {event['title']}", 1)]
    hand_on(ann, bob)
    entries.append(entry(ann, "Your ticket was taken over", 1))
    assert entry(bob, f"Your ticket for {event['title']}", 1)["METHOD"] == "REQUEST"
    hand_on(bob, ann)
    entries.append(entry(ann, f"Your ticket for {event['title']}", 2))
    assert len({one["UID"] for one in entries}) == 1
    assert [one["METHOD"] for one in entries] == ["REQUEST", "CANCEL", "REQUEST"]
    assert [int(one["SEQUENCE"]) for one in entries] == [2, 3, 4]
    organizers = [value for one in entries for name, value in one.items() if name.startswith("ORGANIZER")]
    assert organizers == ["mailto:desk@example.org"] * 3
    taken = entry(bob, "Your ticket was taken over", 1)
    assert taken["METHOD"] == "CANCEL" and int(taken["SEQUENCE"]) > 3


def test_a_withdrawn_offer_opens_nothing(world: World, organizer: Person, people: People) -> None:
    event = world.event(organizer)
    holder, friend = people.many(2)
    ticket = world.ticket(holder, world.register(holder, event))
    holder.api.post(f"/tickets/{ticket['id']}/transfer", {"email": friend.email}, status=202)
    text = world.mailbox.wait_for(friend.email, event["title"]).get_body(("plain",)).get_content()
    token = re.search(r"/accept-ticket#token=([\w-]+)", text)[1]
    def offered_to(person: Person) -> dict:
        return person.api.get(f"/tickets/{ticket['id']}")

    assert offered_to(holder)["transfer"]["email"] == friend.email
    assert "transfer" not in offered_to(organizer), "that is between the two"
    for _ in range(2):
        assert holder.api.send("DELETE", f"/tickets/{ticket['id']}/transfer").status_code == 204
    assert offered_to(holder)["transfer"] is None
    problem(friend.api.send("POST", "/ticket-transfers/accept", json={"token": token}), 410, "link-invalid")
    assert holder.api.get(f"/tickets/{ticket['id']}")["status"] == "valid"
