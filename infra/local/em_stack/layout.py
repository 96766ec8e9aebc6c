"""Where a stack keeps its files, which ports it uses and what it was told: read once, passed to everything else."""

import ipaddress
import json
import os
import pwd
import re
import secrets
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LOOPBACK = "127.0.0.1"

SERVERS = ("postgres", "rabbitmq", "redis", "mail")
SERVICES = ("api-service", "ws-hub", "ticket-worker", "notifications")

# Every port but the public one lies in one block of 64, chosen by the public port and below the kernel's ephemeral
# range (32768…): two stacks collide only when their public ports differ by a multiple of 349.
FIRST_PORT, BLOCK, BLOCKS = 10240, 64, 349
SERVER_OFFSETS = {"postgres": 0, "amqp": 1, "distribution": 2, "epmd": 3, "redis": 4, "smtp": 5, "mail": 6}
FIRST_SERVICE_OFFSET, MAXIMUM_INSTANCES = 8, 14


class StackError(Exception):
    """Something that the person at the terminal must know; shown without a stack trace."""


@dataclass
class Settings:
    """What the environment said at the last `up` or `servers-up`; kept in stack.json for the commands that follow."""

    port: int = 8080
    counts: dict[str, int] = field(default_factory=lambda: {name: 1 for name in SERVICES})
    build: str = "release"
    fast: bool = False
    rate_limit: str = ""
    require_verified_email: str = ""
    event_log_days: str = ""
    log_level: str = "info"
    tls_certificate: str = ""
    tls_key: str = ""
    host: str = "localhost"
    bind: str = LOOPBACK
    trusted_proxies: str = ""
    cors_origins: str = ""
    webhook_allowed_addresses: str = ""
    statement_statistics: bool = False

    @staticmethod
    def from_environment(fast: bool) -> "Settings":
        counts = {name: whole_number(name.upper().replace("-", "_"), 1, 1, MAXIMUM_INSTANCES) for name in SERVICES}
        settings = Settings(
            port=whole_number("EM_PORT", 8080, 1, 65535),
            counts=counts,
            build=os.environ.get("EM_BUILD", "release"),
            fast=fast,
            rate_limit=os.environ.get("EM_RATE_LIMIT", ""),
            require_verified_email=os.environ.get("EM_REQUIRE_VERIFIED_EMAIL", ""),
            event_log_days=os.environ.get("EM_EVENT_LOG_DAYS", ""),
            log_level=os.environ.get("EM_LOG_LEVEL", "info"),
            tls_certificate=os.environ.get("EM_TLS_CERT", ""),
            tls_key=os.environ.get("EM_TLS_KEY", ""),
            host=public_host(os.environ.get("EM_HOST") or "localhost"),
            bind=address("EM_BIND", LOOPBACK),
            trusted_proxies=",".join(ranges("EM_TRUSTED_PROXIES")),
            cors_origins=os.environ.get("EM_CORS_ORIGINS", ""),
            webhook_allowed_addresses=",".join(ranges("EM_WEBHOOK_ALLOWED_ADDRESSES")),
            statement_statistics=os.environ.get("EM_STATEMENT_STATISTICS") == "on",
        )
        if settings.build not in ("release", "debug"):
            raise StackError("EM_BUILD must be release or debug")
        if bool(settings.tls_certificate) != bool(settings.tls_key):
            raise StackError("EM_TLS_CERT and EM_TLS_KEY belong together: set both or neither")
        return settings


def whole_number(name: str, default: int, low: int, high: int) -> int:
    given = os.environ.get(name) or str(default)
    if not given.isascii() or not given.isdigit() or not low <= int(given) <= high:
        raise StackError(f"{name} must be a whole number from {low} to {high}, not {given!r}")
    return int(given)


def address(name: str, default: str) -> str:
    given = (os.environ.get(name) or default).removeprefix("[").removesuffix("]")
    try:
        parsed = ipaddress.ip_address(given)
    except ValueError:
        raise StackError(f"{name} must be an IP address, not {given!r}") from None
    if "%" in given:
        raise StackError(f"{name} must be an IP address without a zone, not {given!r}")
    return str(parsed)


def public_host(given: str) -> str:
    """As browsers write it; Sources/Bootstrap/PublicURL.swift has the same rules."""
    if not given.isascii():
        raise StackError(f"EM_HOST must be written in ASCII, an international name as browsers send it (xn--…), not {given!r}")
    bare = given.lower().removeprefix("[").removesuffix("]")
    try:
        parsed = ipaddress.ip_address(bare)
    except ValueError:
        label = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
        if re.fullmatch(rf"({label}\.)*{label}", bare) and bare == given.lower() and not re.search(r"(^|\.)(\d+|0x[0-9a-f]*)$", bare):
            return bare
        raise StackError(f"EM_HOST must be a name or an IP address, without scheme and port, not {given!r}") from None
    if parsed.version == 6 and ("%" in bare or parsed.ipv4_mapped):
        raise StackError(f"EM_HOST must be an IP address without a zone and not one of IPv4's in IPv6's form, not {given!r}")
    return f"[{parsed.compressed}]" if parsed.version == 6 else str(parsed)


