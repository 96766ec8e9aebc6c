"""Security.md against the standard that it answers to, and against the tests that it names."""

import re
from functools import cache

import pytest
from deployment.code import ROOT

# OWASP ASVS 5.0.0, what levels 1 and 2 ask for: 1.2.1-9 for V1.2.1 to V1.2.9.
REQUIRED = """
1.1.1-2 1.2.1-9 1.3.1-11 1.4.1-3 1.5.1-2 2.1.1-3 2.2.1-3 2.3.1-4 2.4.1 3.2.1-2 3.3.1-4 3.4.1-6 3.5.1-5 3.7.1-2 4.1.1-3 4.2.1 4.3.1-2 4.4.1-4
5.1.1 5.2.1-3 5.3.1-2 5.4.1-3 6.1.1-3 6.2.1-12 6.3.1-4 6.4.1-4 6.5.1-5 6.6.1-3 6.8.1-4 7.1.1-3 7.2.1-4 7.3.1-2 7.4.1-5 7.5.1-2 7.6.1-2 8.1.1-2 8.2.1-3
8.3.1 8.4.1 9.1.1-3 9.2.1-4 10.1.1-2 10.2.1-2 10.3.1-4 10.4.1-11 10.5.1-5 10.6.1-2 10.7.1-3 11.1.1-2 11.2.1-3 11.3.1-3 11.4.1-4 11.5.1 11.6.1 12.1.1-3 12.2.1-2
12.3.1-4 13.1.1 13.2.1-5 13.3.1-2 13.4.1-5 14.1.1-2 14.2.1-4 14.3.1-3 15.1.1-3 15.2.1-3 15.3.1-7 16.1.1 16.2.1-5 16.3.1-4 16.4.1-3 16.5.1-3 17.1.1 17.2.1-4 17.3.1-2
"""


def numbers(text: str) -> list[str]:
    """Of `1.2.1-9`, `1.2.1–1.2.9` and single ones."""
    found = []
    for section, first, last in re.findall(r"\b(\d+\.\d+)\.(\d+)(?:[-–](?:\d+\.\d+\.)?(\d+))?", text):
        found += [f"{section}.{number}" for number in range(int(first), int(last or first) + 1)]
    return found


@cache
def rows() -> list[list[str]]:
    text = (ROOT / "Sources/Domain/Domain.docc/Security.md").read_text()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if re.match(r"\| \d", line)]


@cache
def known() -> set[str]:
    """Files, functions and suites of tests."""
    found = set()
    for file in (ROOT / "Tests").rglob("*"):
        if file.suffix == ".py":
            found |= {file.name, *re.findall(r"^def (test_\w+)", file.read_text(), re.M)}
        elif file.suffix == ".swift":
            found |= set(re.findall(r"\b(?:struct|class|actor|enum) (\w+Tests)\b", file.read_text()))
    return found


def test_every_requirement_has_its_row() -> None:
    wanted = numbers(REQUIRED)
    assert len(wanted) == len(set(wanted)) > 240
    named = [number for row in rows() for number in numbers(row[0])]
    assert sorted(named) == sorted(set(named)), "one stands there twice"
    assert set(named) == set(wanted), set(named) ^ set(wanted)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_a_row_names_tests_that_there_are_or_says_why_none(row: list[str]) -> None:
    assert len(row) == 3, row
    tests = re.findall(r"`(\w+Tests|test_\w+(?:\.py)?)`", row[2])
    if row[2] == "—":
        assert row[1].startswith(("Doesn't apply", "Don't apply")), row
    elif row[2] == "by reading":
        assert not row[1].startswith(("Doesn't apply", "Don't apply")), row
    else:
        assert tests and set(tests) <= known(), set(tests) - known()
        rest = re.sub(r"`[^`]+`|\([^)]*\)|[ ,]", "", row[2])
        assert not rest, row


def test_what_is_not_met_is_said() -> None:
    """A short list, and an honest one: whoever mends one of these takes it out here, too."""
    assert {row[0] for row in rows() if "**Not met**" in row[1]} == {"4.1.2", "6.3.3", "12.3.3", "16.4.3"}


def test_the_rest_of_the_page_names_tests_that_there_are() -> None:
    text = (ROOT / "Sources/Domain/Domain.docc/Security.md").read_text()
    named = set(re.findall(r"`(?:Tests/[\w/]+/)?(\w+Tests|test_\w+(?:\.py)?)`", text))
    assert len(named) > 90 and named <= known(), named - known()


def test_control_a_test_that_there_is_not_would_be_found() -> None:
    assert {"test_edges.py", "test_spreadsheets_run_nothing", "ProofTests"} <= known()
    assert not {"test_nothing_of_the_kind", "NothingTests", "test_nothing.py"} & known()
    assert numbers("6.2.1, 6.2.5, 6.2.8–6.2.10") == ["6.2.1", "6.2.5", "6.2.8", "6.2.9", "6.2.10"] and numbers("1.2.1-3") == ["1.2.1", "1.2.2", "1.2.3"]
