"""A request that asks to change the protocol is answered as if it hadn't asked (RFC 9110 §7.8), and the connection goes on."""

import http.client
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from em.stack import SERVICES, Stack

AT_ONCE = 5  # seconds: what hangs hangs for as long as anyone waits for it (nginx: 30 s)
PROTOCOLS = ("h2c", "foo", "websocket", "h2c, foo/2", "TLS/1.0")
HTTP_SERVICES = {"api-service": "/api/v1/events?limit=1", "ws-hub": "/ws"}


class Connection:
    """One kept connection, of which every byte is under the test's control."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=AT_ONCE)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, method: str, target: str, *fields: str, body: str = "") -> http.client.HTTPResponse:
        self.socket.sendall(request(method, target, *fields, body=body))
        return self.answer(method)

    def answer(self, method: str = "GET") -> http.client.HTTPResponse:
        answer = http.client.HTTPResponse(self.socket, method=method)
        answer.begin()
        answer.read()
        return answer

    def ends(self) -> bool:
        while rest := self.socket.recv(65536):
            assert rest
        return True


def request(method: str, target: str, *fields: str, body: str = "") -> bytes:
    size = [f"Content-Length: {len(body)}"] if body or method == "POST" else []
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: localhost", *fields, *size, "", body]).encode()


def upgrade(protocol: str) -> tuple[str, str, str]:
    return f"Upgrade: {protocol}", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"


def places(stack: Stack) -> Iterator[tuple[int, str]]:
    """Where to ask what: each service itself, its health beside its own paths, and nginx in front of them."""
    for service in SERVICES:
        yield stack.port(service), "/livez"
    for service, target in HTTP_SERVICES.items():
        yield stack.port(service), target
    for target in (*HTTP_SERVICES.values(), "/api/v1/auth/login", "/openapi.yaml", "/", "/docs"):
        yield stack.layout.settings.port, target


@pytest.mark.parametrize("body", ["", "{}"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_upgrade_nobody_speaks_is_ignored(stack: Stack, protocol: str, method: str, body: str) -> None:
    for port, target in places(stack):
        with Connection(port) as connection:
            plain = connection.ask(method, target, "Content-Type: application/json", body=body).status
            for _ in range(2):
                asked = connection.ask(
                    method, target, "Content-Type: application/json", *upgrade(protocol), body=body).status
                # A socket's handshake without its key is a bad request, which is an answer too.
                assert asked == plain or target == "/ws" and asked == 400, (target, asked, plain)
            assert connection.ask(method, target, "Content-Type: application/json", body=body).status == plain, target


@pytest.mark.parametrize("service", SERVICES)
def test_requests_sent_behind_one_another_are_all_answered(stack: Stack, service: str) -> None:
    """They arrive in one read, so that the bytes behind the upgrade have been read with it."""
    asks = [request("GET", "/livez", *upgrade("h2c")), request("POST", "/livez", *upgrade("foo"), body="x" * 100),
            request("GET", "/livez"), request("GET", "/livez", *upgrade("h2c")), request("GET", "/livez")]
    for whole in (True, False):
        with Connection(stack.port(service)) as connection:
            if whole:
                connection.socket.sendall(b"".join(asks))
            else:  # cut in the middle of everything
                data = b"".join(asks)
                connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for start in range(0, len(data), 7):
                    connection.socket.sendall(data[start : start + 7])
            reader = connection.socket.makefile("rb")
            assert [status_of(reader) for _ in asks] == [200, 404, 200, 200, 200]


def status_of(reader: object) -> int:
    """One answer off a buffered reader (http.client would read past its end)."""
    status = int(reader.readline().split()[1])
    size = 0
    while (line := reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode().partition(":")
        if name.lower() == "content-length":
            size = int(value)
    reader.read(size)
    return status


@pytest.mark.parametrize("spelling", [
    ("Connection: keep-alive, Upgrade", "Upgrade: h2c"), ("Connection: UPGRADE", "Upgrade: h2c"),
    ("Connection: upgrade ,keep-alive", "Upgrade: h2c"), ("Connection:\tupgrade", "Upgrade: h2c"),
    ("Connection: upgrade\t", "Upgrade: h2c"), ("Connection: upgrade;q=1", "Upgrade: h2c"),
    ("Connection: x-upgrade", "Upgrade: h2c"), ("Connection: upgradex", "Upgrade: h2c"),
    ("Connection: upgrade\t, keep-alive", "Upgrade: h2c"), ("Connection: up grade", "Upgrade: h2c"),
    ("Connection: upgrade close-not", "Upgrade: h2c"), ("Connection: ,,upgrade,,", "Upgrade: h2c"),
    ("Connection: keep-alive", "Connection: upgrade", "Upgrade: h2c"), ("Connection: upgrade", "Upgrade:"),
    ("Upgrade: h2c",), ("Connection: upgrade",), ("Upgrade: h2c", "Upgrade: foo", "Connection: upgrade"),
    ("Proxy-Connection: upgrade", "Upgrade: h2c"), ("Proxy-Connection: keep-alive, Upgrade", "Upgrade: h2c"),
], ids=", ".join)
@pytest.mark.parametrize("service", SERVICES)
def test_no_spelling_of_it_hangs(stack: Stack, service: str, spelling: tuple[str, ...]) -> None:
    with Connection(stack.port(service)) as connection:
        for _ in range(3):
            assert connection.ask("GET", "/livez", *spelling).status == 200
        assert connection.ask("GET", "/livez").status == 200


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("data", [
    b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /livez HTTP/2.0\r\nHost: localhost\r\n\r\n", b"GET /livez HTTP/3.0\r\nHost: localhost\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), b"NONSENSE\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection:\r\n upgrade\r\nUpgrade: h2c\r\n\r\n",
], ids=["CONNECT", "HTTP/2 preface", "HTTP/2.0", "HTTP/3.0", "TLS", "nonsense", "folded"])
def test_what_is_not_http_1_is_refused_and_hung_up_on(stack: Stack, service: str, data: bytes) -> None:
    for before in (b"", request("GET", "/livez")):
        with Connection(stack.port(service)) as connection:
            connection.socket.sendall(before + data)
            reader = connection.socket.makefile("rb")
            if before:
                assert status_of(reader) == 200
            assert 400 <= status_of(reader) < 500
            assert reader.read() == b"", "answered twice"


def test_a_socket_opens_after_a_refused_handshake(stack: Stack) -> None:
    handshake = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    with Connection(stack.port("ws-hub")) as connection:
        assert connection.ask("GET", "/ws", *handshake).status == 400
        assert connection.ask("POST", "/ws", *handshake, body="{}").status == 400
        assert connection.ask("GET", "/ws", *handshake, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==").status == 101


def test_one_peoples_upgrade_is_nobody_elses_wait(stack: Stack) -> None:
    """As many connections as nginx keeps towards api-service, each through an upgrade, then honest requests over them."""

    def ask(number: int) -> int:
        with Connection(stack.layout.settings.port) as connection:
            fields = upgrade("h2c") if number < 64 else ()
            return connection.ask("GET", f"/api/v1/events?limit={number % 90 + 1}&q=x", *fields).status

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(256))) == {200}
