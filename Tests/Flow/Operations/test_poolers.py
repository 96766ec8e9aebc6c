"""A pooler in front of PostgreSQL: one that keeps sessions will do, any other is refused at the start, in a sentence."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from em.front import free_port
from em.stack import SERVICES, Second, Stack
from em.waiting import eventually
from em_stack import services


@contextmanager
def pgbouncer(stack: Stack, *settings: str) -> Iterator[int]:
    with tempfile.TemporaryDirectory() as name:
        with started(stack, Path(name), *settings) as port:
            yield port


@contextmanager
def started(stack: Stack, home: Path, *settings: str) -> Iterator[int]:
    server, port = urlsplit(stack.address["EM_DATABASE_URL"]), free_port()
    (home / "pgbouncer.ini").write_text("\n".join([
        "[databases]", f"* = host={server.hostname} port={server.port}", "[pgbouncer]", f"listen_port = {port}",
        "listen_addr = 127.0.0.1", "unix_socket_dir =", "auth_type = plain", f"auth_file = {home / 'users'}", *settings, ""]))
    users = {}
    for service in SERVICES:
        url = urlsplit(database_url(stack, service))
        users[url.username] = url.password
    (home / "users").write_text("".join(f'"{user}" "{password}"\n' for user, password in users.items()))
    for path in (home, *home.iterdir()):
        path.chmod(0o755)
    # It refuses to run as root.
    with (home / "log").open("w") as log:
        child = subprocess.Popen(["/usr/sbin/pgbouncer", "-u", "nobody", str(home / "pgbouncer.ini")],
                                 stdout=log, stderr=subprocess.STDOUT)
    try:
        eventually(lambda: "process up" in (home / "log").read_text(), "pgbouncer up")
        yield port
    finally:
        child.terminate()
        child.wait()


def database_url(stack: Stack, service: str) -> str:
    environment = services.service_environment(stack.layout, service)
    return environment.get("EM_DATABASE_URL") or Path(environment["EM_DATABASE_URL_FILE"]).read_text().strip()


def through(stack: Stack, service: str, port: int) -> str:
    url = urlsplit(database_url(stack, service))
    return url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{port}").geturl()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("settings", [
    ("pool_mode = transaction", "ignore_startup_parameters = options,extra_float_digits"),
    ("pool_mode = transaction", "server_round_robin = 1", "ignore_startup_parameters = options,extra_float_digits"),
    ("pool_mode = transaction",),
], ids=["transaction", "round robin", "as it comes"])
def test_a_pooler_without_sessions_is_refused_in_a_sentence(
    stack: Stack, service: str, settings: tuple[str, ...]
) -> None:
    with pgbouncer(stack, *settings) as port:
        log = stack.layout.logs / f"{service}-of-a-test.log"
        before = log.stat().st_size if log.exists() else 0
        child = stack.another(service, Second.instance, EM_DATABASE_URL=through(stack, service, port))
        try:
            assert child.wait(30) != 0
        finally:
            child.kill()
            child.wait()
    assert b"pool_mode=session" in log.read_bytes()[before:]


@pytest.mark.parametrize("service", SERVICES)
def test_one_with_sessions_will_do(stack: Stack, service: str) -> None:
    with pgbouncer(stack, "pool_mode = session", "ignore_startup_parameters = options,extra_float_digits",
                   "default_pool_size = 60") as port:
        with Second(stack, service, EM_DATABASE_URL=through(stack, service, port)) as second:
            # Ready, and past the check.
            end = time.monotonic() + 3
            eventually(lambda: time.monotonic() > end or second.child.poll() is not None, "a while")
            assert second.child.poll() is None
            assert second.leave() == 0
