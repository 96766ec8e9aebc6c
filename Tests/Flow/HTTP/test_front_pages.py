"""nginx answers what is no page, what is written a little wrong, and everything that goes wrong with itself."""

import json
import re
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from em.api import problem
from em.front import Front, free_port
from em.stack import ROOT, Stack

ID = "0193f3a0-7c1e-7d3a-9f00-0123456789ab"
PARTNER = "https://partner.example"


def patterns() -> list[str]:
    return re.findall(r"pattern: '([^']+)'", (ROOT / "frontend/src/pages/routes.ts").read_text())


def pages() -> list[str]:
    return [re.sub(r":\w+", ID, pattern) for pattern in patterns()] + ["/gate/", f"/gate/{ID}"]


def is_the_app(response: requests.Response) -> bool:
    return response.headers["Content-Type"].startswith("text/html") and '<div id="app"' in response.text


def test_nginx_knows_the_apps_pages() -> None:
    """Those of routes.ts and no other, in the same order."""
    template = (ROOT / "infra/nginx/em.conf.template").read_text()
    block = re.search(r"^map \$em_page_path \$em_is_page \{\n(.*?)^\}", template, re.M | re.S)[1]
    known = re.findall(r'^ +"(\S+)" app;$', block, re.M)
    assert known == ["/" if pattern == "/" else "~^" + re.sub(r":\w+", "[0-9A-Fa-f-]{36}", pattern) + "/?$" for pattern in patterns()]
    assert len(known) > 20


@pytest.mark.parametrize("path", pages())
def test_a_page_of_the_app_is_answered(stack: Stack, path: str) -> None:
    for written in (path, path + "?a=b", path.rstrip("/") + "/" if path != "/" else "/"):
        response = requests.get(stack.url + written, timeout=10)
        assert response.status_code == 200 and is_the_app(response), written
        assert response.headers["Cache-Control"] == "no-cache"
    assert requests.head(stack.url + path, timeout=10).status_code == 200


@pytest.mark.parametrize("path", ["/nothing", "/wp-login.php", "/.env", "/events/x/y", "/events/not-an-id", f"/events/{ID}/x", "/organizer/x",
                                  "/admin", "/assets", "/index.htm", "/gate/x", "/docs/x/y", "/sign-in/x", "/nothing.", "/%F0%9F%8E%AB",
                                  "/tickets.html", "/broker/user"])
def test_an_unknown_page_is_404_with_the_apps_page(stack: Stack, path: str) -> None:
    for method in ("GET", "HEAD"):
        response = requests.request(method, stack.url + path, timeout=10)
        assert response.status_code == 404, path
        assert response.headers["Cache-Control"] == "no-cache" and "script-src" not in response.headers["Content-Security-Policy"]
        assert method == "HEAD" or is_the_app(response)


@pytest.mark.parametrize("behind", [".", ",", ")", "!", ";", ":", "'", "%22", "%3E", "%E2%80%9C", "...", ").", "%E3%80%82"])
def test_what_stands_behind_an_address_leads_to_the_page(stack: Stack, behind: str) -> None:
    for page in (f"/events/{ID}", f"/tickets/{ID}", f"/organizer/events/{ID}/team", "/sign-in", f"/gate/{ID}"):
        response = requests.get(f"{stack.url}{page}{behind}?lang=de", allow_redirects=False, timeout=10)
        assert response.status_code == 308 and response.headers["Location"] == f"{page}?lang=de", page + behind
        assert is_the_app(requests.get(f"{stack.url}{page}{behind}", timeout=10))


@pytest.mark.parametrize("path", ["/tickets%0d%0aX-Evil:%201", "/tickets%0a", "/sign-in%0d%0a%0d%0a<script>", "//evil.example.", "/\\evil.example.",
                                  "/%2F%2Fevil.example%2F.", "/https://evil.example."])
