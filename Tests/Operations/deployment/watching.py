"""The alert rules and the dashboards, and the names of metrics that they use."""

import json
import re

import yaml

from deployment.code import ROOT

SOURCE = ROOT / "infra/observability"
# Prometheus' own, and those of RabbitMQ's plugin; a flow test sees them all on a running stack.
FOREIGN = {"up", "rabbitmq_detailed_queue_messages_ready", "rabbitmq_detailed_queue_messages_unacked",
           "rabbitmq_detailed_queue_consumers"}
WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset", "inf", "nan"}


def rules() -> list[dict]:
    return [rule for group in yaml.safe_load((SOURCE / "alerts.yml").read_text())["groups"] for rule in group["rules"]]


def dashboards() -> dict[str, dict]:
    return {file.stem: json.loads(file.read_text()) for file in sorted((SOURCE / "grafana/dashboards").glob("*.json"))}


def expressions() -> dict[str, str]:
    """Where it stands, and the expression, as Grafana would send it."""
    found = {f"alert {rule['alert']}": rule["expr"] for rule in rules()}
    for name, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                found[f"{name}: {panel['title']} {target['refId']}"] = target["expr"].replace("$__rate_interval", "1m")
    return found


def names(expression: str) -> set[str]:
    """The metrics of an expression: what is left of its words without label lists, ranges, groupings and functions."""
    bare = re.sub(r"\{[^{}]*\}|\[[^\]]*\]|\"[^\"]*\"", " ", expression)
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", " ", bare)
    words = re.findall(r"(?<![\w.])([a-zA-Z_:][\w:]*)(?!\s*\(|[\w:])", bare)
    return {word for word in words if word.lower() not in WORDS}
