"""compose.yaml and what stands on top of it, as files; `make compose-test` runs them."""

import re
import subprocess

import pytest
import yaml
from deployment import code
from deployment.code import ROOT

ONCE = {"secrets", "roles", "migrate", "seed-demo"}
OUTSIDE = {"web", "mail", "grafana"}  # published, all on this machine only unless told otherwise


class Loader(yaml.SafeLoader):
    """Compose's own tags say how files are laid over one another."""


Loader.add_constructor("!override", lambda loader, node: loader.construct_sequence(node))
Loader.add_constructor("!reset", lambda loader, node: None)


def document(name: str) -> dict:
    return yaml.load((ROOT / name).read_text(), Loader)  # noqa: S506: a safe loader


@pytest.fixture(scope="module")
def services() -> dict[str, dict]:
    return document("compose.yaml")["services"]


def test_containers_are_confined(services: dict[str, dict]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"] and service["logging"]["options"].keys() == {"max-size", "max-file"}, name
        assert "privileged" not in service and not any("docker.sock" in str(volume) for volume in service.get("volumes", []))
    capable = {name: service["cap_add"] for name, service in services.items() if "cap_add" in service}
    assert capable == {"secrets": ["DAC_READ_SEARCH"], "postgres": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"]}


def test_nobody_is_root_but_who_must(services: dict[str, dict]) -> None:
    dockerfile = (ROOT / "infra/Dockerfile").read_text()
    for name, service in services.items():
        user = str(service.get("user", "")).partition(":")[0]
        if "user" in service:
            assert (user == "0") == (name == "secrets"), name
        elif "build" in service:
            stage = re.search(rf"^FROM \S+ AS {service['build']['target']}$(.*?)(?=^FROM |\Z)", dockerfile, re.M | re.S)[1]
            users = re.findall(r"^USER (\d+)$", stage, re.M)
            assert not users or users[-1] == "10001", name
        else:
            assert name == "postgres"  # its entry point steps down by itself
    assert re.search(r"^FROM scratch AS runtime$(.*?)^USER 10001$", dockerfile, re.M | re.S)


def test_everything_heals_and_is_looked_at(services: dict[str, dict]) -> None:
    for name, service in services.items():
        assert (service.get("restart") == "unless-stopped") == (name not in ONCE), name
        # Mailpit's image brings its own.
        assert ("healthcheck" in service) == (name not in ONCE | {"mail"}), name
        assert re.search(r":v?\d", service["image"]) or "build" in service, name


def test_only_the_front_is_published(services: dict[str, dict]) -> None:
    for name, service in services.items():
        assert ("ports" in service) == (name in OUTSIDE), name
        for port in service.get("ports", []):
            assert port["host_ip"] in ("${EM_BIND:-127.0.0.1}", "127.0.0.1"), name  # long: an IPv6 address holds colons
    assert all("container_name" not in service for service in services.values())  # or nothing could be scaled


def test_containers_meet_whom_they_need_and_nobody_else(services: dict[str, dict]) -> None:
    networks = document("compose.yaml")["networks"]
    joined = {name: set(service["networks"]) for name, service in services.items() if name != "secrets"}
    assert services["secrets"]["network_mode"] == "none" and set.union(*joined.values()) == networks.keys()
    meets = {name: {other for other in joined if other != name and joined[other] & own} for name, own in joined.items()}
    ours, workers = set(code.SERVICES), {"ticket-worker", "notifications"}
    assert meets["redis"] == {"api-service", "ws-hub"}
    assert meets["postgres"] == ours | {"roles", "migrate", "seed-demo"}
    assert meets["rabbitmq"] == {"api-service", "prometheus"} | workers
    assert meets["web"] == {"api-service", "ws-hub"}
    assert meets["mail"] == {"notifications"} and meets["grafana"] == ours | {"prometheus"}
    assert meets["roles"] <= ours | {"postgres", "migrate", "seed-demo"}
    # Out of here goes who is published, or sends mails and webhooks.
    outside = {name for name, own in joined.items() if any(not (networks[each] or {}).get("internal") for each in own)}
    assert outside == OUTSIDE | {"notifications"}
    assert {name for name, service in services.items() if "ports" in service} <= outside


def test_the_database_logs_no_values(services: dict[str, dict]) -> None:
    lines = (ROOT / "infra/postgres/log.conf").read_text().splitlines()
    wanted = {line.replace(" = ", "=") for line in lines if not line.startswith("#")}
    assert wanted <= set(services["postgres"]["command"]) and len(wanted) >= 5


def test_no_secret_stands_in_the_files(services: dict[str, dict]) -> None:
    for name in ("compose.yaml", "compose.production.yaml", ".env", "infra/compose/production.env.example"):
        assert not re.search(r"(?i)(password|secret|key)[\w-]*[=:] *[\"']?[A-Za-z0-9+]{12,}", (ROOT / name).read_text()), name
    for service in code.SERVICES:
        mounted = [volume for volume in services[service]["volumes"] if volume.endswith(":/secrets:ro")]
        assert mounted == [f"secrets-{service}:/secrets:ro"]
        for variable, value in services[service]["environment"].items():
            if variable.endswith(("_KEY", "_URL")) and variable not in ("EM_PUBLIC_URL", "EM_SMTP_URL", "EM_AMQP_PUBLIC_URL"):
                pytest.fail(f"{service} is told {variable} in the open: {value}")


def test_services_are_told_what_their_code_reads(services: dict[str, dict]) -> None:
    known = {setting.name for setting in code.settings()} | {"EM_DEMO"}
    for service in code.SERVICES:
        told = {name.removesuffix("_FILE") for name in services[service]["environment"]}
        assert told <= known and code.required_by(service) - {"EM_HTTP_PORT"} <= told, service


def test_production_is_without_the_demo() -> None:
    over = document("compose.production.yaml")["services"]
    assert over["mail"] is None and over["seed-demo"] is None
    assert over["notifications"]["environment"]["EM_SMTP_URL"] == ""
    text = (ROOT / "compose.production.yaml").read_text()
    needed = set(re.findall(r"\$\{(EM_[A-Z_]+):\?", text))
    example = (ROOT / "infra/compose/production.env.example").read_text()
    assert needed == {"EM_TLS_CERT", "EM_TLS_KEY", "EM_SMTP_URL_FILE", "EM_PUBLIC_URL", "EM_MAIL_FROM"}
    assert needed <= set(re.findall(r"^(EM_[A-Z_]+)=.", example, re.M))
    # Read without an --env-file only: in earnest there is one.
    assert (ROOT / ".env").read_text().splitlines()[-2:] == ["COMPOSE_PROFILES=demo", "EM_DEMO=true"]
    assert "EM_DEMO" not in text + example and "demo" not in re.search(r"^COMPOSE_PROFILES=(.*)$", example, re.M)[1]


def test_the_scripts_of_the_one_shots_are_shell() -> None:
    for script in ("compose/secrets", "compose/roles", "compose/ready", "compose/back-up", "compose/restore", "nginx/start"):
        ran = subprocess.run(["bash", "-n", ROOT / "infra" / script], capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
