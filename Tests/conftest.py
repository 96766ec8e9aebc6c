"""Both suites drive a stack that is already up (infra/local/stack up); $EM_STATE_DIR says which, .local by default."""

import pytest

from em.mailbox import Mailbox
from em.people import People
from em.stack import Stack
from em.world import World


@pytest.fixture(scope="session")
def stack() -> Stack:
    return Stack()


@pytest.fixture(scope="session")
def people(stack: Stack) -> People:
    return People(stack)


@pytest.fixture(scope="session")
def mailbox(stack: Stack) -> Mailbox:
    return Mailbox(stack.address["EM_MAIL_URL"])


@pytest.fixture(scope="session")
def world(stack: Stack, people: People, mailbox: Mailbox) -> World:
    return World(stack, people, mailbox)
