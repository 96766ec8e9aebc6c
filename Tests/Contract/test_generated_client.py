"""What generators make of openapi.yaml. Tests/Flow/Integrations/test_generated_client.py calls the product with it."""

import datetime
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from generating import ROOT, generate, load


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generated")


@pytest.fixture(scope="module")
def said(directory: Path) -> str:
    return generate(directory)


@pytest.mark.usefixtures("said")
def test_every_module_can_be_imported(directory: Path) -> None:
    load(directory)
    operations = [name for name in sys.modules if name.startswith("em_client.api.") and name.count(".") == 3]
    paths = yaml.safe_load((ROOT / "api-service/openapi.yaml").read_text())["paths"]
    described = sum(method in ("get", "post", "put", "patch", "delete") for item in paths.values() for method in item)
    assert len(operations) == described > 80, "an operation has no client"


def test_nothing_is_left_out(said: str) -> None:
    assert "WARNING" not in said and "Unable" not in said and "Cannot" not in said, said


@pytest.mark.usefixtures("said")
def test_a_patch_says_what_its_caller_said(directory: Path) -> None:
    models = load(directory).models
    assert models.EventPatch(capacity=14).to_dict() == {"capacity": 14}
    assert models.EventPatch(check_in_opens_at=None).to_dict() == {"checkInOpensAt": None}
    assert models.EventPatch().to_dict() == models.AccountPatch().to_dict() == models.EventMergePatch().to_dict() == {}
    assert models.EventDraft(title="x", starts_at=datetime.datetime.now(datetime.UTC), ends_at=datetime.datetime.now(datetime.UTC),
                             time_zone="Europe/Berlin", capacity=1).to_dict()["promoteAfterClose"] is True  # of a new event defaults may be said


DOCUMENTS = {name: yaml.safe_load((ROOT / f"api-service/{name}").read_text()) for name in ("openapi.yaml", "asyncapi.yaml")}


def schemas(node: object, place: str = "") -> Iterator[tuple[str, dict]]:
    """Everything that may be a schema: examples left aside, where anything may stand."""
    if isinstance(node, dict):
        yield place, node
        for name, value in node.items():
            if name not in ("example", "examples", "default"):
                yield from schemas(value, f"{place}/{name}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from schemas(value, f"{place}/{number}")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_constant_has_a_type_and_a_list_says_of_what(name: str) -> None:
    found = list(schemas(DOCUMENTS[name]))
    assert len([place for place, schema in found if "const" in schema]) > 5
    for place, schema in found:
        if "const" in schema and not isinstance(schema["const"], dict):
            assert "type" in schema, place
        if schema.get("type") == "array":
            assert "items" in schema or "prefixItems" in schema, place
            if schema.get("minItems") == schema.get("maxItems") is not None:
                assert len(schema["prefixItems"]) == schema["minItems"], place


def test_what_changes_a_part_has_no_defaults() -> None:
    """A generated client sends a default for what its caller left out, and the field is emptied."""
    document = DOCUMENTS["openapi.yaml"]

    def resolved(schema: dict) -> dict:
        while "$ref" in schema:
            target = document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            schema = target
        return schema

    def defaults(schema: dict, place: str, seen: frozenset[int] = frozenset()) -> Iterator[str]:
        schema = resolved(schema)
        if id(schema) in seen:
            return
        if "default" in schema:
            yield place
        parts = [*schema.get("properties", {}).items(), *(("", part) for word in ("allOf", "anyOf", "oneOf") for part in schema.get(word, []))]
        parts += [("[]", schema[word]) for word in ("items", "additionalProperties") if isinstance(schema.get(word), dict)]
        for name, part in parts:
            yield from defaults(part, f"{place}.{name}", seen | {id(schema)})

    bodies = {f"{method} {path} {kind}": content["schema"] for path, item in document["paths"].items() for method, operation in item.items()
              if method in ("patch", "put") for kind, content in operation.get("requestBody", {}).get("content", {}).items()}
    assert len(bodies) > 5
    assert [found for place, schema in bodies.items() for found in defaults(schema, place)] == []
