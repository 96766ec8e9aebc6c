"""Everything at once, the moments in which a process must not die, and the servers that are away."""

import json
import os
import signal
import time
import uuid

import pika
import pytest

from chaos.arena import Arena
from chaos.witness import parked


@pytest.mark.smoke
def test_whatever_dies_everything_owed_happens_once_and_in_order(arena: Arena, seconds: float) -> None:
    arena.begin()
    faults = arena.faults()
    # In a short run the servers that take long to come back are left alone.
    names = sorted(faults.all() if seconds > 20 else faults.quick())
    load = arena.load(arena.events(4, capacity=40) + arena.events(2, capacity=5, waitlist=True), people=5000, pace=0.1)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        faults.strike(arena.rng.choice(names))
        time.sleep(arena.rng.uniform(0, 0.5))
    arena.heal()
    load.stop()
    assert load.told, "nobody got an answer"
    complaints = arena.judge(load)
    assert not complaints, "\n".join(complaints[:20] + [f"faults: {faults.done}", f"seed: {arena.seed}"])


POINTS = [
    ("api-service", "relay.claimed:2"), ("api-service", "publisher.sent:4"), ("api-service", "relay.confirmed:2"),
    ("api-service", "relay.marked:2"), ("ticket-worker", "worker.handling:3"), ("ticket-worker", "worker.handled:3"),
    ("notifications", "worker.handled:3"), ("notifications", "mail.taken:2"), ("notifications", "mail.sending:2"),
    ("notifications", "worker.moved:1"),
]


@pytest.mark.smoke
def test_a_process_may_die_between_any_two_steps(arena: Arena) -> None:
    arena.begin()
    events = arena.events(3)
    # One service at a time dies at one of its points; its twin and whoever takes its place go on.
    died = []
    told, unsettled = [], []
    for service, point in POINTS:
        before = arena.fleet.died(service)
        # Only what fails is moved to a delay queue.
        arena.sink.mode = "refuse" if point.startswith("worker.moved") else "normal"
        arena.fleet.restart(service, 1, EM_KILL_AT=point)
        load = arena.load(events, people=25, threads=4, pace=0.01, cancelling=0.05)
        load.finish()
        told += load.told
        unsettled += load.unsettled
        deadline = time.monotonic() + 5
        while arena.fleet.died(service) == before and time.monotonic() < deadline:
            time.sleep(0.05)
        if arena.fleet.died(service) > before:
            died.append(point)
    load.told, load.unsettled = told, unsettled
    complaints = arena.judge(load)
    assert not complaints, "\n".join(complaints[:20])
    # Which of the twins comes to a point is chance; most of them must have been come to.
    assert len(died) >= len(POINTS) - 3, f"died only at {died}"


@pytest.mark.smoke
def test_a_message_that_kills_its_worker_is_parked_and_harms_no_neighbour(arena: Arena) -> None:
    identity = str(uuid.uuid4())
    arena.begin(EM_KILL_AT=f"worker.handling@{identity}")
    events = arena.events(2)
    poison = {"specversion": "1.0", "id": identity, "source": "/em-connect", "type": "em.registration.confirmed",
              "subject": events[0], "time": "2026-01-01T00:00:00.000Z", "datacontenttype": "application/json",
              "data": {"eventId": events[0], "registrationId": str(uuid.uuid4()), "userId": str(uuid.uuid4()),
                       "status": "confirmed", "confirmed": 1, "waitlisted": 0, "capacity": 9, "revision": 1}}
    connection = pika.BlockingConnection(pika.URLParameters(arena.truth.amqp_url))
    connection.channel().basic_publish(
        "", "ticket-worker.issue", json.dumps(poison).encode(),
        pika.BasicProperties(message_id=identity, delivery_mode=2, content_type="application/cloudevents+json"))
    connection.close()
    load = arena.load(events, people=60, pace=0.05)
    arena.wait(lambda: parked(arena.truth.amqp_url, "ticket-worker.issue"), "the poison is parked", 40)
    load.stop()
    complaints = arena.judge(load)
    assert not complaints, "\n".join(complaints[:20])
    [(properties, _)] = parked(arena.truth.amqp_url, "ticket-worker.issue")
    assert properties.message_id == identity and properties.headers["em-reason"] == "kills-worker"
    assert 3 <= arena.fleet.died("ticket-worker") <= 6, arena.fleet.deaths
    # An operator sends it back once the worker is mended: it keeps its id, and twice is once.
    arena.fleet.stop("ticket-worker")
    arena.fleet.start()
    listed = arena.fleet.run("dead-letters", "list")
    assert listed.returncode == 0 and identity in listed.stdout, f"{listed.stdout} {listed.stderr}"
    letter = listed.stdout.split()[0]
    for _ in range(2):
        replayed = arena.fleet.run("dead-letters", "replay", letter)
        assert replayed.returncode == 0, replayed.stderr
    arena.wait(lambda: not arena.truth.pending() and not parked(arena.truth.amqp_url, "ticket-worker.issue"), "replayed")
    handled = arena.truth.value(
        "SELECT count(*) FROM inbox WHERE message_id = %s AND consumer = 'ticket-worker.issue'", identity)
    assert handled == 1
    assert arena.truth.value("SELECT count(*) FROM audit WHERE action = 'dead-letter.replayed'") == 1


