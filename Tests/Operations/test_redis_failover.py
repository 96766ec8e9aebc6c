"""The production overlay's Redis for once at work: three nodes with sentinels, set up by the pods' own script, and the proxy
with the overlay's configuration, all on addresses of this machine. Debian's Redis stands in for Valkey."""

import os
import random
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from deployment.code import ROOT
from deployment.kubernetes import SMTP_URL, SOURCE, make_secrets

from em.waiting import eventually

OVERLAY = SOURCE / "overlays/production"


class Nodes:
    """Addresses, directories and processes."""

    def __init__(self, place: Path):
        ran = make_secrets("production", place / "secrets", "--smtp-url", SMTP_URL)
        assert ran.returncode == 0, ran.stderr
        self.place, self.secrets = place, place / "secrets"
        network = f"127.{random.randint(20, 250)}.{random.randint(1, 250)}"
        self.names = [f"{network}.{number}" for number in (1, 2, 3)]
        self.proxy = f"{network}.9"
        self.processes: dict[tuple[str, str], subprocess.Popen] = {}

    def start(self, name: str, patience: int = 60) -> None:
        """What the pod does: the init container, then both containers."""
        data = self.place / name
        data.mkdir(exist_ok=True)
        environment = {**os.environ, "ME": name, "NODES": " ".join(self.names), "SECRETS": str(self.secrets / "redis"),
                       "DATA": str(data), "BIND": name, "PATIENCE": str(patience)}
        subprocess.run(["sh", OVERLAY / "redis-node.sh"], env=environment, check=True, timeout=90)
        self.run(name, "redis", ["redis-server", data / "redis.conf"])
        eventually(lambda: answers(name, 6379), f"{name} up")
        self.run(name, "sentinel", ["redis-server", data / "sentinel.conf", "--sentinel"])
        eventually(lambda: answers(name, 26379), f"the sentinel of {name} up")

    def run(self, name: str, part: str, command: list, **environment: str) -> None:
        with open(self.place / f"{name}-{part}.log", "ab") as log:
            self.processes[name, part] = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                                          cwd=self.place, env={**os.environ, **environment})

    def kill(self, name: str) -> None:
        for part in ("redis", "sentinel"):
            process = self.processes.pop((name, part))
            process.send_signal(signal.SIGKILL)
            process.wait()

    def start_proxy(self) -> None:
        configuration = (OVERLAY / "haproxy.cfg").read_text()
        for port in (6379, 8404):
            assert f"bind :{port}" in configuration
            configuration = configuration.replace(f"bind :{port}", f"bind {self.proxy}:{port}")
        (self.place / "haproxy.cfg").write_text(configuration)
        self.run(self.proxy, "proxy", ["/usr/sbin/haproxy", "-W", "-db", "-f", self.place / "haproxy.cfg"],
                 CHECK_PASSWORD=(self.secrets / "redis-proxy/check-password").read_text(),
                 **{f"NODE_{number}": name for number, name in enumerate(self.names)})

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(10)

    def login(self, service: str) -> str:
        """What the service would say first."""
        url = urlsplit((self.secrets / service / "redis-url").read_text())
        return f"AUTH {url.username} {url.password}\r\n"


def answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def ask(host: str, *lines: str) -> list[str]:
    """One answer line for each; simple answers only."""
    with socket.create_connection((host, 6379), timeout=2) as connection, connection.makefile("rb") as answered:
        said = []
        for line in lines:
            connection.sendall(line.encode())
            said.append(answered.readline().decode().strip())
        return said


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    nodes = Nodes(tmp_path)
    try:
        yield nodes
    finally:
        nodes.stop()
        print(*(f"{file.name}: {file.read_text()[-800:]}" for file in tmp_path.glob("*.log")), sep="\n")  # shown when it fails


@pytest.fixture
def led(nodes: Nodes) -> Nodes:
    """Three nodes whose first leads, behind the proxy, and whose sentinels know each other."""
    for name in nodes.names:
        nodes.start(name)
    nodes.start_proxy()
    eventually(lambda: writes(nodes, "before"), "the first leader behind the proxy")
    assert [name for name in nodes.names if not leads(nodes, name)] == nodes.names[1:]

    def knows_the_others(name: str) -> bool:  # before that they can't agree on anything
        return (nodes.place / name / "sentinel.conf").read_text().count("known-sentinel") == 2

    eventually(lambda: all(map(knows_the_others, nodes.names)), "the sentinels to find each other", 30)
    return nodes


def leads(nodes: Nodes, name: str) -> bool:
    said = ask(name, nodes.login("api-service"), "SET em:test x\r\n")[1]
    assert said == "+OK" or said.startswith(("-READONLY", "-LOADING", "-MASTERDOWN")), said
    return said == "+OK"


def writes(nodes: Nodes, value: str) -> bool:
    try:
        return ask(nodes.proxy, nodes.login("api-service"), f"SET em:test {value}\r\n") == ["+OK", "+OK"]
    except OSError:
        return False


def test_when_the_leader_dies_another_takes_over_behind_the_same_address(led: Nodes) -> None:
    old = led.names[0]
    led.kill(old)
    # It is back before the sentinels have chosen another, and waits: it never leads beside the new one.
    led.start(old)
    assert not leads(led, old)
    eventually(lambda: writes(led, "after"), "another leader behind the proxy", 60)
    assert not leads(led, old)
    assert sum(leads(led, name) for name in led.names) == 1


def test_control_without_a_delay_a_leader_that_comes_back_leads_again_and_is_empty(led: Nodes) -> None:
    old = led.names[0]
    led.kill(old)
    led.start(old, patience=0)
    assert ask(old, led.login("api-service"), "EXISTS em:test\r\n")[1] == ":0"
    assert leads(led, old)


def test_users_of_the_overlay_have_the_rights_of_their_work(nodes: Nodes) -> None:
    nodes.start(nodes.names[0])
    host, api, hub = nodes.names[0], nodes.login("api-service"), nodes.login("ws-hub")
    assert ask(host, "PING\r\n")[0].startswith("-NOAUTH")
    assert ask(host, api, "SET em:a 1\r\n", "SET other 1\r\n", "FLUSHALL\r\n")[1:] == ["+OK"] + [
        line for line in ask(host, api, "SET other 1\r\n", "FLUSHALL\r\n")[1:] if line.startswith("-NOPERM")]
    assert ask(host, hub, "GET em:a\r\n")[1].startswith("-NOPERM")
    check = (nodes.secrets / "redis-proxy/check-password").read_text()
    assert ask(host, f"AUTH em_check {check}\r\n", "GET em:a\r\n")[1].startswith("-NOPERM")
