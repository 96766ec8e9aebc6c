"""nginx, the front: what every answer says to browsers, what it refuses, and the same over TLS."""

import http.server
import json
import re
import socket
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from em.api import problem
from em.front import Front, free_port
from em.people import People
from em.stack import ROOT, Stack
from em.world import World

PAGES = ("/", "/sign-in", "/organizer/events/x", "/gate/", "/favicon.svg", "/api/v1/events", "/api/v1/me", "/openapi.yaml",
         "/asyncapi.yaml", "/docs", "/docs/problems", "/.well-known/jwks.json", "/api/v1/nothing")


@pytest.fixture(scope="module")
def front(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """The product over TLS."""
    home = tmp_path_factory.mktemp("front")
    subprocess.run([ROOT / "infra/local/certificate", home / "tls", "localhost", "127.0.0.1"], check=True, capture_output=True)
    with Front(stack, home, tls_certificate=str(home / "tls/site.pem"), tls_key=str(home / "tls/site.key")) as front:
        yield front


def policy(response: requests.Response) -> dict[str, set[str]]:
    parts = response.headers["Content-Security-Policy"].split(";")
    return {words[0]: set(words[1:]) for words in (part.split() for part in parts) if words}


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_tells_browsers_what_it_is_and_is_not(stack: Stack, path: str) -> None:
    response = requests.get(stack.url + path, timeout=10)
    for name, value in {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin",
                        "Cross-Origin-Resource-Policy": "same-origin"}.items():
        assert response.headers[name] == value, name  # once: a second one would be joined with a comma
    assert response.headers["Referrer-Policy"] in ("strict-origin-when-cross-origin", "no-referrer")
    assert "camera=(self)" in response.headers["Permissions-Policy"]
    rules = policy(response)
    assert rules["frame-ancestors"] == {"'none'"}
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "data:"} & (rules.get("script-src") or rules["default-src"])
    assert not {"'unsafe-inline'", "*"} & (rules.get("style-src") or rules["default-src"])
    assert "Server" not in response.headers or not any(letter.isdigit() for letter in response.headers["Server"])
    assert "Strict-Transport-Security" not in response.headers  # over plain HTTP browsers would ignore it


def test_webassembly_runs_on_the_gate_alone(stack: Stack) -> None:
    for path in PAGES:
        allowed = "'wasm-unsafe-eval'" in requests.get(stack.url + path, timeout=10).headers["Content-Security-Policy"]
        assert allowed == path.startswith("/gate/"), path


def test_a_page_holds_no_script_and_no_style_of_its_own(stack: Stack) -> None:
    for path in ("/", "/gate/"):
        text = requests.get(stack.url + path, timeout=10).text
        assert "<script>" not in text and "<style" not in text and " style=" not in text and " onload=" not in text


def test_over_tls_browsers_are_told_to_stay_there(front: Front) -> None:
    response = requests.get(front.url, verify=front.authority, timeout=10)
    age = int(response.headers["Strict-Transport-Security"].split(";")[0].removeprefix("max-age="))
    assert age >= 365 * 86400
    plain = requests.get(f"http://localhost:{front.port}/sign-in?a=b", allow_redirects=False, timeout=10)
    assert plain.status_code == 308 and plain.headers["Location"] == f"https://localhost:{front.port}/sign-in?a=b"


def test_only_todays_tls_is_spoken_and_the_certificate_is_checked(front: Front) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(front.url, timeout=10)  # the authority is nobody's whom this machine trusts
    context = ssl.create_default_context(cafile=front.authority)
    for name, version in (("localhost", "TLSv1.3"), ("localhost", "TLSv1.2")):
        context.maximum_version = getattr(ssl.TLSVersion, version.replace(".", "_"))
        with socket.create_connection(("127.0.0.1", front.port)) as raw, context.wrap_socket(raw, server_hostname=name) as tls:
            assert tls.version() == version
    with socket.create_connection(("127.0.0.1", front.port)) as raw, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(raw, server_hostname="elsewhere.example")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # deprecated is why it is tried
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", front.port)) as raw, pytest.raises((ssl.SSLError, ConnectionError)):
        old.wrap_socket(raw)


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the headers that nginx sends to the services."""

    def do_GET(self) -> None:
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(("trusted", "seen"), [("127.0.0.0/8", "192.0.2.1"), ("", "127.0.0.1"), ("10.0.0.0/8", "127.0.0.1")])
def test_who_asks_is_believed_of_a_trusted_proxy_only(stack: Stack, tmp_path: Path, trusted: str, seen: str) -> None:
    """Limits are counted per address: whoever could choose theirs had none. The addresses are documentation's."""
    claims = {"X-Forwarded-For": "198.51.100.9, 192.0.2.1", "Forwarded": "for=198.51.100.9", "X-Real-IP": "198.51.100.9",
              "X-Forwarded-Host": "evil.example"}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as echo:
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        with Front(stack, tmp_path, api_port=echo.server_address[1], trusted_proxies=trusted) as front:
            told = requests.get(f"{front.url}/api/v1/me", headers=claims, timeout=10).json()
        echo.shutdown()
    assert told["x-forwarded-for"] == seen
    assert "forwarded" not in told and "x-forwarded-host" not in told


