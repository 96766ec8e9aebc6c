"""A client generated from openapi.yaml against the product: it changes what it was asked to, and nothing else."""

import base64
import json
from http import HTTPStatus
from pathlib import Path
from types import ModuleType

import pytest
import requests
from generating import generate, load

from em.people import PASSWORD, People, Person
from em.world import World

CSRF = "1"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    directory: Path = tmp_path_factory.mktemp("generated")
    generate(directory)
    return load(directory)


def signed_in(client: ModuleType, world: World, person: Person) -> object:
    """To be closed by `with`: it keeps connections."""
    return client.AuthenticatedClient(world.stack.url, person.token, raise_on_unexpected_status=True)


def test_a_patch_leaves_alone_what_it_does_not_name(client: ModuleType, world: World, people: People) -> None:
    organizer = people.one("organizer")
    event = world.event(organizer, description="Six talks.", venue="Hall 1", waitlistEnabled=True, promoteAfterClose=False)
    with signed_in(client, world, organizer) as session:
        change(client, session, event)


def change(client: ModuleType, session: object, event: dict) -> None:
    before = client.api.events.show_event.sync(event["id"], client=session)
    changed = client.api.events.edit_event.sync_detailed(
        event["id"], client=session, if_match=f'"{before.version}"', body=client.models.EventPatch(capacity=before.capacity + 1))
    assert changed.status_code == HTTPStatus.OK, changed.content
    expected = {**before.to_dict(), "capacity": before.capacity + 1}
    moving = ("version", "revision", "updatedAt")
    assert {name: value for name, value in changed.parsed.to_dict().items() if name not in moving} == {
        name: value for name, value in expected.items() if name not in moving}
    emptied = client.api.events.edit_event.sync_detailed(
        event["id"], client=session, if_match=f'"{changed.parsed.version}"', body=client.models.EventPatch(check_in_opens_at=None))
    assert emptied.parsed.check_in_opens_at is None and emptied.parsed.description == "Six talks."
    account = client.api.account.edit_account.sync(client=session, body=client.models.AccountPatch(display_name="Oda"))
    assert account.display_name == "Oda"


def test_a_session_is_refreshed(client: ModuleType, world: World, people: People) -> None:
    person = people.one()
    given = requests.post(f"{world.stack.url}/api/v1/auth/login", json={"email": person.email, "password": PASSWORD}, timeout=30)
    cookie = given.headers["Set-Cookie"].partition(";")[0]
    # By hand: a client's own jar keeps a `Secure` cookie to itself on http://localhost, where browsers send it.
    with client.Client(world.stack.url, headers={"Cookie": cookie, "Origin": world.stack.url}) as browser:
        answer = client.api.sessions.refresh.sync_detailed(client=browser, x_em_csrf=client.models.RefreshXEMCSRF(CSRF))
    assert answer.status_code == HTTPStatus.OK, answer.content
    assert answer.parsed.access_token != given.json()["accessToken"]


def test_a_gates_list_is_read(client: ModuleType, world: World, people: People) -> None:
    organizer, guest = people.one("organizer"), people.one(name="Tess")
    event = world.event(organizer)
    registration = world.register(guest, event)
    world.ticket(guest, registration)
    with signed_in(client, world, organizer) as session:
        answer = client.api.gate.check_in_manifest.sync_detailed(event["id"], client=session)
    payload = answer.content.split(b".")[1]
    listed = client.models.CheckInManifest.from_dict(json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))))
    [ticket] = listed.tickets
    assert ticket[3] == "Tess" and str(listed.event_id) == event["id"]
