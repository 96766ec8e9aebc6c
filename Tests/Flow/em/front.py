"""nginx from the product's own template, once more: over TLS, behind a proxy, before a server of the test."""

import dataclasses
import socket
import subprocess
from pathlib import Path

from em.stack import Stack
from em.waiting import eventually
from em_stack import web
from em_stack.layout import Layout
from em_stack.servers import bare_environment


class Front:
    """A second nginx from the same template, before the stack's services or a server of the test."""

    def __init__(self, stack: Stack, home: Path, api_port: int | None = None, worker_connections: int = 4096, **settings: str):
        self.home, self.port, self.worker_connections = home, free_port(), worker_connections
        self.layout = Layout(dataclasses.replace(stack.layout.settings, port=self.port, **settings))
        self.layout.first_port = stack.layout.first_port  # the services stay where they are
        if api_port:
            self.layout.service_port = lambda service, instance: api_port
        self.url = f"{'https' if self.layout.settings.tls_certificate else 'http'}://localhost:{self.port}"
        self.authority = str(home / "tls/ca.pem")

    def __enter__(self) -> "Front":
        web.write_configuration(self.layout, self.home)
        main = self.home / "nginx.conf"
        main.write_text(main.read_text().replace("worker_connections 4096", f"worker_connections {self.worker_connections}"))
        with open(self.home / "nginx.log", "wb") as log:
            self.nginx = subprocess.Popen(web.command(self.home), env=bare_environment(), stdout=log, stderr=log)
        eventually(self.listens, "the second nginx")
        return self

    def listens(self) -> bool:
        assert self.nginx.poll() is None, (self.home / "nginx.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def __exit__(self, *_: object) -> None:
        self.nginx.terminate()
        self.nginx.wait(10)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
