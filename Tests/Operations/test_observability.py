"""infra/observability without a stack: the rules by Prometheus' own tool, and every name against the code.

Tests/Flow/Operations/test_observability.py runs Prometheus against a stack. Grafana is not in Debian: of its files only the form is seen."""

import re
import subprocess

import pytest
import yaml
from deployment import code, watching
from deployment.watching import SOURCE, dashboards, expressions, names, rules


@pytest.mark.parametrize("command", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts.test.yml"), ("check", "config", "prometheus.yml")],
                         ids=" ".join)
def test_prometheus_takes_the_files(command: tuple[str, ...]) -> None:
    ran = subprocess.run(["promtool", *command], cwd=SOURCE, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_names_are_found_in_expressions() -> None:
    """The control of the test below."""
    assert names('sum by (le, queue) (rate(a_total{b="c",d=~"e|f"}[5m])) / on (g) h:i and absent(up{job="x"}) > 0.01e3') == {"a_total", "h:i", "up"}
    assert "process_cpu_seconds_total" in code.metrics() and "em_relay_lag_seconds_bucket" in code.metrics()
    assert "em_relay_oldest_second" not in code.metrics()


@pytest.mark.parametrize("place", expressions())
def test_a_metric_that_is_named_is_made_somewhere(place: str) -> None:
    used = names(expressions()[place])
    assert used and used <= code.metrics() | watching.FOREIGN, used - code.metrics()


def test_what_the_services_tell_is_shown_somewhere() -> None:
    shown = set().union(*map(names, expressions().values()))
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    told = {re.sub(r"_(bucket|sum|count)$", "", name) for name in code.metrics()}
    assert told - families <= {"em_build_info"}


def test_every_alert_has_its_runbook() -> None:
    runbook = (code.ROOT / "infra/README.md").read_text()
    headings = set(re.findall(r"^### (\w+)$", runbook, re.M))
    alerts = [rule["alert"] for rule in rules()]
    assert len(set(alerts)) == len(alerts) and set(alerts) == headings
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "look") and rule["annotations"]["summary"]
        assert rule["annotations"]["runbook_url"] == f"infra/README.md#{rule['alert'].lower()}"


def test_dashboards_are_whole() -> None:
    found = dashboards()
    assert len({dashboard["uid"] for dashboard in found.values()}) == len(found) >= 3
    [source] = yaml.safe_load((SOURCE / "grafana/provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    for dashboard in found.values():
        panels = dashboard["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        cells = set()
        for panel in panels:
            place = panel["gridPos"]
            taken = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
            assert not taken & cells and place["x"] + place["w"] <= 24, panel["title"]
            cells |= taken
            assert panel["title"] and panel["fieldConfig"]["defaults"]["unit"]
            for target in panel["targets"]:
                assert target["datasource"] == {"type": source["type"], "uid": source["uid"]}


def test_every_service_is_scraped_under_its_name() -> None:
    scraped = {job["job_name"]: job["dns_sd_configs"][0] for job in yaml.safe_load((SOURCE / "prometheus.yml").read_text())["scrape_configs"]}
    assert scraped.keys() == {*code.SERVICES, "rabbitmq"}
    services = yaml.safe_load((code.ROOT / "compose.yaml").read_text())["services"]
    for name, job in scraped.items():
        assert job["names"] == [name] and name in services and job["port"] == (15692 if name == "rabbitmq" else 8080)
