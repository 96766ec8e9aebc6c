"""What the code itself says that deployments have to agree with: settings, queues, connections."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ("api-service", "ws-hub", "ticket-worker", "notifications")
# `reader.int("EM_X", default: 3)`, over several lines too.
READING = re.compile(r'reader\.(\w+)\(\s*"(EM_[A-Z_]+)"((?:[^()]|\([^()]*\))*)\)')
INDIRECT = re.compile(r'databaseSettings\("(EM_[A-Z_]+)"|withDatabase\(\s*"(EM_[A-Z_]+)"')


@dataclass(frozen=True)
class Setting:
    name: str
    service: str  # which service reads it
    is_required: bool


def swift(folder: str) -> str:
    return "\n".join(file.read_text() for file in sorted((ROOT / folder).rglob("*.swift")))


def readings(service: str, text: str) -> set[Setting]:
    found = {Setting(name, service, kind not in ("optional", "file") and "default:" not in rest)
             for kind, name, rest in READING.findall(text) if kind != "file"}
    return found | {Setting(name, service, True) for pair in INDIRECT.findall(text) for name in pair if name and "MIGRATION" not in name}


@cache
def settings() -> frozenset[Setting]:
    """Every setting that `serve` of a service reads."""
    common = swift("Sources/Bootstrap")
    return frozenset(setting for service in SERVICES
                     for setting in readings(service, common) | readings(service, swift(service)))


@cache
def other_variables() -> frozenset[str]:
    """Read outside of settings: by subcommands, for the version, by tests."""
    sources = "\n".join(swift(folder) for folder in ("Sources", *SERVICES))
    direct = re.findall(r'(?:environment\[|getenv\()"(EM_[A-Z_]+)"', sources)
    keyed = re.findall(r'ConfigKey\(\["(EM_[A-Z_]+)"\]\)', sources)
    named = [name for pair in INDIRECT.findall(sources) for name in pair if name]
    return frozenset(direct) | frozenset(keyed) | frozenset(named)


def known_to(service: str) -> set[str]:
    return {setting.name for setting in settings() if setting.service == service} | {"EM_DEMO", "EM_REVISION"}


def required_by(service: str) -> set[str]:
    return {setting.name for setting in settings() if setting.service == service and setting.is_required}


def queues() -> set[str]:
    return set(re.findall(r'name: "([a-z-]+\.[a-zA-Z]+)"', (ROOT / "Sources/Messaging/WorkerQueue.swift").read_text()))


def number(path: str, pattern: str) -> int:
    found = re.findall(pattern, (ROOT / path).read_text())
    assert len(found) == 1, f"{path}: {pattern} found {len(found)} times"
    return int(found[0])


def connections() -> dict[str, int]:
    """PostgreSQL connections that one instance opens at most: transactions, reads, lists, and one that listens."""
    usual = number("Sources/Postgres/DatabaseSettings.swift", r"var maximumTransactions = (\d+)")
    reads = number("Sources/Postgres/DatabaseSettings.swift", r"var readConnections = (\d+)")
    lists = number("Sources/Postgres/DatabaseSettings.swift", r"var listConnections = (\d+)")
    named = {"NotificationsService.planConcurrency": number("notifications/BuildNotifications.swift", r"planConcurrency = (\d+)")}
    for name, setting in (("mailConnections", "EM_SMTP_CONNECTIONS"), ("bulkConnections", "EM_SMTP_BULK_CONNECTIONS")):
        named |= {name: int(default) for default in re.findall(rf'"{setting}", default: (\d+)', swift("notifications"))}
    [mailing] = re.findall(r"database\.maximumTransactions = (.+)", (ROOT / "notifications/NotificationsSettings.swift").read_text())
    return {
        "api-service": number("api-service/APISettings.swift", r"maximumTransactions = (\d+)")
        + number("api-service/APISettings.swift", r"readConnections = (\d+)") + lists + 1,
        "ws-hub": number("ws-hub/HubSettings.swift", r"maximumTransactions = (\d+)") + reads,
        "ticket-worker": usual + reads,
        "notifications": sum(named[term] if term in named else int(term) for term in mailing.split(" + ")) + reads,
    }


# Whatever makes a series: its name in the source, as Prometheus is told it (see PrometheusRegistry).
MAKERS = (
    (r'\bCounter\(\s*label: "([\w.]+)"|= counter\("([\w.]+)"|, counter\("([\w.]+)"|\.counter\(\s*"([\w.]+)"', "_total", ("",)),
    (r'\bTimer\(\s*label: "([\w.]+)"', "_seconds", ("_bucket", "_sum", "_count")),
    (r'\bRecorder\(\s*label: "([\w.]+)"[^)]*aggregate: true', "", ("_bucket", "_sum", "_count")),
    (r'\b(?:Gauge|Meter)\(\s*label: "([\w.]+)"|\bgauge\(\s*"([\w.]+)"', "", ("",)),
    (r'\bcounter\(\s*"((?:process|em)_\w+)"|let name = "(em_\w+_total)"', "_total", ("",)),
)


@cache
def metrics() -> frozenset[str]:
    """Every name that a service may ever show at /metrics; some only after something has happened."""
    sources = "\n".join(swift(folder) for folder in ("Sources", *SERVICES))
    names = set()
    for pattern, suffix, endings in MAKERS:
        for groups in re.findall(pattern, sources):
            for label in [groups] if isinstance(groups, str) else groups:
                if label:
                    name = label.replace(".", "_")
                    names |= {(name if name.endswith(suffix) else name + suffix) + ending for ending in endings}
    return frozenset(names)
