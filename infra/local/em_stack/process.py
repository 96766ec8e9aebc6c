"""Starting, finding, waiting for and ending the processes of a stack, and only those.

Every process is the leader of its own session and carries EM_STACK=<state directory> in its environment. Its pid file
holds the pid together with the process's start time, so that a pid given to somebody else's process in the meantime is
never mistaken for ours.
"""

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .layout import LOOPBACK, Layout, StackError, say

LARGEST_LOG = 32 * 1024 * 1024


def start_time(pid: int) -> str | None:
    """Field 22 of /proc/PID/stat (proc(5)); None when there is no such process or only its zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]


class Process:
    """One named process of the stack; the name is also that of its pid file and its log."""

    def __init__(self, layout: Layout, name: str):
        self.layout, self.name = layout, name
        self.pid_file = layout.run / f"{name}.pid"
        self.log = layout.logs / f"{name}.log"

    @property
    def pid(self) -> int | None:
        """The pid while the process lives."""
        try:
            pid, started = self.pid_file.read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if start_time(int(pid)) == started else None

    def start(self, command: list[str], environment: dict[str, str], directory: Path | None = None) -> None:
        if self.pid:
            return
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        with open(self.log, "ab") as log:
            try:
                child = subprocess.Popen(
                    command, env={**environment, "EM_STACK": str(self.layout.state)}, cwd=directory or self.layout.state,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )
            except OSError as error:  # not there, not for this machine, being written by a build just now
                raise StackError(f"cannot start {self.name}: {error}") from error
        self.pid_file.write_text(f"{child.pid} {start_time(child.pid)}\n")

    def send(self, number: int) -> None:
        if pid := self.pid:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def stop(self, number: int = signal.SIGTERM, patience: float = 20) -> None:
        """Asks, waits, and when `patience` (seconds) is over kills the whole session."""
        pid = self.pid
        self.send(number)
        if pid and not until(lambda: reap() and self.pid is None, patience):
            say(f"{self.name} did not stop within {patience:.0f} s: killed")
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            until(lambda: reap() and self.pid is None, 5)
        self.pid_file.unlink(missing_ok=True)

    def tail(self, lines: int = 25) -> str:
        try:
            with open(self.log, "rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - 64 * 1024))
                return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return "(no log)"


def reap() -> bool:
    """Collects our own dead children, which would otherwise stay as zombies while we wait for them. Always true."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
    return True


def until(condition: Callable[[], object], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def wait_ready(process: Process, ready: Callable[[], bool], seconds: float = 90) -> None:
    """Returns when `ready` holds; throws with the end of the log when the process dies first or takes too long."""
    def settled() -> bool:
        reap()
        return ready() or process.pid is None

    in_time = until(settled, seconds)
    if process.pid is None or not in_time:
        reason = f"was not ready within {seconds:.0f} s" if process.pid else "ended while starting"
        raise StackError(f"{process.name} {reason}; the end of {process.log}:\n{process.tail()}")


def answers(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False


def http_status(port: int, path: str) -> int:
    """The status of GET http://127.0.0.1:port/path; 0 when nothing answers."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def leftovers(layout: Layout) -> list[int]:
    """Processes that this stack started and that no pid file names (a server's children, say)."""
    marker = f"EM_STACK={layout.state}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            marked = marker in (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # gone meanwhile, or another user's
            continue
        if marked and start_time(int(entry.name)):
            found.append(int(entry.name))
    return found


def require_free(wanted: dict[int, str]) -> None:
    """Throws when somebody else listens on one of these ports, naming port, purpose and process."""
    taken = [f"  {port} ({wanted[port]}) is in use by {owner_of(port)}" for port in sorted(wanted) if not is_free(port)]
    if taken:
        raise StackError("some ports that this stack needs are taken:\n" + "\n".join(taken)
                         + "\nChoose another EM_PORT: every other port follows from it.")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen()
        except PermissionError:
            raise StackError(f"port {port} needs root; choose an EM_PORT of 1024 or more") from None
        except OSError:
            return False
    return True


def owner_of(port: int) -> str:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not os.path.exists(table):
            continue
        for line in Path(table).read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A" and int(columns[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{columns[9]}]")
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if any(os.readlink(descriptor) in inodes for descriptor in (entry / "fd").iterdir()):
                return f"process {entry.name} ({(entry / 'comm').read_text().strip()})"
        except OSError:
            continue
    return "a process of another user"
