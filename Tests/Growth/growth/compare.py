"""From readings to results: blocks per call of each route and task at each size, and whether they grow by more than their law."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from growth.laws import PAGE, Law, law
from growth.measure import Run, background, tasks_beside_calls
from growth.meter import USERS, Key, Reading, ordinary, shortened, typical
from growth.sizes import Size

Summary = dict[str, Any]
Uses = dict[str, list[float]]  # by statement, as in meter.Use
NONE = [0, 0, 0.0, 0]  # calls, blocks, milliseconds, rows
# The check of the invariants goes on in the background, whatever is called meanwhile.
BACKGROUND = ("SELECT invariant, event_id", "SELECT known.id, coalesce", "SELECT count(*) AS in_scope FROM")
LONGEST_STEP = 1000  # rows: what grows with an event is done in steps of at most as many


@dataclass(frozen=True)
class Statement:
    """Of a route: how often it runs in one call. Of a task: how often in an idle second."""

    text: str
    calls: float
    blocks: float  # each time
    milliseconds: float  # each time


@dataclass
class Result:
    name: str
    kind: str  # route, idle (a service's second), task, worker (a statement that belongs to no route)
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

    def folded(reading: Reading) -> Uses:
        return summed([{named(key): [use.calls, use.blocks, use.milliseconds, use.rows]} for key, use in reading.items()])

    tasks = run.tasks | {key for key, text in run.texts.items() if shortened(text).startswith(BACKGROUND)}
    own = {route.name: ordinary(route.windows, tasks) for route in run.routes}
    routes = [{
        "name": route.name, "wrong": route.wrong, "seconds": route.seconds,
        "windows": [folded({key: use for key, use in window.items() if key in own[route.name]}) for window in route.windows],
    } for route in run.routes]
    summary = {"size": asdict(run.size), "idle_seconds": run.idle_seconds, "idle": folded(run.idle), "stirred": folded(run.stirred),
               "routes": routes, "background": folded(background(run, own, tasks)), "beside": folded(tasks_beside_calls(run, tasks))}
    (state / f"{what}-{run.size.name}.json").write_text(json.dumps(summary, indent=1))


def load(names: list[str], state: Path, what: str = "growth") -> list[Summary]:
    return [json.loads((state / f"{what}-{name}.json").read_text()) for name in names]


def results(summaries: list[Summary], constant: float, page: float = PAGE) -> list[Result]:
    """`constant`: by how many blocks everything may grow; `page`: by how many more what answers a page."""
    comparison = Comparison({text for summary in summaries for text in (*summary["idle"], *summary["stirred"])})
    for summary in summaries:
        comparison.add(summary)
    sizes = {summary["size"]["name"]: Size(**summary["size"]) for summary in summaries}
    for result in comparison.found.values():
        small, *larger = (name for name in sizes if name in result.sizes)
        least = constant + (page if result.kind == "route" else 0)
        result.limits = {name: result.law.limit(sizes[small], sizes[name], result.sizes[small], least) for name in larger}
    order = {"route": 0, "idle": 1, "task": 2, "worker": 3}
    return sorted(comparison.found.values(), key=lambda one: (order[one.kind], one.kind != "route" and one.name))


class Comparison:
    """Collects one size after the other. A statement that is a task at one size is no route's at any."""

    def __init__(self, tasks: set[str]):
        self.tasks = tasks
        self.found: dict[tuple[str, str], Result] = {}

    def add(self, summary: Summary) -> None:
        size = summary["size"]["name"]
        for route in summary["routes"]:
            self.add_route(size, route)
        if summary["idle_seconds"]:
            for service in USERS.values():
                self.add_idle_second(size, service, summary["idle"], summary["idle_seconds"])
            for text in self.tasks:
                self.add_task(size, text, summary)
        for text, use in (*summary["background"].items(), *summary["beside"].items()):
            self.add_work(size, text, use)

    def note(self, kind: str, name: str, size: str, blocks: float, milliseconds: float, statements: list[Statement]) -> Result:
        rule = law(kind, name)
        result = self.found.setdefault((kind, name), Result(name, kind, {}, {}, {}, rule, {}, []))
        result.sizes[size], result.milliseconds[size], result.statements[size] = blocks, milliseconds, statements
        return result

    def add_route(self, size: str, route: dict[str, Any]) -> None:
        windows = [{text: use for text, use in window.items() if text not in self.tasks} for window in route["windows"]]
        blocks = [int(sum(use[1] for use in window.values())) for window in windows]
        statements = [Statement(text, use[0] / len(windows), use[1] / use[0], use[2] / use[0]) for text, use in summed(windows).items()]
        seconds = sorted(route["seconds"]) or [0.0]
        result = self.note("route", route["name"], size, typical(blocks) if blocks else 0.0, seconds[len(seconds) // 2] * 1000,
                           sorted(statements, key=lambda one: -one.calls * one.blocks))
        result.wrong += [f"{size}: {text}" for text in list(dict.fromkeys(route["wrong"]))[:2]]

    def add_idle_second(self, size: str, service: str, idle: Uses, seconds: float) -> None:
        uses = [use for text, use in idle.items() if text.startswith(service)]
        calls, blocks, milliseconds = (sum(use[part] for use in uses) / seconds for part in range(3))
        self.note("idle", f"{service}, a second in which nobody calls anything", size, blocks, milliseconds,
                  [Statement("all of its tasks", calls, blocks / max(1, calls), milliseconds / max(1, calls))])

    def add_task(self, size: str, text: str, summary: Summary) -> None:
        calls, blocks, milliseconds, _ = summed([summary["idle"], summary["stirred"]]).get(text, NONE)
        if calls:
            rate = summary["idle"].get(text, NONE)[0] / summary["idle_seconds"]
            self.note("task", text, size, blocks / calls, milliseconds / calls, [Statement(text, rate, blocks / calls, milliseconds / calls)])

    def add_work(self, size: str, text: str, use: list[float]) -> None:
        """A step that does more costs more: what counts is what it costs for each row, while it stays a step."""
        calls, blocks, milliseconds, rows = use
        share = 1 if rows / calls > LONGEST_STEP else max(1, rows / calls)
        self.note("worker", text, size, blocks / calls / share, milliseconds / calls,
                  [Statement(text, calls, blocks / calls, milliseconds / calls)])


def summed(readings: list[Uses]) -> Uses:
    sums: Uses = {}
    for reading in readings:
        for text, use in reading.items():
            sums[text] = [one + other for one, other in zip(sums.get(text, NONE), use, strict=True)]
    return sums
