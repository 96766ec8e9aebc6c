"""nginx in front of the stack: fills in infra/nginx, the same template that the container image fills in."""

import ipaddress
import os
import re
import signal
import socket
from pathlib import Path

from .layout import LOOPBACK, ROOT, Layout, StackError, can_enter, user_named, write_private
from .process import Process, answers, http_status, wait_ready
from .servers import bare_environment, program

MAIN = """# Written by infra/local/stack at every start.
{user}pid {home}/nginx.pid;
worker_processes 2;
worker_rlimit_nofile 8192;
error_log stderr warn;
daemon off;
events {{ worker_connections 4096; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    upstream api_service {{ {api} keepalive 64; }}
    upstream ws_hub {{ least_conn; {hub} }}
    include {home}/em.conf;
}}
"""


def worker_user(home: Path) -> str:
    """Root's nginx hands its workers to www-data when that user reaches the pages, else they stay root's."""
    if os.geteuid() != 0:
        return ""
    user = user_named("www-data")
    reaches = user and can_enter(user, home) and can_enter(user, ROOT / "frontend/dist")
    return "user www-data;\n" if reaches else "user root;\n"


def listen_directives(layout: Layout) -> str:
    tls = " ssl" if layout.settings.tls_certificate else ""
    given = ipaddress.ip_address(layout.settings.bind)
    addresses = [LOOPBACK] + (["[::1]"] if has_ipv6_loopback() else [])
    if given.is_unspecified:  # every address there is
        addresses = ["0.0.0.0"] + (["[::]"] if given.version == 6 else addresses[1:])
    elif not given.is_loopback:
        addresses.append(str(given) if given.version == 4 else f"[{given}]")
    lines = [f"listen {address}:{layout.settings.port}{tls};" for address in addresses]
    if tls:
        lines += [f"ssl_certificate {ROOT / layout.settings.tls_certificate};",
                  f"ssl_certificate_key {ROOT / layout.settings.tls_key};"]
    return "\n    ".join(lines)


def real_ip_directives(layout: Layout) -> str:
    proxies = layout.settings.trusted_proxies
    lines = [f"set_real_ip_from {proxy};" for proxy in proxies.split(",") if proxy]
    return " ".join([*lines, "real_ip_header X-Forwarded-For;", "real_ip_recursive on;"]) if lines else ""


def cors_origins(layout: Layout) -> str:
    """As browsers write them."""
    usual = {"http": ":80", "https": ":443"}
    given = [origin.lower().rstrip("/") for origin in re.split(r"[, ]+", layout.settings.cors_origins) if origin]
    wrong = [origin for origin in given if not re.fullmatch(r"https?://[][a-z0-9.:-]+", origin)]
    if wrong:
        raise StackError("EM_CORS_ORIGINS must list origins such as https://partner.example")
    origins = [origin.removesuffix(usual[origin.partition(":")[0]]) for origin in given]
    return " ".join(f'"{origin}" {origin};' for origin in origins)


def has_ipv6_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def configuration(layout: Layout, home: Path) -> str:
    values = {
        "EM_LISTEN": listen_directives(layout),
        "EM_ROOT": str(ROOT / "frontend/dist"),
        "EM_API_UPSTREAM": "api_service",
        "EM_HUB_UPSTREAM": "ws_hub",
        "EM_RESOLVER": "",
        "EM_REAL_IP": real_ip_directives(layout),
        "EM_CORS": cors_origins(layout),
        "EM_ACCESS_LOG": str(access_log(layout)),
        "EM_RATE_LIMIT": layout.settings.rate_limit or "on",
        "EM_CACHE": str(home / "cache"),
    }
    template = (ROOT / "infra/nginx/em.conf.template").read_text()
    return re.sub(r"\$\{(EM_[A-Z_]+)\}", lambda match: values[match[1]], template)


def write_configuration(layout: Layout, home: Path) -> bool:
    """Whether anything changed."""
    home.mkdir(exist_ok=True)

    def upstream(service: str) -> str:
        # max_fails=0: a dead instance refuses at once and the next one is asked; nobody is left out after one error.
        ports = [layout.service_port(name, number) for name, number in layout.instances() if name == service]
        return " ".join(f"server {LOOPBACK}:{port} max_fails=0;" for port in ports)

    main = MAIN.format(user=worker_user(home), home=home, api=upstream("api-service"), hub=upstream("ws-hub"))
    changed = False
    for name, text in (("nginx.conf", main), ("em.conf", configuration(layout, home))):
        path = home / name
        if not path.exists() or path.read_text() != text:
            write_private(path, text)
            changed = True
    return changed


def start_nginx(layout: Layout) -> None:
    home = layout.state / "nginx"
    changed = write_configuration(layout, home)
    process = Process(layout, "nginx")
    if process.pid and changed:
        process.send(signal.SIGHUP)  # reload: takes new upstreams without dropping a connection
    process.start(command(home), bare_environment())
    keeper(layout).start([str(ROOT / "infra/nginx/keep-logs"), str(access_log(layout)), str(home / "nginx.pid")], bare_environment())
    wait_ready(process, lambda: nginx_ready(layout), seconds=15)


def keeper(layout: Layout) -> Process:
    """Puts the access log away, day by day, and deletes what is older than 30 days."""
    return Process(layout, "nginx-keep-logs")


def access_log(layout: Layout) -> Path:
    return layout.logs / "nginx-access.log"


def command(home: Path) -> list[str]:
    return [program("nginx"), "-c", str(home / "nginx.conf"), "-p", str(home), "-e", "stderr"]


def nginx_ready(layout: Layout) -> bool:
    if layout.settings.tls_certificate:
        return answers(layout.settings.port)
    return http_status(layout.settings.port, "/") == 200


def check_certificate(layout: Layout) -> None:
    for name in (layout.settings.tls_certificate, layout.settings.tls_key):
        if name and not os.access(ROOT / name, os.R_OK):
            raise StackError(f"EM_TLS_CERT/EM_TLS_KEY: cannot read {name}")
