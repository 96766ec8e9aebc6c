"""Access tokens that nobody issued: the API and the hub refuse every one, and take the same token when it is honest.

After RFC 8725, and what goes wrong in the wild: `none`, one algorithm taken for another, keys that the token brings along,
and documents that the same key signed for something else."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import websocket
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from em.api import Api, problem
from em.live import Socket
from em.people import People, Person, base64url
from em.stack import Stack
from em.waiting import eventually
from em.world import World

NOT_AUTHENTICATED = 4401
ORDER = 2**252 + 27742317777372353535851937790883648493  # of the group of Ed25519
STRANGER = Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.fixture(scope="module")
def scene(people: People, world: World) -> SimpleNamespace:
    person = people.one()
    owner = people.one("organizer")
    manifest = owner.api.send("GET", f"/events/{world.event(owner)['id']}/check-in-manifest", headers={"Accept": "application/jose"})
    return SimpleNamespace(
        people=people, person=person, manifest=manifest.text,
        public=people.key.public_key(), ticket_key=ticket_key(people))


def ticket_key(people: People) -> Ed25519PrivateKey:
    seed = (people.stack.state / "keys/ticket.key").read_text().split()[-1]
    return Ed25519PrivateKey.from_private_bytes(decoded(seed))


def honest(scene: SimpleNamespace, head: dict | None = None, key: Ed25519PrivateKey | None = None, **claims: object) -> str:
    """A token like the service's own, but for what is said."""
    person: Person = scene.person
    return scene.people.token(person.id, "user", sid=person.session, head=head, key=key, **claims)


def resigned(scene: SimpleNamespace, head: dict, sign: Callable[[bytes], bytes], drop: tuple[str, ...] = ()) -> str:
    """With another header and a signature of one's own."""
    header, payload, _ = honest(scene).split(".")
    fields = {**json.loads(decoded(header)), **head}
    signed = f"{base64url(json.dumps({name: value for name, value in fields.items() if name not in drop}).encode())}.{payload}"
    return f"{signed}.{base64url(sign(signed.encode()))}"


def with_hmac(scene: SimpleNamespace, secret: bytes) -> str:
    return resigned(scene, {"alg": "HS256"}, lambda signed: hmac.new(secret, signed, hashlib.sha256).digest())


def with_rsa(scene: SimpleNamespace, head: dict) -> str:
    return resigned(scene, head, lambda signed: RSA.sign(signed, padding.PKCS1v15(), hashes.SHA256()))


def raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def jwk(key: Ed25519PrivateKey) -> dict:
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url(raw(key)), "kid": "mine", "alg": "EdDSA", "use": "sig"}


def tampered(scene: SimpleNamespace, part: int, change: Callable[[bytes], bytes]) -> str:
    parts = honest(scene).split(".")
    parts[part] = base64url(change(decoded(parts[part])))
    return ".".join(parts)


