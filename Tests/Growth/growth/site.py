"""The stack that is measured: servers of its own; services that are stopped while the database is filled."""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "Tests/Flow"), str(ROOT / "infra/local")]

import pika  # noqa: E402
import requests  # noqa: E402
from em.stack import SERVICES, Stack  # noqa: E402
from em_stack.servers import postgres_programs, rabbitmq_environment  # noqa: E402

from growth.sizes import Size  # noqa: E402

FILL = ROOT / "Tests/Growth/fill.sql"
EMPTY = {"suspects", "audit_unsealed", "mail_previews", "pending_steps"}  # small by nature: what is being done just now
LARGE = 100_000  # registrations from which on indexes are made after the rows


class Site:
    def __init__(self) -> None:
        self.stack = Stack()
        self.session = requests.Session()
        self.url = f"http://127.0.0.1:{self.stack.port('api-service')}"

    def stop(self) -> None:
        for service in SERVICES:
            self.stack.control("stop", service)

    def start(self) -> None:
        for service in SERVICES:
            self.stack.control("start", service)

    def fill(self, generation: int, size: Size, before: Size | None) -> float:
        """Adds what is missing to this size; answers the seconds that it took."""
        began = time.monotonic()
        self.tidy()
        variables = {
            "generation": generation, "registrations": size.registrations - (before.registrations if before else 0),
            "people": size.people, "events": size.events, "crowd": size.crowd, "doomed": size.doomed, "own": size.own,
            "hash": self.stack.value("SELECT password_hash FROM users WHERE email = 'user@example.com'"),
            "large": int(size.registrations > LARGE)}
        # A large fill writes more than the log's usual bounds: a checkpoint every few seconds would double it.
        self.stack.rows("ALTER SYSTEM SET max_wal_size = '16GB'")
        self.stack.rows("SELECT pg_reload_conf()")
        ran = subprocess.run(
            ["nice", "-n", "10", str(postgres_programs() / "psql"), "-X", "-q", self.stack.address["EM_DATABASE_URL"], "-f", str(FILL),
             *(word for name, value in variables.items() for word in ("-v", f"{name}={value}"))],
            capture_output=True, text=True, env={**os.environ, "PGOPTIONS": ""})
        if ran.returncode:
            raise RuntimeError(f"fill.sql failed:\n{ran.stderr}")
        return time.monotonic() - began

    def tidy(self) -> None:
        """The calls of the size before have paused the sending: nothing of it may wait for the next, in rows or queues."""
        environment = rabbitmq_environment(self.stack.layout)
        control = ["/usr/lib/rabbitmq/bin/rabbitmqctl", "-q", "--no-table-headers"]
        listed = subprocess.run([*control, "list_queues", "name"], capture_output=True, text=True, check=True, env=environment,
                                cwd=self.stack.state)
        with pika.BlockingConnection(pika.URLParameters(self.stack.address["EM_AMQP_URL"])) as connection:
            channel = connection.channel()
            for queue in listed.stdout.split():
                channel.queue_purge(queue)
        self.stack.rows("UPDATE sending SET paused_at = NULL, paused_by = NULL")
        self.stack.rows("UPDATE notifications SET status = 'sent', sent_at = now(), ask_at = NULL, lease_until = NULL, lease_token = NULL "
                        "WHERE status IN ('queued', 'retrying')")

    def verify(self) -> str:
        """The invariants over all that was filled, and whether every table has rows; stops everything when not."""
        empty = {row[0] for row in self.stack.rows(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition "
            "AND reltuples <= 0")} - EMPTY
        if empty:
            raise RuntimeError(f"fill.sql leaves tables empty, and with them whatever goes by their size unmeasured: {sorted(empty)}")
        ran = subprocess.run(
            [str(self.stack.layout.binaries / "api-service"), "verify"], capture_output=True, text=True,
            env={**os.environ, "EM_DATABASE_URL": self.stack.address["EM_SERVICE_DATABASE_URL"]})
        if ran.returncode:
            raise RuntimeError(f"fill.sql breaks invariants:\n{ran.stdout}{ran.stderr}")
        return ran.stdout.strip()