def ranges(name: str) -> list[str]:
    """Addresses or CIDR ranges, separated by commas."""
    given = [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]
    try:
        return [str(ipaddress.ip_network(part, strict=False)) for part in given]
    except ValueError as error:
        raise StackError(f"{name} must list addresses or CIDR ranges: {error}") from None


class Layout:
    """Paths and ports of one stack."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.state = state_directory()
        self.run, self.logs = self.state / "run", self.state / "logs"
        self.secrets, self.keys = self.state / "secrets", self.state / "keys"
        self.environment_file = self.state / "env"
        block = settings.port % BLOCKS
        first = FIRST_PORT + block * BLOCK
        if first <= settings.port < first + BLOCK:  # the public port lies in its own block: take the next one
            first = FIRST_PORT + (block + 1) % BLOCKS * BLOCK
        self.first_port = first

    def make_directories(self) -> None:
        for directory in (self.state, self.run, self.logs):
            directory.mkdir(parents=True, exist_ok=True)
        for directory in (self.secrets, self.keys):
            directory.mkdir(mode=0o700, exist_ok=True)

    def server_port(self, name: str) -> int:
        return self.first_port + SERVER_OFFSETS[name]

    def service_port(self, service: str, instance: int) -> int:
        return self.first_port + FIRST_SERVICE_OFFSET + SERVICES.index(service) * MAXIMUM_INSTANCES + instance - 1

    def instances(self) -> list[tuple[str, int]]:
        return [(name, number) for name in SERVICES for number in range(1, self.settings.counts[name] + 1)]

    @property
    def binaries(self) -> Path:
        return ROOT / ".build" / self.settings.build

    @property
    def public_url(self) -> str:
        scheme, usual = ("https", 443) if self.settings.tls_certificate else ("http", 80)
        return f"{scheme}://{self.settings.host}" + ("" if self.settings.port == usual else f":{self.settings.port}")

    def secret(self, name: str) -> str:
        """A random password of this stack, made when it is first asked for."""
        path = self.secrets / name
        if not path.exists():
            write_private(path, secrets.token_hex(24))
        return path.read_text()

    def database_url(self, role: str) -> str:
        password = self.secret(f"{role.removeprefix('em_').replace('_', '-')}-password")
        return f"postgres://{role}:{password}@{LOOPBACK}:{self.server_port('postgres')}/em"

    def broker_url(self, user: str) -> str:
        return f"amqp://{user}:{self.secret(broker_secret(user))}@{LOOPBACK}:{self.server_port('amqp')}/%2f"

    def redis_password(self, user: str) -> str:
        return self.secret(f"redis-{user.removeprefix('em_').replace('_', '-')}-password" if user else "redis-password")

    def redis_url(self, user: str = "") -> str:
        """Without a user: the administrator's."""
        password = self.redis_password(user)
        return f"redis://{user}:{password}@{LOOPBACK}:{self.server_port('redis')}/0"

    def addresses(self) -> dict[str, str]:
        """The lines of $EM_STATE_DIR/env: for tests and tools, with the stack administrator's rights."""
        return {
            "EM_STATE_DIR": str(self.state),
            "EM_PORT": str(self.settings.port),
            "EM_PUBLIC_URL": self.public_url,
            "EM_DATABASE_URL": self.database_url("postgres"),
            "EM_AMQP_URL": self.broker_url("em"),
            "EM_REDIS_URL": self.redis_url(),
            "EM_SMTP_URL": f"smtp://{LOOPBACK}:{self.server_port('smtp')}",
            "EM_MAIL_URL": f"http://{LOOPBACK}:{self.server_port('mail')}",
            "EM_SERVICE_DATABASE_URL": self.database_url("em_service"),
            "EM_MIGRATION_DATABASE_URL": self.database_url("em_owner"),
        }

    def write_environment(self) -> None:
        lines = "".join(f"{name}={value}\n" for name, value in self.addresses().items())
        write_private(self.environment_file, lines)

    def save_settings(self) -> None:
        write_private(self.state / "stack.json", json.dumps(asdict(self.settings), indent=2) + "\n")


def broker_secret(user: str) -> str:
    return "amqp-password" if user == "em" else f"amqp-{user.removeprefix('em_').replace('_', '-')}-password"


def state_directory() -> Path:
    given = os.environ.get("EM_STATE_DIR") or ".local"
    path = (ROOT / given).resolve()
    if any(character.isspace() or character in "'\"$;{}\\" for character in str(path)):
        raise StackError(f"the state directory's path has a space, quote or other character that its servers' "
                         f"configuration files cannot hold: {path}; set EM_STATE_DIR to another place")
    return path


def saved_settings() -> Settings | None:
    """What the running stack was started with; None when nothing was started here."""
    path = state_directory() / "stack.json"
    return Settings(**json.loads(path.read_text())) if path.exists() else None


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner reads, whole or not at all."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    beside.replace(path)


def can_enter(user: pwd.struct_passwd, path: Path) -> bool:
    """Whether another user gets through every directory down to `path`, judged by the permission bits."""
    groups = set(os.getgrouplist(user.pw_name, user.pw_gid))
    for directory in (path, *path.parents):
        status = directory.stat()
        shift = 6 if status.st_uid == user.pw_uid else 3 if status.st_gid in groups else 0
        if not status.st_mode >> shift & 1:
            return False
    return True


def user_named(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
