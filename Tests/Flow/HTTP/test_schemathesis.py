"""schemathesis over openapi.yaml with all its checks: as nobody, as somebody, as an organizer, as an
administrator, and as a machine with an API key.

It tries every operation with what the description allows and with what it does not, and reads every answer as the
description says that it must be. It is told the same numbers to start from every time, so that a failure comes again."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from em.people import People
from em.stack import ROOT, Stack

HERE = ROOT / "Tests/Flow"
TRIES = 8
"""With random values for each operation, beside several hundred made of the description itself."""


@pytest.fixture(scope="module", autouse=True)
def roles_as_before(stack: Stack) -> Iterator[None]:
    """An administrator who tries everything may promote or demote somebody whom another test needs."""
    before = stack.rows("SELECT id, role, display_name FROM users")
    yield
    stack.insert("UPDATE users SET role = %s, display_name = %s WHERE id = %s", [(role, name, user) for user, role, name in before])


SCOPES = re.findall(r'case \w+ = "([a-z-]+:[a-z]+)"', (ROOT / "Sources/Domain/Accounts/APIScope.swift").read_text())


def credential(people: People, role: str) -> str:
    if role == "machine":  # an organizer's, with everything that a key can be given
        assert len(SCOPES) >= 8
        return people.one("organizer").key(*SCOPES)
    return people.one(role).token


RANDOM = "examples,fuzzing"
EVERYTHING = f"coverage,{RANDOM}"
"""With what the description itself makes: every limit, a little within it and a little beyond. Those who may do the most get it, with
a token and with a key; to the others most of it would be refused before anything is looked at."""


@pytest.mark.parametrize(("role", "phases"), [("nobody", RANDOM), ("user", RANDOM), ("organizer", RANDOM), ("admin", EVERYTHING),
                                              ("machine", EVERYTHING)])
def test_the_description_holds_whatever_is_sent(stack: Stack, people: People, role: str, phases: str) -> None:
    headers = [] if role == "nobody" else ["-H", f"Authorization: Bearer {credential(people, role)}"]
    ran = subprocess.run(
        [ROOT / ".local-tools/venv/bin/python", "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml", "run",
         f"{stack.url}/openapi.yaml", *headers, "--checks", "all", "--phases", phases, "-n", str(TRIES),
         "--generation-deterministic", "--suppress-health-check", "all", "--continue-on-failure", "--warnings", "off", "--no-color"],
        capture_output=True, text=True, timeout=240, cwd=stack.state)
    assert ran.returncode == 0, ran.stdout[-12_000:] + ran.stderr[-2000:]
    tried = re.search(r"Tested: (\d+)", ran.stdout)
    assert tried and int(tried[1]) > 50, ran.stdout[-2000:]
