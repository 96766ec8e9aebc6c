"""The figures, as a table for people and as JSON for programs.

A comparison holds one value of ours and one of the peer's for each repetition, measured one after the other; the ratio
is formed within each repetition, so that what slows the machine for a minute slows both. Shown are the lowest, the
middle and the highest ratio: the distance between them is the machine's noise. The middle one meets the target or not.
"""

import json
import os
import platform
import statistics
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Comparison:
    name: str
    ours: list[float]
    peer: list[float]
    peer_name: str
    unit: str
    target: float
    at_least: bool = True
    """Else at most."""
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        return sorted(one / other for one, other in zip(self.ours, self.peer, strict=True))

    @property
    def met(self) -> bool:
        middle = statistics.median(self.ratios)
        return middle >= self.target if self.at_least else middle <= self.target


@dataclass
class Report:
    comparisons: list[Comparison] = field(default_factory=list)
    figures: dict[str, dict] = field(default_factory=dict)
    """What stands beside no peer, such as a latency."""
    wrong: list[str] = field(default_factory=list)
    """What makes the figures worthless: lost registrations, errors, a violated invariant."""

    @property
    def missed(self) -> list[str]:
        return [comparison.name for comparison in self.comparisons if not comparison.met]

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def compare(self, comparison: Comparison) -> None:
        self.comparisons.append(comparison)
        self.say(row(comparison))

    def figure(self, name: str, **values: object) -> None:
        self.figures[name] = values
        self.say(f"  {name}: {described(values)}")

    def require(self, holds: bool, what: str) -> None:
        if not holds:
            self.wrong.append(what)
            self.say(f"  WRONG: {what}")

    def finish(self, path: Path, seconds: float) -> None:
        machine = {"cores": os.cpu_count(), "machine": platform.platform(), "load": os.getloadavg()}
        document = {
            "seconds": round(seconds, 1), "machine": machine, "figures": self.figures, "wrong": self.wrong,
            "comparisons": [asdict(one) | {"ratios": one.ratios, "met": one.met} for one in self.comparisons]}
        path.write_text(json.dumps(document, indent=2) + "\n")
        print(f"\n{HEADER}")
        for comparison in self.comparisons:
            print(row(comparison))
        for name, values in self.figures.items():
            print(f"  {name}: {described(values)}")
        for what in self.wrong:
            print(f"  WRONG: {what}")
        print(f"\n{os.cpu_count()} cores, {seconds:.0f} s; JSON: {path}")


HEADER = (f"  {'':<44} {'ours':>10} {'peer':>10}        {'ratio: low':>10} {'middle':>8} {'high':>8}  target")


def row(one: Comparison) -> str:
    low, middle, high = one.ratios[0], statistics.median(one.ratios), one.ratios[-1]
    target = f"{'≥' if one.at_least else '≤'} {one.target:g} {'met' if one.met else 'MISSED'}"
    values = f"{number(statistics.median(one.ours)):>10} {number(statistics.median(one.peer)):>10} {one.unit:<6}"
    text = f"  {one.name:<44} {values} {low:>10.2f} {middle:>8.2f} {high:>8.2f}  {target}\n{'':<6}peer: {one.peer_name}"
    return text + (f"; {one.note}" if one.note else "")


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def described(values: dict) -> str:
    return ", ".join(f"{name} {number(value) if isinstance(value, float) else value}" for name, value in values.items())
