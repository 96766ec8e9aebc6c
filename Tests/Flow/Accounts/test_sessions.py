"""Signing in stays safe: refresh tokens rotate, one used twice ends its family, and other sites can't use the cookie."""

import threading
import uuid

import pytest
import requests

from em.api import described, problem
from em.people import PASSWORD, People, Person
from em.stack import Stack

COOKIE = "__Host-em_refresh"


@pytest.fixture
def person(people: People) -> Person:
    return people.one()


class Browser:
    """Keeps the cookie as a browser does and sends the header that our pages send. The library's own jar would keep a
    `Secure` cookie to itself on http://localhost, where browsers send it."""

    def __init__(self, stack: Stack):
        self.stack = stack
        self.base = stack.url + "/api/v1/auth"
        self.origin = stack.url
        self.cookie = ""
        self.stolen = ""

    def post(self, path: str, body: dict | None = None, **headers: str | None) -> requests.Response:
        sent = {"X-EM-CSRF": "1", "Origin": self.origin, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.stolen or self.cookie:
            sent["Cookie"] = f"{COOKIE}={self.stolen or self.cookie}"
        response = requests.post(self.base + path, json=body, timeout=30,
                                 headers={name: value for name, value in sent.items() if value is not None})
        if "Set-Cookie" in response.headers and not self.stolen:
            self.cookie = set_cookie(response)
        return response

    def sign_in(self, person: Person) -> dict:
        response = self.post("/login", {"email": person.email, "password": PASSWORD})
        assert response.status_code == 200, described(response)
        return response.json()

    def with_cookie(self, value: str) -> "Browser":
        """A thief's browser, who has a copy of it."""
        other = Browser(self.stack)
        other.stolen = value
        return other


def set_cookie(response: requests.Response) -> str:
    """The value that an answer sets; empty when it takes the cookie away."""
    name, value = response.headers["Set-Cookie"].split(";")[0].split("=", 1)
    assert name == COOKIE
    return value


def works(stack: Stack, token: str) -> bool:
    return requests.get(stack.url + "/api/v1/me", headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code == 200


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(stack: Stack, person: Person) -> None:
    browser = Browser(stack)
    response = browser.post("/login", {"email": person.email.upper(), "password": PASSWORD})
    attributes = {part.strip().lower() for part in response.headers["Set-Cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/", "secure"} <= attributes and not any("domain" in part for part in attributes)
    assert response.headers["Cache-Control"] == "no-store"
    assert browser.cookie not in response.text
    kept = stack.rows("SELECT encode(t.token_hash, 'escape') FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id "
                      "WHERE s.user_id = %s", person.id)
    assert len(kept) == 1 and browser.cookie not in kept[0][0]


def test_refreshing_rotates_and_reuse_ends_the_family(stack: Stack, person: Person) -> None:
    browser = Browser(stack)
    first_token = browser.sign_in(person)["accessToken"]
    first = browser.cookie
    renewed = browser.post("/refresh")
    assert renewed.status_code == 200, described(renewed)
    assert set(renewed.json()) == {"user", "accessToken", "expiresIn"}
    assert renewed.json()["user"]["id"] == person.id and works(stack, renewed.json()["accessToken"])
    second = browser.cookie
    assert second and second != first
    assert works(stack, first_token)  # an access token lives its short life
    assert browser.post("/refresh").status_code == 200

    problem(browser.with_cookie(first).post("/refresh"), 401, "not-authenticated")
    problem(browser.post("/refresh"), 401, "not-authenticated")  # the honest one is out as well: nobody knows who is who
    assert browser.sign_in(person)["accessToken"]


def test_an_answer_that_got_lost_can_be_asked_for_again(stack: Stack, person: Person) -> None:
    """Two tabs, or a connection that broke: the old token is good until its successor is used."""
    browser = Browser(stack)
    browser.sign_in(person)
    parent = browser.cookie
    answers: list[requests.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(browser.with_cookie(parent).post("/refresh"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({set_cookie(answer) for answer in answers}) == 1  # the same one: none of the three is orphaned
    newest = set_cookie(answers[-1])

    # A day later too: nobody has used the answer that got lost.
    stack.rows("UPDATE refresh_tokens SET used_at = used_at - interval '1 day' FROM sessions s "
               "WHERE s.id = session_id AND s.user_id = %s", person.id)
    again = browser.with_cookie(parent).post("/refresh")
    assert again.status_code == 200 and set_cookie(again) == newest
    assert browser.with_cookie(newest).post("/refresh").status_code == 200
    problem(browser.with_cookie(parent).post("/refresh"), 401, "not-authenticated")
    problem(browser.with_cookie(newest).post("/refresh"), 401, "not-authenticated")


def test_signing_out_ends_this_session_and_no_other(stack: Stack, person: Person) -> None:
    here, there = Browser(stack), Browser(stack)
    here.sign_in(person)
    there.sign_in(person)
    kept = here.cookie
    left = here.post("/logout")
    assert left.status_code == 204 and not here.cookie
    problem(here.with_cookie(kept).post("/refresh"), 401, "not-authenticated")
    assert there.post("/refresh").status_code == 200
    assert here.post("/logout").status_code == 204  # twice is no mistake


def test_requests_of_other_sites_are_refused(stack: Stack, person: Person) -> None:
    browser = Browser(stack)
    browser.sign_in(person)
    for headers in ({"X_EM_CSRF": None}, {"X_EM_CSRF": "0"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        for path in ("/refresh", "/logout"):
            problem(browser.post(path, **headers), 403, "forbidden")
    assert browser.post("/refresh", Origin=None).status_code == 200  # a program names no origin


def test_made_up_cookies_are_refused(stack: Stack) -> None:
    browser = Browser(stack)
    problem(browser.post("/refresh"), 401, "not-authenticated")
    for value in ("x", "A" * 43, "A" * 4000, "%00", '"quoted"', uuid.uuid4().hex):
        problem(browser.with_cookie(value).post("/refresh"), 401, "not-authenticated")


def test_a_taken_address_differs_in_more_than_case(stack: Stack, person: Person) -> None:
    body = {"email": person.email.upper(), "password": PASSWORD, "displayName": "Twin"}
    problem(Browser(stack).post("/register", body), 409, "email-taken")


def test_a_wrong_password_and_an_unknown_address_sound_the_same(stack: Stack, person: Person) -> None:
    answers = []
    for email in (person.email, f"{uuid.uuid4().hex}@example.test"):
        document = problem(Browser(stack).post("/login", {"email": email, "password": "wrong password"}), 401, "invalid-credentials")
        answers.append({name: value for name, value in document.items() if name != "traceId"})
    assert answers[0] == answers[1]
