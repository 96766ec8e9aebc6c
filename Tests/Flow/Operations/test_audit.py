"""The audit log as administrators see it, and `api-service audit verify`: who did what, and that nobody changed it since."""

import csv
import io
import json
import subprocess
from collections.abc import Iterator

import psycopg
import pytest

from em.people import People, Person
from em.stack import Stack
from em.waiting import eventually
from em.world import World
from em_stack import services


def entries(admin: Person, **query: str) -> list[dict]:
    found, cursor = [], ""
    while True:
        words = "&".join(f"{name}={value}" for name, value in {"limit": "50", "cursor": cursor, **query}.items() if value)
        page = admin.api.get(f"/admin/audit?{words}")
        found += page["items"]
        cursor = page["nextCursor"]
        if cursor is None:
            return found


@pytest.fixture(scope="module")
def admin(people: People) -> Person:
    return people.one("admin", "Ada Admin")


def test_every_change_by_an_organizer_stands_there_with_its_values(world: World, people: People, admin: Person) -> None:
    organizer, helper, guest = people.one("organizer", "Olga"), people.one(name="Gus"), people.one(name="Tess")
    event = world.event(organizer, venue="Hall 1", description="Old words")
    path = f"/events/{event['id']}"
    organizer.api.patch(path, {"venue": "Hall 2", "description": "New words"}, headers={"If-Match": f'"{event["version"]}"'})
    organizer.api.post(f"{path}/members", {"email": helper.email, "role": "checkInStaff"}, status=201)
    organizer.api.post(f"{path}/members", {"email": helper.email, "role": "coOrganizer"})
    organizer.api.send("DELETE", f"{path}/members/{helper.id}")
    added = organizer.api.post(f"{path}/registrations/add", {"email": guest.email}, status=201)
    organizer.api.post(f"{path}/announcements", {"title": "Doors", "body": "Open at six"}, status=201)
    organizer.api.send("DELETE", f"{path}/registrations/{added['id']}", json={"reason": "Booked twice"})
    organizer.api.post(f"{path}/cancel")
    # What an attendee does is in the registrations themselves.
    found = list(reversed(entries(admin, eventId=event["id"])))
    assert [entry["action"] for entry in found] == [
        "event.created", "event.published", "event.edited", "member.added", "member.changed", "member.removed",
        "registration.added", "announcement.posted", "registration.removed", "event.cancelled"]
    assert all(entry["actor"]["id"] == organizer.id and entry["actor"]["displayName"] == "Olga" for entry in found)
    by = {entry["action"]: entry for entry in found}
    assert by["event.created"]["after"]["title"] == event["title"]
    assert by["event.edited"]["before"] == {"venue": "Hall 1", "description": "Old words"}
    assert by["event.edited"]["after"] == {"venue": "Hall 2", "description": "New words"}
    assert by["event.published"]["before"] == {"status": "draft"} and by["event.published"]["after"] == {"status": "published"}
    assert (by["member.changed"]["before"], by["member.changed"]["after"]) == ({"role": "checkInStaff"}, {"role": "coOrganizer"})
    assert by["member.changed"]["subject"] == {"id": helper.id, "email": helper.email}
    assert by["registration.removed"]["before"] == {"status": "confirmed"}
    assert by["registration.removed"]["about"]["reason"] == "Booked twice"
    assert by["event.cancelled"]["before"] == {"status": "published"}
    assert all(len(entry["traceId"]) == 32 for entry in found)
    eventually(lambda: all(entry["sealNumber"] for entry in entries(admin, eventId=event["id"])), "every entry sealed")


def test_a_role_granted_stands_there_and_a_refused_one_does_not(people: People, admin: Person) -> None:
    person = people.one()
    admin.api.patch(f"/admin/users/{person.id}", {"role": "organizer"})
    admin.api.patch(f"/admin/users/{person.id}", {"role": "organizer"})  # changes nothing
    person.api.send("PATCH", f"/admin/users/{person.id}", json={"role": "admin"})
    (granted,) = entries(admin, subjectId=person.id, action="user")
    assert granted["action"] == "user.role-granted" and granted["actor"]["id"] == admin.id
    assert (granted["before"], granted["after"]) == ({"role": "user"}, {"role": "organizer"})


def test_what_an_attendee_does_is_not_noted(world: World, people: People, admin: Person) -> None:
    organizer, guest = people.one("organizer"), people.one()
    event = world.event(organizer)
    registration = world.register(guest, event)
    guest.api.delete(f"/registrations/{registration['id']}")
    assert {entry["action"] for entry in entries(admin, eventId=event["id"])} == {"event.created", "event.published"}


