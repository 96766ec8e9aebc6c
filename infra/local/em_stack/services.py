"""The four services: their environment, and starting, preparing (keys, migrations, demo) and ending them."""

import signal
import subprocess

from .layout import LOOPBACK, ROOT, Layout, StackError, say, write_private
from .process import Process, http_status, wait_ready
from .servers import bare_environment

# What each service is told, beyond what all are told; `keys/…` and `secrets/…` are files, given as NAME_FILE.
OWN_SETTINGS = {
    "api-service": {
        "EM_DATABASE_URL": "secrets/database-url-api", "EM_AMQP_URL": "secrets/amqp-url-api",
        "EM_REDIS_URL": "secrets/redis-url-api", "EM_ACCESS_TOKEN_KEY": "keys/access-token.key",
        "EM_ACCESS_TOKEN_PUBLIC_KEYS": "keys/access-token.jwks", "EM_WEBHOOK_KEY": "keys/webhook.key",
        "EM_BROKER_SECRET": "secrets/broker-secret",
    },
    "ws-hub": {
        "EM_DATABASE_URL": "secrets/database-url-ws-hub", "EM_REDIS_URL": "secrets/redis-url-ws-hub",
        "EM_ACCESS_TOKEN_PUBLIC_KEYS": "keys/access-token.jwks",
    },
    "ticket-worker": {
        "EM_DATABASE_URL": "secrets/database-url-ticket-worker", "EM_AMQP_URL": "secrets/amqp-url-ticket-worker",
        "EM_TICKET_KEY": "keys/ticket.key",
    },
    "notifications": {
        "EM_DATABASE_URL": "secrets/database-url-notifications", "EM_AMQP_URL": "secrets/amqp-url-notifications",
        "EM_WEBHOOK_KEY": "keys/webhook.key",
    },
}


def process_name(service: str, instance: int) -> str:
    return f"{service}-{instance}"


def write_secret_urls(layout: Layout) -> None:
    """The addresses that contain a password, one file each: every service has users of its own."""
    urls = {"migration-url": layout.database_url("em_owner"), "redis-url-api": layout.redis_url("em_api"),
            "redis-url-ws-hub": layout.redis_url("em_ws_hub")}
    for service, role in {"api": "em_service", "ws-hub": "em_ws_hub", "ticket-worker": "em_ticket_worker",
                          "notifications": "em_notifications"}.items():
        urls[f"database-url-{service}"] = layout.database_url(role)
    for service in ("api", "ticket-worker", "notifications"):
        urls[f"amqp-url-{service}"] = layout.broker_url(f"em_{service.replace('-', '_')}")
    for name, url in urls.items():
        write_private(layout.secrets / name, url)


def service_environment(layout: Layout, service: str, instance: int = 1) -> dict[str, str]:
    settings = layout.settings
    environment = bare_environment(
        EM_HTTP_HOST=LOOPBACK,
        EM_HTTP_PORT=str(layout.service_port(service, instance)),
        EM_PUBLIC_URL=layout.public_url,
        EM_DEMO="true",
        EM_LOG_LEVEL=settings.log_level,
        EM_TRUSTED_PROXIES="127.0.0.1/32,::1/128",
    )
    if settings.rate_limit:
        environment["EM_RATE_LIMIT"] = settings.rate_limit
    if service == "api-service" and settings.require_verified_email:
        environment["EM_REQUIRE_VERIFIED_EMAIL"] = settings.require_verified_email
    if service == "api-service" and settings.event_log_days:
        environment["EM_EVENT_LOG_DAYS"] = settings.event_log_days
    if service == "api-service" and settings.cors_origins:
        environment["EM_CORS_ORIGINS"] = settings.cors_origins
    if service in ("api-service", "notifications") and settings.webhook_allowed_addresses:
        environment["EM_WEBHOOK_ALLOWED_ADDRESSES"] = settings.webhook_allowed_addresses
    if service == "notifications":
        environment["EM_SMTP_URL"] = f"smtp://{LOOPBACK}:{layout.server_port('smtp')}"
        environment["EM_MAIL_FROM"] = "EM-Connect <no-reply@example.com>"
    for name, file in OWN_SETTINGS[service].items():
        environment[f"{name}_FILE"] = str(layout.state / file)
    return environment


def require_binaries(layout: Layout) -> None:
    missing = [name for name in OWN_SETTINGS if not (layout.binaries / name).exists()]
    if not (ROOT / "frontend/dist/index.html").exists():
        missing.append("frontend/dist")
    if missing:
        raise StackError(f"not built ({layout.settings.build}): {', '.join(missing)}; run `make build`")


def prepare(layout: Layout) -> None:
    """Signing keys where missing, the database's schema, the demo's accounts and events. All can be repeated."""
    write_secret_urls(layout)
    migration = {"EM_MIGRATION_DATABASE_URL_FILE": str(layout.secrets / "migration-url")}
    run_api_service(layout, ["keys", "generate", "--directory", str(layout.keys)], {})
    run_api_service(layout, ["migrate"], migration)
    run_api_service(layout, ["seed-demo"], {})


def run_api_service(layout: Layout, arguments: list[str], extra: dict[str, str]) -> None:
    environment = {**service_environment(layout, "api-service"), **extra, "EM_STACK": str(layout.state)}
    with open(layout.logs / "prepare.log", "ab") as log:
        ran = subprocess.run([str(layout.binaries / "api-service"), *arguments], env=environment, cwd=layout.state,
                             stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=300)
    if ran.returncode:
        raise StackError(f"`api-service {' '.join(arguments)}` failed; the end of {layout.logs / 'prepare.log'}:\n"
                         + Process(layout, "prepare").tail())


def start_service(layout: Layout, service: str, instance: int) -> None:
    Process(layout, process_name(service, instance)).start(
        [str(layout.binaries / service), "serve"], service_environment(layout, service, instance))


def wait_for_service(layout: Layout, service: str, instance: int) -> None:
    port = layout.service_port(service, instance)
    wait_ready(Process(layout, process_name(service, instance)), lambda: http_status(port, "/readyz") == 200)


def running_services(layout: Layout) -> list[Process]:
    """Every service process that has a pid file, also of an earlier `up` with more instances."""
    files = [file for service in OWN_SETTINGS for file in layout.run.glob(f"{service}-*.pid")]
    return [Process(layout, file.stem) for file in sorted(files)]


def stop_services(processes: list[Process]) -> None:
    """All at once: each drains on its own (SIGTERM; EM_MAXIMUM_DRAIN is 25 s), then whoever is left is killed."""
    for process in processes:
        process.send(signal.SIGTERM)
    for process in processes:
        process.stop(patience=30)


def stop_surplus(layout: Layout) -> None:
    wanted = {process_name(service, instance) for service, instance in layout.instances()}
    surplus = [process for process in running_services(layout) if process.name not in wanted]
    for process in surplus:
        say(f"stopping {process.name}: no longer asked for")
    stop_services(surplus)
