"""Signing in under attack: what a flood of wrong passwords does to registrations, and what the time of an answer tells.

The attackers come from ever new addresses and try ever new accounts, so that no throttle spares the service its work."""

import http.client
import json
import statistics
import time
import uuid

from em.people import PASSWORD
from em.waiting import eventually

from harness.flood import post
from harness.report import Comparison, Report
from harness.site import Site

ATTACKERS = 200  # at once
PAIRS = 5
PACE = 60  # registrations a second
SECONDS = 6
TRIES = 500


def run(site: Site, report: Report) -> None:
    site.stop_workers()
    flooded(site, report)
    told_by_time(site, report)


def attempt(number: int, email: str, password: str) -> bytes:
    body = json.dumps({"email": email, "password": password}).encode()
    return (f"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"X-Forwarded-For: {address(number)}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


def address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def flooded(site: Site, report: Report) -> None:
    """Registrations at a pace: their p99 while 200 sign in with wrong passwords, against their p99 at rest."""
    run_id = uuid.uuid4().hex[:8]
    attacks = site.flood.requests("attack", (
        attempt(number, f"{run_id}-{number}@bench.example.test", "wrong password") for number in range(20_000)))
    tokens = iter([token for _, token in site.crowd])

    def registrations(name: str) -> float:
        path = f"/api/v1/events/{site.event()}/registrations"
        requests = site.flood.requests(name, (post(path, next(tokens)) for _ in range(PACE * SECONDS)))
        answers = site.flood.run(site.port, 16, requests, SECONDS + 5, PACE)
        report.require(answers.statuses.keys() == {"201"}, f"{name}: answers were {answers}")
        return answers.p99

    ours, peer, hashed = [], [], 0
    for _ in range(PAIRS):
        # What the attackers before have left behind is still being hashed.
        eventually(lambda: waiting(site) == 0, "at rest", within=60, every=0.1)
        site.settle()
        peer.append(registrations("at-rest"))
        flood = site.flood.start(site.port, ATTACKERS, attacks, SECONDS + 4, repeat=True)
        eventually(lambda: waiting(site) > ATTACKERS / 2, "the flood has arrived", every=0.1)
        ours.append(registrations("under-attack"))
        report.require(waiting(site) > ATTACKERS / 2, "the flood was over before the registrations were")
        answers = site.flood.result(flood)
        hashed += answers.statuses.get("401", 0)
        report.require(answers.statuses.keys() <= {"401"}, f"attackers were answered {answers}")
    report.compare(Comparison(
        f"registration p99 under {ATTACKERS} sign-ins at once", ours, peer, f"the same at rest, {PACE}/s", "ms", 2, at_least=False,
        note=f"{hashed} wrong passwords hashed"))


def waiting(site: Site) -> float:
    """Passwords that wait to be hashed."""
    lines = site.stack.inside("api-service", "/metrics").text.splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith("em_password_hashing_waiting")), 0)


def told_by_time(site: Site, report: Report) -> None:
    """Medians over 500 tries each, turn by turn: accounts that exist, and none."""
    people = site.people.many(TRIES)
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)

    def took(number: int, email: str) -> float:
        body = json.dumps({"email": email, "password": PASSWORD + "!"})
        began = time.perf_counter()
        connection.request("POST", "/api/v1/auth/login", body,
                           {"Content-Type": "application/json", "X-Forwarded-For": address(1 << 20 | number)})
        answer = connection.getresponse()
        answer.read()
        elapsed = (time.perf_counter() - began) * 1000
        report.require(answer.status == 401, f"a wrong password was answered {answer.status}")
        return elapsed

    eventually(lambda: waiting(site) == 0, "at rest", within=60, every=0.1)
    site.settle()
    known, missing = [], []
    for number, person in enumerate(people):
        known.append(took(number, person.email))
        missing.append(took(TRIES + number, f"nobody-{person.email}"))
    empty = []
    for _ in range(100):
        began = time.perf_counter()
        connection.request("GET", "/.well-known/jwks.json")
        connection.getresponse().read()
        empty.append((time.perf_counter() - began) * 1000)
    connection.close()
    one, other = statistics.median(known), statistics.median(missing)
    hashing = min(one, other) - statistics.median(empty)
    report.compare(Comparison(
        "a wrong password: account or none, of a hash", [abs(one - other)], [hashing], "one hash", "ms", 0.05,
        at_least=False, note=f"medians {one:.2f} and {other:.2f} ms over {TRIES} tries each"))
