"""What came out, as a table on the terminal, as growth.json and as a page with a curve for each route and task."""

import json
from dataclasses import asdict
from pathlib import Path

from growth.compare import Result
from growth.page import page


def conclude(results: list[Result], state: Path) -> int:
    """Prints what grows; 1 when anything does."""
    growing = sorted((result for result in results if result.grows), key=lambda one: -max(one.sizes.values()))
    for result in growing:
        sizes = " → ".join(f"{name} {blocks:,.0f}" for name, blocks in result.sizes.items())
        allowed = ", ".join(f"{name} {limit:,.0f}" for name, limit in result.limits.items())
        print(f"\nGROWS  {result.kind} {result.name[:150]}\n       blocks per call: {sizes}; {result.law.says} would be at most {allowed}")
        largest = list(result.sizes)[-1]
        if result.kind == "route":
            for statement in result.statements[largest][:3]:
                print(f"       {statement.blocks:,.0f} blocks, {statement.milliseconds:,.1f} ms × {statement.calls:g}: {statement.text[:160]}")
    for result in results:
        for text in result.wrong:
            print(f"\nFAILS  {result.name}\n       {text}")
    print(f"\n{len(results)} routes and tasks, {len(growing)} grow by more than their law allows, "
          f"{sum(1 for result in results if result.wrong)} did not answer as they should\n{state / 'growth.json'}\n{state / 'growth.html'}")
    return 1 if any(result.is_red for result in results) else 0


def write(results: list[Result], sizes: dict[str, int], constant: float, state: Path) -> None:
    document = [{"name": result.name, "kind": result.kind, "size": size, "blocks": blocks, "milliseconds": round(result.milliseconds[size], 2),
                 "law": result.law.says, "allowed": result.limits.get(size), "grows": result.grows, "wrong": result.wrong,
                 "statements": [asdict(statement) for statement in result.statements[size]]}
                for result in results for size, blocks in result.sizes.items()]
    (state / "growth.json").write_text(json.dumps(document, indent=1))
    (state / "growth.html").write_text(page(results, sizes, constant))