def test_the_list_is_searched_and_downloaded(world: World, people: People, admin: Person) -> None:
    organizer = people.one("organizer", '=cmd|"/c calc"!A1')
    event = world.event(organizer)
    assert {entry["action"] for entry in entries(admin, action="event", eventId=event["id"])} == {"event.created", "event.published"}
    assert {entry["action"] for entry in entries(admin, action="event.published", eventId=event["id"])} == {"event.published"}
    assert len(entries(admin, actor=organizer.email)) == 2
    assert entries(admin, actor=organizer.email, to="2020-01-01T00:00:00Z") == []
    response = admin.api.send("GET", f"/admin/audit.csv?eventId={event['id']}")
    assert response.headers["Content-Type"].startswith("text/csv") and 'filename="audit.csv"' in response.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert [row["action"] for row in rows] == ["event.published", "event.created"]
    assert rows[0]["actor name"].startswith("'=cmd") and "status: draft" in rows[0]["before"]


def verify(stack: Stack, *arguments: str) -> tuple[int, dict]:
    environment = services.service_environment(stack.layout, "api-service")
    ran = subprocess.run([stack.layout.binaries / "api-service", "audit", "verify", "--json", *arguments], env=environment,
                         capture_output=True, text=True, timeout=60, cwd=stack.state)
    return ran.returncode, json.loads(ran.stdout) if ran.stdout.startswith("{") else {}


@pytest.fixture
def sealed(stack: Stack, world: World, people: People) -> Iterator[list[int]]:
    """The numbers of three sealed entries in a row; whatever the test does to the log is undone."""
    organizer = people.one("organizer")
    event = world.event(organizer)
    eventually(lambda: stack.value("SELECT count(*) FROM audit_unsealed") == 0, "everything sealed")
    numbers = [row[0] for row in stack.rows(
        "SELECT id FROM audit WHERE event_id = %s OR id < (SELECT max(id) FROM audit) ORDER BY id DESC LIMIT 3", event["id"])]
    before = {table: stack.rows(f"SELECT * FROM {table} WHERE audit_id = ANY(%s)", numbers) for table in ("audit_seals", "audit_contents")}
    rows = stack.rows("SELECT id, at, actor_id, action, subject_id, event_id, details::text, trace_id, content_digest FROM audit "
                      "WHERE id = ANY(%s)", numbers)
    yield sorted(numbers)
    with psycopg.connect(stack.address["EM_DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit DISABLE TRIGGER audit_awaits_its_seal")
        cursor.execute("DELETE FROM audit WHERE id = ANY(%s)", [numbers])
        cursor.executemany("INSERT INTO audit (id, at, actor_id, action, subject_id, event_id, details, trace_id, content_digest) "
                           "OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s)", rows)
        cursor.execute("ALTER TABLE audit ENABLE TRIGGER audit_awaits_its_seal")
        cursor.execute("DELETE FROM audit_seals WHERE audit_id = ANY(%s)", [numbers])
        cursor.executemany("INSERT INTO audit_seals VALUES (%s, %s, %s, %s)", before["audit_seals"])
        cursor.execute("DELETE FROM audit_contents WHERE audit_id = ANY(%s)", [numbers])
        cursor.executemany("INSERT INTO audit_contents VALUES (%s, %s, %s, %s)", before["audit_contents"])
    assert verify(stack)[0] == 0, "the log was not put back as it was"


def test_verify_finds_a_row_that_was_changed_removed_or_moved(stack: Stack, sealed: list[int]) -> None:
    """Must show 5, with the built binary; more harms, one by one, in Tests/Integration/Operations/AuditChainTests.swift."""
    code, clean = verify(stack)
    assert (code, clean["findings"]) == (0, []), clean  # the control
    first, second, _ = sealed
    harms = [
        ("changed", "UPDATE audit SET actor_id = NULL WHERE id = %(second)s"),
        ("changed", "UPDATE audit_seals SET number = number + 1000000 WHERE audit_id IN (%(first)s, %(second)s);"
                    "UPDATE audit_seals s SET number = o.number - 1000000 FROM audit_seals o WHERE s.audit_id IN (%(first)s, %(second)s)"
                    " AND o.audit_id = %(first)s + %(second)s - s.audit_id"),
        ("removed", "DELETE FROM audit WHERE id = %(second)s"),
    ]
    for kind, harm in harms:
        execute(stack, harm, first=first, second=second)
        code, report = verify(stack)
        assert code == 1 and kind in {finding["kind"] for finding in report["findings"]}, (harm, report)


def execute(stack: Stack, statement: str, **values: int) -> None:
    url = stack.address["EM_DATABASE_URL"]
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:  # several statements in one
        connection.execute(statement, values)


def test_verify_says_when_it_could_not_look(stack: Stack) -> None:
    assert verify(stack, "--head", "nonsense")[0] == 64
    environment = {**services.service_environment(stack.layout, "api-service"), "EM_DATABASE_URL": "postgres://x:y@127.0.0.1:1/em"}
    environment.pop("EM_DATABASE_URL_FILE", None)
    ran = subprocess.run([stack.layout.binaries / "api-service", "audit", "verify"], env=environment, capture_output=True, timeout=60)
    assert ran.returncode == 3