def test_no_address_puts_words_into_a_redirect(stack: Stack, path: str) -> None:
    port = int(stack.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        head = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")[0].decode()
    assert "X-Evil" not in head
    for location in re.findall(r"^Location: (.*)$", head, re.M):
        assert re.fullmatch(r"/(tickets|sign-in)\r?", location), head


# nginx's own errors


@pytest.fixture(scope="module")
def alone(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Without services behind it; pages of a partner may use the API."""
    home = tmp_path_factory.mktemp("alone")
    origins = f"{PARTNER}/, https://Other.example:8443 http://plain.example:80"
    with Front(stack, home, api_port=free_port(), rate_limit="", cors_origins=origins) as front:
        yield front


def raw(port: int, request: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body, read as far as the answer goes: nginx may wait for a body that never comes before it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection, connection.makefile("rb") as answer:
        connection.sendall(request.encode("latin-1"))
        status = int(answer.readline().split()[1])
        headers = {}
        while line := answer.readline().decode().rstrip():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return status, headers, answer.read(int(headers["content-length"])).decode()


HOST = "Host: localhost\r\nConnection: close\r\n"
ERRORS = {
    "a method that there is not": (405, f"BREW / HTTP/1.1\r\n{HOST}\r\n"),
    "tracing": (405, f"TRACE / HTTP/1.1\r\n{HOST}\r\n"),
    "a method that the page has not": (405, f"POST / HTTP/1.1\r\n{HOST}Content-Length: 0\r\n\r\n"),
    "no host": (400, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"),
    "two lengths": (400, f"POST /api/v1/events HTTP/1.1\r\n{HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
    "a coding that there is not": (400, f"POST /api/v1/events HTTP/1.1\r\n{HOST}Transfer-Encoding: x\r\n\r\n"),
    "an address that is none": (400, f"GET /\xff HTTP/1.1\r\n{HOST}\r\n"),
    "a long address": (414, f"GET /{'x' * 9000} HTTP/1.1\r\n{HOST}\r\n"),
    "large headers": (431, f"GET / HTTP/1.1\r\n{HOST}" + "".join(f"X-{number}: {'x' * 8000}\r\n" for number in range(5)) + "\r\n"),
    "a large body": (413, f"POST /api/v1/events HTTP/1.1\r\n{HOST}Content-Length: 2000000\r\n\r\n"),
    "another version of HTTP": (505, f"GET / HTTP/3.0\r\n{HOST}\r\n"),
    "a part that the file has not": (416, f"GET /favicon.svg HTTP/1.1\r\n{HOST}Range: bytes=9999999-\r\n\r\n"),
    "another version of the file": (412, f"GET /favicon.svg HTTP/1.1\r\n{HOST}If-Match: \"x\"\r\n\r\n"),
    "an older file": (412, f"GET /favicon.svg HTTP/1.1\r\n{HOST}If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT\r\n\r\n"),
    "a file that there is not": (404, f"GET /assets/nothing.js HTTP/1.1\r\n{HOST}\r\n"),
    "what is for inside": (404, f"GET /metrics HTTP/1.1\r\n{HOST}\r\n"),
    "no service": (502, f"GET /api/v1/me HTTP/1.1\r\n{HOST}\r\n"),
    "no hub": (502, f"GET /ws HTTP/1.1\r\n{HOST}\r\n"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_each_error_of_nginx_is_a_problem(alone: Front, name: str) -> None:
    status, request = ERRORS[name]
    answered, headers, body = raw(alone.port, request)
    document = json.loads(body)
    assert (answered, headers["content-type"]) == (status, "application/problem+json")
    assert document["status"] == status and re.fullmatch(r"[a-z-]+", document["type"]) and document["title"]
    assert document["type"] != "internal-error" and re.fullmatch(r"[0-9a-f]{32}", document["traceId"])


def test_no_status_of_nginx_is_forgotten() -> None:
    """Those that its modules here can answer with (ngx_http_special_response.c, ngx_http_request.h)."""
    template = (ROOT / "infra/nginx/em.conf.template").read_text()
    caught = {int(word) for line in re.findall(r"^    error_page ([^;]*);", template, re.M) for word in line.split() if word.isdigit()}
    assert caught >= {400, 403, 404, 405, 408, 411, 412, 413, 414, 415, 416, 421, 429, 494, 497, 500, 501, 502, 503, 504, 505, 507}


@pytest.mark.parametrize(("origin", "allowed"), [
    (PARTNER, True), ("https://other.example:8443", True), ("http://plain.example", True), ("https://evil.example", False), ("null", False),
    (PARTNER + ".evil.example", False), ("http://partner.example", False), ("", False)])
def test_a_listed_origin_may_read_them(alone: Front, origin: str, allowed: bool) -> None:
    for path, length, status in (("/api/v1/me", 0, 502), ("/api/v1/events", 0, 502), ("/openapi.yaml", 0, 502), ("/api/v1/events", 2000000, 413)):
        answered, headers, _ = raw(alone.port, f"GET {path} HTTP/1.1\r\n{HOST}Origin: {origin}\r\nContent-Length: {length}\r\n\r\n")
        assert answered == status and headers.get("access-control-allow-origin") == (origin if allowed else None)
        assert ("Retry-After" in headers.get("access-control-expose-headers", "")) == allowed
        assert "access-control-allow-credentials" not in headers and "Origin" in headers["vary"]
    page = requests.get(alone.url, headers={"Origin": origin}, timeout=10)
    assert "Access-Control-Allow-Origin" not in page.headers


def test_without_a_list_nobody_may(stack: Stack) -> None:
    _, headers, _ = raw(int(stack.url.rpartition(":")[2]), f"GET /assets/nothing.js HTTP/1.1\r\n{HOST}Origin: {PARTNER}\r\n\r\n")
    assert "access-control-allow-origin" not in headers


def test_answers_of_the_service_say_it_once(stack: Stack) -> None:
    response = requests.get(f"{stack.url}/api/v1/events/{uuid.uuid4()}", headers={"Origin": PARTNER}, timeout=10)
    problem(response, 404, "not-found")
    assert response.headers.get("Access-Control-Allow-Origin") is None
