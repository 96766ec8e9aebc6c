"""Servers of its own, proxies before them, the four services, a witness and people: what every fault test plays in."""

import json
import os
import random
import shutil
import subprocess
import time
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pika

from em.people import People
from em.stack import ROOT
from em_stack import services
from em_stack.layout import LOOPBACK, Layout, saved_settings

from chaos.faults import Faults
from chaos.fleet import Fleet
from chaos.load import Load
from chaos.proxy import Proxy
from chaos.sink import Sink
from chaos.verdict import Truth, verdict
from chaos.witness import Witness, depths

TABLES = ("registrations, tickets, check_ins, scans, announcements, notifications, outbox, outbox_sequences, inbox, suspects, "
          "event_members, event_places, events")


class Crowd(People):
    """People whose tokens are accepted by services that no nginx stands before."""

    def __init__(self, truth: Truth, state: Path, public_url: str, api_url: str):
        self.stack = truth  # type: ignore[assignment]
        truth.url = public_url  # type: ignore[attr-defined]
        truth.state = state  # type: ignore[attr-defined]
        self.run = uuid.uuid4().hex[:8]
        self.hash = truth.value("SELECT password_hash FROM users WHERE email = 'user@example.com'")
        seed = (state / "keys/access-token.key").read_text().strip()
        import base64

        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        self.key = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(seed + "="))
        with urllib.request.urlopen(f"{api_url}/.well-known/jwks.json", timeout=10) as answer:
            self.key_id = json.load(answer)["keys"][0]["kid"]


class Arena:
    def __init__(self, seed: int):
        self.seed = seed
        self.rng = random.Random(seed)
        # Not --fast: killed, PostgreSQL may lose nothing that it has committed.
        self.stack("servers-up")
        settings = saved_settings()
        assert settings
        self.layout = Layout(settings)
        services.prepare(self.layout)
        addresses = self.layout.addresses()
        self.truth = Truth(addresses["EM_DATABASE_URL"], addresses["EM_AMQP_URL"])
        self.proxies = {name: Proxy(self.layout.server_port(name), self.rng) for name in ("amqp", "postgres", "redis")}
        self.sink = Sink()
        self.witness = Witness(addresses["EM_AMQP_URL"])
        ports = {self.layout.server_port(name): proxy.port for name, proxy in self.proxies.items()}
        self.fleet = Fleet(self.layout, ports, f"smtp://{LOOPBACK}:{self.sink.port}")
        self.crowd: Crowd | None = None

    @staticmethod
    def stack(*arguments: str) -> None:
        subprocess.run([ROOT / "infra/local/stack", *arguments], check=True, timeout=180, env={**os.environ, "EM_BUILD": "debug"})

    def close(self) -> None:
        self.fleet.close()
        self.witness.close()
        self.sink.close()
        for proxy in self.proxies.values():
            proxy.close()
        self.stack("down")

    # A test's beginning and end

    def begin(self, **extra: str) -> None:
        """Empty tables and queues, and everything up; `extra` goes into every service's environment."""
        self.fleet.stop()
        self.heal()
        self._clear()
        self.fleet.start(**extra)
        self.wait(self.fleet.ready, "every service ready", 60)
        if self.crowd is None:
            # Killed within moments of the declarations, RabbitMQ 3.10 can forget where it keeps a new quorum queue: from
            # then on that queue answers nobody. That is its matter, and not what is tested here.
            time.sleep(4)
            self.crowd = Crowd(self.truth, self.layout.state, self.layout.public_url, self.fleet.urls()[0])

    def _clear(self) -> None:
        import psycopg
        with psycopg.connect(self.truth.database_url, autocommit=True) as connection:
            connection.execute(f"TRUNCATE {TABLES} CASCADE")
        connection = pika.BlockingConnection(pika.URLParameters(self.truth.amqp_url))
        channel = connection.channel()
        for queue in (*depths(self.truth.amqp_url), "chaos.witness"):
            channel.queue_purge(queue)
        connection.close()
        time.sleep(0.3)  # what the witness had in hand
        with self.witness.lock:
            self.witness.heard.clear()
        with self.sink.lock:
            self.sink.mails.clear()
        self.fleet.deaths.clear()
        self.fleet.kills = dict.fromkeys(self.fleet.kills, 0)

    def heal(self) -> None:
        for proxy in self.proxies.values():
            proxy.heal()
        self.sink.mode = "normal"
        self.sink.mode_of = {}
        self.sink.on_text = self.sink.on_accept = lambda mail: None

    def empty_broker(self) -> None:
        """The broker comes back on another disk: with its users and their rights, and nothing else."""
        self.stack("stop", "rabbitmq")
        shutil.rmtree(self.layout.state / "rabbitmq/data")
        self.stack("start", "rabbitmq")
        self.witness.declare()

    def faults(self) -> Faults:
        return Faults(self.layout, self.fleet, self.proxies, self.sink, self.rng)

    def people(self, count: int) -> list:
        assert self.crowd
        return self.crowd.many(count)

    def events(self, count: int, capacity: int = 1000, waitlist: bool = False) -> list[str]:
        assert self.crowd
        owner = self.crowd.one("organizer")
        owner.api.url = self.fleet.urls()[0]
        made = []
        start = datetime.now(timezone.utc) + timedelta(days=2)
        for number in range(count):
            event = owner.api.post("/events", {
                "title": f"Chaos {number}", "description": "", "venue": "Hall", "timeZone": "UTC", "capacity": capacity,
                "startsAt": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "waitlistEnabled": waitlist,
                "endsAt": (start + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")}, status=201)
            owner.api.post(f"/events/{event['id']}/publish")
            made.append(event["id"])
        return made

    def admin(self):
        """An administrator, at the first instance."""
        assert self.crowd
        api = self.crowd.one("admin").api
        api.url = self.fleet.urls()[0]
        return api

    def load(self, events: list[str], people: int, at: list[str] | None = None, **how: float) -> Load:
        """Of people who ask the instances themselves, or those who stand before them."""
        return Load((lambda: at) if at else self.fleet.urls, events, self.people(people), self.seed, **how)

    def judge(self, load: Load, within: float = 30, mail_kills: int | None = None) -> list[str]:
        """Heals, waits for quiet, and returns every complaint."""
        self.heal()
        seconds, pending = self.truth.settle(self.witness, within)
        if pending:
            return [f"not quiet after {seconds:.0f} s: {pending}"] + self.verdict(load, mail_kills)
        print(f"  quiet {seconds:.1f} s after the last fault; {len(load.told)} people were told", flush=True)
        return self.verdict(load, mail_kills)

    def verdict(self, load: Load, mail_kills: int | None) -> list[str]:
        # Each of the connections of a worker that was killed may have been between the server's 250 and the commit.
        kills = 8 * self.fleet.died("notifications") if mail_kills is None else mail_kills
        return verdict(self.truth, self.witness, self.sink, load, self.fleet, kills)

    @staticmethod
    def wait(condition, what: str, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"never: {what}"
            time.sleep(0.1)
