"""Points sqlmap at five parameters, and at a hole that it has to find."""

import http.server
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
from em.mailbox import Mailbox
from em.people import People
from em.stack import Stack
from em.world import World

SECONDS = 60
"""For each parameter: five minutes in all."""


@dataclass
class Target:
    name: str
    url: str
    options: list[str] = field(default_factory=list)


def targets(stack: Stack) -> list[Target]:
    people = People(stack)
    world = World(stack, people, Mailbox(stack.address["EM_MAIL_URL"]))
    organizer = people.one("organizer")
    event = world.event(organizer)
    world.register(people.one(), event)
    api = stack.url + "/api/v1"
    token = ["--headers", f"Authorization: Bearer {organizer.token}\nContent-Type: application/json"]
    return [
        Target("the words to search events for", f"{api}/events?query=Event&limit=5", ["-p", "query"]),
        Target("an event's id in the path", f"{api}/events/{event['id']}*"),
        Target("the words to search attendees for", f"{api}/events/{event['id']}/registrations?query=Tess", ["-p", "query", *token]),
        Target("the code at the gate", f"{api}/events/{event['id']}/check-ins",
               ["--data", '{"code":"ABCD-EFGH-JKMN"}', "-p", "code", *token]),
        Target("the address at sign-in", f"{api}/auth/password-reset", ["--data", '{"email":"user@example.com"}', "-p", "email"]),
    ]


def tried(target: Target, directory: Path) -> str:
    """What sqlmap says in the end; cut off after a minute."""
    command = ["sqlmap", "-u", target.url, "--level", "1", "--risk", "1", "--batch", "--flush-session", "--disable-coloring", "--dbms",
               "PostgreSQL", "--ignore-code", "400,401,403,404,409,422,429", "--output-dir", str(directory), *target.options]
    with open(directory / "log", "w+") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            child.wait(SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        log.seek(0)
        return log.read()


def is_injectable(said: str) -> bool:
    return "identified the following injection point" in said or " is vulnerable" in said or "' injectable" in said


def leaky(url: str) -> type[http.server.BaseHTTPRequestHandler]:
    class Leaky(http.server.BaseHTTPRequestHandler):
        """Puts what it is asked for into its SQL, as nobody should."""

        def do_GET(self) -> None:
            words = parse_qs(urlsplit(self.path).query).get("query", [""])[0]
            try:
                with psycopg.connect(url, autocommit=True) as connection:
                    rows = connection.execute(f"SELECT title FROM events WHERE title LIKE '%{words}%' LIMIT 5").fetchall()
                status, body = 200, repr(rows)
            except psycopg.Error as error:
                status, body = 500, str(error)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    return Leaky


def finds_a_hole(stack: Stack, directory: Path) -> bool:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), leaky(stack.address["EM_DATABASE_URL"])) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        said = tried(Target("a hole", f"http://127.0.0.1:{server.server_address[1]}/?query=Event", ["-p", "query"]), directory)
        server.shutdown()
    return is_injectable(said)


def main() -> int:
    stack, holes = Stack(), 0
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        if not finds_a_hole(stack, directory):
            print("sqlmap did not find the hole that was made for it: its silence would say nothing")
            return 1
        for target in targets(stack):
            began = time.monotonic()
            said = tried(target, directory)
            verdict = "INJECTABLE" if is_injectable(said) else "nothing found"
            holes += verdict == "INJECTABLE"
            if "do not appear to be injectable" not in said and verdict == "nothing found":
                verdict += " in the time it had" if time.monotonic() - began >= SECONDS else f", but it gave up:\n{said[-1500:]}"
                holes += "gave up" in verdict
            print(f"{target.name}: {verdict} ({time.monotonic() - began:.0f} s)", flush=True)
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main())
