"""Whether costs stay flat while the tables grow: fills a site, calls every route, lets every task run, and compares the blocks
that each reads with a smaller site's. Run by Tests/Growth/run, on a stack that is up and has pg_stat_statements."""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from growth.site import Site  # noqa: E402
from growth import compare, mutants, report  # noqa: E402
from growth.calls import Call  # noqa: E402
from growth.laws import CONSTANT, SMALL_CONSTANT  # noqa: E402
from growth.measure import measure  # noqa: E402
from growth.meter import Meter  # noqa: E402
from growth.sizes import SIZES, Size  # noqa: E402


# Of the routes that write, those that `make test` looks at: they go by the tables that grow, and hash no password.
QUICK = ("POST /events/{id}/registrations", "DELETE /registrations/{id}", "POST /events/{id}/check-ins", "POST /tickets/{id}/reissue",
         "POST /events", "POST /me/notifications/read")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", help=f"from small to large, of {', '.join(SIZES)}; S and M unless named")
    parser.add_argument("--idle", type=float, default=20, help="seconds in which nobody calls anything, to see the tasks")
    parser.add_argument("--only", default="", help="routes whose name contains this")
    parser.add_argument("--quick", action="store_true", help="for make test: XS and S, what reads, and a few of the routes that write")
    parser.add_argument("--hurry", action="store_true", help="don't wait for pruning, which comes by every few minutes")
    parser.add_argument("--mutants", action="store_true", help="whether an index taken away and IS NULL OR show")
    parser.add_argument("--filled", type=int, default=0, help="how many of the sizes are there already (for work on this test)")
    arguments = parser.parse_args()
    usual = ["XS", "mutant"] if arguments.mutants else ["XS", "S"] if arguments.quick else ["S", "M"]
    sizes = [SIZES[name] for name in arguments.sizes or usual]
    site = Site()
    if arguments.mutants:
        return try_mutants(site, sizes, arguments.filled)
    measure_all(site, sizes, arguments)
    constant = SMALL_CONSTANT if arguments.quick else CONSTANT
    results = compare.results(compare.load([size.name for size in sizes], site.stack.state), constant)
    report.write(results, {size.name: size.registrations for size in sizes}, constant, site.stack.state)
    return report.conclude(results, site.stack.state)


def fill(site: Site, sizes: list[Size], number: int) -> None:
    size = sizes[number]
    print(f"size {size.name}: {size.registrations:,} registrations", flush=True)
    took = site.fill(number + 1, size, sizes[number - 1] if number else None)
    print(f"  filled in {took:.0f} s\n  {site.verify()}", flush=True)


def measure_all(site: Site, sizes: list[Size], arguments: argparse.Namespace) -> None:
    """One size after the other. The services are stopped while a large one is filled: their tasks would only be in its way."""
    def wanted(call: Call) -> bool:
        if arguments.quick and not call.operation.startswith("GET "):
            return call.operation.replace("/api/v1", "") in QUICK
        return arguments.only in call.name

    meter = Meter(site.stack.address["EM_DATABASE_URL"])
    for number, size in enumerate(sizes):
        if number + 1 < arguments.filled:
            continue
        if number >= arguments.filled:
            if not arguments.quick:
                site.stop()
            fill(site, sizes, number)
            meter.forget()
            if not arguments.quick:
                site.start()
        began = time.monotonic()
        run = measure(site, meter, size, number + 1, 5 if arguments.quick else arguments.idle, wanted,
                      for_all_chores=not (arguments.quick or arguments.hurry))
        print(f"  {len(run.routes)} ways of calling routes measured in {time.monotonic() - began:.0f} s", flush=True)
        compare.save(run, site.stack.state)
    meter.close()


def try_mutants(site: Site, sizes: list[Size], filled: int) -> int:
    for number in range(filled, len(sizes)):
        fill(site, sizes, number)
    meter = Meter(site.stack.address["EM_DATABASE_URL"])
    faults = mutants.check(site, meter, sizes, list(range(1, len(sizes) + 1)))
    print("\n".join(f"NOT FOUND  {fault}" for fault in faults) or "both mutants turn the growth test red")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
