"""A thousand events at once: accepted registrations a second over HTTP, against one transaction each on random rows."""

from harness.pgbench import EVENTS
from harness.report import Comparison, Report
from harness.site import Site

CONNECTIONS = 256


def run(site: Site, report: Report) -> None:
    site.stop_workers()
    site.settle()
    clients, rates = site.pgbench.best(events=EVENTS, seconds=2)
    report.figure(f"pgbench on {EVENTS} rows, by clients", **{str(count): rate for count, rate in rates.items()})
    ours, peer, note = [], [], ""
    for repetition in range(site.repetitions):
        peer.append(site.pgbench.rate(clients, EVENTS, site.seconds))
        answers, note = site.register(f"spread-{repetition}", CONNECTIONS, site.events(EVENTS), report)
        ours.append(answers.rate(201))
        untold = site.settle()
        report.require(untold == 0, f"the relay still had {untold} rows to tell when the next measurement began")
    report.compare(Comparison(
        f"{EVENTS} events, {CONNECTIONS} clients", ours, peer, f"pgbench, {clients} clients", "/s", 1, note=note))
