"""Links in mails about accounts: they do what they are for, once, and their tokens stand in the mail and nowhere else."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
import requests

from em.api import Api, described, problem
from em.mailbox import Mailbox
from em.people import PASSWORD, People
from em.stack import Second, Stack
from em.waiting import eventually
from em.world import World

NEW_PASSWORD = "another horse, another staple"


class Eavesdropper:
    """Hears every internal job, as a copy in a queue of its own."""

    def __init__(self, url: str):
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.queue = self.channel.queue_declare("", exclusive=True).method.queue
        for job in ("account.mail", "mail.send"):
            self.channel.queue_bind(self.queue, "em.work", job)
        self.heard: list[bytes] = []

    def listen(self) -> list[bytes]:
        while (message := self.channel.basic_get(self.queue, auto_ack=True))[0]:
            self.heard.append(repr(message[1]).encode() + message[2])
        return self.heard


@pytest.fixture
def eavesdropper(stack: Stack) -> Iterator[Eavesdropper]:
    eavesdropper = Eavesdropper(stack.address["EM_AMQP_URL"])
    yield eavesdropper
    eavesdropper.connection.close()


@pytest.fixture
def address() -> str:
    return f"{uuid.uuid4().hex}@example.test"


def link_token(stack: Stack, mailbox: Mailbox, to: str, subject: str, page: str) -> str:
    return mailbox.link_token(to, subject, stack.url + page)


def lies_nowhere(stack: Stack, eavesdropper: Eavesdropper, token: str) -> None:
    # Searched here: a slow statement of ours would be logged with its parameters.
    assert token not in stack.value("SELECT schema_to_xml('public', true, false, '')::text")
    assert eventually(eavesdropper.listen, "jobs heard")
    secret = token.encode()
    assert not [job for job in eavesdropper.heard if secret in job]
    logs = [path for path in Path(stack.layout.logs).rglob("*") if path.is_file()]
    assert len(logs) > 5
    assert not [path.name for path in logs if secret in path.read_bytes()]


def sign_up(api: Api, email: str, password: str = PASSWORD) -> requests.Response:
    return api.send("POST", "/auth/register", json={"email": email, "password": password, "displayName": "Tess"})


def log_in(api: Api, email: str, password: str) -> requests.Response:
    return api.send("POST", "/auth/login", json={"email": email, "password": password})


def confirm(api: Api, token: str, password: str = NEW_PASSWORD) -> requests.Response:
    return api.send("POST", "/auth/password-reset/confirm", json={"token": token, "password": password})


def test_a_forgotten_password_is_replaced_by_the_link_in_a_mail(
    world: World, stack: Stack, mailbox: Mailbox, eavesdropper: Eavesdropper, address: str
) -> None:
    signed_up = sign_up(world.anyone, address)
    assert signed_up.status_code == 201, described(signed_up)
    cookie = signed_up.cookies["__Host-em_refresh"]
    asked = world.anyone.send("POST", "/auth/password-reset", json={"email": address.upper()})
    unknown = world.anyone.send("POST", "/auth/password-reset", json={"email": f"no-{address}"})
    assert [(answer.status_code, answer.text) for answer in (asked, unknown)] == [(202, "")] * 2

    token = link_token(stack, mailbox, address, "Choose a new password", "/reset-password")
    lies_nowhere(stack, eavesdropper, token)
    problem(confirm(world.anyone, token, "short"), 422, "validation-failed")
    done = confirm(world.anyone, token)
    assert done.status_code == 204, described(done)
    problem(confirm(world.anyone, token), 410, "link-invalid")
    problem(log_in(world.anyone, address, PASSWORD), 401, "invalid-credentials")
    assert log_in(world.anyone, address, NEW_PASSWORD).status_code == 200
    refreshed = world.anyone.send("POST", "/auth/refresh", headers={"X-EM-CSRF": "1", "Cookie": f"__Host-em_refresh={cookie}"})
    problem(refreshed, 401, "not-authenticated")
    assert "signed" in mailbox.wait_for(address, "was changed").get_body(("plain",)).get_content()
    lies_nowhere(stack, eavesdropper, token)
    assert not mailbox.listed(f"no-{address}")


def test_an_expired_link_is_as_good_as_none(world: World, people: People, stack: Stack, mailbox: Mailbox) -> None:
    person = people.one()
    assert world.anyone.send("POST", "/auth/password-reset", json={"email": person.email}).status_code == 202
    token = link_token(stack, mailbox, person.email, "Choose a new password", "/reset-password")
    stack.rows("UPDATE account_links SET created_at = created_at - interval '1 hour', "
               "expires_at = expires_at - interval '1 hour' WHERE user_id = %s", person.id)
    problem(confirm(world.anyone, token), 410, "link-invalid")
    assert log_in(world.anyone, person.email, PASSWORD).status_code == 200


def test_where_addresses_are_confirmed_first_signing_up_tells_nothing(
    world: World, stack: Stack, mailbox: Mailbox, eavesdropper: Eavesdropper, address: str
) -> None:
    """One more api-service, told to ask for it."""
    with Second(stack, "api-service", EM_REQUIRE_VERIFIED_EMAIL="true") as second:
        api = Api(second.url)
        answers = [sign_up(api, address), sign_up(api, address, NEW_PASSWORD)]
        assert [(answer.status_code, answer.text, dict(answer.cookies)) for answer in answers] == [(202, "", {})] * 2
        again = mailbox.wait_for(address, "already").get_body(("plain",)).get_content()
        assert stack.url + "/forgot-password" in again

        problem(log_in(api, address, NEW_PASSWORD), 401, "invalid-credentials")
        problem(log_in(api, address, PASSWORD), 403, "email-not-verified")
        first = link_token(stack, mailbox, address, "Confirm your address", "/verify-email")
        assert api.send("POST", "/auth/verify-email/resend", json={"email": address}).status_code == 202
        eventually(lambda: len([mail for mail in mailbox.listed(address) if "Confirm" in mail["Subject"]]) == 2, "both mails")
        token = link_token(stack, mailbox, address, "Confirm your address", "/verify-email")
        assert token != first
        lies_nowhere(stack, eavesdropper, token)
        # Whoever asked for it again need not be the one who signed up: the proof leads to a new password.
        proven = api.send("POST", "/auth/verify-email", json={"token": token})
        assert proven.status_code == 200, described(proven)
        for used in (token, first):
            problem(api.send("POST", "/auth/verify-email", json={"token": used}), 410, "link-invalid")
        problem(log_in(api, address, PASSWORD), 401, "invalid-credentials")
        assert confirm(api, proven.json()["passwordToken"]).status_code == 204
        assert log_in(api, address, NEW_PASSWORD).status_code == 200


def test_the_link_in_the_mail_of_a_sign_up_keeps_its_password(world: World, stack: Stack, mailbox: Mailbox, address: str) -> None:
    with Second(stack, "api-service", EM_REQUIRE_VERIFIED_EMAIL="true") as second:
        api = Api(second.url)
        assert sign_up(api, address).status_code == 202
        token = link_token(stack, mailbox, address, "Confirm your address", "/verify-email")
        assert api.send("POST", "/auth/verify-email", json={"token": token}).status_code == 204
        assert log_in(api, address, PASSWORD).status_code == 200


def test_where_addresses_are_confirmed_first_nobody_else_takes_a_place(world: World, people: People, stack: Stack) -> None:
    event = world.event(people.one("organizer"))
    person = people.one()
    stack.rows("UPDATE users SET email_verified_at = NULL WHERE id = %s", person.id)
    with Second(stack, "api-service", EM_REQUIRE_VERIFIED_EMAIL="true") as second:
        api = Api(second.url, person.token)
        problem(api.send("POST", f"/events/{event['id']}/registrations"), 403, "email-not-verified")
        stack.rows("UPDATE users SET email_verified_at = now() WHERE id = %s", person.id)
        assert api.send("POST", f"/events/{event['id']}/registrations").status_code == 201