def malleable(signature: bytes) -> bytes:
    """The same signature with the group's order added to S: RFC 8032 §5.1.7 has verifiers refuse it."""
    return signature[:32] + (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")


def in_the_future(seconds: int) -> dict:
    return {"iat": int(time.time()) + seconds, "exp": int(time.time()) + seconds + 900}


ATTACKS: dict[str, Callable[[SimpleNamespace], str]] = {
    "no algorithm, no signature": lambda s: resigned(s, {"alg": "none"}, lambda _: b""),
    "no algorithm, in other letters": lambda s: resigned(s, {"alg": "nOnE"}, lambda _: b""),
    "no algorithm, with a good signature": lambda s: resigned(s, {"alg": "none"}, s.people.key.sign),
    "an empty algorithm": lambda s: resigned(s, {"alg": ""}, s.people.key.sign),
    "the algorithm left out": lambda s: resigned(s, {}, s.people.key.sign, drop=("alg",)),
    "HS256 with the public key's bytes": lambda s: with_hmac(s, raw(s.people.key)),
    "HS256 with the public key as published": lambda s: with_hmac(s, base64url(raw(s.people.key)).encode()),
    "HS256 with the public key as PEM": lambda s: with_hmac(s, s.public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)),
    "HS256 with nothing": lambda s: with_hmac(s, b""),
    "RS256 under our key's name": lambda s: with_rsa(s, {"alg": "RS256"}),
    "RS256 with its key along": lambda s: with_rsa(s, {"alg": "RS256", "jwk": {"kty": "RSA", "e": "AQAB", "n": base64url(
        RSA.public_key().public_numbers().n.to_bytes(256, "big"))}}),
    "ES256 under our key's name": lambda s: resigned(s, {"alg": "ES256"}, s.people.key.sign),
    "EdDSA in small letters": lambda s: resigned(s, {"alg": "eddsa"}, s.people.key.sign),
    "a key in its own header": lambda s: resigned(s, {"jwk": jwk(STRANGER)}, STRANGER.sign),
    "a key in its own header, by its own name": lambda s: resigned(s, {"jwk": jwk(STRANGER), "kid": "mine"}, STRANGER.sign),
    "a good token that brings a key along": lambda s: resigned(s, {"jwk": jwk(s.people.key)}, s.people.key.sign),
    "keys to be fetched elsewhere": lambda s: resigned(s, {"jku": "http://127.0.0.1:9/jwks.json"}, STRANGER.sign),
    "a good token that names keys elsewhere": lambda s: resigned(s, {"jku": "http://127.0.0.1:9/jwks.json"}, s.people.key.sign),
    "a certificate along": lambda s: resigned(s, {"x5c": ["AAAA"]}, s.people.key.sign),
    "a certificate elsewhere": lambda s: resigned(s, {"x5u": "http://127.0.0.1:9/"}, s.people.key.sign),
    "an extension that must be understood": lambda s: resigned(s, {"crit": ["exp"]}, s.people.key.sign),
    "typ JWT": lambda s: resigned(s, {"typ": "JWT"}, s.people.key.sign),
    "typ of the gate's list": lambda s: resigned(s, {"typ": "em-manifest+jws"}, s.people.key.sign),
    "no typ": lambda s: resigned(s, {}, s.people.key.sign, drop=("typ",)),
    "an unknown kid": lambda s: resigned(s, {"kid": "unknown"}, s.people.key.sign),
    "no kid": lambda s: resigned(s, {}, s.people.key.sign, drop=("kid",)),
    "a kid that is a path": lambda s: resigned(s, {"kid": "../../../../dev/null"}, lambda signed: hmac.new(b"", signed, "sha256").digest()),
    "a kid that is SQL": lambda s: resigned(s, {"kid": "' OR 1=1 --"}, STRANGER.sign),
    "a kid that is no text": lambda s: resigned(s, {"kid": [s.people.key_id]}, s.people.key.sign),
    "somebody else's key": lambda s: honest(s, key=STRANGER),
    "the tickets' key": lambda s: honest(s, key=s.ticket_key),
    "the tickets' key by its name": lambda s: honest(s, head={"kid": base64url(hashlib.sha256(json.dumps(
        {"crv": "Ed25519", "kty": "OKP", "x": base64url(raw(s.ticket_key))}, separators=(",", ":")).encode()).digest())}, key=s.ticket_key),
    "another audience": lambda s: honest(s, aud=["somebody-else"]),
    "our audience among others": lambda s: honest(s, aud=["em-connect", "somebody-else"]),
    "no audience": lambda s: honest(s, aud=None),
    "another issuer": lambda s: honest(s, iss="https://evil.example"),
    "our issuer with a slash": lambda s: honest(s, iss=s.people.stack.url + "/"),
    "from the future": lambda s: honest(s, **in_the_future(3600)),
    "good for a day": lambda s: honest(s, exp=int(time.time()) + 86_400),
    "no end": lambda s: honest(s, exp=None),
    "an end that is a text": lambda s: honest(s, exp=str(int(time.time()) + 900)),
    "another role, the same signature": lambda s: tampered(s, 1, lambda payload: payload.replace(b'"user"', b'"admin"')),
    "another header, the same signature": lambda s: tampered(s, 0, lambda header: header.replace(b"at+jwt", b"AT+JWT")),
    "one bit of the signature": lambda s: tampered(s, 2, lambda signature: bytes([signature[0] ^ 1]) + signature[1:]),
    "the signature's other form": lambda s: tampered(s, 2, malleable),
    "a short signature": lambda s: tampered(s, 2, lambda signature: signature[:-1]),
    "no signature": lambda s: honest(s).rsplit(".", 1)[0] + ".",
    "two parts": lambda s: honest(s).rsplit(".", 1)[0],
    "four parts": lambda s: honest(s) + ".x",
    "the gate's list, which the same key signed": lambda s: s.manifest,
    "the refresh token's form": lambda s: base64url(b"x" * 32),
}


def refused_by_the_hub(stack: Stack, token: str) -> str:
    """Empty when the hub closed the socket as it should."""
    with Socket(stack) as socket:
        socket.send(type="authenticate", token=token)
        try:
            code = socket.close_code()
        except (AssertionError, websocket.WebSocketException) as error:
            return f"not closed: {error}"
        return "" if code == NOT_AUTHENTICATED else f"closed with {code}"


def test_the_honest_token_is_taken_by_both(stack: Stack, scene: SimpleNamespace) -> None:
    """The forger's tools work: what is refused below is refused for its flaw."""
    token = honest(scene)
    assert Api(stack.url, token).get("/me")["id"] == scene.person.id
    assert Api(stack.url, resigned(scene, {}, scene.people.key.sign)).get("/me")["id"] == scene.person.id
    Socket(stack, token).connection.close()


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_token_that_nobody_issued_is_refused_by_both(stack: Stack, scene: SimpleNamespace, attack: str) -> None:
    token = ATTACKS[attack](scene)
    problem(Api(stack.url, token).send("GET", "/me"), 401, "not-authenticated")
    problem(Api(stack.url, token).send("GET", "/events"), 401, "not-authenticated")  # also where nobody has to be signed in
    fault = refused_by_the_hub(stack, token)
    assert not fault, fault


def test_an_expired_token_is_told_from_a_forged_one(stack: Stack, scene: SimpleNamespace) -> None:
    token = honest(scene, iat=int(time.time()) - 1000, exp=int(time.time()) - 100)
    problem(Api(stack.url, token).send("GET", "/me"), 401, "token-expired")
    assert not refused_by_the_hub(stack, token)


def test_a_session_that_ended_takes_its_tokens_along(stack: Stack, people: People) -> None:
    """At once where it was ended, within seconds at every other instance; here it is ended behind the service's back."""
    person = people.one()
    assert person.api.get("/me")["id"] == person.id
    stack.rows("UPDATE sessions SET revoked_at = now() WHERE id = %s", person.session)
    eventually(lambda: person.api.send("GET", "/me").status_code == 401, "the API refuses the token")
    problem(person.api.send("GET", "/me"), 401, "not-authenticated")
