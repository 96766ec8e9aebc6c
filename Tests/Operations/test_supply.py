"""Where everything comes from: versions that are written down, digests where a registry says them, and the list of all of it."""

import http.server
import json
import re
import shutil
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from deployment.code import ROOT

TAG = re.compile(r"v?\d+\.\d+(\.\d+)?(-[a-z]+)*")
IMAGE = re.compile(r"^\s*(?:- )?(?:image: |imageName: |FROM )([a-z0-9./-]+:[\w.-]+)", re.M)


def named_images(root: Path = ROOT) -> dict[str, set[str]]:
    """Name: tags, of those that are not ours."""
    files = [root / "compose.yaml", root / "infra/Dockerfile", *(root / "infra/kubernetes").rglob("*.yaml")]
    found: dict[str, set[str]] = {}
    for file in files:
        for image in IMAGE.findall(file.read_text()):
            name, _, tag = image.rpartition(":")
            if "em-connect/" not in name:
                found.setdefault(name, set()).add(tag)
    return found


def test_images_are_named_by_a_version_down_to_the_patch() -> None:
    images = named_images()
    assert {"postgres", "redis", "rabbitmq", "debian", "swift", "haproxy"} <= images.keys()
    for name, tags in images.items():
        assert all(TAG.fullmatch(tag) for tag in tags), (name, tags)
        assert len(tags) == 1, f"{name}: the same version everywhere"
        # Two numbers are a whole version where the third is a patch's elsewhere: PostgreSQL's and Debian's minor releases.
        assert name in ("postgres", "debian") or "cloudnative-pg" in name or re.match(r"v?\d+\.\d+\.\d+", *tags), (name, tags)
    loose = re.findall(r"^\s*(?:image: |FROM )(?!scratch|runtime)[a-z0-9/]+(?:\s|$)", (ROOT / "infra/Dockerfile").read_text() + (ROOT / "compose.yaml").read_text(), re.M)
    assert [line for line in loose if "em-connect" not in line] == []


def test_swift_packages_are_exact_and_those_of_the_build() -> None:
    manifest = (ROOT / "Package.swift").read_text()
    wanted = dict(re.findall(r'\.package\(url: "([^"]+)", exact: "([\d.]+)"', manifest))
    assert len(wanted) == manifest.count(".package(url:") > 10
    pins = {pin["location"].removesuffix(".git"): pin["state"] for pin in json.loads((ROOT / "Package.resolved").read_text())["pins"]}
    assert {url: pins[url]["version"] for url in wanted} == wanted
    assert all(re.fullmatch(r"[0-9a-f]{40}", state["revision"]) and state["version"] for state in pins.values())


def test_what_tests_use_is_exact() -> None:
    lines = [line for line in (ROOT / "Tests/requirements.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+(\[[\w,-]+\])?==[\w.]+", line) for line in lines), lines
    assert not (ROOT / "pyproject.toml").exists() or tomllib.loads((ROOT / "pyproject.toml").read_text())


# --- digests


class Registry(http.server.BaseHTTPRequestHandler):
    """Says the digest of every tag to those who have a token, but for tags that it was told to lack."""

    lacks: set[str] = set()
    asked: list[str] = []

    def do_HEAD(self) -> None:
        self.asked.append(self.path)
        if self.headers["Authorization"] != "Bearer for-anybody":
            self.send_response(401)
            host = self.headers["Host"]
            self.send_header("WWW-Authenticate", f'Bearer realm="http://{host}/token",service="a test",scope="repository:x:pull"')
        elif any(f"/{name}/manifests/" in self.path for name in self.lacks):
            self.send_response(404)
        else:
            self.send_response(200)
            self.send_header("Docker-Content-Digest", "sha256:" + f"{sum(self.path.encode()):x}".rjust(64, "0"))
        self.end_headers()

    def do_GET(self) -> None:
        body = json.dumps({"token": "for-anybody"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[str]:
    Registry.lacks, Registry.asked = set(), []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    root = tmp_path / "copy"
    shutil.copytree(ROOT / "infra", root / "infra", ignore=shutil.ignore_patterns("secrets", "__pycache__"))
    shutil.copy(ROOT / "compose.yaml", root)
    return root


def texts(root: Path) -> dict[str, str]:
    return {str(file.relative_to(root)): file.read_text() for file in root.rglob("*") if file.is_file()}


def pin(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([ROOT / "infra/pin-images", "--root", root, *arguments], capture_output=True, text=True, timeout=120)


def test_digests_are_written_renewed_and_taken_away(copy: Path, registry: str) -> None:
    pin(copy, "--remove")
    before = texts(copy)
    ran = pin(copy, "--registry", registry)
    assert ran.returncode == 0, ran.stderr
    pinned = texts(copy)
    changed = {name for name in before if before[name] != pinned[name]}
    assert changed == {name for name, text in before.items() if name.startswith(("compose.yaml", "infra/Dockerfile", "infra/kubernetes"))
                       and any("em-connect/" not in image for image in IMAGE.findall(text))}
    for name in changed:
        for line in pinned[name].splitlines():
            if IMAGE.match(line) and "em-connect/" not in line:
                assert re.search(r":[\w.-]+@sha256:[0-9a-f]{64}(\s|$)", line), line
    assert "/v2/library/postgres/manifests/" in " ".join(Registry.asked) and "/v2/cloudnative-pg/postgresql/manifests/" in " ".join(Registry.asked)
    assert named_images(copy) == named_images()
    assert pin(copy, "--registry", registry).returncode == 0 and texts(copy) == pinned, "a second time nothing is written twice"
    assert pin(copy, "--remove").returncode == 0 and texts(copy) == before


def test_all_or_nothing(copy: Path, registry: str) -> None:
    before = texts(copy)
    Registry.lacks = {"library/redis"}
    ran = pin(copy, "--registry", registry)
    assert ran.returncode == 1 and "nothing was changed" in ran.stderr and texts(copy) == before
    away = pin(copy, "--registry", "http://127.0.0.1:1")
    assert away.returncode == 1 and "Traceback" not in away.stderr and texts(copy) == before


# --- the list of it all


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> dict:
    place = tmp_path_factory.mktemp("bill") / "sbom.json"
    ran = subprocess.run([ROOT / "infra/sbom", place], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return json.loads(place.read_text())


def test_the_bill_of_materials_is_cyclonedx(bill: dict) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(json.dumps(bill)) is None
    assert validator.validate_str(json.dumps({**bill, "components": [{"type": "parts"}]})) is not None, "the control"
    references = [component["bom-ref"] for component in bill["components"]]
    assert len(set(references)) == len(references)
    assert {reference for each in bill["dependencies"] for reference in each["dependsOn"]} == set(references)


def test_it_holds_what_is_shipped(bill: dict) -> None:
    versions = {component["name"]: component["version"] for component in bill["components"]}
    pins = {pin["identity"]: pin["state"]["version"] for pin in json.loads((ROOT / "Package.resolved").read_text())["pins"]}
    assert pins.items() <= versions.items() and len(pins) > 20
    # By name in infra/Dockerfile, by dependency of those, and in the pages.
    assert {"libpq5", "librabbitmq4", "libcurl4", "libpangocairo-1.0-0", "nginx-light", "libc6", "libharfbuzz0b", "libssl3", "node-react",
            "libjs-bootstrap5", "zbar"} <= versions.keys()
    assert not {"node-acorn", "clang-14", "libpq-dev"} & versions.keys(), "what only builds is not shipped"
    assert {name: {versions[name]} for name in named_images()} == named_images()
    assert all(re.match(r"pkg:(swift|deb|docker)/", component["purl"]) for component in bill["components"])
