"""What `infra/local/stack` can be told to do; the docstrings are its help."""

import fcntl
import functools
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

from . import servers, services, web
from .layout import LOOPBACK, SERVERS, SERVICES, Layout, Settings, StackError, saved_settings, say, state_directory
from .process import Process, leftovers, require_free

DEMO_PASSWORD = "correct horse battery staple"


def exclusive(command: Callable[[list[str]], None]) -> Callable[[list[str]], None]:
    """Lets one command at a time change what runs in a state directory; the others wait."""
    @functools.wraps(command)
    def locked(arguments: list[str]) -> None:
        state_directory().mkdir(parents=True, exist_ok=True)
        with open(state_directory() / "lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"another command works on {state_directory()}: waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            command(arguments)

    return locked


@exclusive
def servers_up(arguments: list[str]) -> None:
    """servers-up [--fast]: start only PostgreSQL, RabbitMQ, Redis and the mail catcher (--fast: without fsync)"""
    layout = settle(Settings.from_environment(fast="--fast" in arguments))
    claim_ports(layout, with_services=False)
    start_servers(layout)
    say(f"servers are ready; addresses in {layout.environment_file}")


@exclusive
def up(arguments: list[str]) -> None:
    """up [--fast]: start everything that is not running, prepare the database, return when all are ready"""
    layout = settle(Settings.from_environment(fast="--fast" in arguments))
    services.require_binaries(layout)
    web.check_certificate(layout)
    if layout.settings.bind != LOOPBACK:
        say(f"listening on {layout.settings.bind}: the demo's accounts and their password are public knowledge")
    claim_ports(layout, with_services=True)
    started_something = not any(layout.run.glob("*.pid"))
    try:
        start_servers(layout)
        services.prepare(layout)
        services.stop_surplus(layout)
        for service, instance in layout.instances():
            services.start_service(layout, service, instance)
        for service, instance in layout.instances():
            services.wait_for_service(layout, service, instance)
        web.start_nginx(layout)
    except BaseException:
        if started_something:  # what was running before is left as it was
            say("the start failed: stopping what was started")
            stop_everything(layout)
        raise
    print_welcome(layout)


@exclusive
def down(_: list[str]) -> None:
    """down: stop everything that this state directory's stack runs; its data stays"""
    settings = saved_settings()
    if settings is None:
        say("nothing was started here")
        return
    stop_everything(Layout(settings))
    say("stopped")


def run(arguments: list[str]) -> None:
    """run [--fast]: up, then follow the services' logs until Ctrl-C, then down"""
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    try:
        up(arguments)
        follow_logs(Layout(saved_settings()))
    except KeyboardInterrupt:
        pass
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
        say("\nstopping")
        down([])


def env(_: list[str]) -> None:
    """env: print the addresses, as in $EM_STATE_DIR/env"""
    print(running_layout().environment_file.read_text(), end="")


def status(_: list[str]) -> None:
    """status: list the processes, their ports and whether they are ready; exits 1 when one is not"""
    layout = running_layout()
    rows = [(name, servers_port(layout, name), servers.READY[name](layout)) for name in SERVERS]
    if services.running_services(layout) or Process(layout, "nginx").pid:
        for service, instance in layout.instances():
            port = layout.service_port(service, instance)
            ready = services.http_status(port, "/readyz") == 200
            rows.append((services.process_name(service, instance), port, ready))
        rows.append(("nginx", layout.settings.port, web.nginx_ready(layout)))
    for name, port, ready in rows:
        pid = Process(layout, name).pid
        print(f"{name:<18} port {port:<6} pid {pid or '-':<8} {'ready' if ready else 'NOT READY' if pid else 'stopped'}")
    if not all(ready for _, _, ready in rows):
        raise SystemExit(1)


@exclusive
def stop(arguments: list[str]) -> None:
    """stop NAME [n]: end one process properly (NAME: a service, nginx, postgres, rabbitmq, redis or mail; n: 1)"""
    layout, name, instance = one_process(arguments)
    if name in SERVERS:
        servers.stop_server(layout, name)
    else:
        Process(layout, services.process_name(name, instance) if name in SERVICES else name).stop()


@exclusive
def start(arguments: list[str]) -> None:
    """start NAME [n]: start one process and wait until it is ready"""
    layout, name, instance = one_process(arguments)
    if name in SERVERS:
        servers.STARTERS[name](layout)
        servers.wait_ready(Process(layout, name), lambda: servers.READY[name](layout))
    elif name in SERVICES:
        services.start_service(layout, name, instance)
        services.wait_for_service(layout, name, instance)
    else:
        web.start_nginx(layout)


def restart(arguments: list[str]) -> None:
    """restart NAME [n]: stop it (when it runs), start it, wait until it is ready"""
    stop(arguments)
    start(arguments)


def kill(arguments: list[str]) -> None:
    """kill NAME [n] [SIGNAL]: send one process a signal (KILL), for tests"""
    number = signal.SIGKILL
    if len(arguments) > 1 and not arguments[-1].isdigit():
        number = signal.Signals["SIG" + arguments[-1].upper().removeprefix("SIG")]
        arguments = arguments[:-1]
    layout, name, instance = one_process(arguments)
    process = Process(layout, services.process_name(name, instance) if name in SERVICES else name)
    if process.pid is None:
        raise StackError(f"{process.name} is not running")
    # A server dies with all of its processes.
    os.killpg(process.pid, number) if name in SERVERS else process.send(number)


def logs(arguments: list[str]) -> None:
    """logs [LINES]: the last lines (25) of every log"""
    layout = running_layout()
    for log in sorted(layout.logs.glob("*.log")):
        print(f"==> {log}\n{Process(layout, log.stem).tail(int(arguments[0]) if arguments else 25)}\n")


def free_port(_: list[str]) -> None:
    """free-port: print an EM_PORT for which every port of a stack is free"""
    ports = list(range(18080, 18429, 7))
    random.shuffle(ports)  # two who ask at the same time get different ones
    for port in ports:
        try:
            claim_ports(Layout(Settings(port=port)), with_services=True)
        except StackError:
            continue
        print(port)
        return
    raise StackError("no free set of ports found")


COMMANDS = {"servers-up": servers_up, "up": up, "down": down, "run": run, "env": env, "status": status, "stop": stop,
            "start": start, "restart": restart, "kill": kill, "logs": logs, "free-port": free_port}


def settle(settings: Settings) -> Layout:
    """Makes the directories and writes down the settings, unless a stack runs here on another port."""
    running = saved_settings()
    if running and running.port != settings.port and any(process.pid for process in pid_files(Layout(running))):
        raise StackError(f"a stack with EM_PORT={running.port} runs in {Layout(running).state}: `make down` first, "
                         "or give this one another EM_STATE_DIR")
    layout = Layout(settings)
    layout.make_directories()
    layout.save_settings()
    return layout


def running_layout() -> Layout:
    settings = saved_settings()
    if settings is None or not Layout(settings).environment_file.exists():
        raise StackError("no stack was started here: `make up` first")
    return Layout(settings)


def one_process(arguments: list[str]) -> tuple[Layout, str, int]:
    names = (*SERVERS, *SERVICES, "nginx")
    if not arguments or arguments[0] not in names or any(not number.isdigit() for number in arguments[1:]):
        raise StackError(f"which one? NAME [n], NAME one of: {', '.join(names)}")
    return running_layout(), arguments[0], int(arguments[1]) if len(arguments) > 1 else 1


def servers_port(layout: Layout, name: str) -> int:
    return layout.server_port("amqp" if name == "rabbitmq" else name)


def pid_files(layout: Layout) -> list[Process]:
    return [Process(layout, file.stem) for file in sorted(layout.run.glob("*.pid"))]


def claim_ports(layout: Layout, with_services: bool) -> None:
    wanted = servers.server_ports(layout)
    if with_services:
        wanted[layout.settings.port] = ("the public port, EM_PORT", "nginx")
        for service, instance in layout.instances():
            name = services.process_name(service, instance)
            wanted[layout.service_port(service, instance)] = (name, name)
    require_free({port: purpose for port, (purpose, name) in wanted.items() if not Process(layout, name).pid})


def start_servers(layout: Layout) -> None:
    say("starting PostgreSQL, RabbitMQ, Redis and the mail catcher")
    servers.start_servers(layout)
    layout.write_environment()


def stop_everything(layout: Layout) -> None:
    web.keeper(layout).stop()
    Process(layout, "nginx").stop(signal.SIGTERM, patience=5)
    services.stop_services(services.running_services(layout))
    servers.stop_servers(layout)
    for pid in leftovers(layout):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    layout.environment_file.unlink(missing_ok=True)


def print_welcome(layout: Layout) -> None:
    print(f"""
EM-Connect is ready:  {layout.public_url}
mail it has sent:     {layout.addresses()['EM_MAIL_URL']}
demo accounts:        admin@example.com  organizer@example.com  user@example.com
their password:       {DEMO_PASSWORD}
logs:                 {layout.logs}
addresses (secret):   {layout.environment_file}
""", flush=True)


def follow_logs(layout: Layout) -> None:
    """Prints what the services write from now on, each line with its service's name, until interrupted."""
    say("following the services' logs; Ctrl-C stops everything")
    places: dict[Path, int] = {}
    while True:
        for process in services.running_services(layout):
            size = process.log.stat().st_size
            place = places.setdefault(process.log, size)
            if size > place:
                with open(process.log, "rb") as log:
                    log.seek(place)
                    text = log.read(1 << 20)
                whole = text[: text.rfind(b"\n") + 1] or text
                places[process.log] = place + len(whole)
                for line in whole.decode(errors="replace").splitlines():
                    print(f"{process.name:<18} {line}", flush=True)
            elif size < place:  # rotated
                places[process.log] = 0
        time.sleep(0.2)
