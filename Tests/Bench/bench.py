"""Runs the benchmarks against the stack that $EM_STATE_DIR names, prints a table and writes bench.json beside its logs.

Every figure is a ratio to a peer that is measured in the same run on the same servers, turn by turn; what one machine
reaches in absolute terms says little. See harness/report.py for what the columns mean.
"""

import argparse
import importlib
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Flow")]
from harness.report import Report  # noqa: E402
from harness.site import Site  # noqa: E402

# In this order: `ticket` first, as it needs everything to run; the others leave work behind for the workers, which
# they stop. One file each in benches/, with `run(site, report)`.
BENCHES = ("ticket", "gate_page", "reads", "lone", "login", "hot", "spread", "gate", "live", "delivery")


def main() -> int:
    parser = argparse.ArgumentParser(prog="Tests/Bench/run", description=__doc__)
    parser.add_argument("benches", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}; all without one")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement")
    parser.add_argument("--strict", action="store_true", help="a missed target is a failure")
    arguments = parser.parse_args()
    if unknown := set(arguments.benches) - set(BENCHES):
        parser.error(f"unknown: {', '.join(unknown)}")
    began = time.monotonic()
    report = Report()
    site = Site(arguments.repetitions, arguments.seconds)
    try:
        for name in BENCHES:
            if name in arguments.benches or not arguments.benches:
                report.say(f"{name} …")
                importlib.import_module(f"benches.{name}").run(site, report)
        site.verify(report)
    finally:
        site.close()
    report.finish(site.stack.state / "bench.json", time.monotonic() - began)
    return 1 if report.wrong or (arguments.strict and report.missed) else 0


if __name__ == "__main__":
    sys.exit(main())
