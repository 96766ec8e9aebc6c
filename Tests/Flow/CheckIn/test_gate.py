"""The gate with everything running: one admission whoever scans, gates without a network, keys that change."""

import base64
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from em import gate
from em.api import Api, problem
from em.live import Socket
from em.people import People, Person, base64url
from em.stack import Stack
from em.waiting import eventually
from em.world import World
from em_stack import services


@pytest.fixture(scope="module")
def organizer(people: People) -> Person:
    return people.one("organizer", "Olga Organizer")


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_of_two_hundred_scans_at_four_gates_one_is_admitted(world: World, organizer: Person, people: People) -> None:
    event, holder = world.event(organizer), people.one()
    ticket = world.ticket(holder, world.register(holder, event))
    staff = people.many(4, name="Gus")
    for person in staff:
        organizer.api.post(f"/events/{event['id']}/members", {"email": person.email, "role": "checkInStaff"}, status=201)

    def scan(number: int) -> dict:
        gate_number = number % 4
        return staff[gate_number].api.post(f"/events/{event['id']}/check-ins", {
            "code": ticket["qrText"] if number % 2 else ticket["code"], "gate": f"gate {gate_number}",
            "device": f"phone {gate_number}", "scanId": str(number)})

    with ThreadPoolExecutor(40) as pool:
        results = list(pool.map(scan, range(200)))
    [admitted] = [result for result in results if result["result"] == "admitted"]
    duplicates = [result for result in results if result["result"] == "duplicate"]
    assert len(duplicates) == 199
    first = {(scan["firstScan"]["at"], scan["firstScan"]["gate"], scan["firstScan"]["device"]) for scan in duplicates}
    assert len(first) == 1 and {scan["checkInId"] for scan in duplicates} == {admitted["checkInId"]}
    assert first.pop()[0] == admitted["at"]


def test_who_is_taken_into_the_team_is_written_to(world: World, organizer: Person, people: People) -> None:
    event, (staff, partner) = world.event(organizer), people.many(2, name="Gus")
    for person, role, way in ((staff, "checkInStaff", "/gate/"), (partner, "coOrganizer", "/organizer/events/")):
        organizer.api.post(f"/events/{event['id']}/members", {"email": person.email, "role": role}, status=201)
        mail = world.mailbox.wait_for(person.email, event["title"])
        assert f"{world.stack.url}{way}{event['id']}" in mail.get_body(("plain",)).get_content()
        assert organizer.name in mail.get_body(("html",)).get_content()


def test_an_offline_gate_verifies_by_its_manifest_and_is_merged(world: World, organizer: Person, people: People) -> None:
    """A gate of somebody else's making, with nothing but the manifest."""
    event = world.event(organizer)
    holders = people.many(3)
    tickets = [world.ticket(holder, world.register(holder, event)) for holder in holders]
    holders[2].api.delete(f"/registrations/{tickets[2]['registrationId']}")
    response = organizer.api.send("GET", f"/events/{event['id']}/check-in-manifest")
    assert int(response.headers["Content-Length"]) == len(response.content)
    head, payload, signature = response.text.split(".")
    header = json.loads(decoded(head))
    assert (header["alg"], header["typ"]) == ("EdDSA", "em-manifest+jws")
    [key] = [key for key in world.anyone.get("/.well-known/jwks.json")["keys"] if key["kid"] == header["kid"]]
    Ed25519PublicKey.from_public_bytes(decoded(key["x"])).verify(decoded(signature), f"{head}.{payload}".encode())
    manifest = json.loads(decoded(payload))
    states = {ticket[0]: ticket[4] for ticket in manifest["tickets"]}
    assert states == {tickets[0]["id"]: "valid", tickets[1]["id"]: "valid", tickets[2]["id"]: "revoked"}
    # The keys in the manifest are enough to verify a ticket.
    keys = {"keys": [{"crv": "Ed25519", "x": key["publicKey"]} for key in manifest["keys"]]}
    assert gate.verify(tickets[0]["qrText"], keys).ticket == tickets[0]["id"]
    problem(Api(world.stack.url, response.text).send("GET", "/me"), 401)

    with Socket(world.stack, organizer.token) as live:
        live.subscribe(f"organizer:{event['id']}")
        organizer.api.post(f"/events/{event['id']}/check-ins", {"code": tickets[0]["code"], "gate": "Main", "device": "main"})
        scans = [{"scanId": str(number), "device": "north", "gate": "North", "code": tickets[number]["qrText"],
                  "scannedAt": "2026-01-01T10:00:00Z"} for number in (0, 1)]
        results = organizer.api.post(f"/events/{event['id']}/check-ins/batch", {"scans": scans})["results"]
        assert [result["result"] for result in results] == ["admitted", "admitted"]
        assert results[0]["conflict"]["gate"] == "Main" and "conflict" not in results[1]
        live.expect(type="checkIns", where=lambda frame: frame["checkedIn"] == 2)
        [conflict] = organizer.api.get(f"/events/{event['id']}/check-ins/conflicts")["items"]
        assert [scan["gate"] for scan in conflict["scans"]] == ["North", "Main"]
        organizer.api.post(f"/check-ins/{results[1]['checkInId']}/undo", {"reason": "the wrong person"})
        live.expect(type="checkIns", where=lambda frame: frame["checkedIn"] == 1)


def test_keys_change_without_anybody_waiting_at_a_closed_gate(world: World, organizer: Person, people: People,
                                                                stack: Stack) -> None:
    event = world.event(organizer)
    before, after = people.many(2)
    old = world.ticket(before, world.register(before, event))
    file = Path(stack.state) / "keys/ticket.key"
    environment = services.service_environment(stack.layout, "ticket-worker", 1)
    ran = subprocess.run([stack.layout.binaries / "ticket-worker", "keys", "rotate", "--file", file], env=environment,
                         capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    stack.control("restart", "ticket-worker")
    new = world.ticket(after, world.register(after, event))

    def key_id(ticket: dict) -> bytes:
        encoded = ticket["qrText"].removeprefix("EM1:")
        return base64.b32decode(encoded + "=" * (-len(encoded) % 8))[:4]

    assert key_id(old) != key_id(new)
    keys = eventually(lambda: next((keys for keys in [world.anyone.get("/.well-known/ticket-keys.json")]
                                    if len(keys["keys"]) >= 2), None), "both keys")
    for ticket in (old, new):
        assert gate.verify(ticket["qrText"], keys).ticket == ticket["id"]
        assert organizer.api.post(f"/events/{event['id']}/check-ins", {"code": ticket["qrText"]})["result"] == "admitted"

    # What signs tickets signs nobody in: by its own name, and by the access key's.
    seed = base64.urlsafe_b64decode(file.read_text().strip() + "=")
    key = Ed25519PrivateKey.from_private_bytes(seed)
    x = base64url(key.public_key().public_bytes_raw())
    [published] = [entry for entry in keys["keys"] if entry["x"] == x]
    for kid in (published["kid"], people.key_id):
        token = people.token(organizer.id, "organizer", key=key, head={"kid": kid}, sid=organizer.session)
        problem(Api(stack.url, token).send("GET", "/me"), 401)
