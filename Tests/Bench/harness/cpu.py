"""Who used how much of the processor during a measurement: what the bottleneck is."""

import os
import time
from pathlib import Path

from em_stack.layout import Layout
from em_stack.process import Process
from em_stack.services import process_name

TICKS = os.sysconf("SC_CLK_TCK")
NAMES = {"api-service": process_name("api-service", 1), "postgres": "postgres", "rabbitmq": "rabbitmq"}


class Usage:
    """Cores used by each of our processes (their children too) from now until it is asked."""

    def __init__(self, layout: Layout):
        self.leaders = {name: Process(layout, process).pid for name, process in NAMES.items()}
        self.before, self.began = self.seconds(), time.monotonic()

    def cores(self) -> str:
        after, wall = self.seconds(), time.monotonic() - self.began
        return ", ".join(f"{name} {max(0.0, after[name] - self.before[name]) / wall:.2f}" for name in NAMES)

    def seconds(self) -> dict[str, float]:
        used = dict.fromkeys(NAMES, 0.0)
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            # proc(5), counted behind the name: 1 the parent, 3 the session, 11 and 12 user and system time. PostgreSQL's
            # backends lead sessions of their own, RabbitMQ's server is a grandchild.
            for name, leader in self.leaders.items():
                if str(leader) in (entry.name, fields[1], fields[3]):
                    used[name] += (int(fields[11]) + int(fields[12])) / TICKS
        return used
