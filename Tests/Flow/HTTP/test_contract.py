"""The descriptions that other programs are built from are well-formed and true."""

import pytest
import yaml
from openapi_spec_validator import validate

from em.stack import ROOT
from em.world import World


def test_the_description_of_the_api_is_valid_openapi(world: World) -> None:
    response = world.anyone.send("GET", "/openapi.yaml")
    assert response.headers["Content-Type"].startswith("application/yaml")
    document = yaml.safe_load(response.text)
    validate(document)
    operations = [operation for item in document["paths"].values() for name, operation in item.items() if name in
                  ("get", "post", "patch", "put", "delete")]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names)) >= 30
    assert all(operation.get("summary") and operation["responses"] for operation in operations)


@pytest.mark.parametrize("name", ["openapi.yaml", "asyncapi.yaml"])
def test_a_description_is_served_as_it_stands_in_the_source(world: World, name: str) -> None:
    response = world.anyone.send("GET", f"/{name}")
    assert response.status_code == 200 and response.headers["Content-Type"].startswith("application/yaml")
    assert response.content == (ROOT / "api-service" / name).read_bytes()


def test_the_published_keys_are_public_and_kept_apart(world: World) -> None:
    access, tickets = (world.anyone.get(f"/.well-known/{name}.json")["keys"] for name in ("jwks", "ticket-keys"))
    for key in access + tickets:
        assert (key["kty"], key["crv"], key["use"]) == ("OKP", "Ed25519", "sig")
        assert "d" not in key  # the private half
    assert not {key["kid"] for key in access} & {key["kid"] for key in tickets}
