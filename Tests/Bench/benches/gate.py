"""The gate: how fast the documents of tickets are made, how many scans are decided a second, and what a manifest of
twenty thousand tickets weighs and takes."""

import json
import random
import time
import uuid

import psycopg
import requests
from harness.cpu import Usage
from harness.flood import get
from harness.report import Report
from harness.site import Site

TICKETS = 20_000
CONNECTIONS = 64
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TEXT = 177  # characters of a ticket


def run(site: Site, report: Report) -> None:
    site.stop_workers()
    event, codes, tickets = filled(site)
    manifest(site, report, event)
    documents(site, report, tickets)
    scans(site, report, event, codes)


def documents(site: Site, report: Report, tickets: list[str]) -> None:
    """Each ticket once: a picture and a printed page are made at the first asking. Beside them what takes the same way and
    is not drawn."""
    token = site.organizer.token
    for name, ending in (("tickets as JSON", ""), ("QR codes as SVG", ".svg"), ("QR codes as PNG", ".png"),
                         ("printed pages (PDF)", ".pdf")):
        requests_file = site.flood.requests(
            f"documents{ending}", (get(f"/api/v1/tickets/{ticket}{ending}", token) for ticket in tickets))
        usage = Usage(site.stack.layout)
        answers = site.flood.run(site.port, CONNECTIONS, requests_file, site.seconds)
        report.figure(f"{name}, {CONNECTIONS} clients", perSecond=answers.rate(200), p50=answers.p50, p99=answers.p99,
                      cores=usage.cores())
        report.require(answers.statuses.keys() == {"200"}, f"{name} were answered {answers}")
    site.settle()


def code() -> str:
    """As Sources/Domain/Tickets/Ticket.swift draws it."""
    values = [random.randrange(32) for _ in range(11)]
    values.append(sum((index * 2 + 1) * value for index, value in enumerate(values)) % 31)
    text = "".join(CROCKFORD[value] for value in values)
    return "-".join(text[start:start + 4] for start in (0, 4, 8))


def filled(site: Site) -> tuple[str, list[str], list[str]]:
    """An event with its tickets' codes and ids, by COPY."""
    event, people = site.event(), [person for person, _ in site.crowd[:TICKETS]]
    codes = [code() for _ in people]
    with psycopg.connect(site.stack.address["EM_DATABASE_URL"]) as connection, connection.cursor() as cursor:
        registrations, tickets = [str(uuid.uuid4()) for _ in people], [str(uuid.uuid4()) for _ in people]
        with cursor.copy("COPY registrations (id, event_id, user_id, holder_name, status, confirmed_at) FROM STDIN") as copy:
            for registration, person in zip(registrations, people):
                copy.write_row((registration, event, person, "Somebody", "confirmed", "now"))
        with cursor.copy("COPY tickets (id, registration_id, event_id, user_id, code, qr_text) FROM STDIN") as copy:
            for ticket, registration, person, typed in zip(tickets, registrations, people, codes):
                text = "EM1:" + "".join(random.choices(CROCKFORD, k=TEXT - 4))
                copy.write_row((ticket, registration, event, person, typed, text))
        cursor.execute("UPDATE event_places SET confirmed = %s, revision = revision + 1 WHERE event_id = %s", (TICKETS, event))
    for table in ("registrations", "tickets"):
        site.stack.rows(f"VACUUM ANALYZE {table}")
    return event, codes, tickets


def manifest(site: Site, report: Report, event: str) -> None:
    url = f"http://127.0.0.1:{site.port}/api/v1/events/{event}/check-in-manifest"
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {site.organizer.token}"

    def timed(since: str | None = None, **headers: str) -> tuple[float, requests.Response]:
        began = time.monotonic()
        response = session.get(url, params={} if since is None else {"since": since}, headers=headers, timeout=60)
        return time.monotonic() - began, response

    first, made = timed()
    kept, again = timed()
    known, unchanged = timed(**{"If-None-Match": made.headers["ETag"]})
    version = made.headers["ETag"].removeprefix("W/").strip('"')
    site.stack.rows("UPDATE tickets SET holder_renames = 1 WHERE id IN (SELECT id FROM tickets WHERE event_id = %s LIMIT 100)", event)
    since, changes = timed(since=version)
    report.require(made.status_code == 200 and again.content == made.content and unchanged.status_code == 304
                   and changes.status_code == 200 and len(changes.content) < 100 * 1000, "manifests were not answered as they should")
    report.figure(f"manifest of {TICKETS} tickets", bytes=len(made.content), seconds=first, kept=kept, unchanged=known,
                  changes_of_100=since)


def scans(site: Site, report: Report, event: str, codes: list[str]) -> None:
    token, path = site.organizer.token, f"/api/v1/events/{event}/check-ins"

    def scan(number: int, typed: str) -> bytes:
        body = json.dumps({"code": typed, "gate": f"gate {number % 4}", "device": f"phone {number % 4}", "scanId": str(number)})
        return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()

    site.settle()
    requests_file = site.flood.requests("scans", (scan(number, typed) for number, typed in enumerate(codes)))
    answers = site.flood.run(site.port, CONNECTIONS, requests_file, site.seconds)
    report.require(answers.statuses.keys() == {"200"}, f"scans were answered {answers}")
    admitted = site.stack.value("SELECT count(*) FROM check_ins WHERE event_id = %s", event)
    report.require(admitted >= answers.statuses.get("200", 0), f"{answers.statuses} answered, {admitted} admitted")
    report.figure(f"check-ins, {CONNECTIONS} scanners at once", perSecond=answers.rate(200), p50=answers.p50, p99=answers.p99)
    site.settle()
