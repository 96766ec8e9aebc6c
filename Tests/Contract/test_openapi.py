"""openapi.yaml: well-formed by OpenAPI 3.1, and complete: every operation says who may, what can go wrong and what it looks like.
That it names the routes of the code, and none else, Tests/Unit/HTTP/RouteTableTests.swift proves; that the answers are as described,
Tests/Flow/HTTP/test_schemathesis.py."""

import copy
import re
from collections.abc import Iterator
from functools import cache

import jsonschema_rs
import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

from em.contract import ROOT, resolved

METHODS = ("get", "post", "put", "patch", "delete")


@cache
def openapi() -> dict:
    return yaml.safe_load((ROOT / "api-service/openapi.yaml").read_text())


def operations(document: dict) -> Iterator[tuple[str, str, dict]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def answers(operation: dict, document: dict) -> dict[str, dict]:
    return {code: resolved(document, each["$ref"]) if "$ref" in each else each
            for code, each in operation["responses"].items()}


def has_example(schema: dict, document: dict) -> bool:
    """Of its own, or, for a page of something, of what is in it."""
    if "$ref" in schema:
        return has_example(resolved(document, schema["$ref"]), document)
    if "example" in schema or "examples" in schema:
        return True
    items = schema.get("properties", {}).get("items")
    return bool(items) and has_example(items["items"], document)


def missing(document: dict) -> list[str]:
    """What an operation should say and doesn't."""
    found = []
    for path, method, operation in operations(document):
        name, told = f"{method.upper()} {path}", answers(operation, document)
        if "security" not in operation:
            found.append(f"{name}: security")
        expected = {"401"} if operation.get("security") and {} not in operation["security"] else set()
        if "requestBody" in operation:
            expected |= {"400", "413", "415", "422"}
        if path.startswith("/api/") and name not in WITHOUT_DATABASE:
            expected |= {"503"}
        if "{" in path and operation.get("security"):
            expected |= {"404"}
        found += [f"{name}: {code}" for code in sorted(expected - told.keys())]
        if not any(code[0] in "23" for code in told):
            found.append(f"{name}: an answer")
        media = [(code, kind, each) for code, answer in told.items() for kind, each in answer.get("content", {}).items()]
        media += [("body", kind, each) for kind, each in operation.get("requestBody", {}).get("content", {}).items()]
        for code, kind, each in media:
            if code[0] in "45" and kind != "application/problem+json":
                found.append(f"{name}: {code} is no problem document")
            if kind.endswith("json") and not ("example" in each or "examples" in each or has_example(each.get("schema", {}), document)):
                found.append(f"{name}: an example of {code}")
    for name, schema in document["components"]["schemas"].items():
        if not has_example(schema, document) and "enum" not in schema:
            found.append(f"{name}: an example")
    return found


# They answer while the database is away: GET /admin/system says so, and the link of a mail only leads on.
WITHOUT_DATABASE = {"GET /api/v1/admin/system", "GET /api/v1/unsubscribe"}


def test_it_is_openapi() -> None:
    validate(openapi(), cls=OpenAPIV31SpecValidator)
    assert openapi()["openapi"].startswith("3.1.")
    names = [operation["operationId"] for _, _, operation in operations(openapi())]
    assert len(names) == len(set(names)) > 80
    tags = {tag["name"] for tag in openapi()["tags"]}
    for path, method, operation in operations(openapi()):
        assert operation["summary"].endswith(".") and set(operation["tags"]) <= tags, f"{method} {path}"


def repeated_keys(text: str) -> list[str]:
    """Names that stand twice in one mapping: of those PyYAML takes the last, in silence."""
    found = []

    def look(node: yaml.Node) -> None:
        if isinstance(node, yaml.MappingNode):
            names = [key.value for key, _ in node.value]
            found.extend(f"line {node.start_mark.line + 1}: {name}" for name in set(names) if names.count(name) > 1)
            for _, value in node.value:
                look(value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                look(value)

    look(yaml.compose(text))
    return found


def test_no_name_stands_twice() -> None:
    for name in ("openapi.yaml", "asyncapi.yaml"):
        assert repeated_keys((ROOT / "api-service" / name).read_text()) == []
    assert len(repeated_keys("a: {b: 1, b: 2}\nc: [{d: 1, d: 2}]\na: 3\n")) == 3


def test_control_what_is_no_openapi_is_found() -> None:
    document = copy.deepcopy(openapi())
    del document["paths"]["/api/v1/events"]["get"]["responses"]["200"]["description"]
    with pytest.raises(OpenAPIValidationError):
        validate(document, cls=OpenAPIV31SpecValidator)


def test_nothing_is_missing() -> None:
    assert missing(openapi()) == []


def test_control_what_is_missing_is_found() -> None:
    document = copy.deepcopy(openapi())
    post = document["paths"]["/api/v1/events"]["post"]
    del post["security"], post["responses"]["415"]
    document["components"]["responses"]["Conflict"]["content"] = {"application/json": {}}
    del document["components"]["schemas"]["Event"]["examples"]
    found = missing(document)
    for what in ("POST /api/v1/events: security", "POST /api/v1/events: 415", "POST /api/v1/events: 409 is no problem document",
                 "GET /api/v1/events: an example of 200", "Event: an example"):
        assert what in found


def unpaged(document: dict) -> list[str]:
    """Lists that don't go page by page as all do."""
    found = []
    for path, method, operation in operations(document):
        schema = answers(operation, document).get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        schema = resolved(document, schema["$ref"]) if "$ref" in schema else schema
        if method != "get" or "items" not in schema.get("properties", {}):
            continue
        asked = {each["name"] for each in (resolved(document, each["$ref"]) if "$ref" in each else each
                                           for each in operation.get("parameters", []))}
        # Messages go on from a sequence, which is what their readers remember.
        if not {"items", "nextCursor"} <= set(schema["required"]) or not {"limit", "after" if path.endswith("/messages") else "cursor"} <= asked:
            found.append(operation["operationId"])
    return found


def test_every_list_goes_page_by_page() -> None:
    assert unpaged(openapi()) == []
    document = copy.deepcopy(openapi())
    document["components"]["schemas"]["Timeline"]["required"] = ["items"]
    document["paths"]["/api/v1/api-keys"]["get"]["parameters"] = []
    assert unpaged(document) == ["showTimeline", "listApiKeys"]


def named_examples(document: dict) -> Iterator[tuple[str, dict, object]]:
    """Where it stands, the schema, and the example."""
    def within(where: str, schema: object) -> Iterator[tuple[str, dict, object]]:
        if not isinstance(schema, dict):
            return
        told = schema.get("examples", []) + ([schema["example"]] if "example" in schema else [])
        yield from ((where, {name: value for name, value in schema.items()}, each) for each in told)
        for name, each in schema.get("properties", {}).items():
            yield from within(f"{where}.{name}", each)

    for name, schema in document["components"]["schemas"].items():
        yield from within(name, schema)
    for path, method, operation in operations(document):
        parts = [*answers(operation, document).items(), ("body", operation.get("requestBody", {}))]
        for code, part in parts:
            for media in part.get("content", {}).values():
                yield from within(f"{method} {path} {code}", media.get("schema", {}))
                if "example" in media:
                    yield f"{method} {path} {code}", media["schema"], media["example"]


def wrong_examples(document: dict) -> list[str]:
    found = []
    for where, schema, example in named_examples(document):
        validator = jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]}, validate_formats=True)
        found += [f"{where}: {error.message}" for error in validator.iter_errors(example)]
    return found


