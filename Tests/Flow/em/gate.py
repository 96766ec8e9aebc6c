"""A gate of somebody else's making: reads tickets by the format that Sources/Domain/Tickets/TicketToken.swift documents, with
the published keys and nothing else of ours."""

import base64
import hashlib
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

EPOCH = datetime(2020, 1, 1, tzinfo=timezone.utc)


@dataclass
class ReadTicket:
    ticket: str
    event: str
    issue: int
    not_before: datetime | None
    not_after: datetime | None


def verify(text: str, keys: dict) -> ReadTicket:
    """Raises ValueError or cryptography's InvalidSignature for anything but a ticket signed by one of the keys."""
    if not text.startswith("EM1:"):
        raise ValueError("no ticket")
    encoded = text.removeprefix("EM1:")
    data = base64.b32decode(encoded + "=" * (-len(encoded) % 8))
    if len(data) != 108:
        raise ValueError("no ticket of version 1")
    raw_keys = [base64.urlsafe_b64decode(key["x"] + "=") for key in keys["keys"] if key["crv"] == "Ed25519"]
    [key] = [raw for raw in raw_keys if hashlib.sha256(raw).digest()[:4] == data[:4]]
    Ed25519PublicKey.from_public_bytes(key).verify(data[44:], b"EM-Connect ticket 1" + data[:44])

    def time(offset: int) -> datetime | None:
        minutes = int.from_bytes(data[offset : offset + 3], "big")
        return EPOCH + timedelta(minutes=minutes) if minutes else None

    return ReadTicket(str(uuid.UUID(bytes=data[4:20])), str(uuid.UUID(bytes=data[20:36])),
                      int.from_bytes(data[36:38], "big"), time(38), time(41))


def scan(image: bytes) -> str:
    """The text of the one QR code in a PNG, as zbarimg reads it."""
    text = look(image)
    assert text is not None, "zbarimg found no QR code"
    return text


def look(image: bytes) -> str | None:
    """The same, or None when zbarimg finds no QR code."""
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        file.write(image)
        file.flush()
        read = subprocess.run(["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file.name],
                              capture_output=True, text=True, timeout=60)
    assert read.returncode in (0, 4), f"zbarimg failed: {read.stderr}"  # 4: there was none
    return read.stdout.rstrip("\n") if read.returncode == 0 else None
