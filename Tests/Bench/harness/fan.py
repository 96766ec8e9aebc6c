"""The load of live updates: fan.c, compiled when it is first needed."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("fan.c")
NOW = b"@" * 19
"""Where the time of sending goes."""


@dataclass
class Publication:
    """Where and how one message is published: bytes to be sent once, and bytes to be sent each time."""

    port: int
    message: bytes
    hello: bytes = b""

    def write(self, path: Path) -> Path:
        path.write_bytes((b"HELLO %d\n" % len(self.hello) + self.hello if self.hello else b"")
                         + b"MESSAGE %d\n" % len(self.message) + self.message)
        return path


@dataclass
class Delivered:
    sockets: int
    lost: int
    """Sockets that were closed meanwhile."""
    published: int
    deliveries: int
    rate: float
    complete: bool
    p50: float
    """Milliseconds, as the following."""
    p99: float
    max: float
    cpu: float
    """Seconds of CPU that the load itself took."""


class Fan:
    def __init__(self, directory: Path):
        directory.mkdir(exist_ok=True)
        self.directory, self.program = directory, directory / "fan"
        subprocess.run(["cc", "-O2", "-o", self.program, SOURCE], check=True)

    @contextlib.contextmanager
    def open(self, port: int, path: str, sockets: int, subscription: str, publication: Publication | None = None,
             seconds: float = 0, rate: float = 0, window: int = 4) -> Iterator["OpenFan"]:
        """Subscribers that are there; without a publication they only listen."""
        file = publication.write(self.directory / "publication") if publication else Path("/dev/null")
        words = [self.program, port, path, sockets, subscription, publication.port if publication else 0, file, seconds,
                 rate, window]
        process = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            ready = process.stdout.readline()
            if ready.split() != ["ready", str(sockets)]:
                raise RuntimeError(f"of {sockets} subscribers: {ready!r}")
            yield OpenFan(process)
        finally:
            process.kill()
            process.wait(10)
            process.stdin.close()
            process.stdout.close()


class OpenFan:
    def __init__(self, process: subprocess.Popen):
        self.process = process

    def publish(self) -> Delivered:
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return Delivered(**json.loads(self.process.stdout.readline()))

    def revisions(self) -> dict[int, tuple[int, float, float]]:
        """Of each revision that came: at how many sockets, when at 99 % of them, and when at the last."""
        self.process.stdin.close()
        return {int(revision): (count, p99, last)
                for revision, count, p99, last in json.loads(self.process.stdout.readline())["revisions"]}
