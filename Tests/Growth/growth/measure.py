"""One size, measured: the idle services, then every route eight times."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import requests

from growth.calls import Call, Calls, operations
from growth.listeners import Listeners
from growth.meter import Key, Measured, Meter, Reading, difference, total
from growth.scene import Scene
from growth.site import Site
from growth.sizes import Size

TURNS = 8  # PostgreSQL may turn to a generic plan with the sixth
LONGEST_TASK = 455.0  # seconds from a start until everything that runs by a clock has run (api-service/Operations/Pruning.swift)
PATIENCE = 40.0  # seconds for the turns of one route: what takes longer is red anyway


@dataclass
class Run:
    """What one size has cost."""

    size: Size
    idle_seconds: float = 0.0
    idle: Reading = field(default_factory=dict)
    stirred: Reading = field(default_factory=dict)
    routes: list[Measured] = field(default_factory=list)
    busy: Reading = field(default_factory=dict)
    texts: dict[Key, str] = field(default_factory=dict)

    @property
    def tasks(self) -> set[Key]:
        return set(self.idle) | set(self.stirred)


def measure(site: Site, meter: Meter, size: Size, generation: int, idle: float, wanted: Callable[[Call], bool],
            for_all_chores: bool) -> Run:
    """The services have been started a moment ago, and pg_stat_statements is empty."""
    run = Run(size)
    began = time.monotonic()
    scene = Scene(site.stack, generation)
    listeners = Listeners(scene)
    try:
        time.sleep(idle)
        run.idle, run.idle_seconds = meter.read(), time.monotonic() - began
        stir(scene, meter)
        run.stirred = difference(meter.read(), run.idle)
        calls = Calls(scene)
        missing = set(operations()) - {call.operation for call in calls.table}
        assert not missing, f"routes that nothing calls: {', '.join(sorted(missing))}"
        before = meter.read()
        for call in calls.table:
            if wanted(call):
                run.routes.append(turns(site, meter, call))
        finish(scene, meter)
        if for_all_chores:
            time.sleep(max(0.0, LONGEST_TASK - (time.monotonic() - began)))
        run.busy = difference(meter.read(), before)
        run.texts = meter.texts()
    finally:
        listeners.close()
        scene.close()
    return run


def finish(scene: Scene, meter: Meter, within: float = 120) -> None:
    """Waits for what the last calls began: steps that follow a decision, and what the workers make of them."""
    deadline = time.monotonic() + within
    knows_steps = scene.value("SELECT to_regclass('public.pending_steps') IS NOT NULL")
    while knows_steps and time.monotonic() < deadline and scene.value("SELECT EXISTS (SELECT FROM pending_steps)"):
        time.sleep(0.2)
    meter.settle()
    time.sleep(3)


def stir(scene: Scene, meter: Meter) -> None:
    """Facts that nobody called for: what relay and workers do with them is theirs, and no route's."""
    event = scene.probe["past"]
    for _ in range(6):
        scene.rows(
            "INSERT INTO outbox (message_id, partition, destination, type, event_id, owner_id, data) SELECT %s, "
            "(('x' || right(id::text, 2))::bit(8)::int %% 16), 'events', 'em.event.published', id, owner_id, jsonb_build_object('eventId', id, "
            "'version', 1, 'status', 'published') FROM events WHERE id = %s", uuid.uuid4(), event)
        meter.settle()
        time.sleep(0.2)


def turns(site: Site, meter: Meter, call: Call, name: str = "") -> Measured:
    """One call, eight times."""
    measured = Measured(name or call.name, call.operation)
    meter.read()
    method = call.operation.split()[0]
    deadline = time.monotonic() + PATIENCE
    for turn in range(TURNS):
        try:
            request = call.make(turn)
        except (LookupError, StopIteration) as error:
            measured.wrong.append(f"nothing to call it with: {error!r}")
            break
        headers = dict(request.headers)
        if request.actor:
            headers["Authorization"] = f"Bearer {request.actor.token}"
        prefix = "" if request.path.startswith(("/.well-known", "/openapi", "/asyncapi")) else "/api/v1"
        began = time.monotonic()
        try:
            answer = site.session.request(method, site.url + prefix + request.path, json=request.body, headers=headers, timeout=120,
                                     allow_redirects=False)
            if answer.status_code >= 400:
                measured.wrong.append(f"{answer.status_code} {answer.text[:300]}")
        except requests.RequestException as error:
            measured.wrong.append(f"no answer: {error}")
        measured.seconds.append(time.monotonic() - began)
        if method != "GET":
            meter.settle()
        measured.windows.append(meter.since_last())
        if time.monotonic() > deadline:
            break
    return measured


def tasks_beside_calls(run: Run, tasks: set[Key]) -> Reading:
    """What tasks cost while there is something for them to do."""
    return {key: use for key, use in run.busy.items() if key in tasks}


def background(run: Run, own: dict[str, set[Key]], tasks: set[Key]) -> Reading:
    """What ran in the time of the calls and belongs to none: the workers' statements, and tasks that come by rarely."""
    taken = total([{key: use for key, use in window.items() if key in own[route.name]} for route in run.routes for window in route.windows])
    left = {key: use - taken[key] if key in taken else use for key, use in run.busy.items() if key not in tasks}
    return {key: use for key, use in left.items() if use.calls > 0}
