"""Somebody's receiver of webhooks, and the check of signatures as Standard Webhooks 1.0 describes it."""

import base64
import hashlib
import hmac
import http.server
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from em.contract import described

# What the stack under test lets through; the rest of loopback is closed to it, as everywhere.
ADDRESS = "127.77.0.1"
TOLERANCE = 300  # seconds


@dataclass
class Heard:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.time)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def message(self) -> dict:
        return json.loads(self.body)


class Receiver:
    """A web server for the length of a `with`. `answer` decides on the status of each request; it may take its time. What it gets
    of ours is held against asyncapi.yaml."""

    def __init__(self, address: str = ADDRESS, answer: Callable[[Heard], int | tuple[int, dict[str, str]]] = lambda _: 204,
                 port: int = 0):
        self.answer, self.heard, self.connections, self.wrong = answer, [], 0, []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard = Heard(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                receiver.heard.append(heard)
                if "webhook-id" in heard.headers:
                    receiver.check(heard)
                answer = receiver.answer(heard)
                status, headers = answer if isinstance(answer, tuple) else (answer, {})
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", "0" if status == 204 else "5")
                    self.end_headers()
                    if status != 204:
                        self.wfile.write(b"heard")
                except OSError:
                    pass  # whoever asked is gone

            def log_message(self, *_: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
            request_queue_size = 128

            def get_request(self):
                receiver.connections += 1
                return super().get_request()

        self.server = Server((address, port), Handler)
        self.port = self.server.server_port
        host = f"[{address}]" if ":" in address else address
        self.url = f"http://{host}:{self.port}/hook"

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        assert not self.wrong, "\n".join(self.wrong)

    def check(self, heard: Heard) -> None:
        try:
            described().check_delivery(heard.message)
            assert heard.message["id"] == heard.id and heard.headers["content-type"] == "application/cloudevents+json", heard.headers
        except (AssertionError, ValueError, KeyError) as error:
            self.wrong.append(f"{type(error).__name__}: {error}")

    def of(self, event: str) -> list[Heard]:
        return [heard for heard in self.heard if heard.message.get("subject") == event]


class Refused(Exception):
    pass


def verify(heard: Heard, secret: str, now: float | None = None) -> str:
    """Checks one delivery under `whsec_…` or `whpk_…`; answers the scheme that matched."""
    identifier, timestamp = heard.headers["webhook-id"], heard.headers["webhook-timestamp"]
    if abs((now or time.time()) - int(timestamp)) > TOLERANCE:
        raise Refused("old")
    content = f"{identifier}.{timestamp}.".encode() + heard.body
    scheme, prefix = ("v1", "whsec_") if secret.startswith("whsec_") else ("v1a", "whpk_")
    key = base64.b64decode(secret.removeprefix(prefix), validate=True)
    for signature in heard.headers["webhook-signature"].split(" "):
        version, _, value = signature.partition(",")
        given = base64.b64decode(value, validate=True)
        if version != scheme:
            continue
        if scheme == "v1" and hmac.compare_digest(hmac.new(key, content, hashlib.sha256).digest(), given):
            return scheme
        if scheme == "v1a":
            try:
                Ed25519PublicKey.from_public_bytes(key).verify(given, content)
                return scheme
            except InvalidSignature:
                pass
    raise Refused("no signature matches")


def secrets(master: str, subscription: str, generation: int = 1) -> tuple[str, str]:
    """`whsec_…` and `whpk_…` of a subscription, derived as Sources/Webhooks/WebhookSecret.swift says it does."""
    key = base64.urlsafe_b64decode(master + "=" * (-len(master) % 4))

    def derive(use: str) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=f"{use}/{subscription}/{generation}".encode()).derive(key)

    public = Ed25519PrivateKey.from_private_bytes(derive("em-webhook-ed25519")).public_key().public_bytes_raw()
    return ("whsec_" + base64.b64encode(derive("em-webhook")).decode(), "whpk_" + base64.b64encode(public).decode())
