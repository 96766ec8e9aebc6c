"""People to act as. Made by SQL and given tokens that this test signs: hashing a thousand passwords would take a
minute. Signing up and in by HTTP is tested where it is the matter."""

import base64
import json
import time
import uuid
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from em.api import Api
from em.stack import Stack

PASSWORD = "correct horse battery staple"  # the demo accounts' password, whose hash everybody here shares


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Person:
    id: str
    email: str
    name: str
    role: str
    api: Api
    session: str = ""

    @property
    def token(self) -> str:
        assert self.api.token
        return self.api.token

    def key(self, *scopes: str) -> str:
        """An API key of this person's, as a machine sends it instead of a token."""
        return self.api.post("/api-keys", {"name": "of a test", "scopes": scopes}, status=201)["key"]


class People:
    def __init__(self, stack: Stack):
        self.stack = stack
        self.run = uuid.uuid4().hex[:8]
        self.hash = stack.value("SELECT password_hash FROM users WHERE email = 'user@example.com'")
        seed = (stack.state / "keys/access-token.key").read_text().strip()
        self.key = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(seed + "="))
        self.key_id = Api(stack.url).get("/.well-known/jwks.json")["keys"][0]["kid"]

    def one(self, role: str = "user", name: str = "Tess Tester") -> Person:
        return self.many(1, role, name)[0]

    def many(self, count: int, role: str = "user", name: str = "Tess Tester", group: str = "") -> list[Person]:
        """`group` starts the addresses, so that a crowd's mails can be told from others."""
        made = self.unknown(count, role, name, group)
        self.stack.insert(
            "INSERT INTO users (id, email, display_name, password_hash, role, email_verified_at) VALUES (%s, %s, %s, %s, %s, now())",
            [(person.id, person.email, person.name, self.hash, role) for person in made])
        self.stack.insert(
            "INSERT INTO sessions (id, user_id, expires_at) VALUES (%s, %s, now() + interval '1 day')",
            [(person.session, person.id) for person in made])
        return made

    def unknown(self, count: int, role: str = "user", name: str = "Tess Tester", group: str = "") -> list[Person]:
        """People with tokens of whom no database has heard."""
        group = group or uuid.uuid4().hex[:8]
        made = []
        for number in range(count):
            identity, session = str(uuid.uuid4()), str(uuid.uuid4())
            email = f"{group}-{number:04}@{self.run}.example.test"
            api = Api(self.stack.url, self.token(identity, role, sid=session))
            made.append(Person(identity, email, name, role, api, session))
        return made

    def token(self, user: str, its_role: str, *, key: Ed25519PrivateKey | None = None, head: dict | None = None,
              **claims: object) -> str:
        """A token as api-service makes them (Sources/Access/AccessTokens.swift); arguments make it a wrong one."""
        now = int(time.time())
        header = {"alg": "EdDSA", "typ": "at+jwt", "kid": self.key_id, **(head or {})}
        payload = {"iss": self.stack.url, "aud": ["em-connect"], "sub": user, "sid": str(uuid.uuid4()), "role": its_role,
                   "iat": now, "exp": now + 900, **claims}
        signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, payload))
        signature = b"" if header["alg"] == "none" else (key or self.key).sign(signed.encode())
        return f"{signed}.{base64url(signature)}"
