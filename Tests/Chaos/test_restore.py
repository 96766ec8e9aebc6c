"""The drill of the worst day: the database comes back from a backup, and the broker comes back with nothing."""

import os
import subprocess
from pathlib import Path

import pika

from chaos.arena import Arena
from chaos.witness import depths
from em.stack import ROOT


def script(arena: Arena, name: str, file: Path) -> subprocess.CompletedProcess:
    owner = arena.layout.addresses()["EM_MIGRATION_DATABASE_URL"]
    return subprocess.run([ROOT / "infra" / name, file], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "EM_MIGRATION_DATABASE_URL": owner})


def test_after_a_restore_with_an_empty_broker_everything_owed_happens(arena: Arena, tmp_path: Path) -> None:
    arena.begin()
    events = arena.events(2)
    # With no worker there, what people are owed stands in the broker's queues alone.
    arena.fleet.stop("ticket-worker")
    arena.fleet.stop("notifications")
    load = arena.load(events, people=80, pace=0.01, cancelling=0)
    load.finish()
    arena.wait(lambda: not arena.truth.value("SELECT count(*) FROM outbox WHERE published_at IS NULL"), "all is in the broker")
    done = script(arena, "backup", tmp_path / "em.dump")
    assert done.returncode == 0, done.stderr
    # What came after the backup is lost with the disk, and the database must not be a mixture.
    arena.load(events, people=20, pace=0.01, cancelling=0).finish()
    refused = script(arena, "restore", tmp_path / "em.dump")
    assert refused.returncode == 1 and "still connected" in refused.stderr, "services were using it"
    assert set(arena.fleet.stop()) == {0}

    connection = pika.BlockingConnection(pika.URLParameters(arena.truth.amqp_url))
    channel = connection.channel()
    for queue in depths(arena.truth.amqp_url):
        channel.queue_delete(queue)
    connection.close()
    restored = script(arena, "restore", tmp_path / "em.dump")
    assert restored.returncode == 0, restored.stderr
    assert arena.truth.value("SELECT count(*) FROM registrations") == 80
    with arena.witness.lock:
        arena.witness.heard[:] = [message for message in arena.witness.heard if is_stored(arena, message)]

    arena.fleet.start()
    arena.wait(arena.fleet.ready, "every service ready", 60)
    # The control: by itself nothing of it comes back.
    found = arena.fleet.run("verify", "--stuck-after", "0")
    assert found.returncode == 2 and arena.truth.value("SELECT count(*) FROM tickets") == 0, found.stdout
    trial = arena.fleet.run("reconcile", "--dry-run")
    assert trial.returncode == 0 and "em.registration.confirmed: 80" in trial.stdout, trial.stdout + trial.stderr
    assert arena.truth.value("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0
    again = arena.fleet.run("reconcile")
    assert again.returncode == 0 and "em.registration.confirmed: 80" in again.stdout, again.stdout + again.stderr
    complaints = arena.judge(load, mail_kills=0)
    assert not complaints, "\n".join(complaints[:20])
    assert arena.fleet.run("verify").returncode == 0
    # Once more is as good as once.
    assert "Nothing is missing" in arena.fleet.run("reconcile").stdout


def is_stored(arena: Arena, message: dict) -> bool:
    return arena.truth.value("SELECT count(*) FROM outbox WHERE message_id = %s", message["id"]) == 1
