"""What goes wrong, each for a short while and healed again."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable

import psycopg

from em.stack import ROOT  # noqa: F401  puts infra/local on the path
from em_stack import servers
from em_stack.layout import Layout
from em_stack.process import Process, wait_ready

from chaos.fleet import Fleet
from chaos.proxy import Proxy
from chaos.sink import Sink


class Faults:
    """Each fault returns once it is healed. Only `signal` faults need no server of their own."""

    def __init__(self, layout: Layout, fleet: Fleet, proxies: dict[str, Proxy], sink: Sink, rng: random.Random):
        self.layout, self.fleet, self.proxies, self.sink, self.rng = layout, fleet, proxies, sink, rng
        self.done: list[str] = []

    def all(self) -> dict[str, Callable[[], None]]:
        return {**self.quick(), "restart_broker": self.restart_broker, "stop_app": self.stop_app,
                "memory_alarm": self.memory_alarm, "kill_postgres": self.kill_postgres,
                "restart_postgres": self.restart_postgres}

    def quick(self) -> dict[str, Callable[[], None]]:
        return {"kill_service": self.kill_service, "freeze_service": self.freeze_service,
                "freeze_server": self.freeze_server, "kill_redis": self.kill_redis, "flush_redis": self.flush_redis,
                "terminate_backends": self.terminate_backends, "cut": self.cut, "delay": self.delay,
                "truncate": self.truncate, "bad_mail": self.bad_mail}

    def strike(self, name: str) -> None:
        self.done.append(name)
        self.all()[name]()
        print(f"  fault: {self.done[-1]}", flush=True)

    # Services

    def kill_service(self) -> None:
        member = self.rng.choice(self.fleet.members())
        self.done[-1] += f" {member[0]}-{member[1]}"
        self.fleet.signal(*member, signal.SIGKILL)
        time.sleep(self.rng.uniform(0.3, 1))

    def freeze_service(self) -> None:
        member = self.rng.choice(self.fleet.members())
        self.done[-1] += f" {member[0]}-{member[1]}"
        self.fleet.signal(*member, signal.SIGSTOP)
        time.sleep(self.rng.uniform(0.5, 3))
        self.fleet.signal(*member, signal.SIGCONT)

    # Servers

    def _process(self, name: str) -> Process:
        return Process(self.layout, name)

    def _start(self, name: str) -> None:
        servers.STARTERS[name](self.layout)
        wait_ready(self._process(name), lambda: servers.READY[name](self.layout))

    def _kill(self, name: str) -> None:
        process = self._process(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.stop(signal.SIGKILL, patience=5)
        if name == "rabbitmq":
            self._process("epmd").stop(signal.SIGKILL)
        time.sleep(self.rng.uniform(0.2, 1))
        self._start(name)

    def freeze_server(self) -> None:
        name = self.rng.choice(["postgres", "redis", "rabbitmq"])
        self.done[-1] += f" {name}"
        pid = self._process(name).pid
        os.killpg(pid, signal.SIGSTOP)
        time.sleep(self.rng.uniform(0.5, 2))
        os.killpg(pid, signal.SIGCONT)

    def kill_redis(self) -> None:
        self._kill("redis")

    def flush_redis(self) -> None:
        subprocess.run(["redis-cli", "-p", str(self.layout.server_port("redis")), "-a", self.layout.secret("redis-password"),
                        "FLUSHALL"], check=True, capture_output=True)

    def restart_broker(self) -> None:
        self._kill("rabbitmq")

    def _rabbitmqctl(self, *arguments: str) -> None:
        environment = servers.rabbitmq_environment(self.layout)
        subprocess.run(["/usr/lib/rabbitmq/bin/rabbitmqctl", "-q", *arguments], env=environment, check=True,
                       capture_output=True, timeout=60, cwd=self.layout.state)

    def stop_app(self) -> None:
        self._rabbitmqctl("stop_app")
        time.sleep(self.rng.uniform(0.2, 1))
        self._rabbitmqctl("start_app")

    def memory_alarm(self) -> None:
        self._rabbitmqctl("set_vm_memory_high_watermark", "0.00001")
        time.sleep(self.rng.uniform(1, 3))
        self._rabbitmqctl("set_vm_memory_high_watermark", "0.6")

    def kill_postgres(self) -> None:
        self._kill("postgres")

    def restart_postgres(self) -> None:
        servers.stop_server(self.layout, "postgres")
        self._start("postgres")

    def terminate_backends(self) -> None:
        with psycopg.connect(self.layout.database_url("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'em_service'")

    # The network

    def _proxy(self) -> Proxy:
        name = self.rng.choice(sorted(self.proxies))
        self.done[-1] += f" {name}"
        return self.proxies[name]

    def cut(self) -> None:
        proxy = self._proxy()
        proxy.refusing = True
        proxy.cut()
        time.sleep(self.rng.uniform(0, 1.5))
        proxy.refusing = False

    def delay(self) -> None:
        proxy = self._proxy()
        proxy.delay = 0.2
        time.sleep(self.rng.uniform(1, 2))
        proxy.delay = 0.0

    def truncate(self) -> None:
        proxy = self._proxy()
        proxy.truncating = True
        time.sleep(self.rng.uniform(0.5, 1.5))
        proxy.truncating = False

    # Mail

    def bad_mail(self) -> None:
        self.sink.mode = self.rng.choice(["refuse", "tarpit", "drop", "busy"])
        self.done[-1] += f" {self.sink.mode}"
        time.sleep(self.rng.uniform(1, 2.5))
        self.sink.mode = "normal"
