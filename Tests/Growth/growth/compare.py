"""From readings to results: blocks per call of each route and chore at each size, and whether they grow by more than their law."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from growth.laws import FLAT, Law, law
from growth.measure import Run, background, chores_beside_calls
from growth.meter import USERS, Key, Reading, ordinary, shortened, typical
from growth.sizes import Size

Summary = dict[str, Any]
NONE = [0, 0, 0.0, 0]  # calls, blocks, milliseconds, rows
LONGEST_STEP = 1000  # rows: what grows with an event is done in steps of at most as many


@dataclass(frozen=True)
class Statement:
    """Of a route: how often it runs in one call. Of a chore: how often in an idle second."""

    text: str
    calls: float
    blocks: float  # each time
    milliseconds: float  # each time


@dataclass
class Result:
    name: str
    kind: str  # route, idle (a service's second), chore, worker (a statement that belongs to no route)
    sizes: dict[str, float]  # blocks per call
    milliseconds: dict[str, float]
    statements: dict[str, list[Statement]]
    law: Law
    limits: dict[str, float]  # of all sizes but the smallest
    wrong: list[str]

    @property
    def is_red(self) -> bool:
        return self.grows or bool(self.wrong)

    @property
    def grows(self) -> bool:
        return any(self.sizes[size] > limit for size, limit in self.limits.items() if size in self.sizes)


def save(run: Run, state: Path, what: str = "growth") -> None:
    """One size as JSON, so that a later run can compare with it. Statements by user and text: numbers differ between servers."""
    def named(key: Key) -> str:
        return f"{USERS[key[0]]}: {shortened(run.texts.get(key, '?'))}"

    def folded(reading: Reading) -> dict[str, list[float]]:
        sums: dict[str, list[float]] = {}
        for key, use in reading.items():
            one = sums.get(named(key), NONE)
            sums[named(key)] = [one[0] + use.calls, one[1] + use.blocks, one[2] + use.milliseconds, one[3] + use.rows]
        return sums

    chores = run.chores
    own = {route.name: ordinary(route.windows, chores) for route in run.routes}
    routes = [{
        "name": route.name, "wrong": route.wrong, "seconds": route.seconds,
        "windows": [folded({key: use for key, use in window.items() if key in own[route.name]}) for window in route.windows],
    } for route in run.routes]
    summary = {"size": asdict(run.size), "idle_seconds": run.idle_seconds, "idle": folded(run.idle), "stirred": folded(run.stirred),
               "routes": routes, "background": folded(background(run, own, chores)), "beside": folded(chores_beside_calls(run, chores))}
    (state / f"{what}-{run.size.name}.json").write_text(json.dumps(summary, indent=1))


def load(names: list[str], state: Path, what: str = "growth") -> list[Summary]:
    return [json.loads((state / f"{what}-{name}.json").read_text()) for name in names]


def results(summaries: list[Summary], constant: float) -> list[Result]:
    """`constant`: by how many blocks everything may grow."""
    chores = {text for summary in summaries for text in (*summary["idle"], *summary["stirred"])}
    found: dict[tuple[str, str], Result] = {}

    def note(kind: str, name: str, size: str, blocks: float, milliseconds: float, statements: list[Statement], wrong: list[str]) -> None:
        rule = law(name) if kind == "route" else FLAT
        result = found.setdefault((kind, name), Result(name, kind, {}, {}, {}, rule, {}, []))
        result.sizes[size], result.milliseconds[size], result.statements[size] = blocks, milliseconds, statements
        result.wrong += [f"{size}: {text}" for text in wrong]

    for summary in summaries:
        size = summary["size"]["name"]
        for route in summary["routes"]:
            windows = [{text: use for text, use in window.items() if text not in chores} for window in route["windows"]]
            blocks = [int(sum(use[1] for use in window.values())) for window in windows]
            sums: dict[str, list[float]] = {}
            for window in windows:
                for text, use in window.items():
                    sums[text] = [one + other for one, other in zip(sums.get(text, NONE), use, strict=True)]
            statements = [Statement(text, use[0] / len(windows), use[1] / use[0], use[2] / use[0]) for text, use in sums.items()]
            seconds = sorted(route["seconds"]) or [0.0]
            note("route", route["name"], size, typical(blocks) if blocks else 0.0, seconds[len(seconds) // 2] * 1000,
                 sorted(statements, key=lambda one: -one.calls * one.blocks), list(dict.fromkeys(route["wrong"]))[:2])
        idle = summary["idle_seconds"]
        for service in USERS.values() if idle else ():
            uses = [use for text, use in summary["idle"].items() if text.startswith(service)]
            calls, blocks, milliseconds = (sum(use[part] for use in uses) / idle for part in range(3))
            note("idle", f"{service}, a second in which nobody calls anything", size, blocks, milliseconds,
                 [Statement("all of its chores", calls, blocks / max(1, calls), milliseconds / max(1, calls))], [])
        for text in chores:
            uses = [reading[text] for reading in (summary["idle"], summary["stirred"]) if text in reading]
            if uses:
                calls, blocks, milliseconds = (sum(use[part] for use in uses) for part in range(3))
                rate = summary["idle"].get(text, NONE)[0] / max(1.0, idle)
                note("chore", text, size, blocks / calls, milliseconds / calls, [Statement(text, rate, blocks / calls, milliseconds / calls)], [])
        for text, (calls, blocks, milliseconds, rows) in (*summary["background"].items(), *summary["beside"].items()):
            # A step that does more costs more: what counts is what it costs for each row, while it stays a step.
            share = 1 if rows / calls > LONGEST_STEP else max(1, rows / calls)
            note("worker", text, size, blocks / calls / share, milliseconds / calls, [Statement(text, calls, blocks / calls, milliseconds / calls)], [])
    by_name = {summary["size"]["name"]: Size(**summary["size"]) for summary in summaries}
    for result in found.values():
        compared = [name for name in by_name if name in result.sizes]
        small = compared[0]
        result.limits = {name: result.law.limit(by_name[small], by_name[name], result.sizes[small], constant) for name in compared[1:]}
    order = {"route": 0, "idle": 1, "chore": 2, "worker": 3}
    return sorted(found.values(), key=lambda one: (order[one.kind], one.kind != "route" and one.name))
