#!/usr/bin/env python3
"""A web server that receives EM-Connect's webhooks, rejects those that are not genuine, and prints each message once.

Settings, from the environment:
    WEBHOOK_SECRET       whsec_…, as returned when the subscription was created; several, separated by spaces, during a rotation
    WEBHOOK_PUBLIC_KEY   whpk_…, instead or in addition: checks Ed25519 signatures (v1a), which needs python3-cryptography
    WEBHOOK_LISTEN       127.0.0.1:9000
    WEBHOOK_SEEN         the SQLite file of processed webhook ids (webhooks.sqlite)

The signatures are those of Standard Webhooks (https://www.standardwebhooks.com). Put an HTTPS proxy in front.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE = 300  # seconds between the sender's clock and ours
LARGEST = 1 << 20


class NotGenuine(Exception):
    pass


def verify(headers: Mapping[str, str], body: bytes, secrets: list[str], public_keys: list[str]) -> None:
    """Raises NotGenuine unless one of the keys signed exactly these bytes, recently."""
    identity, timestamp, given = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not identity or not timestamp.isascii() or not timestamp.isdigit():
        raise NotGenuine("the webhook headers are missing")
    if abs(time.time() - int(timestamp)) > TOLERANCE:
        raise NotGenuine("the timestamp is too old or in the future")
    signed = f"{identity}.{timestamp}.".encode() + body
    expected = [hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256) for secret in secrets]
    for signature in given.split():
        version, _, text = signature.partition(",")
        try:
            made = base64.b64decode(text, validate=True)
        except binascii.Error:
            continue
        # Constant-time comparisons.
        if version == "v1" and any([hmac.compare_digest(made, each) for each in expected]):
            return
        if version == "v1a" and any([is_signed_by(key, made, signed) for key in public_keys]):
            return
    raise NotGenuine("no signature matches")


def is_signed_by(public_key: str, signature: bytes, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_"))).verify(signature, signed)
        return True
    except InvalidSignature:
        return False


class Seen:
    """Ids of processed webhooks: delivery is at least once, and an attacker can replay one while its timestamp is valid."""

    def __init__(self, path: str):
        self.path = path
        with closing(self._file()) as file:
            file.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")

    def _file(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None, timeout=10)  # one for each thread

    def once(self, identity: str, work: Callable[[], None]) -> None:
        """Does the work unless it was done before, and commits the id with it: work that fails or is killed is retried."""
        with closing(self._file()) as file:
            file.execute("BEGIN IMMEDIATE")  # a concurrent delivery of the same id waits; without a commit everything is rolled back
            if file.execute("INSERT OR IGNORE INTO seen VALUES (?)", (identity,)).rowcount == 1:
                work()
            file.execute("COMMIT")


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 15
    secrets = os.environ.get("WEBHOOK_SECRET", "").split()
    public_keys = os.environ.get("WEBHOOK_PUBLIC_KEY", "").split()
    seen: Seen

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 < length <= LARGEST:
            return self.answer(413)
        body = self.rfile.read(length)
        try:
            verify(self.headers, body, self.secrets, self.public_keys)
        except NotGenuine as reason:
            print(f"refused: {reason}", file=sys.stderr, flush=True)
            return self.answer(401)
        try:
            self.seen.once(self.headers["webhook-id"], lambda: self.work(json.loads(body)))
        except Exception as failure:
            print(f"failed: {failure!r}", file=sys.stderr, flush=True)
            return self.answer(500)  # it will be retried
        self.answer(204)

    def work(self, message: dict) -> None:
        """Writes to the same database in the same transaction happen exactly once; this print at least once. Do slow work after
        responding, for example from a job table: after 15 seconds the webhook is retried."""
        print(message["type"], message.get("subject", "-"), message.get("sequence", "-"), json.dumps(message["data"]), flush=True)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if status >= 400:
            self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    if not Receiver.secrets and not Receiver.public_keys:
        sys.exit(__doc__)
    host, _, port = os.environ.get("WEBHOOK_LISTEN", "127.0.0.1:9000").rpartition(":")
    Receiver.seen = Seen(os.environ.get("WEBHOOK_SEEN", "webhooks.sqlite"))
    ThreadingHTTPServer((host, int(port)), Receiver).serve_forever()


if __name__ == "__main__":
    main()
