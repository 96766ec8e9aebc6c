"""From the first flow test on, everything on em.events is held against asyncapi.yaml; so is every frame that a test's socket
hears (em/live.py, em/crowd.py)."""

from collections.abc import Iterator

import pytest

from em.stack import Stack
from em.tap import Tap


@pytest.fixture(scope="session", autouse=True)
def tap(stack: Stack) -> Iterator[Tap]:
    with Tap(stack.address["EM_AMQP_URL"]) as tap:
        yield tap
    assert not tap.wrong, f"{len(tap.wrong)} messages, of {tap.heard} heard, are not as described:\n" + "\n".join(tap.wrong[:10])


@pytest.fixture(scope="module", autouse=True)
def sending(stack: Stack) -> Iterator[None]:
    """Modules that try every route pause sending; the next one waits for mails."""
    yield
    stack.rows("UPDATE sending SET paused_at = NULL, paused_by = NULL, reason = NULL, next_probe_at = NULL")