def test_every_example_is_as_described() -> None:
    assert wrong_examples(openapi()) == []


def test_control_a_wrong_example_is_found() -> None:
    document = copy.deepcopy(openapi())
    del document["components"]["schemas"]["Event"]["examples"][0]["venue"]
    document["components"]["responses"]["Conflict"]["content"]["application/problem+json"]["example"]["status"] = "409"
    assert len(wrong_examples(document)) >= 2


CODES = {
    "FieldErrorCode": ("Sources/Domain/FieldError.swift", "enum Code:"),
    "Invariant": ("Sources/Persistence/Operations/Invariants.swift", "enum Invariant:"),
    "MailError": ("Sources/Domain/Notifications/MailError.swift", "enum MailError:"),
    "SubscriptionStatusReason": ("Sources/Domain/Integrations/Subscription.swift", "enum SubscriptionStatusReason:"),
    "WebhookError": ("Sources/Domain/Integrations/Webhook.swift", "enum WebhookError:")}


def raw_values(swift: str, declaration: str) -> set[str]:
    """Of the cases that follow a declaration, up to the first member that is none."""
    body = re.split(r"\n\s*(?:public|init|\})", swift.split(declaration, 1)[1], maxsplit=1)[0]
    return {value or name for name, value in re.findall(r'^ *case (\w+)(?: = "([a-z-]+)")?$', body, re.MULTILINE)}


@pytest.mark.parametrize("schema", CODES)
def test_every_code_of_the_server_is_described(schema: str) -> None:
    """The pages' catalogues have a text for each of these: frontend/typecheck proves it."""
    path, declaration = CODES[schema]
    codes = raw_values((ROOT / path).read_text(), declaration)
    assert len(codes) >= 4 and codes == set(openapi()["components"]["schemas"][schema]["enum"])


def test_an_error_of_a_field_has_a_code() -> None:
    schemas = openapi()["components"]["schemas"]
    assert "code" in schemas["FieldError"]["required"]
    assert schemas["Problem"]["properties"]["errors"]["items"] == {"$ref": "#/components/schemas/FieldError"}


# Asked twice without a key they have their effect once, by what they are about.
ONCE_WITHOUT_A_KEY = {
    "POST /api/v1/events/{id}/members": "a person is a member once; the same again answers 200",
    "POST /api/v1/auth/register": "an address has one account; nobody is signed in yet whose key it could be"}


def test_what_creates_something_honours_idempotency_keys() -> None:
    for path, method, operation in operations(openapi()):
        name = f"{method.upper()} {path}"
        if method == "post" and "201" in operation["responses"] and name not in ONCE_WITHOUT_A_KEY:
            keys = [each.get("$ref") for each in operation.get("parameters", [])]
            assert "#/components/parameters/IdempotencyKey" in keys, name
