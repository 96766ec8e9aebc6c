"""Waiting for something to become true: by asking again until a deadline, never by a fixed pause."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def eventually(probe: Callable[[], Answer], what: str, within: float = 60, every: float = 0.05) -> Answer:
    """Asks until the answer is truthy and returns it; an assertion that fails meanwhile is shown at the deadline."""
    deadline = time.monotonic() + within
    while True:
        failure: AssertionError | None = None
        last: Answer | None = None
        try:
            last = probe()
        except AssertionError as error:
            failure = error
        if last:
            return last
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:.0f} s: {what}; last seen: {failure or last!r}") from failure
        time.sleep(every)
