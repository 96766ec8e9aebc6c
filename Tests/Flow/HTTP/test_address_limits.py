"""nginx's limits per address: who counts as one, and how much one may hold open."""

import json
import re
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from em.front import Front, free_port
from em.stack import Stack

AT_A_TIME, SOCKETS = 512, 256
ELSEWHERE = "198.51.100.200"


def answered(front: Front, addresses: list[str]) -> list[int]:
    """The statuses of one request from each of these addresses, all sent over one connection without waiting."""
    sent = "".join(f"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {address}\r\n\r\n" for address in addresses)
    sent = sent.removesuffix("\r\n") + "Connection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", front.port), timeout=30) as connection:
        connection.sendall(sent.encode())
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    return [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d{3})", received, flags=re.MULTILINE)]


@pytest.fixture
def behind_a_proxy(stack: Stack, tmp_path: Path) -> Iterator[Front]:
    """Nothing answers behind this nginx, so that it alone decides; who asks, a proxy says."""
    with Front(stack, tmp_path, api_port=free_port(), rate_limit="", trusted_proxies="127.0.0.0/8") as front:
        yield front


ONE = {
    "one IPv6 network": [f"2001:db8:1:2:{number:x}::{number:x}" for number in range(900)],
    "one IPv6 network, in every spelling": ["2001:db8::1", "2001:DB8:0:0::2", "2001:0db8:0000:0000:a:b:c:d", "2001:db8:0:0:ffff::"] * 225,
    "a network whose bytes are line breaks": [f"a0a:a0a:a0a:a0a:a0a:a0a:a0a:{number:x}" for number in range(900)],
    "one IPv4 address, in every spelling": ["192.0.2.10", "::ffff:192.0.2.10", "192.0.2.10", "0:0:0:0:0:FFFF:C000:20a"] * 175,
    "this machine": ["::1", "0:0:0:0:0:0:0:1"] * 450,
}
MANY = {
    "IPv6 networks": [f"2001:db8:{number:x}::1" for number in range(900)],
    "IPv4 addresses": [f"198.51.{number // 250}.{number % 250}" for number in range(900)],
    "IPv4 addresses, mapped": [f"::ffff:198.51.{number // 250}.{number % 250}" for number in range(900)],
}


@pytest.mark.parametrize("name", ONE)
def test_one_subscribers_addresses_have_one_limit(behind_a_proxy: Front, name: str) -> None:
    statuses = answered(behind_a_proxy, ONE[name])
    let_through = statuses.count(502)
    assert 400 <= let_through < len(statuses) == len(ONE[name]) and statuses.count(429) == len(statuses) - let_through


@pytest.mark.parametrize("name", MANY)
def test_different_subscribers_have_limits_of_their_own(behind_a_proxy: Front, name: str) -> None:
    assert answered(behind_a_proxy, MANY[name]) == [502] * 900


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A service that takes every connection and answers nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        server.settimeout(20)
        yield server


def held(stack: ExitStack, front: Front, head: str, count: int) -> list[socket.socket]:
    """So many connections, each with one request on the way."""
    connections = []
    for _ in range(count):
        connections.append(stack.enter_context(socket.create_connection(("127.0.0.1", front.port), timeout=30)))
        connections[-1].sendall(head.encode())
    return connections


def refusals(connections: list[socket.socket], expected: int) -> list[bytes]:
    """What comes over them, once so many of them have been answered."""
    poll, files, said = select.poll(), {}, []
    for connection in connections:
        poll.register(connection, select.POLLIN)
        files[connection.fileno()] = connection
    while len(said) < expected:
        ready = poll.poll(20_000)
        assert ready, f"{len(said)} were answered, not {expected}"
        for number, _ in ready:
            poll.unregister(number)
            said.append(files[number].recv(65536))
    assert not poll.poll(0), "more were refused"
    return said


@pytest.mark.parametrize(("path", "limit"), [("/openapi.yaml", AT_A_TIME), ("/ws", SOCKETS)])
def test_no_address_holds_more_than_its_share_of_connections(stack: Stack, tmp_path: Path, silent: socket.socket, path: str, limit: int) -> None:
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 2001:db8::1\r\n\r\n"
    with Front(stack, tmp_path, api_port=silent.getsockname()[1], rate_limit="", trusted_proxies="127.0.0.0/8") as front, ExitStack() as opened:
        for refusal in refusals(held(opened, front, head, limit + 20), expected=20):
            top, body = refusal.decode().split("\r\n\r\n")
            assert top.startswith("HTTP/1.1 429 ") and "application/problem+json" in top
            assert json.loads(body)["type"] == "too-many-requests" and "RateLimit" not in top, "it is no rate"
        # Their neighbour on the same network, and somebody else.
        page = {address: requests.get(front.url, headers={"X-Forwarded-For": address}, timeout=10).status_code
                for address in ("2001:db8::2", ELSEWHERE)}
        assert page == {"2001:db8::2": 200 if path == "/ws" else 429, ELSEWHERE: 200}


def test_without_limits_connections_are_not_counted(stack: Stack, tmp_path: Path, silent: socket.socket) -> None:
    with Front(stack, tmp_path, api_port=silent.getsockname()[1], rate_limit="off") as front, ExitStack() as opened:
        held(opened, front, "GET /openapi.yaml HTTP/1.1\r\nHost: localhost\r\n\r\n", AT_A_TIME + 20)
        for _ in range(AT_A_TIME + 20):
            opened.enter_context(silent.accept()[0])  # each of them is let through
        assert requests.get(front.url, timeout=10).status_code == 200


@pytest.mark.parametrize("before", ["", "GET /favicon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n"], ids=["silent", "kept open"])
def test_idle_connections_make_way(stack: Stack, tmp_path: Path, before: str) -> None:
    """nginx with room for 64: whoever opens more connections and asks for nothing keeps nobody out."""
    with Front(stack, tmp_path, worker_connections=64, rate_limit="") as front, ExitStack() as opened:
        for connection in held(opened, front, before, 300):
            if before:
                assert connection.recv(12) == b"HTTP/1.1 200"
        assert requests.get(front.url, timeout=8).status_code == 200