def test_with_the_broker_away_people_register_and_the_backlog_leaves_in_order(arena: Arena) -> None:
    arena.begin()
    faults = arena.faults()
    events = arena.events(2)
    admin = arena.admin()
    os.killpg(faults._process("rabbitmq").pid, signal.SIGKILL)
    load = arena.load(events, people=200, pace=0.01, cancelling=0)
    load.finish()
    assert {told.status for told in load.told} == {"confirmed"} and len(load.told) == 200
    assert all(told.answers == ["201"] for told in load.told), "somebody had to ask twice"
    assert arena.truth.value("SELECT count(*) FROM outbox WHERE published_at IS NULL") >= 200
    seen = admin.get("/admin/system")
    assert seen["queues"] is None and seen["outbox"]["unpublished"] >= 200 and not seen["isHealthy"]
    assert {one["name"]: one["state"] for one in seen["dependencies"]} == {
        "postgres": "up", "rabbitmq": "down", "redis": "up"}
    faults._process("rabbitmq").stop(signal.SIGKILL, patience=5)
    faults._process("epmd").stop(signal.SIGKILL)
    faults._start("rabbitmq")
    complaints = arena.judge(load, mail_kills=0)
    assert not complaints, "\n".join(complaints[:20])


def test_operators_see_what_is_away_and_never_an_error(arena: Arena) -> None:
    arena.begin()
    admin = arena.admin()
    arena.wait(lambda: admin.get("/admin/system")["isHealthy"], "everything is well")
    assert admin.get("/admin/system")["outbox"]["relays"] == 2
    for name in ("postgres", "redis"):
        arena.proxies[name].refusing = True
        arena.proxies[name].cut()
        arena.wait(lambda: states(admin)[name] == "down", f"{name} is seen to be away")
        assert not admin.get("/admin/system")["isHealthy"]
        arena.proxies[name].heal()
        arena.wait(lambda: states(admin)[name] == "up", f"{name} is seen to be back")


def states(admin) -> dict[str, str]:
    return {one["name"]: one["state"] for one in admin.get("/admin/system")["dependencies"]}


@pytest.mark.parametrize("mode", ["refuse", "busy", "tarpit", "drop"])
def test_a_bad_mail_server_gets_each_mail_in_the_end(arena: Arena, mode: str) -> None:
    arena.begin()
    arena.sink.mode = mode
    load = arena.load(arena.events(1), people=12, cancelling=0)
    load.finish()
    time.sleep(2)
    # What it took while it misbehaved, it may get again: nobody said 250.
    complaints = arena.judge(load, mail_kills=0)
    assert not complaints, "\n".join(complaints[:20])


def test_an_address_that_is_refused_for_good_fails_at_once(arena: Arena) -> None:
    arena.begin()
    arena.sink.mode = "reject"
    load = arena.load(arena.events(1), people=5, cancelling=0)
    load.finish()
    arena.wait(lambda: arena.truth.value("SELECT count(*) FROM notifications WHERE status = 'failed'") == 5, "failed")
    assert arena.truth.value("SELECT max(attempts) FROM notifications") == 1


@pytest.mark.parametrize("moment", ["on_text", "on_accept"], ids=["before", "after"])
def test_a_mail_worker_killed_around_the_250_sends_once_more_under_the_same_id(arena: Arena, moment: str) -> None:
    arena.begin()
    left = [3]

    def murder(_: object) -> None:
        if left[0] > 0:
            left[0] -= 1
            for member in arena.fleet.members("notifications"):
                arena.fleet.signal(*member, signal.SIGKILL)

    setattr(arena.sink, moment, murder)
    load = arena.load(arena.events(1), people=30, cancelling=0)
    load.finish()
    arena.wait(lambda: left[0] == 0, "three murders")
    complaints = arena.judge(load)
    assert not complaints, "\n".join(complaints[:20])
