"""PostgreSQL's own benchmark program, as the peer: one transaction per registration, the way everybody else does it.

It works on a database of its own beside the product's, on the same server, made by the product's migrations: the same
tables, indexes, foreign keys, checks and trigger. Only nobody listens to the trigger's NOTIFY.
"""

import re
import statistics
import subprocess
from pathlib import Path

import psycopg
from em.stack import Stack
from em_stack import services
from em_stack.servers import postgres_programs
from psycopg.conninfo import conninfo_to_dict

DATABASE = "em_bench"
EVENTS = 1000
USERS = 200_000
CLIENTS = (1, 4, 8, 16, 32)

# What a registration writes. Each client's n-th transaction is another person's, so that no two meet.
SCRIPT = """\\set n :n + 1
\\set person :n * 32 + :client_id
\\set event random(0, :spread)
BEGIN;
UPDATE event_places SET confirmed = confirmed + 1, revision = revision + 1
    WHERE event_id = md5('event-' || :event::text)::uuid AND confirmed < capacity;
INSERT INTO registrations (id, event_id, user_id, status, confirmed_at, holder_name)
    VALUES (gen_random_uuid(), md5('event-' || :event::text)::uuid, md5('person-' || :person::text)::uuid,
        'confirmed', now(), (SELECT display_name FROM users WHERE id = md5('person-' || :person::text)::uuid));
INSERT INTO outbox (message_id, partition, destination, type, event_id, owner_id, data)
    VALUES (gen_random_uuid(), :event % 16, 'events', 'em.registration.confirmed',
        md5('event-' || :event::text)::uuid, md5('person-0')::uuid,
        '{"eventId":"01a20386-c8d4-76da-aab6-df70c50bad89","registrationId":"01a20386-c8d4-76da-aab6-df70c50bad89",
          "userId":"01a20386-c8d4-76da-aab6-df70c50bad89","status":"confirmed","confirmed":1234,"waitlisted":0,
          "capacity":1000000,"revision":1234}');
COMMIT;
"""


class PgBench:
    def __init__(self, stack: Stack, directory: Path):
        self.directory = directory
        self.program = postgres_programs() / "pgbench"
        self.url = stack.address["EM_DATABASE_URL"].rsplit("/", 1)[0] + f"/{DATABASE}"
        stack.rows(f"DROP DATABASE IF EXISTS {DATABASE}")
        stack.rows(f"CREATE DATABASE {DATABASE} OWNER em_owner TEMPLATE template0")
        owner = stack.address["EM_MIGRATION_DATABASE_URL"].rsplit("/", 1)[0] + f"/{DATABASE}"
        self.rows("ALTER SCHEMA public OWNER TO em_owner")
        services.run_api_service(stack.layout, ["migrate"], {"EM_MIGRATION_DATABASE_URL": owner})
        (directory / "register.sql").write_text(SCRIPT)
        self.fill()

    def rows(self, *statements: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def fill(self) -> None:
        self.rows(
            f"""INSERT INTO users (id, email, display_name, password_hash)
                SELECT md5('person-' || n)::uuid, n || '@example.test', 'Peer', '-' FROM generate_series(0, {USERS}) n""",
            f"""INSERT INTO events (id, owner_id, title, description, venue, starts_at, ends_at, time_zone, status)
                SELECT md5('event-' || n)::uuid, md5('person-0')::uuid, 'Peer', '', '', now() + interval '1 day',
                    now() + interval '2 days', 'UTC', 'published' FROM generate_series(0, {EVENTS - 1}) n""",
            "INSERT INTO event_places (event_id, capacity) SELECT id, 1000000 FROM events",
            "VACUUM ANALYZE")

    def empty(self) -> None:
        self.rows("TRUNCATE registrations, outbox CASCADE", "UPDATE event_places SET confirmed = 0",
                  "VACUUM ANALYZE event_places", "CHECKPOINT")

    def run(self, clients: int, events: int, *limit: str) -> str:
        self.empty()
        words = [self.program, "--no-vacuum", "--protocol=prepared", f"--client={clients}", f"--jobs={min(clients, 2)}",
                 "--file=register.sql", "--define=n=0", f"--define=spread={events - 1}", *limit]
        place = conninfo_to_dict(self.url)
        environment = {f"PG{name.upper()}": str(place[name]) for name in ("host", "port", "user", "password")}
        ran = subprocess.run([str(word) for word in words], cwd=self.directory, capture_output=True, text=True,
                             timeout=120, env={**environment, "PGDATABASE": DATABASE, "LANG": "C.UTF-8"})
        if ran.returncode or "number of failed transactions: 0 " not in ran.stdout:
            raise RuntimeError(f"pgbench: {ran.stdout}{ran.stderr}")
        return ran.stdout

    def rate(self, clients: int, events: int, seconds: float) -> float:
        """Transactions a second."""
        output = self.run(clients, events, f"--time={max(1, round(seconds))}")
        return float(re.search(r"^tps = ([0-9.]+)", output, re.MULTILINE)[1])

    def best(self, events: int, seconds: float) -> tuple[int, dict[int, float]]:
        """The count of clients with which it is fastest, and what it reached with each."""
        rates = {clients: self.rate(clients, events, seconds) for clients in CLIENTS}
        return max(rates, key=rates.get), rates

    def median_latency(self, transactions: int) -> float:
        """Milliseconds of a lone client's transaction."""
        for log in self.directory.glob("lone.*"):
            log.unlink()
        self.run(1, 1, f"--transactions={transactions}", "--log", "--log-prefix=lone")
        (log,) = self.directory.glob("lone.*")
        return statistics.median(int(line.split()[2]) for line in log.read_text().splitlines()) / 1000
