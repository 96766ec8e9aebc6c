"""What a crowd reads comes from nginx, at most a second old."""

import time

import pytest
import requests

from em.people import People, Person
from em.stack import Stack
from em.waiting import eventually
from em.world import World


@pytest.fixture(scope="module")
def organizer(people: People) -> Person:
    return people.one("organizer")


def read(stack: Stack, path: str, method: str = "GET", **headers: str) -> requests.Response:
    """Not compressed unless asked for: nginx weakens the tag of what it compresses."""
    headers = {"Accept_Encoding": "identity"} | headers
    return requests.request(method, f"{stack.url}/api/v1{path}", timeout=30,
                            headers={name.replace("_", "-"): value for name, value in headers.items()})


def kept(stack: Stack, path: str) -> requests.Response:
    """An answer that nginx had at hand."""
    def hit() -> requests.Response | None:
        answer = read(stack, path)
        assert answer.status_code == 200
        return answer if answer.headers["X-Cache-Status"] == "HIT" else None

    return eventually(hit, f"a copy of {path}")


def test_a_crowd_reads_from_nginx(world: World, organizer: Person, people: People, stack: Stack) -> None:
    event, user = world.event(organizer), people.one()
    pages = (f"/events/{event['id']}", "/events", "/events?limit=20")
    for path in pages:
        answer = kept(stack, path)
        tag = answer.headers["ETag"]
        assert answer.headers["Cache-Control"] == "public, max-age=0, must-revalidate"
        assert "X-Accel-Expires" not in answer.headers and "traceparent" not in answer.headers
        unchanged = eventually(lambda: next((again for again in [read(stack, path, If_None_Match=tag)]
                                             if again.headers["X-Cache-Status"] == "HIT"), None), "a kept 304")
        assert unchanged.status_code == 304 and not unchanged.content and unchanged.headers["ETag"] == tag
        weak = read(stack, path, If_None_Match=f"W/{tag}", Accept_Encoding="gzip")
        assert weak.status_code == 304 and weak.headers["ETag"].removeprefix("W/") == tag
        assert read(stack, path, method="HEAD").headers["ETag"] == tag
        # Whoever is somebody is answered by the service itself, now and always.
        for _ in range(2):
            own = user.api.send("GET", path)
            assert own.headers.get("X-Cache-Status") == "BYPASS" and own.headers["ETag"].removeprefix("W/") == tag
            assert own.headers["Cache-Control"].startswith("private")
        assert user.api.send("GET", path, headers={"If-None-Match": tag}).status_code == 304
        assert user.api.send("GET", path, headers={"Authorization": "Bearer x"}).status_code == 401

    world.register(user, event)
    start = time.monotonic()
    assert user.api.get(pages[0])["confirmed"] == 1
    eventually(lambda: read(stack, pages[0]).json()["confirmed"] == 1, "everybody sees the place taken", within=1.5)
    assert time.monotonic() - start < 1.5
    assert kept(stack, pages[0]).json()["confirmed"] == 1


def test_only_what_a_crowd_reads_is_kept(world: World, organizer: Person, stack: Stack) -> None:
    event, draft = world.event(organizer), world.draft(organizer)
    for path, status in ((f"/events/{event['id']}?x=1", 200), ("/events?query=a", 200), ("/events?limit=20&limit=1", 200),
                         ("/events?mine=true", 401), ("/events?limit=0", 422), (f"/events/{draft['id']}", 404)):
        for _ in range(3):
            answer = read(stack, path)
            assert answer.status_code == status, path
            assert answer.headers.get("X-Cache-Status") != "HIT", path
    assert organizer.api.send("GET", "/events?mine=true").headers.get("X-Cache-Status") != "HIT"


def test_a_copy_is_never_older_than_its_second(world: World, organizer: Person, stack: Stack) -> None:
    """Nobody asks for a while: the first who does gets it fresh, not the copy that was kept."""
    event = world.event(organizer)
    path = f"/events/{event['id']}"
    kept(stack, path)
    edited = organizer.api.patch(path, {"title": "Renamed"}, headers={"If-Match": f'"{event["version"]}"'})
    changed_at = time.time()
    eventually(lambda: time.time() >= int(changed_at) + 1.05, "the second is over")
    assert read(stack, path).json()["title"] == edited["title"] == "Renamed"
