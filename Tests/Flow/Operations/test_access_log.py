"""nginx's log of requests: who asked, what, and for how long that is kept."""

import datetime
import json
import os
import subprocess
from pathlib import Path

import requests

from em.front import Front, free_port
from em.stack import ROOT, Stack
from em.waiting import eventually


def lines(log: Path) -> list[dict]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def day(ago: int) -> str:
    return (datetime.date.today() - datetime.timedelta(days=ago)).isoformat()


def test_the_log_holds_who_asked_for_thirty_days(stack: Stack, tmp_path: Path) -> None:
    front = Front(stack, tmp_path, api_port=free_port(), trusted_proxies="127.0.0.0/8")
    front.layout.logs = tmp_path
    log = tmp_path / "nginx-access.log"
    for ago in (1, 29, 30, 31, 400):
        (tmp_path / f"nginx-access.log-{day(ago)}").write_text("{}\n")
    others = [tmp_path / name for name in ("nginx-access.log-notes", "api-service-1.log", f"other-{day(400)}")]
    for other in others:
        other.write_text("x\n")
    with front:
        requests.get(f"{front.url}/api/v1/me?secret=x", headers={"X-Forwarded-For": "2001:db8::7"}, timeout=10)
        [first] = eventually(lambda: lines(log), "the request in the log")
        assert first["client"] == "2001:db8::7" and first["path"] == "/api/v1/me" and "secret" not in log.read_text()
        # As if that had been two days ago.
        log.write_text(log.read_text().replace(first["time"][:10], day(2)))
        keep_once(log, tmp_path / "nginx.pid")
        requests.get(f"{front.url}/favicon.svg", headers={"X-Forwarded-For": "192.0.2.1"}, timeout=10)

        def second() -> bool:  # nginx may take a moment to begin the new one
            requests.get(f"{front.url}/favicon.svg", headers={"X-Forwarded-For": "192.0.2.1"}, timeout=10)
            return any(line["client"] == "192.0.2.1" for line in lines(log))

        eventually(second, "a request in the new log")
        keep_once(log, tmp_path / "nginx.pid")  # today's stays
    assert lines(log) and lines(tmp_path / f"nginx-access.log-{day(2)}")[0]["client"] == "2001:db8::7"
    kept = {file.name.removeprefix("nginx-access.log-") for file in tmp_path.glob("nginx-access.log-????-??-??")}
    assert kept == {day(1), day(2), day(29)}
    assert all(other.exists() for other in others)


def keep_once(log: Path, pid_file: Path) -> None:
    subprocess.run([ROOT / "infra/nginx/keep-logs", log, pid_file, "once"], check=True, timeout=20)


def test_the_stack_keeps_its_log_so(stack: Stack) -> None:
    pid = int((stack.layout.run / "nginx-keep-logs.pid").read_text().split()[0])
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    assert os.fsencode(ROOT / "infra/nginx/keep-logs") in words and os.fsencode(stack.layout.logs / "nginx-access.log") in words


def test_so_does_the_image() -> None:
    dockerfile, compose = ((ROOT / name).read_text() for name in ("infra/Dockerfile", "compose.yaml"))
    assert "EM_ACCESS_LOG=/var/log/em/access.log" in dockerfile and "web-logs:/var/log/em" in compose
    assert 'keep-logs "$EM_ACCESS_LOG" /run/nginx.pid &' in (ROOT / "infra/nginx/start").read_text()
