"""Debian's Prometheus, with the project's configuration and rules, looks at the running stack: everything that an alert or
a dashboard names is there."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from em.live import Socket
from em.people import People
from em.stack import ROOT, SERVICES, Stack
from em.waiting import eventually
from em.world import World
from em_stack.servers import rabbitmq_environment

sys.path.insert(0, str(ROOT / "Tests/Operations"))
from deployment import watching  # noqa: E402

# Shown from the first time that something of the kind happens, which a healthy stack need not see.
OCCASIONAL = {"em_relay_failed_total", "em_pruned_rows_total", "em_spans_sent_total", "em_spans_dropped_total"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """The running broker's Prometheus plugin, switched on for the length of a `with`; images of RabbitMQ have it on."""

    def __init__(self, stack: Stack):
        self.environment, self.port = rabbitmq_environment(stack.layout), free_port()

    def __enter__(self) -> "Broker":
        self.run("rabbitmqctl", "eval", "application:load(rabbitmq_prometheus), application:set_env(rabbitmq_prometheus, "
                 f'tcp_config, [{{ip, "127.0.0.1"}}, {{port, {self.port}}}]).')
        self.run("rabbitmq-plugins", "enable", "rabbitmq_prometheus")
        return self

    def __exit__(self, *_: object) -> None:
        self.run("rabbitmq-plugins", "disable", "rabbitmq_prometheus")  # what the stack has switched on stays

    def run(self, tool: str, *arguments: str) -> None:
        ran = subprocess.run([f"/usr/lib/rabbitmq/bin/{tool}", *arguments], env=self.environment, capture_output=True, text=True,
                             timeout=120)
        assert ran.returncode == 0, ran.stdout + ran.stderr


class Prometheus:
    def __init__(self, stack: Stack, broker: Broker, place: Path):
        self.url = f"http://127.0.0.1:{free_port()}"
        configuration = yaml.safe_load((watching.SOURCE / "prometheus.yml").read_text())
        configuration["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        configuration["rule_files"] = [str(watching.SOURCE / "alerts.yml")]
        for job in configuration["scrape_configs"]:  # here there are no names to look up
            del job["dns_sd_configs"]
            port = stack.port(job["job_name"]) if job["job_name"] in SERVICES else broker.port
            job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
        (place / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        self.place = place

    def __enter__(self) -> "Prometheus":
        with open(self.place / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={self.place / 'prometheus.yml'}", f"--storage.tsdb.path={self.place / 'data'}",
                 f"--web.listen-address={self.url.removeprefix('http://')}"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(30)

    def is_ready(self) -> bool:
        assert self.process.poll() is None, (self.place / "log").read_text()
        try:
            return requests.get(self.url + "/-/ready", timeout=5).ok
        except requests.ConnectionError:
            return False

    def ask(self, path: str, **query: str) -> dict:
        answer = requests.get(f"{self.url}/api/v1/{path}", params=query, timeout=10).json()
        assert answer["status"] == "success", (path, query, answer)
        return answer["data"]

    def has(self, name: str) -> bool:
        return bool(self.ask("query", query=f'count({{__name__="{name}"}})')["result"])


@pytest.fixture(scope="module")
def prometheus(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with Broker(stack) as broker, Prometheus(stack, broker, tmp_path_factory.mktemp("prometheus")) as prometheus:
        eventually(prometheus.is_ready, "Prometheus ready")
        yield prometheus


def test_everything_is_scraped(prometheus: Prometheus) -> None:
    def health() -> dict[str, str]:
        return {target["labels"]["job"]: target["health"] for target in prometheus.ask("targets")["activeTargets"]}

    eventually(lambda: health() == dict.fromkeys((*SERVICES, "rabbitmq"), "up"), "all targets up")


def test_rules_are_evaluated_and_a_healthy_stack_is_quiet(prometheus: Prometheus) -> None:
    def loaded() -> list[dict]:
        return [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]

    eventually(lambda: all(rule["health"] == "ok" for rule in loaded()), "all rules evaluated")
    assert {rule["name"] for rule in loaded()} == {rule["alert"] for rule in watching.rules()}
    # Others have killed services before: only what says that something is the matter now is looked at.
    now = {"ServiceDown", "InstanceDown", "OutboxUnleased", "QueueUnconsumed", "OutboxLags"}
    eventually(lambda: not any(rule["alerts"] for rule in loaded() if rule["name"] in now), "no such alert", within=30)


def test_everything_that_is_named_is_there(prometheus: Prometheus, world: World, people: People, stack: Stack) -> None:
    event, user = world.event(people.one("organizer")), people.one()
    with Socket(stack) as watcher:
        watcher.subscribe(f"event:{event['id']}")
        world.ticket(user, world.register(user, event))
        world.mailbox.wait_for(user.email, event["title"])
        watcher.expect(type="counts", confirmed=1)
        wanted = set().union(*map(watching.names, watching.expressions().values())) - OCCASIONAL
        for name in sorted(wanted):
            eventually(lambda: prometheus.has(name), f"{name} in what was scraped", every=0.1)


@pytest.mark.parametrize("place", watching.expressions())
def test_an_expression_is_understood(prometheus: Prometheus, place: str) -> None:
    prometheus.ask("query", query=watching.expressions()[place], time=str(time.time()))
