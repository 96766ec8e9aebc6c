"""A new version, instance by instance, while people register: what an upgrade is."""

import collections
import signal
import threading
import types
from pathlib import Path

import pytest
from em.crowd import Crowd
from em.front import Front

from chaos.arena import Arena
from chaos.fleet import PREVIOUS

TWO_OF_EACH = {"api-service": 2, "ticket-worker": 2, "notifications": 2, "ws-hub": 2}
SOCKETS = 200


class Upgrade:
    """Two of each service behind nginx, replaced one after the other while people register and watch."""

    def __init__(self, arena: Arena, place: Path, by: signal.Signals = signal.SIGTERM):
        self.codes: dict[tuple[str, int], int] = {}
        arena.begin()
        arena.fleet.start(TWO_OF_EACH)
        arena.wait(arena.fleet.ready, "two of each are ready")
        [event] = arena.events(1, capacity=2000)
        stack = types.SimpleNamespace(layout=arena.layout)
        with (Front(stack, place, counts=TWO_OF_EACH, rate_limit="off") as front,
              Crowd(f"event:{event}", [[front.port]] * SOCKETS, lambda frame: False) as watching):
            watching.until(lambda: watching.subscribed == SOCKETS, "everybody watches")
            self.load = arena.load([event], people=2000, at=[front.url], threads=6, pace=0.05)
            upgrade = threading.Thread(target=lambda: self.roll(arena, by))
            upgrade.start()
            watching.until(lambda: not upgrade.is_alive(), "everything is replaced", 150)
            self.load.stop()
            self.complaints = arena.judge(self.load)
            newest = arena.truth.value("SELECT revision FROM event_places WHERE event_id = %s", event)
            watching.until(lambda: all(member.is_open and member.revision == newest for member in watching.members), "the newest counts")
            self.watchers = watching.members
            self.closes = collections.Counter(code for member in self.watchers for _, code in member.closes)
        arena.fleet.stop()
        asked_again = [told.answers for told in self.load.told if len(told.answers) > 1 + told.cancelled]
        self.most_tries = max(len(told.answers) - told.cancelled for told in self.load.told)
        print(f"  {len(self.load.told)} people, {len(asked_again)} of them asked again: {asked_again[:5]}; sockets closed by {dict(self.closes)}",
              flush=True)

    def roll(self, arena: Arena, by: signal.Signals) -> None:
        """The next when the one before is ready."""
        for service in TWO_OF_EACH:
            for instance in (1, 2):
                self.codes[service, instance] = arena.fleet.replace(service, instance, by)
                arena.wait(arena.fleet.ready, f"{service} {instance} is ready again")


def check_that_nobody_noticed(upgrade: Upgrade) -> None:
    assert set(upgrade.codes) == {(name, number) for name in TWO_OF_EACH for number in (1, 2)}
    assert not any(upgrade.codes.values()), f"ended with {upgrade.codes}"
    # Nobody waited in vain or had to ask more than once again.
    assert upgrade.load.told and not upgrade.load.unsettled
    assert upgrade.most_tries <= 2
    assert not upgrade.complaints, "\n".join(upgrade.complaints[:20])
    # Every socket was sent elsewhere, by name and not by accident, came back, and never showed what was older.
    assert not any(member.went_back for member in upgrade.watchers)
    assert all(member.closes for member in upgrade.watchers)
    assert set(upgrade.closes) == {1012}


def test_every_service_is_replaced_under_load_and_nobody_notices(arena: Arena, tmp_path: Path) -> None:
    check_that_nobody_noticed(Upgrade(arena, tmp_path))


@pytest.mark.skipif(not PREVIOUS.is_dir(), reason="EM_CHAOS_PREVIOUS names no builds of the version before; Tests/Chaos/previous makes them")
def test_the_version_before_runs_beside_this_one_until_it_is_replaced(arena: Arena, tmp_path: Path) -> None:
    """Over this version's schema, as an upgrade has it."""
    arena.fleet.previous = {(name, number) for name in TWO_OF_EACH for number in (1, 2)}
    check_that_nobody_noticed(Upgrade(arena, tmp_path))


def test_control_without_a_proper_end_the_same_replacement_is_noticed(arena: Arena, tmp_path: Path) -> None:
    upgrade = Upgrade(arena, tmp_path, signal.SIGKILL)
    assert all(upgrade.codes.values()), f"ended with {upgrade.codes}"
    # The sockets see nothing but that they are cut; nothing is lost all the same.
    assert 1012 not in upgrade.closes and upgrade.closes
    assert not upgrade.complaints, "\n".join(upgrade.complaints[:20])
