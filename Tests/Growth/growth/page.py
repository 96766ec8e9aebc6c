"""growth.html: a curve for each route and task, on one page that needs nothing else."""

import html
import math

from growth.compare import Result
from growth.laws import FACTOR, PAGE

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --text: #1d2327; --soft: #68727b; --rule: #d9dee2; --flat: #0b6e5f; --grows: #b3261e; --band: #0b6e5f1f }
@media (prefers-color-scheme: dark) {
  :root { --ground: #15191c; --text: #e4e8eb; --soft: #95a0a9; --rule: #333b41; --flat: #4fc3ae; --grows: #ff8a80; --band: #4fc3ae26 }
}
body { background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.5rem }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem }
figure { border: 1px solid var(--rule); border-radius: 6px; margin: 0; padding: .6rem .7rem; min-width: 0 }
figcaption { font-size: .82rem; overflow-wrap: anywhere } figcaption b { color: var(--grows) }
svg { display: block; width: 100%; height: auto } svg text { fill: var(--soft); font-size: 11px }
.rule { stroke: var(--rule) } .limit { stroke: var(--soft); stroke-dasharray: 4 3; fill: none }
.flat { stroke: var(--flat); fill: none; stroke-width: 2 } .grows { stroke: var(--grows); fill: none; stroke-width: 2 }
.dot-flat { fill: var(--flat) } .dot-grows { fill: var(--grows) } .band { fill: var(--band) }
details { font-size: .8rem; color: var(--soft) } pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .3rem 0 }
"""


def page(results: list[Result], sizes: dict[str, int], constant: float) -> str:
    """`sizes`: each size's name and how many registrations it has."""
    growing = [result for result in results if result.is_red]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>Cost while the data grows</title><style>{STYLE}</style><h1>Cost while the data grows</h1>",
        f"<p>Blocks of the database that one call reads, with {' and '.join(f'{count:,} ({name})' for name, count in sizes.items())} "
        f"registrations. {len(results)} ways of calling routes, tasks and workers' statements; <b>{len(growing)}</b> grow by more than "
        f"their law allows, or don't answer. A constant cost may be {FACTOR:g} times the smallest site's and {constant:g} blocks, of a route {PAGE:g} more.</p>",
        scatter(results, sizes, constant) if len(sizes) > 1 else "",
    ]
    for title, chosen in (
        ("What grows", growing), ("Routes", [one for one in results if one.kind == "route" and not one.is_red]),
        ("Seconds in which nobody calls anything", [one for one in results if one.kind == "idle" and not one.is_red]),
        ("Chores, each time", [one for one in results if one.kind == "task" and not one.is_red]),
        ("Beside the calls: workers, relay and tasks, each time and row", [one for one in results if one.kind == "worker" and not one.is_red]),
    ):
        if chosen:
            parts.append(f"<h2>{title}</h2><div class=grid>{''.join(figure(result, sizes) for result in chosen)}</div>")
    return "\n".join(parts) + "</html>\n"


def figure(result: Result, sizes: dict[str, int]) -> str:
    numbers = " → ".join(f"{blocks:,.0f}" for blocks in result.sizes.values())
    name = html.escape(result.name[:180])
    title = f"<b>{name}</b>" if result.is_red else name
    largest = list(result.sizes)[-1]
    statements = "".join(
        f"<pre>{one.blocks:,.0f} blocks, {one.milliseconds:,.2f} ms, × {one.calls:.3g}: {html.escape(one.text)}</pre>"
        for one in result.statements[largest])
    wrong = "".join(f"<pre>{html.escape(text)}</pre>" for text in result.wrong)
    return (f"<figure>{curve(result, sizes)}<figcaption>{title}<br>{numbers} blocks; {html.escape(result.law.says)}</figcaption>{wrong}"
            f"<details><summary>at {largest}: {result.milliseconds[largest]:,.1f} ms</summary>{statements}</details></figure>")


