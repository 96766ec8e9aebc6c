"""The private PostgreSQL, RabbitMQ, Redis and mail catcher of a stack: all files below the state directory, loopback
only, random passwords. Nothing here uses or disturbs the system's own servers."""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from .layout import LOOPBACK, ROOT, Layout, StackError, broker_secret, can_enter, user_named, write_private
from .process import Process, answers, http_status, until, wait_ready

# What our children inherit: no EM_ setting of the caller may leak into a server or a service.
INHERITED = ("PATH", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH")


def bare_environment(**extra: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {"LANG": "C.UTF-8", **kept, **extra}


def program(name: str, *places: str) -> str:
    for place in places:
        if os.access(f"{place}/{name}", os.X_OK):
            return f"{place}/{name}"
    if found := shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin"):
        return found
    raise StackError(f"{name} is not installed: run infra/local/install")


def server_ports(layout: Layout) -> dict[int, tuple[str, str]]:
    """port: (what for, the process that owns it)"""
    owners = {"postgres": "postgres", "amqp": "rabbitmq", "distribution": "rabbitmq", "epmd": "epmd", "redis": "redis",
              "smtp": "mail", "mail": "mail"}
    return {layout.server_port(name): (f"{owner}, {name}", owner) for name, owner in owners.items()}


# PostgreSQL


def postgres_programs() -> Path:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if versions:
        return versions[-1].parent
    return Path(program("initdb")).parent


def as_postgres_user(layout: Layout) -> list[str]:
    """The words to put before a PostgreSQL command, which refuses to run as root.

    An ordinary user needs none. Root becomes the package's user `postgres`, and keeps the capability to pass closed
    directories where that user would not reach the state directory (below /root, say).
    """
    if os.geteuid() != 0:
        return []
    user = user_named("postgres")
    if user is None:
        raise StackError("there is no user postgres for PostgreSQL to run as: run infra/local/install")
    words = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups"]
    if not can_enter(user, layout.state):
        words += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        if subprocess.run([*words, "--", "stat", str(layout.run)], capture_output=True).returncode:
            raise StackError(f"PostgreSQL does not run as root, and its user cannot reach {layout.state}: set EM_STATE_DIR "
                             "to a directory that everybody may enter, for instance /var/tmp/em-connect")
    return [*words, "--"]


def start_postgres(layout: Layout) -> None:
    prefix, programs, data = as_postgres_user(layout), postgres_programs(), layout.state / "postgres"
    if not (data / "PG_VERSION").exists():
        create_cluster(layout, prefix, programs, data)
    clear_after_crash(layout, data)
    options = {
        "port": layout.server_port("postgres"), "listen_addresses": LOOPBACK, "unix_socket_directories": "",
        "max_connections": 300, "shared_buffers": "256MB", "log_connections": "off", **postgres_log_settings(),
    }
    if layout.settings.statement_statistics:  # what each statement reads, for Tests/Growth; it comes with the server
        options |= {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.max": 20000,
                    "pg_stat_statements.track_utility": "off"}
    if layout.settings.fast:  # for tests: a crash of the machine may lose everything, a crash of the server nothing
        options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    Process(layout, "postgres").start([*prefix, str(programs / "postgres"), "-D", str(data), *arguments],
                                      bare_environment(), directory=data)


def postgres_log_settings() -> dict[str, str]:
    lines = (ROOT / "infra/postgres/log.conf").read_text().splitlines()
    return dict(line.split(" = ", 1) for line in lines if not line.startswith("#"))


def clear_after_crash(layout: Layout, data: Path) -> None:
    """Removes the lock file of a server that was killed, once none of its processes works in the directory any more.

    PostgreSQL does so by itself unless the dead one still stands in the process table, which is up to its parent.
    """
    if Process(layout, "postgres").pid or not (data / "postmaster.pid").exists():
        return
    if not until(lambda: not working_in(data), 10):
        raise StackError(f"processes of an earlier server still work in {data}: {working_in(data)}")
    (data / "postmaster.pid").unlink(missing_ok=True)


def working_in(directory: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "cwd") == str(directory):
                found.append(int(entry.name))
        except OSError:  # gone meanwhile, a zombie, or another user's
            continue
    return found


def create_cluster(layout: Layout, prefix: list[str], programs: Path, data: Path) -> None:
    shutil.rmtree(data, ignore_errors=True)  # an initdb that was interrupted leaves a piece behind
    data.mkdir(mode=0o700)
    password = layout.state / "initdb-password"
    write_private(password, layout.secret("postgres-password") + "\n")
    if prefix:
        user = user_named("postgres")
        os.chown(data, user.pw_uid, user.pw_gid)
        os.chown(password, user.pw_uid, user.pw_gid)
    try:
        made = subprocess.run(
            [*prefix, str(programs / "initdb"), "-D", str(data), "-U", "postgres", f"--pwfile={password}",
             "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
             *(["--no-sync"] if layout.settings.fast else [])],
            env=bare_environment(), cwd=data, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    finally:
        password.unlink()
    if made.returncode:
        raise StackError(f"initdb failed:\n{made.stdout}{made.stderr}")


def postgres_ready(layout: Layout) -> bool:
    port = str(layout.server_port("postgres"))
    return subprocess.run([str(postgres_programs() / "pg_isready"), "-q", "-h", LOOPBACK, "-p", port, "-t", "1"],
                          env=bare_environment()).returncode == 0


def create_roles(layout: Layout) -> None:
    """roles.sql, which compose runs as well. The passwords reach psql on its standard input, not in its arguments."""
    names = ("owner", "service", "ticket-worker", "notifications", "ws-hub")
    script = "".join(f"\\set {name.replace('-', '_')}_password '{layout.secret(f'{name}-password')}'\n" for name in names)
    script += f"\\i {ROOT / 'infra/postgres/roles.sql'}\n"
    # What tests need and the product does not: databases of their own, temporary tables.
    script += "alter role em_owner createdb;\ngrant temporary on database em to em_service;\n"
    environment = bare_environment(PGPASSWORD=layout.secret("postgres-password"), PGCONNECT_TIMEOUT="5")
    ran = subprocess.run(
        [str(postgres_programs() / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", LOOPBACK, "-U", "postgres",
         "-p", str(layout.server_port("postgres")), "-d", "postgres"],
        input=script, env=environment, capture_output=True, text=True)
    if ran.returncode:
        raise StackError(f"infra/postgres/roles.sql failed:\n{ran.stderr}")


# RabbitMQ


def rabbitmq_environment(layout: Layout) -> dict[str, str]:
    home = layout.state / "rabbitmq"
    return bare_environment(
        HOME=str(home),  # holds the Erlang cookie
        ERL_EPMD_PORT=str(layout.server_port("epmd")),
        ERL_EPMD_ADDRESS=LOOPBACK,
        RABBITMQ_NODENAME=f"em-{layout.settings.port}@localhost",
        RABBITMQ_DIST_PORT=str(layout.server_port("distribution")),
        RABBITMQ_CONF_ENV_FILE=str(home / "rabbitmq-env.conf"),
        RABBITMQ_CONFIG_FILE=str(home / "rabbitmq.conf"),
        RABBITMQ_ADVANCED_CONFIG_FILE=str(home / "advanced.config"),
        RABBITMQ_ENABLED_PLUGINS_FILE=str(home / "enabled_plugins"),
        RABBITMQ_PLUGINS_DIR=f"{broker_plugins()}:{home / 'plugins'}",
        RABBITMQ_GENERATED_CONFIG_DIR=str(home / "config"),
        RABBITMQ_SCHEMA_DIR=str(home / "schema"),
        RABBITMQ_MNESIA_BASE=str(home / "data"),
        RABBITMQ_LOG_BASE=str(home / "log"),
        RABBITMQ_LOGS="-",
        RABBITMQ_PID_FILE=str(home / "pid"),
        EM_BROKER_SECRET_FILE=str(layout.secrets / "broker-secret"),
        RUNNING_UNDER_SYSTEMD="1",  # the launching script becomes the node: its pid is the one to signal
        # Two idle cores should stay idle: Erlang's schedulers spin for work unless told not to.
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+sbwt none +sbwtdcpu none +sbwtdio none "
                                            "-kernel inet_dist_use_interface {127,0,0,1}",
    )


def broker_plugins() -> Path:
    """Where RabbitMQ's own plugins are."""
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/plugins"))
    if not found:
        raise StackError("RabbitMQ is not installed: run infra/local/install")
    return found[-1]


def compile_broker_plugin(directory: Path) -> None:
    """infra/rabbitmq/readers, which the image has as well."""
    made = subprocess.run([ROOT / "infra/rabbitmq/plugin", directory], env=bare_environment(ERL_LIBS=str(broker_plugins())),
                          capture_output=True, text=True)
    if made.returncode:
        raise StackError(f"infra/rabbitmq/plugin failed:\n{made.stdout}{made.stderr}")


def start_rabbitmq(layout: Layout) -> None:
    home = layout.state / "rabbitmq"
    for directory in (home, home / "config", home / "schema", home / "data", home / "log"):
        directory.mkdir(mode=0o700, exist_ok=True)
    write_private(home / "rabbitmq.conf", "\n".join([
        "# Written by infra/local/stack at every start.",
        f"listeners.tcp.1 = {LOOPBACK}:{layout.server_port('amqp')}",
        f"load_definitions = {home / 'definitions.json'}",
        "disk_free_limit.absolute = 100MB", "log.console = true", "log.console.level = warning", "log.file = false", *subscriber_settings(layout), ""]))
    passwords = {user: layout.secret(broker_secret(user)) for user in ("em", "em_api", "em_ticket_worker", "em_notifications")}
    write_private(home / "definitions.json", definitions(passwords))
    (home / "enabled_plugins").write_text("[rabbitmq_auth_backend_http,em_readers].\n")
    compile_broker_plugin(home / "plugins")
    layout.secret("broker-secret")
    (home / "rabbitmq-env.conf").write_text("")
    environment = rabbitmq_environment(layout)
    # A port mapper of our own: the one that Erlang would start by itself outlives its node and is shared by all of them.
    epmd = program("epmd", *map(str, Path("/usr/lib/erlang").glob("erts-*/bin")))
    Process(layout, "epmd").start([epmd, "-port", environment["ERL_EPMD_PORT"], "-address", LOOPBACK], environment)
    until(lambda: answers(layout.server_port("epmd")), 10)
    # /usr/sbin/rabbitmq-server is Debian's wrapper, which changes to the package's user; the real one does not.
    server = program("rabbitmq-server", "/usr/lib/rabbitmq/bin")
    Process(layout, "rabbitmq").start([server], environment, directory=home)


def subscriber_settings(layout: Layout) -> list[str]:
    """infra/rabbitmq/subscribers.conf, which compose and Kubernetes use as well, asking the first api-service of this stack."""
    text = (ROOT / "infra/rabbitmq/subscribers.conf").read_text()
    here = text.replace("//api-service:8080/", f"//{LOOPBACK}:{layout.service_port('api-service', 1)}/")
    # RabbitMQ 3.10 knows no settings of TLS there; a machine, other than an image, has certificates to be found.
    return [line for line in here.splitlines() if not line.startswith(("#", "auth_http.ssl_options."))]


def definitions(passwords: dict[str, str]) -> str:
    """infra/rabbitmq/definitions.json, which compose uses as well, with each user's password."""
    document = json.loads((ROOT / "infra/rabbitmq/definitions.json").read_text())
    for user in document["users"]:
        user["password"] = passwords[user["name"]]
    return json.dumps(document)


def redis_rights() -> dict[str, str]:
    """infra/redis/rights, which compose uses as well: each user's rights."""
    lines = (ROOT / "infra/redis/rights").read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


def rabbitmq_ready(layout: Layout) -> bool:
    """Whether the broker answers the AMQP 0-9-1 protocol header with connection.start (a method frame)."""
    try:
        with socket.create_connection((LOOPBACK, layout.server_port("amqp")), timeout=2) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"
    except OSError:
        return False


# Redis and mail


def start_redis(layout: Layout) -> None:
    home = layout.state / "redis"
    home.mkdir(mode=0o700, exist_ok=True)
    write_private(home / "redis.conf", "\n".join([
        f"bind {LOOPBACK}", f"port {layout.server_port('redis')}", f"requirepass {layout.secret('redis-password')}",
        *(f"user {user} on >{layout.redis_password(user)} {rights}" for user, rights in redis_rights().items()),
        f"dir {home}", "save \"\"", "appendonly no", "maxmemory 256mb", "maxmemory-policy volatile-lru", "daemonize no",
        "logfile \"\"", ""]))
    Process(layout, "redis").start([program("redis-server"), str(home / "redis.conf")], bare_environment())


def start_mail(layout: Layout) -> None:
    # Debian's Python, which has Debian's aiosmtpd; the caller's own may come first in the PATH.
    Process(layout, "mail").start(
        ["/usr/bin/python3", str(ROOT / "infra/local/mailcatcher.py"), "--smtp", f"{LOOPBACK}:{layout.server_port('smtp')}",
         "--http", f"{LOOPBACK}:{layout.server_port('mail')}"], bare_environment())


STARTERS: dict[str, Callable[[Layout], None]] = {
    "rabbitmq": start_rabbitmq, "postgres": start_postgres, "redis": start_redis, "mail": start_mail,
}
READY: dict[str, Callable[[Layout], bool]] = {
    "rabbitmq": rabbitmq_ready,
    "postgres": postgres_ready,
    "redis": lambda layout: answers(layout.server_port("redis")),
    "mail": lambda layout: http_status(layout.server_port("mail"), "/readyz") == 200,
}
# PostgreSQL: SIGINT is the fast shutdown, which does not wait for its clients to leave.
STOP_SIGNALS = {"postgres": signal.SIGINT}


def start_servers(layout: Layout) -> None:
    for start in STARTERS.values():
        start(layout)
    for name, ready in READY.items():
        wait_ready(Process(layout, name), lambda ready=ready: ready(layout))
    create_roles(layout)


def stop_server(layout: Layout, name: str) -> None:
    Process(layout, name).stop(STOP_SIGNALS.get(name, signal.SIGTERM), patience=30)
    if name == "rabbitmq":
        Process(layout, "epmd").stop(signal.SIGKILL)  # it ignores SIGTERM


def stop_servers(layout: Layout) -> None:
    for name in ("rabbitmq", "mail", "redis", "postgres"):
        Process(layout, name).send(STOP_SIGNALS.get(name, signal.SIGTERM))
    for name in ("mail", "redis", "postgres", "rabbitmq"):
        stop_server(layout, name)
