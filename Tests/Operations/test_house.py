"""What a newcomer relies on: the paths that README names exist, every room is on every floor, and names use the glossary's words."""

import re
import subprocess
from itertools import chain

import pytest

from deployment.code import ROOT

ROOMS = ("Accounts", "Events", "Registrations", "Tickets", "CheckIn", "Notifications", "Integrations", "Operations")
LIBRARIES = {"AMQP", "OutgoingHTTP", "PasswordHashing", "Postgres", "QRCode", "Redis", "SMTP", "Typesetting", "UnicodeText"}
FLOORS = {
    # A floor, and what it has beside the rooms.
    "Sources/Domain": {"Messages", "Domain.docc"},
    "Sources/Persistence": {"Outbox", "Migrations"},
    "api-service": {"HTTP", "CommandLine"},
    "frontend/src/pages": set(),
    "Tests/Unit": {"Bootstrap", "HTTP", "Hub", "Messages", "Messaging", "Migrations", *LIBRARIES},
    "Tests/Integration": {"HTTP", "Hub", "Messaging", "Migrations", *LIBRARIES & {"AMQP", "Postgres", "Redis", "SMTP"}},
    "Tests/Flow": {"HTTP", "Live", "em"},
    "Tests/Browser": {"Pages"},
}
REPLACED = {"Wish", "Wishes", "Visit", "Visits", "Door", "Doors", "Desk", "Standing", "Standings", "Lane", "Lanes", "Patience", "Haste", "News",
            "Office", "Upkeep", "Chore", "Chores"}
"""What the glossary (Sources/Domain/Domain.docc/Words.md) replaces; as words of their own within a name: Visitor is none of them."""


def tracked() -> list[str]:
    return subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def words(name: str) -> set[str]:
    """The words of a name in camel case or with underscores, capitalized."""
    return {word.capitalize() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def test_every_path_that_the_readme_names_exists() -> None:
    text = (ROOT / "README.md").read_text()
    tops = {path.split("/")[0] for path in tracked() if "/" in path}
    named = {path for path in re.findall(r"`([\w.+-]+(?:/[\w.+*-]*)+)`|\]\(([\w./+-]+)\)", text) for path in path if path}
    named = {path for path in named if path.split("/")[0] in tops and "NNNN" not in path}
    assert len(named) > 15
    assert not [path for path in sorted(named) if not list(ROOT.glob(path.rstrip("/")))]


@pytest.mark.parametrize("floor", FLOORS)
def test_every_room_is_on_every_floor_and_nothing_is_outside_the_scheme(floor: str) -> None:
    rooms = {path.removeprefix(f"{floor}/").split("/")[0] for path in tracked() if path.startswith(f"{floor}/") and path.count("/") > floor.count("/") + 1}
    assert rooms == {*ROOMS, *FLOORS[floor]}


def test_names_are_the_glossarys() -> None:
    def declared(path: str) -> set[str]:
        text = (ROOT / path).read_text()
        kinds = r"\b(?:struct|class|enum|actor|protocol|func|typealias)" if path.endswith(".swift") else r"\b(?:def|class|function|interface|type)"
        return set(re.findall(rf"{kinds}\s+(\w+)", text))

    sources = [path for path in tracked() if path.endswith((".swift", ".py", ".ts", ".tsx"))]
    wrong = [f"{path}: {name}" for path in sources for name in chain([path.rsplit("/", 1)[-1].split(".")[0]], declared(path))
             if words(name) & REPLACED]
    assert not wrong, "\n".join(wrong)
