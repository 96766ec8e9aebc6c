"""TLS to PostgreSQL, RabbitMQ and Redis when their addresses ask for it: certificates are verified, chain and name.

The servers are this test's own, with a certificate for `localhost` by an authority that openssl makes here. (SMTP, with
smtps and STARTTLS: Tests/Integration/SMTP/MailSenderTests.swift.)"""

import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from em.front import free_port
from em.stack import ROOT, Second, Stack
from em.waiting import eventually
from em_stack import servers
from em_stack.layout import Layout, user_named
from em_stack.process import answers

PASSWORD = secrets.token_hex(24)


def certificate(directory: Path, *names: str) -> Path:
    subprocess.run([ROOT / "infra/local/certificate", directory, *names], check=True, capture_output=True)
    return directory


@pytest.fixture(scope="module")
def tls(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    home = tmp_path_factory.mktemp("tls")
    right = certificate(home / "right", "localhost")
    wrong = certificate(home / "wrong", "localhost")  # another authority, for the same name
    started: list[subprocess.Popen] = []
    try:
        ports = {"postgres": start_postgres(stack, home, right, started), "redis": start_redis(home, right, started),
                 "amqp": start_rabbitmq(home, right, started)}
        yield SimpleNamespace(ports=ports, right=right / "ca.pem", wrong=wrong / "ca.pem")
    finally:
        for process in reversed(started):  # nothing here is worth a farewell
            process.kill()
            process.wait()


def launch(started: list[subprocess.Popen], command: list[str], log: Path, **more: object) -> None:
    with open(log, "wb") as output:
        started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **more))


def start_postgres(stack: Stack, home: Path, identity: Path, started: list[subprocess.Popen]) -> int:
    layout = Layout(stack.layout.settings)
    layout.state, layout.secrets, layout.run = home, home / "secrets", home
    layout.secrets.mkdir(mode=0o700)
    (layout.secrets / "postgres-password").write_text(PASSWORD)
    prefix, programs, data, port = servers.as_postgres_user(layout), servers.postgres_programs(), home / "postgres", free_port()
    servers.create_cluster(layout, prefix, programs, data)
    for name in ("site.pem", "site.key"):
        (data / name).write_bytes((identity / name).read_bytes())
        (data / name).chmod(0o600)
        if prefix:
            user = user_named("postgres")
            os.chown(data / name, user.pw_uid, user.pw_gid)
    (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "ssl": "on", "fsync": "off",
               "ssl_cert_file": "site.pem", "ssl_key_file": "site.key"}
    launch(started, [*prefix, str(programs / "postgres"), "-D", str(data), *(f"--{name}={value}" for name, value in options.items())],
           home / "postgres.log", env=servers.bare_environment(), cwd=data)
    with eventually(lambda: connected(port), "PostgreSQL over TLS") as connection:
        connection.execute("CREATE DATABASE em")
        for role in ("em_owner", "em_service", "em_ticket_worker", "em_notifications", "em_ws_hub"):
            connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
        connection.execute("ALTER DATABASE em OWNER TO em_owner")
    return port


def connected(port: int) -> psycopg.Connection | None:
    try:
        return psycopg.connect(f"postgres://postgres:{PASSWORD}@localhost:{port}/postgres?sslmode=require", autocommit=True)
    except psycopg.OperationalError:
        return None


def start_redis(home: Path, identity: Path, started: list[subprocess.Popen]) -> int:
    port = free_port()
    launch(started, ["redis-server", "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(home),
                     "--tls-cert-file", str(identity / "site.pem"), "--tls-key-file", str(identity / "site.key"),
                     "--tls-ca-cert-file", str(identity / "ca.pem"), "--tls-auth-clients", "no", "--requirepass", PASSWORD],
           home / "redis.log")
    eventually(lambda: answers(port), "Redis over TLS")
    return port


