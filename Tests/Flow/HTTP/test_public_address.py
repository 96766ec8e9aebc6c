"""The product at an IPv6 literal: what browsers send from there is taken for its own."""

from pathlib import Path

import requests

from em.front import Front
from em.people import PASSWORD, People
from em.stack import Second, Stack


def test_people_sign_in_at_an_ipv6_address(stack: Stack, people: People, tmp_path: Path) -> None:
    person = people.one()
    port = stack.port("api-service", Second.instance)
    front = Front(stack, tmp_path, api_port=port)
    site = f"http://[::1]:{front.port}"
    with Second(stack, "api-service", EM_PUBLIC_URL=site.replace("::1", "0:0:0:0:0:0:0:1")), front:
        headers = {"Origin": site, "X-EM-CSRF": "1"}
        signed_in = requests.post(f"{site}/api/v1/auth/login", json={"email": person.email, "password": PASSWORD}, headers=headers, timeout=30)
        assert signed_in.status_code == 200, signed_in.text
        cookie = signed_in.headers["Set-Cookie"].partition(";")[0]
        for origin, status in ((site, 200), (f"http://[::2]:{front.port}", 403), ("http://[::1]", 403)):
            answer = requests.post(f"{site}/api/v1/auth/refresh", headers={**headers, "Origin": origin, "Cookie": cookie}, timeout=30)
            assert answer.status_code == status, (origin, answer.text)


def test_other_spellings_are_refused_at_the_start(stack: Stack) -> None:
    for wrong in ("http://bücher.example", "http://[fe80::1%25lo]", "http://127.1"):
        child = stack.another("api-service", Second.instance, EM_PUBLIC_URL=wrong)
        try:
            assert child.wait(30) != 0, wrong
        finally:
            child.kill()
    said = (stack.layout.logs / "api-service-of-a-test.log").read_text()
    assert "EM_PUBLIC_URL must be written in ASCII" in said and "IPv6 address in its brackets" in said and "four decimal numbers" in said
