"""What a crowd looks at while it waits: the event and the list through the public port, against nginx with a file."""

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import requests
from em.waiting import eventually
from em_stack.servers import bare_environment, program

from harness.flood import get
from harness.report import Comparison, Report
from harness.site import Site

CONNECTIONS = 64

# A plain nginx, with as many workers as the product's and a log like its default one.
PEER = """{user}pid {home}/nginx.pid;
worker_processes 2;
error_log stderr warn;
daemon off;
events {{ worker_connections 4096; }}
http {{
    access_log {home}/access.log;
    sendfile on;
    tcp_nopush on;
    server {{ listen 127.0.0.1:{port}; root {home}/files; default_type application/json; }}
}}
"""


def run(site: Site, report: Report) -> None:
    site.stop_workers()
    site.settle()
    events = site.events(50)
    paths = {"the event": f"/api/v1/events/{events[0]}", "the list": "/api/v1/events?limit=20"}
    with plain_nginx(site.directory / "peer") as (port, files):
        for name, path in paths.items():
            body = requests.get(site.stack.url + path, timeout=10).content
            (files / "body.json").write_bytes(body)
            ours, peer = [], []
            for _ in range(site.repetitions):
                peer.append(rate(site, report, port, "/body.json"))
                ours.append(rate(site, report, site.stack.layout.settings.port, path))
            report.compare(Comparison(f"GET {name}, {CONNECTIONS} clients", ours, peer,
                                      f"nginx with a file of {len(body)} bytes", "/s", 0.4))


def rate(site: Site, report: Report, port: int, path: str) -> float:
    wanted = site.flood.requests("read", [get(path)])
    answers = site.flood.run(port, CONNECTIONS, wanted, site.seconds, repeat=True)
    report.require(answers.statuses.keys() == {"200"} and not answers.broken, f"GET {path} answered {answers}")
    return answers.rate(200)


@contextlib.contextmanager
def plain_nginx(home: Path) -> Iterator[tuple[int, Path]]:
    files = home / "files"
    files.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = "user root;\n" if os.geteuid() == 0 else ""
    (home / "nginx.conf").write_text(PEER.format(user=user, home=home, port=port))
    (files / "index.html").write_text("ready")
    nginx = subprocess.Popen([program("nginx"), "-c", home / "nginx.conf", "-p", home, "-e", "stderr"],
                             env=bare_environment(), stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: answers(port), "the plain nginx answers")
        yield port, files
    finally:
        nginx.terminate()
        nginx.wait(10)


def answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/", timeout=5).ok
    except requests.ConnectionError:
        return False
