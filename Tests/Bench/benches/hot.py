"""One event that everybody wants: accepted registrations a second over HTTP, against one transaction each."""

from harness.flood import get
from harness.report import Comparison, Report
from harness.site import Site

CONNECTIONS = (64, 256)


def run(site: Site, report: Report) -> None:
    site.stop_workers()
    trivial = site.flood.requests("trivial", [get("/livez")])
    for connections in CONNECTIONS:
        answers = site.flood.run(site.port, connections, trivial, 2, 0, repeat=True)
        report.figure(f"the generator against /livez, {connections} clients", perSecond=answers.rate(200),
                      cores=answers.cpu / answers.seconds)
    site.settle()
    clients, rates = site.pgbench.best(events=1, seconds=2)
    report.figure("pgbench on the hot row, by clients", **{str(count): rate for count, rate in rates.items()})
    peer: list[float] = []
    ours: dict[int, list[float]] = {connections: [] for connections in CONNECTIONS}
    notes: dict[int, str] = {}
    for repetition in range(site.repetitions):
        peer.append(site.pgbench.rate(clients, 1, site.seconds))
        for connections in CONNECTIONS:
            answers, notes[connections] = site.register(f"hot-{connections}-{repetition}", connections, [site.event()], report)
            ours[connections].append(answers.rate(201))
            untold = site.settle()
            report.require(untold == 0, f"the relay still had {untold} rows to tell when the next measurement began")
    for connections in CONNECTIONS:
        report.compare(Comparison(
            f"hot event, {connections} clients", ours[connections], peer, f"pgbench, {clients} clients", "/s", 5,
            note=notes[connections]))
