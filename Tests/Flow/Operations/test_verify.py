"""The invariant check, as an administrator runs it: `api-service verify` and GET /admin/verify."""

import json
import subprocess
from collections.abc import Iterator

import pytest
from em_stack import services

from em.people import People
from em.stack import Stack
from em.world import World


def verify(stack: Stack, *arguments: str, **settings: str) -> subprocess.CompletedProcess:
    environment = {**services.service_environment(stack.layout, "api-service"), **settings}
    return subprocess.run([str(stack.layout.binaries / "api-service"), "verify", *arguments], env=environment,
                          capture_output=True, text=True, timeout=60)


@pytest.fixture
def miscounted(world: World, people: People) -> Iterator[str]:
    """An event whose counter is one too high, as it could only become by hand."""
    event = world.event(people.one("organizer"))["id"]
    world.stack.rows("UPDATE event_places SET confirmed = confirmed + 1 WHERE event_id = %s", event)
    yield event
    world.stack.rows("UPDATE event_places SET confirmed = confirmed - 1 WHERE event_id = %s", event)


def test_a_counter_that_is_wrong_is_found_on_the_terminal_and_by_the_endpoint(
    stack: Stack, people: People, miscounted: str
) -> None:
    text = verify(stack)
    assert text.returncode == 1, text.stderr
    assert "VIOLATED" in text.stdout and "confirmed-counter" in text.stdout and miscounted in text.stdout
    told = verify(stack, "--json")
    assert told.returncode == 1
    for report in (json.loads(told.stdout), people.one("admin").api.get("/admin/verify")):
        assert report["result"] == "violated"
        (finding,) = [one for one in report["findings"] if one["invariant"] == "confirmed-counter"]
        assert finding["severity"] == "violation" and finding["count"] == 1
        assert finding["examples"] == [{"eventId": miscounted, "subjectId": None, "detail": "counter 1, rows 0",
                                        "ageSeconds": None}]


def test_what_this_suite_has_done_so_far_violates_nothing(stack: Stack) -> None:
    """Something may be stuck: other tests stop services."""
    ran = verify(stack, "--stuck-after", "3600")
    assert ran.returncode in (0, 2), ran.stdout


def test_a_database_that_cannot_be_reached_is_no_verdict(stack: Stack) -> None:
    ran = verify(stack, EM_DATABASE_URL_FILE="", EM_DATABASE_URL="postgres://nobody:x@127.0.0.1:1/em")
    assert ran.returncode == 3 and not ran.stdout and "Could not be checked" in ran.stderr
