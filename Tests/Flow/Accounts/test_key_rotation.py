"""A new key for access tokens, while people work: nobody is signed out, nothing is restarted; and a stolen key ends."""

import base64
import json
import subprocess
import time
from pathlib import Path

import requests
import websocket

from em.people import PASSWORD, People, Person
from em.stack import Second, Stack
from em.waiting import eventually

OVERLAP = "6"  # the services look every five seconds


class Keys:
    """A directory of keys of this test's own, so that the other tests' tokens stay good."""

    def __init__(self, stack: Stack, directory: Path):
        self.program, self.directory = stack.layout.binaries / "api-service", directory

    def start(self, *words: str) -> subprocess.Popen:
        return subprocess.Popen([str(self.program), "keys", *words, "--directory", str(self.directory)], stdout=subprocess.DEVNULL)

    def run(self, *words: str) -> None:
        assert self.start(*words).wait(60) == 0


class Site:
    """One api-service and one hub that follow these keys."""

    def __init__(self, api: Second, hub: Second, person: Person):
        self.api, self.hub, self.person = api, hub, person

    def sign_in(self) -> str:
        answer = requests.post(f"{self.api.url}/api/v1/auth/login", json={"email": self.person.email, "password": PASSWORD}, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["accessToken"]

    def api_takes(self, token: str) -> bool:
        return requests.get(f"{self.api.url}/api/v1/me", headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code == 200

    def hub_takes(self, token: str) -> bool:
        socket = websocket.create_connection(self.hub.url.replace("http", "ws") + "/ws", timeout=10, origin=self.hub.stack.url)
        try:
            socket.send(json.dumps({"type": "authenticate", "token": token}))
            return json.loads(socket.recv())["type"] == "authenticated"
        finally:
            socket.close(timeout=1)
            socket.shutdown()

    def takes(self, token: str) -> tuple[bool, bool]:
        return self.api_takes(token), self.hub_takes(token)


def kid(token: str) -> str:
    head = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]


def test_a_key_is_changed_while_people_work(stack: Stack, people: People, tmp_path: Path) -> None:
    keys = Keys(stack, tmp_path)
    keys.run("generate")
    private, public = str(tmp_path / "access-token.key"), str(tmp_path / "access-token.jwks")
    with (Second(stack, "api-service", EM_ACCESS_TOKEN_KEY_FILE=private, EM_ACCESS_TOKEN_PUBLIC_KEYS_FILE=public) as api,
          Second(stack, "ws-hub", EM_ACCESS_TOKEN_PUBLIC_KEYS_FILE=public) as hub):
        site = Site(api, hub, people.one())
        first = site.sign_in()
        assert site.takes(first) == (True, True)
        assert site.takes(site.person.token) == (False, False)  # the other instances' key is a stranger here

        rotation = keys.start("rotate", "--overlap", OVERLAP)
        deadline = time.monotonic() + 60
        while kid(token := site.sign_in()) == kid(first):
            assert time.monotonic() < deadline
            assert site.takes(token) == (True, True)
            assert rotation.poll() in (None, 0)
            time.sleep(0.2)  # the change takes seconds
        # The very first token of the new key.
        assert site.takes(token) == (True, True)
        assert site.takes(first) == (True, True)
        assert rotation.wait(60) == 0
        published = requests.get(f"{api.url}/.well-known/jwks.json", timeout=10).json()["keys"]
        assert [key["kid"] for key in published] == [kid(token), kid(first)]

        keys.run("rotate", "--overlap", OVERLAP, "--withdraw")
        eventually(lambda: site.takes(token) == (False, False), "the withdrawn key's tokens are refused")
        assert site.takes(first) == (False, False)
        assert site.takes(site.sign_in()) == (True, True)
