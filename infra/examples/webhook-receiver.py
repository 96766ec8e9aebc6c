#!/usr/bin/env python3
"""A web server that takes EM-Connect's webhooks, refuses what is not genuine, and prints each message once.

Settings, from the environment:
    WEBHOOK_SECRET       whsec_… as told once when the subscription was made; several, with spaces between, while one is being replaced
    WEBHOOK_PUBLIC_KEY   whpk_…, instead of or beside it: checks Ed25519 signatures (v1a), for which python3-cryptography is needed
    WEBHOOK_LISTEN       127.0.0.1:9000
    WEBHOOK_SEEN         the SQLite file that remembers what was had (webhooks.sqlite)

The signatures are those of Standard Webhooks (https://www.standardwebhooks.com). Put a web server that speaks HTTPS in front.
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
    """Raises NotGenuine unless one of the signatures was made over just these bytes, by one of the keys, a moment ago."""
    identity, timestamp, given = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not identity or not timestamp.isascii() or not timestamp.isdigit():
        raise NotGenuine("the headers of a webhook are missing")
    if abs(time.time() - int(timestamp)) > TOLERANCE:
        raise NotGenuine("it was signed too long ago, or in the future")
    signed = f"{identity}.{timestamp}.".encode() + body
    expected = [hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256) for secret in secrets]
    for signature in given.split():
        version, _, text = signature.partition(",")
        try:
            made = base64.b64decode(text, validate=True)
        except binascii.Error:
            continue
        # Every comparison takes the same time, however much of it is right.
        if version == "v1" and any([hmac.compare_digest(made, each) for each in expected]):
            return
        if version == "v1a" and any([is_signed_by(key, made, signed) for key in public_keys]):
            return
    raise NotGenuine("none of the signatures fits")


def is_signed_by(public_key: str, signature: bytes, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_"))).verify(signature, signed)
        return True
    except InvalidSignature:
        return False


class Seen:
    """What was had: a webhook comes at least once, and a thief may send one again while its timestamp is still good."""

    def __init__(self, path: str):
        self.path = path
        with closing(self._file()) as file:
            file.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")

    def _file(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None, timeout=10)  # one for each thread

    def once(self, identity: str, work: Callable[[], None]) -> None:
        """Does the work unless it was done, and remembers it with that: what fails, or is killed meanwhile, comes again."""
        with closing(self._file()) as file:
            file.execute("BEGIN IMMEDIATE")  # whoever has the same in hand waits; what ends without a commit is undone
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
            print(f"not done: {failure!r}", file=sys.stderr, flush=True)
            return self.answer(500)  # it comes again
        self.answer(204)

    def work(self, message: dict) -> None:
        """What is written to the same database, in the same transaction, is done exactly once; this line at least once. What takes
        long belongs behind the answer, into a table of things to do: after 15 seconds it comes again."""
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
