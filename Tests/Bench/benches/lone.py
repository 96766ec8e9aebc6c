"""One person at a time: what a registration takes, against pgbench's transaction plus an empty authenticated request."""

from harness.flood import get, post
from harness.report import Comparison, Report
from harness.site import Site

REQUESTS = 400


def run(site: Site, report: Report) -> None:
    site.stop_workers()
    tokens = [token for _, token in site.crowd[:REQUESTS]]
    ours, peer, registering, reading = [], [], [], []
    for repetition in range(site.repetitions):
        site.settle()
        empty = site.flood.run(site.port, 1, site.flood.requests("me", [get("/api/v1/me", token) for token in tokens]))
        report.require(empty.statuses.keys() == {"200"}, f"GET /me answered {empty}")
        transaction = site.pgbench.median_latency(REQUESTS)
        event = site.event()
        path = f"/api/v1/events/{event}/registrations"
        lone = site.flood.run(site.port, 1, site.flood.requests("lone", [post(path, token) for token in tokens]))
        report.require(lone.statuses.keys() == {"201"}, f"a lone registration was answered {lone}")
        ours.append(lone.p50)
        peer.append(transaction + empty.p50)
        registering.append(transaction)
        reading.append(empty.p50)
    report.compare(Comparison(
        "a lone registration, p50", ours, peer, "pgbench's transaction, one client, + GET /me", "ms", 1.5, at_least=False,
        note=f"{registering[-1]:.2f} + {reading[-1]:.2f} ms in the last repetition"))
