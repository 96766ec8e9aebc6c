"""That the test can fail: an index taken away and an `IS NULL OR` written down must both show, in the same reckoning."""

from growth import compare
from growth.calls import Calls
from growth.laws import CONSTANT
from growth.measure import Run, turns
from growth.meter import Measured, Meter, difference
from growth.scene import Scene
from growth.site import Site
from growth.sizes import Size

INDEX, ROUTE = "scans_by_event", "GET /events/{id}/check-ins"
# An event's registrations behind nine tenths of them: with a start that is no index condition, and as it should be.
STATEMENTS = {
    "IS NULL OR": "SELECT id, status FROM registrations WHERE event_id = %s AND (%s::timestamptz IS NULL OR (created_at, id) > (%s, %s)) "
                  "ORDER BY created_at, id LIMIT 21",
    "keyset": "SELECT id, status FROM registrations WHERE event_id = %s AND %s::timestamptz IS NOT NULL AND (created_at, id) > (%s, %s) "
              "ORDER BY created_at, id LIMIT 21",
}


def check(site: Site, meter: Meter, sizes: list[Size], generations: list[int]) -> list[str]:
    """Everything is filled and running. Answers what did not turn red although it must, or did without reason."""
    runs = [Run(size) for size in sizes]
    for run, generation in zip(runs, generations, strict=True):
        scene = Scene(site.stack, generation)
        try:
            call = next(call for call in Calls(scene).table if call.name == ROUTE)
            run.routes.append(turns(site, meter, call, "the index"))
            if run is runs[-1]:
                definition = scene.value("SELECT pg_get_indexdef(%s::regclass)", INDEX)
                scene.rows(f"DROP INDEX {INDEX}")
                run.routes.append(turns(site, meter, call, "no index"))
                scene.rows(definition)
            else:
                run.routes.append(turns(site, meter, call, "no index"))
            run.routes += [statement(scene, meter, name) for name in STATEMENTS]
        finally:
            scene.close()
        run.texts = meter.texts()
        compare.save(run, site.stack.state, "mutant")
    results = compare.results(compare.load([run.size.name for run in runs], site.stack.state, "mutant"), CONSTANT, page=0)
    expected = {"the index": False, "no index": True, "IS NULL OR": True, "keyset": False}
    faults = []
    for result in results:
        numbers = " → ".join(f"{blocks:,.0f}" for blocks in result.sizes.values())
        print(f"  mutant {result.name!r}: {numbers} blocks, {'grows' if result.grows else 'flat'}", flush=True)
        if result.grows != expected.pop(result.name):
            faults.append(f"{result.name}: {'grows' if result.grows else 'stays flat'} ({numbers} blocks)")
    return faults + [f"{name}: not measured" for name in expected]


def statement(scene: Scene, meter: Meter, name: str) -> Measured:
    """Runs one statement eight times, as api-service's user does; with the plan that PostgreSQL may turn to at the sixth."""
    event = scene.probe["open"]
    count = scene.value("SELECT count(*) FROM registrations WHERE event_id = %s", event)
    at, row = scene.rows("SELECT created_at, id FROM registrations WHERE event_id = %s ORDER BY created_at, id OFFSET %s LIMIT 1",
                         event, count * 9 // 10)[0]
    measured = Measured(name, name)
    scene.rows("SET ROLE em_service")
    scene.rows("SET plan_cache_mode = force_generic_plan")
    for _ in range(8):
        before = meter.read()
        scene.connection.execute(STATEMENTS[name], (event, at, at, row), prepare=True)
        window = difference(meter.read(), before)
        measured.windows.append({key: use for key, use in window.items() if use.rows})
        measured.seconds.append(0.0)
    scene.rows("RESET ROLE")
    return measured
