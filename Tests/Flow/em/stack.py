"""The stack under test: its addresses, its database, and its processes to be stopped, killed and started."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import psycopg.rows
import requests

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "infra/local"))
from em_stack import services  # noqa: E402
from em_stack.layout import Layout, saved_settings  # noqa: E402
from em_stack.process import Process  # noqa: E402

from em.waiting import eventually  # noqa: E402

SERVICES = ("api-service", "ws-hub", "ticket-worker", "notifications")
LONGEST_DRAIN = 25  # seconds, EM_MAXIMUM_DRAIN


class Stack:
    def __init__(self) -> None:
        settings = saved_settings()
        assert settings, f"no stack was started in {os.environ.get('EM_STATE_DIR', '.local')}: infra/local/stack up"
        self.layout = Layout(settings)
        lines = self.layout.environment_file.read_text().splitlines()
        self.address = dict(line.split("=", 1) for line in lines if line)
        self.state = Path(self.address["EM_STATE_DIR"])
        self.url = self.address["EM_PUBLIC_URL"]
        self.socket_url = self.url.replace("http", "ws", 1) + "/ws"

    def rows(self, statement: str, *parameters: object) -> list[tuple]:
        """Runs one statement with the administrator's rights: the truth that everything is measured by."""
        with psycopg.connect(self.address["EM_DATABASE_URL"], autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, *parameters: object) -> object:
        return self.rows(statement, *parameters)[0][0]

    def insert(self, statement: str, rows: list[tuple]) -> None:
        with psycopg.connect(self.address["EM_DATABASE_URL"]) as connection, connection.cursor() as cursor:
            cursor.executemany(statement, rows)

    def port(self, service: str, instance: int = 1) -> int:
        return self.layout.service_port(service, instance)

    def inside(self, service: str, path: str, instance: int = 1) -> requests.Response:
        """Asks a service itself, past nginx."""
        return requests.get(f"http://127.0.0.1:{self.port(service, instance)}{path}", timeout=10)

    def control(self, *arguments: str) -> None:
        """infra/local/stack start|stop|… NAME"""
        ran = subprocess.run([ROOT / "infra/local/stack", *arguments], capture_output=True, text=True, timeout=180,
                             env={**os.environ, "EM_STATE_DIR": str(self.state)})
        assert ran.returncode == 0, f"stack {' '.join(arguments)}: {ran.stderr}"

    def kill(self, service: str) -> None:
        process = Process(self.layout, services.process_name(service, 1))
        assert process.pid, f"{service} is not running"
        process.send(signal.SIGKILL)

    def another(self, service: str, instance: int, before: tuple[str, ...] = (), **settings: str) -> subprocess.Popen:
        """One more process of a service as a child of the test, which thereby learns its exit code; told `settings`
        beyond what the others are. `before`: the program, with its arguments, that becomes the service."""
        environment = {**services.service_environment(self.layout, service, instance), **settings}
        with open(self.layout.logs / f"{service}-of-a-test.log", "ab") as log:
            return subprocess.Popen([*before, str(self.layout.binaries / service), "serve"], env=environment,
                                    cwd=self.state, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


class Second:
    """One more process of a service for the length of a `with`, a child of this test: only a parent learns the exit
    code."""

    instance = 14

    def __init__(self, stack: Stack, service: str, before: tuple[str, ...] = (), **settings: str):
        self.stack, self.service, self.before, self.settings = stack, service, before, settings

    def __enter__(self) -> "Second":
        self.child = self.stack.another(self.service, self.instance, self.before, **self.settings)
        eventually(self.is_ready, f"{self.service} ready", within=60)
        return self

    def __exit__(self, *_: object) -> None:
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()

    def is_ready(self) -> bool:
        assert self.child.poll() is None, f"{self.service} ended while starting"
        try:
            return self.stack.inside(self.service, "/readyz", self.instance).status_code == 200
        except requests.ConnectionError:
            return False

    @property
    def url(self) -> str:
        """Past nginx."""
        return f"http://127.0.0.1:{self.stack.port(self.service, self.instance)}"

    def leave(self) -> int:
        """SIGTERM; answers the exit code."""
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(LONGEST_DRAIN + 5)
