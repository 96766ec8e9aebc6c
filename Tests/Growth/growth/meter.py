"""Blocks per call, from pg_stat_statements: read before and after each call, and told apart by database user and text."""

import re
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field

import psycopg

USERS = {"em_service": "api-service", "em_ticket_worker": "ticket-worker", "em_notifications": "notifications",
         "em_ws_hub": "ws-hub"}
SNAPSHOT = """SELECT r.rolname, s.queryid, sum(s.calls)::bigint,
    sum(s.shared_blks_hit + s.shared_blks_read + s.temp_blks_read + s.temp_blks_written)::bigint, sum(s.total_exec_time), sum(s.rows)::bigint
FROM pg_stat_statements(false) s JOIN pg_roles r ON r.oid = s.userid
WHERE r.rolname = ANY(%s) AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
GROUP BY 1, 2"""

Key = tuple[str, int]  # database user, queryid


@dataclass(frozen=True)
class Use:
    """How often a statement ran, how many blocks it looked at (in memory or not, and in temporary files), for how long, and how
    many rows it answered or wrote."""

    calls: int = 0
    blocks: int = 0
    milliseconds: float = 0.0
    rows: int = 0

    def __sub__(self, before: "Use") -> "Use":
        return Use(self.calls - before.calls, self.blocks - before.blocks, self.milliseconds - before.milliseconds, self.rows - before.rows)

    def __add__(self, other: "Use") -> "Use":
        return Use(self.calls + other.calls, self.blocks + other.blocks, self.milliseconds + other.milliseconds, self.rows + other.rows)


NOTHING = Use()
Reading = dict[Key, Use]


@dataclass
class Measured:
    """Each call of one route: what the statements did meanwhile."""

    name: str
    operation: str
    windows: list[Reading] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Meter:
    def __init__(self, url: str):
        self.connection = psycopg.connect(url, autocommit=True)
        self.connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        self.last: Reading = {}
        self.forget()

    def close(self) -> None:
        self.connection.close()

    def forget(self) -> None:
        self.connection.execute("SELECT pg_stat_statements_reset()")
        self.last = {}

    def read(self) -> Reading:
        rows = self.connection.execute(SNAPSHOT, (list(USERS),)).fetchall()
        self.last = {(user, query): Use(*numbers) for user, query, *numbers in rows}
        return self.last

    def since_last(self) -> Reading:
        """What ran since the last reading: by the services, whatever this test itself did to the rows."""
        before = self.last
        return difference(self.read(), before)

    def texts(self) -> dict[Key, str]:
        rows = self.connection.execute(
            "SELECT r.rolname, s.queryid, min(s.query) FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid "
            "WHERE r.rolname = ANY(%s) GROUP BY 1, 2", (list(USERS),)).fetchall()
        return {(user, query): text for user, query, text in rows}

    def settle(self, within: float = 10) -> None:
        """Waits until the relay has told everything: what a call leaves behind in the outbox is its own cost too."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            waiting = self.connection.execute(
                "SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL) OR EXISTS (SELECT FROM outbox WHERE live_at IS NULL)"
            ).fetchone()
            if waiting and not waiting[0]:
                return
            time.sleep(0.02)


def difference(after: Reading, before: Reading) -> Reading:
    return {key: use - before.get(key, NOTHING) for key, use in after.items() if use.calls > before.get(key, NOTHING).calls}


def total(readings: list[Reading]) -> Reading:
    sums: Reading = defaultdict(lambda: NOTHING)
    for reading in readings:
        for key, use in reading.items():
            sums[key] = sums[key] + use
    return dict(sums)


def ordinary(windows: list[Reading], tasks: set[Key]) -> set[Key]:
    """api-service's statements that belong to a route: those that ran in at least half of its calls, and not while nobody
    called anything. What ran once in eight calls was a task that came by."""
    seen: dict[Key, int] = defaultdict(int)
    for window in windows:
        for key in window:
            seen[key] += 1
    return {key for key, times in seen.items() if key[0] == "em_service" and key not in tasks and times * 2 >= len(windows)}


def typical(numbers: list[int]) -> float:
    """Of eight calls the larger of two medians: of those that were planned for their values (the first one has to warm up), and
    of those behind the fifth, for which PostgreSQL may keep one plan for all values."""
    halves = [numbers[1:5], numbers[5:]]
    return max(statistics.median(half) for half in halves if half) if len(numbers) > 1 else float(numbers[0])


def shortened(text: str) -> str:
    """A statement on one line, without its constants: pg_stat_statements leaves them in where it sees a prepared statement for the
    first time when that runs, and numbers their places in an order of its own."""
    text = re.sub(r"\s+", " ", re.sub(r"--[^\n]*", "", text)).strip()
    return re.sub(r"'(?:[^']|'')*'|\$\d+|\b\d+(?:\.\d+)?\b|(?<!IS )(?<!NOT )\b(?i:true|false|null)\b", "?", text)
