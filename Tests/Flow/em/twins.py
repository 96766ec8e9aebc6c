"""Two api-services on a database of their own, with nobody behind them: no worker, and the broker out of reach. What ten
thousand people do there mails nobody."""

import json
import os
import random
import subprocess
import uuid
from dataclasses import dataclass

import psycopg
import requests

from em.people import People, Person
from em.stack import Stack, services
from em.waiting import eventually

INSTANCES = (12, 13)


@dataclass
class Verdict:
    code: int
    report: dict


class Twins:
    def __init__(self, stack: Stack):
        self.stack = stack
        self.name = f"em_race_{uuid.uuid4().hex[:12]}"
        self.children: dict[int, subprocess.Popen] = {}

    def __enter__(self) -> "Twins":
        with psycopg.connect(self._url("EM_MIGRATION_DATABASE_URL", "em"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {self.name}")
        self._run("migrate", EM_MIGRATION_DATABASE_URL=self._url("EM_MIGRATION_DATABASE_URL"))
        for instance in INSTANCES:
            self.start(instance)
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.children.values():
            if child.poll() is None:
                child.kill()
            child.wait()
        with psycopg.connect(self._url("EM_DATABASE_URL", "em"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {self.name} WITH (FORCE)")

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{self.stack.port('api-service', instance)}" for instance in INSTANCES]

    def start(self, instance: int) -> None:
        with open(self.stack.layout.logs / "api-service-twins.log", "ab") as log:
            self.children[instance] = subprocess.Popen(
                [self._binary, "serve"], env=self._environment(instance), cwd=self.stack.state,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def is_ready() -> bool:
            assert self.children[instance].poll() is None, "api-service ended while starting"
            try:
                url = f"http://127.0.0.1:{self.stack.port('api-service', instance)}/readyz"
                return requests.get(url, timeout=10).status_code == 200
            except requests.RequestException:
                return False

        eventually(is_ready, "api-service ready", within=60)

    def kill_one(self, chance: random.Random) -> None:
        """Ends one of the two in mid-work and starts it again."""
        instance = chance.choice(INSTANCES)
        self.children[instance].kill()
        self.children[instance].wait()
        self.start(instance)

    def people(self, count: int) -> list[Person]:
        """Like People.many, in this database."""
        made = People(self.stack).unknown(count)
        self.insert("INSERT INTO users (id, email, display_name, password_hash, role) VALUES (%s, %s, %s, '-', %s)",
                    [(person.id, person.email, person.name, person.role) for person in made])
        self.insert("INSERT INTO sessions (id, user_id, expires_at) VALUES (%s, %s, now() + interval '1 day')",
                    [(person.session, person.id) for person in made])
        return made

    def rows(self, statement: str, *parameters: object) -> list[tuple]:
        with psycopg.connect(self._url("EM_DATABASE_URL"), autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def insert(self, statement: str, rows: list[tuple]) -> None:
        with psycopg.connect(self._url("EM_DATABASE_URL")) as connection, connection.cursor() as cursor:
            cursor.executemany(statement, rows)

    def event(self, owner: Person, capacity: int, waitlist: bool) -> str:
        identity = str(uuid.uuid4())
        self.insert(
            "INSERT INTO events (id, owner_id, title, description, venue, starts_at, ends_at, time_zone, status, "
            "waitlist_enabled, published_at) VALUES (%s, %s, 'Race', '', '', now() + interval '2 days', "
            "now() + interval '3 days', 'UTC', 'published', %s, now())", [(identity, owner.id, waitlist)])
        self.insert("INSERT INTO event_places (event_id, capacity) VALUES (%s, %s)", [(identity, capacity)])
        return identity

    def verify(self) -> Verdict:
        ran = self._run("verify", "--json", check=False)
        return Verdict(ran.returncode, json.loads(ran.stdout))

    @property
    def _binary(self) -> str:
        return str(self.stack.layout.binaries / "api-service")

    def _url(self, name: str, database: str | None = None) -> str:
        return self.stack.address[name].rsplit("/", 1)[0] + "/" + (database or self.name)

    def _environment(self, instance: int, **more: str) -> dict[str, str]:
        environment = services.service_environment(self.stack.layout, "api-service", instance)
        for name in ("EM_DATABASE_URL", "EM_AMQP_URL", "EM_REDIS_URL"):
            environment.pop(f"{name}_FILE", None)
        return {**environment, "EM_DATABASE_URL": self._url("EM_SERVICE_DATABASE_URL"),
                "EM_AMQP_URL": "amqp://nobody:x@127.0.0.1:1/", "EM_REDIS_URL": "redis://127.0.0.1:1/0",
                "EM_DEMO": "true", **more}  # such passwords are for nothing that matters

    def _run(self, *arguments: str, check: bool = True, **more: str) -> subprocess.CompletedProcess:
        ran = subprocess.run([self._binary, *arguments], env=self._environment(INSTANCES[0], **more), cwd=self.stack.state,
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        assert not check or ran.returncode == 0, f"api-service {' '.join(arguments)}: {ran.stderr[-2000:]}"
        return ran
