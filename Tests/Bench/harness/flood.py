"""The load generator: flood.c, compiled when it is first needed."""

import json
import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("flood.c")


@dataclass
class Answers:
    seconds: float
    sent: int
    answered: int
    broken: int
    """Connections that were lost."""
    cpu: float
    """Seconds of CPU that the generator itself took."""
    p50: float
    """Milliseconds, as the following."""
    p90: float
    p99: float
    max: float
    statuses: dict[str, int]

    def rate(self, status: int) -> float:
        return self.statuses.get(str(status), 0) / self.seconds if self.seconds else 0


class Flood:
    def __init__(self, directory: Path):
        directory.mkdir(exist_ok=True)
        self.directory, self.program = directory, directory / "flood"
        subprocess.run(["cc", "-O2", "-o", self.program, SOURCE], check=True)

    def requests(self, name: str, requests: Iterable[bytes]) -> Path:
        """Writes the requests of a run down."""
        path = self.directory / f"{name}.requests"
        with open(path, "wb") as file:
            for request in requests:
                file.write(struct.pack("<I", len(request)) + request)
        return path

    def start(self, port: int, connections: int, requests: Path, seconds: float = 0, rate: float = 0,
              repeat: bool = False) -> subprocess.Popen:
        words = [self.program, "127.0.0.1", port, connections, requests, seconds, rate, "repeat" if repeat else "once"]
        return subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True)

    @staticmethod
    def result(process: subprocess.Popen) -> Answers:
        output, _ = process.communicate(timeout=120)
        if process.returncode:
            raise RuntimeError(f"the load generator ended with {process.returncode}")
        return Answers(**json.loads(output))

    def run(self, *arguments, **options) -> Answers:
        return self.result(self.start(*arguments, **options))


def get(path: str, token: str | None = None) -> bytes:
    return message("GET", path, token)


def post(path: str, token: str) -> bytes:
    return message("POST", path, token, "Content-Length: 0\r\n")


def message(method: str, path: str, token: str | None, more: str = "") -> bytes:
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}{more}\r\n".encode()