def start_rabbitmq(home: Path, identity: Path, started: list[subprocess.Popen]) -> int:
    port = free_port()
    node = home / "rabbitmq"
    node.mkdir()
    (node / "rabbitmq.conf").write_text("\n".join([
        "listeners.tcp = none", f"listeners.ssl.1 = 127.0.0.1:{port}", f"ssl_options.certfile = {identity / 'site.pem'}",
        f"ssl_options.keyfile = {identity / 'site.key'}", f"ssl_options.cacertfile = {identity / 'ca.pem'}",
        "default_user = em", f"default_pass = {PASSWORD}", "log.console = true", "log.file = false", ""]))
    (node / "enabled_plugins").write_text("[].\n")
    (node / "rabbitmq-env.conf").write_text("")
    epmd_port = free_port()
    environment = servers.bare_environment(
        HOME=str(node), ERL_EPMD_PORT=str(epmd_port), ERL_EPMD_ADDRESS="127.0.0.1", RABBITMQ_NODENAME=f"tls-{port}@localhost",
        RABBITMQ_DIST_PORT=str(free_port()), RABBITMQ_CONF_ENV_FILE=str(node / "rabbitmq-env.conf"),
        RABBITMQ_CONFIG_FILE=str(node / "rabbitmq.conf"), RABBITMQ_ENABLED_PLUGINS_FILE=str(node / "enabled_plugins"),
        RABBITMQ_MNESIA_BASE=str(node / "data"), RABBITMQ_LOG_BASE=str(node / "log"), RABBITMQ_LOGS="-", RUNNING_UNDER_SYSTEMD="1",
        RABBITMQ_GENERATED_CONFIG_DIR=str(node / "config"), RABBITMQ_SCHEMA_DIR=str(node / "schema"),
        RABBITMQ_PID_FILE=str(node / "pid"), RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+sbwt none -kernel inet_dist_use_interface {127,0,0,1}")
    epmd = servers.program("epmd", *map(str, Path("/usr/lib/erlang").glob("erts-*/bin")))
    launch(started, [epmd, "-port", str(epmd_port), "-address", "127.0.0.1"], node / "epmd.log", env=environment)
    eventually(lambda: answers(epmd_port), "the port mapper")
    launch(started, [servers.program("rabbitmq-server", "/usr/lib/rabbitmq/bin")], node / "log.txt", env=environment, cwd=node)
    eventually(lambda: answers(port), "RabbitMQ over TLS", within=60)
    return port


def addresses(tls: SimpleNamespace, authority: Path, host: str = "localhost") -> dict[str, str]:
    return {
        "EM_DATABASE_URL": f"postgres://em_service:{PASSWORD}@{host}:{tls.ports['postgres']}/em?sslmode=verify-full&sslrootcert={authority}",
        "EM_AMQP_URL": f"amqps://em:{PASSWORD}@{host}:{tls.ports['amqp']}/%2f?cacertfile={authority}",
        "EM_REDIS_URL": f"rediss://:{PASSWORD}@{host}:{tls.ports['redis']}/0?ca={authority}",
    }


@pytest.fixture(scope="module")
def migrated(stack: Stack, tls: SimpleNamespace) -> None:
    url = addresses(tls, tls.right)["EM_DATABASE_URL"].replace("em_service", "em_owner")
    ran = subprocess.run([stack.layout.binaries / "api-service", "migrate"], capture_output=True, text=True, timeout=120, cwd=stack.state,
                         env=servers.bare_environment(EM_MIGRATION_DATABASE_URL=url))
    assert ran.returncode == 0, ran.stderr


class Started(Second):
    """Up, whatever it can reach."""

    def is_ready(self) -> bool:
        assert self.child.poll() is None
        try:
            return bool(self.report())
        except OSError:
            return False

    def report(self) -> dict:
        return self.stack.inside(self.service, "/readyz", self.instance).json()


@pytest.mark.usefixtures("migrated")
def test_with_the_right_authority_and_name_everything_is_reached(stack: Stack, tls: SimpleNamespace) -> None:
    with Started(stack, "api-service", **addresses(tls, tls.right)) as service:
        eventually(lambda: service.report() == {"status": "ready", "missing": [], "degraded": []}, "everything over TLS")
        with connected(tls.ports["postgres"]) as connection:
            encrypted = connection.execute("SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) "
                                           "WHERE a.usename = 'em_service'").fetchone()
        assert encrypted == (True,)


@pytest.mark.usefixtures("migrated")
@pytest.mark.parametrize("wrong", ["authority", "name"])
def test_a_wrong_authority_or_name_is_refused_by_each_of_them(stack: Stack, tls: SimpleNamespace, wrong: str) -> None:
    """The certificate is for `localhost`; 127.0.0.1 is the same machine by a name that it does not have."""
    told = addresses(tls, tls.wrong) if wrong == "authority" else addresses(tls, tls.right, "127.0.0.1")
    with Started(stack, "api-service", **told) as service:
        began = time.monotonic()
        while time.monotonic() - began < 4:  # several tries, each refused
            report = service.report()
            assert set(report["missing"] + report["degraded"]) == {"postgres", "rabbitmq", "redis"}, report
            time.sleep(0.25)
