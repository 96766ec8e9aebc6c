"""The pages' own types say what openapi.yaml says: a field that is renamed, or may be null now, fails here."""

import re

import pytest
import yaml

from em.stack import ROOT

SOURCE = re.sub(r"/\*.*?\*/|//[^\n]*", "", (ROOT / "frontend/src/api/types.ts").read_text(), flags=re.DOTALL)
SCHEMAS = yaml.safe_load((ROOT / "api-service/openapi.yaml").read_text())["components"]["schemas"]
CALLED_OTHERWISE = {"AdminUser": "Account", "AuthAnswer": "Session", "BatchResult": "ScanName", "CheckInAnswer": "CheckIn",
                    "EventStats": "Statistics", "OwnRegistration": "Registration", "SignInSession": "SignIn",
                    "TicketOffer": "Transfer"}
# What a form always sends, and what the lists of one's own registrations always have.
ALWAYS_THERE = {("EventDraft", field) for field in SCHEMAS["EventDraft"]["properties"]} | {("OwnRegistration", "event")}
INTERFACES = re.findall(r"export interface (\w+)(?: extends \w+)? \{\n(.*?)\n\}", SOURCE, flags=re.DOTALL)
CHOICES = re.findall(r"export type (\w+) = ('\w+'(?:\s*\|\s*'\w+')+);", SOURCE)


def fields(body: str) -> list[tuple[str, bool, bool]]:
    """Name, whether it may be missing, whether it may be null; of the outermost braces only."""
    while "{" in body:
        body = re.sub(r"\{[^{}]*\}", "object", body)
    return [(name, bool(mark), "| null" in kind) for name, mark, kind in re.findall(r"^  (\w+)(\??): (.*?);$", body, re.MULTILINE)]


def may_be_null(schema: dict) -> bool:
    if "$ref" in schema:
        return may_be_null(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    kinds = schema.get("type", [])
    return "null" in ([kinds] if isinstance(kinds, str) else kinds) or any(may_be_null(one) for one in schema.get("anyOf", []))


@pytest.mark.parametrize(("name", "body"), INTERFACES, ids=[name for name, _ in INTERFACES])
def test_an_interface_has_only_what_the_schema_promises(name: str, body: str) -> None:
    if name == "Page":
        return  # its schemas are named after their items
    schema = SCHEMAS[CALLED_OTHERWISE.get(name, name)]
    wrong = []
    for field, optional, nullable in fields(body):
        promised = schema["properties"].get(field)
        if promised is None:
            wrong.append(f"{field} is not in the schema")
        elif may_be_null(promised) and not nullable:
            wrong.append(f"{field} may be null")
        elif field not in schema.get("required", []) and not (optional or nullable) and (name, field) not in ALWAYS_THERE:
            wrong.append(f"{field} may be missing")
    assert not wrong, wrong


@pytest.mark.parametrize(("name", "union"), CHOICES, ids=[name for name, _ in CHOICES])
def test_a_choice_has_the_same_values(name: str, union: str) -> None:
    enums = {"CheckInResult": SCHEMAS["CheckIn"]["properties"]["result"],
             "NotificationStatus": SCHEMAS["Notification"]["properties"]["status"]}
    assert set(re.findall(r"'(\w+)'", union)) == set(enums.get(name, SCHEMAS.get(name))["enum"])
