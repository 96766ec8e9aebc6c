"""How long, and with which seed: EM_CHAOS_SECONDS and EM_CHAOS_SEED, set by Tests/Chaos/run."""

import logging
import os
import random

import pytest

from chaos.arena import Arena


def pytest_configure(config: pytest.Config) -> None:
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # that the broker is away is no news here
    config.addinivalue_line("markers", "smoke: short enough for make test")
    config.addinivalue_line("markers", "long: in the long profile only")


@pytest.fixture(scope="session")
def arena():
    seed = int(os.environ.get("EM_CHAOS_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"\nchaos: EM_CHAOS_SEED={seed} repeats this run's faults", flush=True)
    arena = Arena(seed)
    yield arena
    arena.close()


@pytest.fixture(scope="session")
def seconds() -> float:
    return float(os.environ.get("EM_CHAOS_SECONDS") or 8)
