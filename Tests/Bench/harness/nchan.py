"""Nchan, the peer for live updates: Debian's nginx with Debian's module, taken out of its package without installing it."""

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from em.waiting import eventually
from em_stack.servers import bare_environment, program

from harness.fan import Publication

CONFIGURATION = """load_module {module};
{user}pid {home}/nginx.pid;
worker_processes 1;
worker_rlimit_nofile 20000;
error_log stderr error;
daemon off;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    nchan_max_reserved_memory 256M;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        keepalive_requests 100000000;
        location = /pub {{ nchan_publisher http; nchan_channel_id one; nchan_message_buffer_length 100; }}
        location = /sub {{ nchan_subscriber websocket; nchan_channel_id one; nchan_subscriber_first_message newest; }}
    }}
}}
"""


@dataclass
class Nchan:
    port: int
    pids: list[int]
    """The worker alone: the master does nothing."""

    def publication(self, payload: bytes) -> Publication:
        head = b"POST /pub HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
        return Publication(self.port, head % len(payload) + payload)


@contextlib.contextmanager
def running(home: Path) -> Iterator[Nchan]:
    """Raises RuntimeError when Debian's package can't be had."""
    home.mkdir(exist_ok=True)
    module = unpacked_module(home)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = "user root;\n" if os.geteuid() == 0 else ""
    (home / "nginx.conf").write_text(CONFIGURATION.format(module=module, user=user, home=home, port=port))
    nginx = subprocess.Popen([program("nginx"), "-c", home / "nginx.conf", "-p", home, "-e", "stderr"],
                             env=bare_environment(), stderr=subprocess.DEVNULL)
    try:
        workers = Path(f"/proc/{nginx.pid}/task/{nginx.pid}/children")
        eventually(lambda: answers(port) and workers.read_text().split(), "Nchan answers")
        yield Nchan(port, [int(pid) for pid in workers.read_text().split()])
    finally:
        nginx.terminate()
        nginx.wait(10)


def unpacked_module(home: Path) -> Path:
    package = subprocess.run(["apt-get", "download", "libnginx-mod-nchan"], cwd=home, capture_output=True, text=True)
    files = list(home.glob("libnginx-mod-nchan_*.deb"))
    if package.returncode or not files:
        raise RuntimeError(f"Nchan can't be had: {package.stderr.strip()}")
    subprocess.run(["dpkg", "-x", files[0], home / "package"], check=True)
    return next((home / "package").rglob("ngx_nchan_module.so"))


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