def curve(result: Result, sizes: dict[str, int]) -> str:
    """Registrations to the right and blocks upwards, both by powers of ten; broken: what the law allows."""
    width, height, left, bottom = 260, 110, 34, 18
    points = {name: max(1.0, blocks) for name, blocks in result.sizes.items()}
    counts = [math.log10(sizes[name]) for name in sizes]
    top = max(4.0, *(math.log10(value) for value in (*points.values(), *(max(1.0, limit) for limit in result.limits.values()))))

    def x(name: str) -> float:
        span = max(counts) - min(counts)
        return left + 12 + (width - left - 30) * ((math.log10(sizes[name]) - min(counts)) / span if span else 0.5)

    def y(blocks: float) -> float:
        return height - bottom - (height - bottom - 8) * math.log10(max(1.0, blocks)) / top

    kind = "grows" if result.is_red else "flat"
    lines = "".join(f"<line class=rule x1={left} x2={width} y1={y(10 ** power):.1f} y2={y(10 ** power):.1f} />"
                    f"<text x={left - 4} y={y(10 ** power) + 4:.1f} text-anchor=end>{shown(10 ** power)}</text>" for power in range(0, int(top) + 1, 2))
    names = "".join(f"<text x={x(name):.1f} y={height - 4} text-anchor=middle>{name}</text>" for name in points)
    path = " ".join(f"{x(name):.1f},{y(blocks):.1f}" for name, blocks in points.items())
    limit = " ".join(f"{x(name):.1f},{y(blocks):.1f}" for name, blocks in [next(iter(points.items())), *result.limits.items()])
    dots = "".join(f"<circle class=dot-{kind} cx={x(name):.1f} cy={y(blocks):.1f} r=3><title>{name}: {blocks:,.0f} blocks</title></circle>"
                   for name, blocks in points.items())
    return (f"<svg viewBox='0 0 {width} {height}' role=img aria-label='{html.escape(result.name[:80], quote=True)}'>{lines}{names}"
            f"<polyline class=limit points='{limit}' /><polyline class={kind} points='{path}' />{dots}</svg>")


def scatter(results: list[Result], sizes: dict[str, int], constant: float) -> str:
    """All at once: the smallest site's blocks to the right, the largest one's upwards; below the line is flat."""
    *_, large = sizes
    small = next(iter(sizes))
    both = [one for one in results if small in one.sizes and large in one.sizes]
    side, left, bottom = 520, 60, 40
    top = max(5.0, *(math.log10(max(1.0, value)) for one in both for value in one.sizes.values()), 5.0)

    def place(blocks: float) -> float:
        return math.log10(max(1.0, blocks)) / top

    def x(blocks: float) -> float:
        return left + (side - left - 24) * place(blocks)

    def y(blocks: float) -> float:
        return side - bottom - (side - bottom - 10) * place(blocks)

    edge = [10 ** (step * top / 60) for step in range(61)]
    line = " ".join(f"{x(blocks):.1f},{y(blocks * FACTOR + constant):.1f}" for blocks in edge if blocks * FACTOR + constant < 10 ** top)
    axes = "".join(f"<line class=rule x1={x(10 ** power):.1f} x2={x(10 ** power):.1f} y1=10 y2={side - bottom} />"
                   f"<line class=rule x1={left} x2={side - 10} y1={y(10 ** power):.1f} y2={y(10 ** power):.1f} />"
                   f"<text x={x(10 ** power):.1f} y={side - bottom + 16} text-anchor=middle>{shown(10 ** power)}</text>"
                   f"<text x={left - 6} y={y(10 ** power) + 4:.1f} text-anchor=end>{shown(10 ** power)}</text>" for power in range(int(top) + 1))
    dots = "".join(f"<circle class=dot-{'grows' if one.is_red else 'flat'} cx={x(one.sizes[small]):.1f} cy={y(one.sizes[large]):.1f} r=3.5>"
                   f"<title>{html.escape(one.name[:120])}: {one.sizes[small]:,.0f} → {one.sizes[large]:,.0f}</title></circle>" for one in both)
    return (f"<svg viewBox='0 0 {side} {side}' style='max-width: 36rem' role=img aria-label='All routes and tasks'>{axes}"
            f"<polyline class=limit points='{line}' />{dots}<text x={side - 10} y={side - 4} text-anchor=end>blocks a call at {small}</text>"
            f"<text x=14 y={bottom} transform='rotate(-90 14 {bottom})' text-anchor=end>blocks a call at {large}</text></svg>")


def shown(number: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.0f}{unit}"
    return f"{number:.0f}"