def test_an_address_that_asks_too_often_is_told_how_often_it_may(stack: Stack, tmp_path: Path) -> None:
    """Nothing answers behind this nginx, so that it alone decides how fast the requests are through."""
    with Front(stack, tmp_path, api_port=free_port(), rate_limit="") as front:
        answers = pipelined(front.port, "/api/v1/me", 900)
    refused = [answer for answer in answers if answer.startswith(b"HTTP/1.1 429")]
    assert 400 <= len(answers) - len(refused) < 900, "who asks for much at once is not refused, who asks on and on is"
    head, body = refused[0].decode().split("\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    assert headers["Content-Type"] == "application/problem+json" and json.loads(body)["type"] == "too-many-requests"
    assert headers["Retry-After"] == "1"
    assert headers["RateLimit-Policy"] == '"requests";q=100;w=1' and headers["RateLimit"] == '"requests";r=0;t=1'


def pipelined(port: int, path: str, count: int) -> list[bytes]:
    """The answers to so many requests, sent over one connection without waiting for any."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        sender = threading.Thread(target=connection.sendall, args=[
            f"{request}\r\n".encode() * (count - 1) + f"{request}Connection: close\r\n\r\n".encode()])
        sender.start()
        received = b"".join(iter(lambda: connection.recv(65536), b""))
        sender.join()
    return re.split(rb"(?=^HTTP/1\.1 )", received, flags=re.MULTILINE)[1:]


def hung_up(connection: socket.socket) -> bytes:
    """Waits for the end; what came before it, as far as the status."""
    said = b""
    try:
        while received := connection.recv(4096):
            said += received
    except ConnectionResetError:  # no socket of theirs is kept waiting for the other side's goodbye
        pass
    return said[:12]


@pytest.mark.parametrize("silent", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "], ids=["nothing", "half a head"])
def test_whoever_sends_no_request_is_hung_up_on(stack: Stack, silent: bytes) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", urlsplit(stack.url).port), timeout=60) as connection:
        connection.sendall(silent)
        assert hung_up(connection) in (b"", b"HTTP/1.1 408")
    assert 5 < time.monotonic() - began < 50


def test_a_body_that_never_comes_is_given_up(world: World, people: People) -> None:
    head = ("POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
            f"Authorization: Bearer {people.one('organizer').token}\r\n\r\n{{")
    with socket.create_connection(("127.0.0.1", urlsplit(world.stack.url).port), timeout=60) as connection:
        connection.sendall(head.encode())
        assert hung_up(connection) in (b"", b"HTTP/1.1 408")


def test_headers_of_a_size_that_no_browser_sends_are_refused(world: World) -> None:
    problem(world.anyone.send("GET", "/events", headers={f"X-{number}": "x" * 7000 for number in range(5)}), 431, "headers-too-large")


def test_nothing_can_be_uploaded(world: World, people: People) -> None:
    person = people.one("organizer")
    for path in ("/events", "/me"):
        response = person.api.send("POST" if path == "/events" else "PATCH", path, files={"file": ("a.png", b"\x89PNG")})
        problem(response, 415, "unsupported-media-type")
    for path in ("/", "/assets/x.js", "/gate/index.html"):
        for method in ("PUT", "POST", "DELETE"):
            assert requests.request(method, world.stack.url + path, data=b"x", timeout=10).status_code in (404, 405), (method, path)


def test_spreadsheets_run_nothing(world: World, people: People) -> None:
    """A name that is a formula stands in the file as a text (OWASP, "CSV Injection")."""
    organizer, guest = people.one("organizer"), people.one(name='=HYPERLINK("http://evil.example","x")')
    event = world.event(organizer)
    world.register(guest, event)
    text = organizer.api.send("GET", f"/events/{event['id']}/registrations.csv").text
    assert '"\'=HYPERLINK(""http://evil.example"",""x"")"' in text


def test_no_line_of_a_form_becomes_a_header_of_a_mail(world: World, people: People) -> None:
    organizer = people.one("organizer")
    for field in ("title", "venue"):
        body = world.details(**{field: "Concert\r\nBcc: victim@example.com"})
        document = problem(organizer.api.send("POST", "/events", json=body), 422, "validation-failed")
        assert {error["field"] for error in document["errors"]} == {field}
    for name in ("Tess\nBcc: victim@example.com", "Tess\rx", "Tess\x00"):
        problem(organizer.api.send("PATCH", "/me", json={"displayName": name}), 422, "validation-failed")
    for email in ("a@example.com\r\nBcc: b@example.com", "a@example.com,b@example.com", "<a@example.com>"):
        body = {"email": email, "password": "long enough for this", "displayName": "Tess"}
        problem(world.anyone.send("POST", "/auth/register", json=body), 422, "validation-failed")


def test_the_certificate_for_a_phone_is_good_for_the_addresses_it_names(tmp_path: Path) -> None:
    """What the README says to do before a phone on the same network comes by."""
    names = ("192.168.1.5", "laptop.local", "fe80::1")
    for _ in range(2):  # the authority that a phone trusts already is used again
        subprocess.run([ROOT / "infra/local/certificate", tmp_path, *names], check=True, capture_output=True)
    for name in names:
        option = "-verify_hostname" if name.endswith(".local") else "-verify_ip"
        subprocess.run(["openssl", "verify", "-CAfile", tmp_path / "ca.pem", option, name, tmp_path / "site.pem"], check=True, capture_output=True)
    wrong = subprocess.run(["openssl", "verify", "-CAfile", tmp_path / "ca.pem", "-verify_ip", "192.168.1.6", tmp_path / "site.pem"], capture_output=True)
    assert wrong.returncode != 0
    assert (tmp_path / "site.key").stat().st_mode & 0o077 == 0
