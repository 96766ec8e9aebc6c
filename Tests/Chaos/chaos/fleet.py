"""The services as children of the test: started with what a fault needs, killed, and started again when they die."""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

from em.stack import ROOT  # puts infra/local on the path
from em_stack import services
from em_stack.layout import LOOPBACK, Layout
from em_stack.process import http_status

COUNTS = {"api-service": 2, "ticket-worker": 2, "notifications": 2, "ws-hub": 1}
# The ladder's 5 s, 30 s, 5 min, 1 h as 20 ms, 120 ms, 1.2 s, 14 s: what was refused is tried again before the verdict.
HASTE = "0.004"

# A directory with debug builds of another version (Tests/Chaos/previous makes one).
PREVIOUS = Path(os.environ.get("EM_CHAOS_PREVIOUS", "/nonexistent"))


class Fleet:
    def __init__(self, layout: Layout, ports: dict[int, int], smtp_url: str):
        """`ports`: each server's own, and that of the proxy in front of it."""
        self.layout, self.ports, self.smtp_url = layout, ports, smtp_url
        self.binaries = layout.state / "bin"
        self.binaries.mkdir(exist_ok=True)
        for service in COUNTS:  # copies: a build meanwhile must not change what is being tested
            shutil.copy2(ROOT / ".build/debug" / service, self.binaries / service)
        self.previous: set[tuple[str, int]] = set()
        """Who runs the version before, until replaced; that stands in PREVIOUS."""
        self.children: dict[tuple[str, int], subprocess.Popen] = {}
        self.extra: dict[tuple[str, int], dict[str, str]] = {}
        self.lock = threading.RLock()
        self.kills: dict[str, int] = dict.fromkeys(COUNTS, 0)
        self.deaths: list[tuple[str, int, int]] = []
        """With the exit codes of those that died by themselves."""
        self.closing = False
        threading.Thread(target=self._supervise, daemon=True).start()

    def members(self, service: str | None = None) -> list[tuple[str, int]]:
        with self.lock:
            return sorted(key for key in self.children if service in (None, key[0]))

    def start(self, counts: dict[str, int] | None = None, **extra: str) -> None:
        """Starts the services that don't run; `extra` goes into their environment, also when they start again."""
        for service, count in (counts or COUNTS).items():
            for instance in range(1, count + 1):
                with self.lock:
                    self.extra[service, instance] = dict(extra)
                    if (service, instance) not in self.children:
                        self._spawn(service, instance)

    def _spawn(self, service: str, instance: int) -> None:
        environment = services.service_environment(self.layout, service, instance)
        # Each with its own users and their rights, and through the proxies.
        for name in ("EM_AMQP_URL", "EM_DATABASE_URL", "EM_REDIS_URL"):
            if file := environment.pop(f"{name}_FILE", None):
                environment[name] = self._through_proxy(Path(file).read_text().strip())
        if "EM_SMTP_URL" in environment:
            environment["EM_SMTP_URL"] = self.smtp_url
        environment |= {"EM_HASTE": HASTE, "EM_STACK": str(self.layout.state), **self.extra[service, instance]}
        with open(self.layout.logs / f"{service}-{instance}.log", "ab") as log:
            self.children[service, instance] = subprocess.Popen(
                [str((PREVIOUS if (service, instance) in self.previous else self.binaries) / service), "serve"], env=environment, cwd=self.layout.state,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _through_proxy(self, url: str) -> str:
        return re.sub(r"(?<=:)\d+(?=/[^/]*$)", lambda port: str(self.ports[int(port[0])]), url)

    def restart(self, service: str, instance: int, **extra: str) -> None:
        """Kills one and starts it with another environment; the next time it starts without it."""
        with self.lock:
            child = self.children[service, instance]
            child.kill()
            child.wait()
            self.extra[service, instance] = dict(extra)
            self._spawn(service, instance)
            self.extra[service, instance] = {}

    def replace(self, service: str, instance: int, by: signal.Signals = signal.SIGTERM) -> int:
        """Ends one, properly unless told otherwise, and starts the next in its place; returns the exit code."""
        with self.lock:
            child = self.children.pop((service, instance))
        child.send_signal(by)
        code = child.wait(40)
        with self.lock:
            self.previous.discard((service, instance))
            self._spawn(service, instance)
        return code

    def _supervise(self) -> None:
        while not self.closing:
            with self.lock:
                for (service, instance), child in list(self.children.items()):
                    if not self.closing and child.poll() is not None:
                        self.deaths.append((service, instance, child.returncode))
                        if "@" not in self.extra[service, instance].get("EM_KILL_AT", "@"):
                            del self.extra[service, instance]["EM_KILL_AT"]  # once is enough
                        self._spawn(service, instance)
            time.sleep(0.1)

    def signal(self, service: str, instance: int, number: int) -> None:
        with self.lock:
            child = self.children.get((service, instance))
            if child and child.poll() is None:
                child.send_signal(number)
                if number == signal.SIGKILL:
                    self.kills[service] += 1

    def died(self, service: str) -> int:
        with self.lock:
            return sum(1 for name, _, code in self.deaths if name == service and code == -signal.SIGKILL)

    def stop(self, service: str | None = None, above: int = 0) -> list[int]:
        """Ends those with a higher number properly; returns their exit codes."""
        with self.lock:
            ended = [self.children.pop(key) for key in self.members(service) if key[1] > above]
        for child in ended:
            child.send_signal(signal.SIGCONT)
            child.send_signal(signal.SIGTERM)
        codes = []
        for child in ended:
            try:
                codes.append(child.wait(40))
            except subprocess.TimeoutExpired:
                child.kill()
                codes.append(child.wait())
        return codes

    def close(self) -> None:
        self.stop()
        self.closing = True

    def urls(self) -> list[str]:
        return [f"http://{LOOPBACK}:{self.layout.service_port('api-service', instance)}"
                for _, instance in self.members("api-service")]

    def ready(self) -> bool:
        return all(http_status(self.layout.service_port(*member), "/readyz") == 200 for member in self.members())

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """One of api-service's subcommands, straight on the servers."""
        environment = {**services.service_environment(self.layout, "api-service"), "EM_HASTE": HASTE}
        return subprocess.run([str(self.binaries / "api-service"), *arguments], env=environment, text=True,
                              cwd=self.layout.state, capture_output=True, timeout=120)
