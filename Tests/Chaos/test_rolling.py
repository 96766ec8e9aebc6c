"""A new version, instance by instance, while people register: what an upgrade is."""

import threading
import types

from em.crowd import Crowd
from em.front import Front

from chaos.arena import Arena

TWO_OF_EACH = {"api-service": 2, "ticket-worker": 2, "notifications": 2, "ws-hub": 2}
SOCKETS = 200


def test_every_service_is_replaced_under_load_and_nobody_notices(arena: Arena, tmp_path) -> None:
    arena.begin()
    arena.fleet.start(TWO_OF_EACH)
    arena.wait(arena.fleet.ready, "two of each are ready")
    [event] = arena.events(1, capacity=2000)
    stack = types.SimpleNamespace(layout=arena.layout)
    with (Front(stack, tmp_path, counts=TWO_OF_EACH, rate_limit="off") as front,
          Crowd(f"event:{event}", [[front.port]] * SOCKETS, lambda frame: False) as watching):
        watching.until(lambda: watching.subscribed == SOCKETS, "everybody watches")
        load = arena.load([event], people=2000, at=[front.url], threads=6, pace=0.05)
        codes: dict[tuple[str, int], int] = {}
        upgrade = threading.Thread(target=lambda: codes.update(roll(arena)))
        upgrade.start()
        watching.until(lambda: not upgrade.is_alive(), "everything is replaced", 150)
        load.stop()
        assert set(codes) == {(name, number) for name in TWO_OF_EACH for number in (1, 2)}
        assert not any(codes.values()), f"ended with {codes}"
        # Nobody waited in vain or had to ask more than once again.
        assert load.told and not load.unsettled
        again = [told.answers for told in load.told if len(told.answers) > 1 + told.cancelled]
        print(f"  {len(load.told)} people, {len(again)} of them asked once more: {again[:5]}", flush=True)
        assert all(len(answers) <= 3 for answers in again), again
        complaints = arena.judge(load)
        assert not complaints, "\n".join(complaints[:20])
        # Every socket was sent elsewhere, by name and not by accident, came back, and is at the places' newest revision.
        newest = arena.truth.value("SELECT revision FROM event_places WHERE event_id = %s", event)
        watching.until(lambda: all(member.is_open and member.revision == newest for member in watching.members), "the newest counts")
        assert not any(member.went_back for member in watching.members)
        assert all(member.closes for member in watching.members)
        assert {code for member in watching.members for _, code in member.closes} == {1012}
    arena.fleet.stop()


def roll(arena: Arena) -> dict[tuple[str, int], int]:
    """Replaces one instance after the other, the next when the one before is ready; their exit codes."""
    codes = {}
    for service in TWO_OF_EACH:
        for instance in (1, 2):
            codes[service, instance] = arena.fleet.replace(service, instance)
            arena.wait(arena.fleet.ready, f"{service} {instance} is ready again")
    return codes
