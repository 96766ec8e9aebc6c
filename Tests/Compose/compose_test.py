"""The product from containers: built, started, used through the published port, read by an integrator's program, scaled, every
container killed, taken down and started again, restored from a dump; and once more as in earnest, over TLS and without the demo.
Prints the images' sizes and what memory each service takes at rest. Ends with 1 where something is not as it should be.

    --no-build   with the images that are there
    --keep       leaves all running"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pika
import requests
import websocket
from em.api import Api
from em.live import Socket
from em.waiting import eventually
from em.world import timestamp

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("api-service", "ws-hub", "ticket-worker", "notifications")
SCALE = {"api-service": 2, "ws-hub": 2, "ticket-worker": 3, "notifications": 2}
ONCE = {"secrets", "roles", "migrate", "seed-demo"}
PASSWORD = "correct horse battery staple"
RESIDENT_AT_MOST, IMAGE_AT_MOST = 150e6, 200e6


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Deployment:
    options: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.project = f"em-test-{uuid.uuid4().hex[:6]}"
        self.port, mail = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.mail_url = f"http://127.0.0.1:{mail}"
        self.environment = {**os.environ, "EM_PORT": str(self.port), "EM_MAIL_PORT": str(mail), "EM_PUBLIC_URL": self.url,
                            "EM_RATE_LIMIT": "off"}

    def compose(self, *arguments: str, timeout: float = 300, fails: bool = False) -> str:
        ran = subprocess.run(["docker", "compose", "-p", self.project, *self.options, *arguments], cwd=ROOT, env=self.environment, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
        if ran.returncode and not fails:
            raise AssertionError(f"docker compose {' '.join(arguments)}: {ran.stdout[-2000:]}{ran.stderr[-4000:]}")
        return ran.stdout

    def script(self, name: str, *arguments: str) -> None:
        ran = subprocess.run([ROOT / "infra/compose" / name, *arguments, "-p", self.project], cwd=ROOT, env=self.environment, text=True,
                             capture_output=True, timeout=300)
        assert ran.returncode == 0, f"{name}: {ran.stdout[-2000:]}{ran.stderr[-4000:]}"

    def containers(self) -> list[dict]:
        """Those that should stay."""
        listed = [json.loads(line) for line in self.compose("ps", "-a", "--format", "json").splitlines()]
        return [container for container in listed if container["Service"] not in ONCE]

    def is_up(self) -> bool:
        containers = self.containers()
        # The mail catcher's image says nothing of its health.
        return all(each["State"] == "running" and (each["Health"] == "healthy" or each["Service"] == "mail") for each in containers)

    def restarted(self) -> list[str]:
        """Those that ended by themselves and were started again."""
        names = [container["Name"] for container in self.containers()]
        return [name for name in names if docker("inspect", "-f", "{{.RestartCount}}", name) != "0"]

    def wait(self, within: float = 180) -> None:
        eventually(self.is_up, "every container up and healthy", within, every=0.5)

    def pid(self, container: str) -> int:
        return int(docker("inspect", "-f", "{{.State.Pid}}", container))


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True, timeout=120).stdout.strip()


class Production(Deployment):
    """With compose.production.yaml: TLS, a mail server of one's own, no demo."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self.url = f"https://localhost:{self.port}"
        self.certificate, key, smtp = f"{place}/site.pem", f"{place}/site.key", f"{place}/smtp-url"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", self.certificate],
                       check=True, capture_output=True)
        Path(smtp).write_text(f"smtp://user:{uuid.uuid4().hex}@mail.invalid:587?tls=required\n")
        settings = Path(place) / "production.env"
        settings.write_text("".join(f"{name}={value}\n" for name, value in {
            "EM_PUBLIC_URL": self.url, "EM_TLS_CERT": self.certificate, "EM_TLS_KEY": key, "EM_SMTP_URL_FILE": smtp,
            "EM_MAIL_FROM": "Events <no-reply@example.com>", "EM_PORT": self.port, "EM_BIND": "127.0.0.1"}.items()))
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("EM_")}
        self.options = ("--env-file", str(settings), "-f", "compose.yaml", "-f", "compose.production.yaml")


class Site:
    """What a person does there, through the published port alone."""

    def __init__(self, deployment: Deployment):
        self.url, self.mail_url = deployment.url, deployment.mail_url
        self.socket_place = SimpleNamespace(url=self.url, socket_url=self.url.replace("http", "ws", 1) + "/ws")

    def sign_in(self, email: str) -> Api:
        answer = Api(self.url).post("/auth/login", {"email": email, "password": PASSWORD})
        return Api(self.url, answer["accessToken"])

    def journey(self) -> tuple[str, str]:
        """Registers an account and a place; the ticket, its mail, and the count on a watcher's socket follow. Answers the
        address and the registration's id."""
        organizer = self.sign_in("organizer@example.com")
        title = f"Compose {uuid.uuid4().hex[:8]}"
        event = organizer.post("/events", {
            "title": title, "description": "Made by a test.", "venue": "Hall 1", "startsAt": timestamp(2), "endsAt": timestamp(2.1),
            "timeZone": "Europe/Berlin", "capacity": 10, "waitlistEnabled": False}, status=201)
        organizer.post(f"/events/{event['id']}/publish")
        email = f"{uuid.uuid4().hex[:10]}@example.org"
        account = Api(self.url).post("/auth/register", {"email": email, "password": PASSWORD, "displayName": "Tess"}, status=201)
        person = Api(self.url, account["accessToken"])
        with Socket(self.socket_place) as watcher:
            watcher.subscribe(f"event:{event['id']}")
            registration = person.post(f"/events/{event['id']}/registrations", status=201)
            watcher.expect(type="counts", confirmed=1)
        self.ticket(person, registration["id"])
        eventually(lambda: self.mails(email, title), f"a mail to {email} about {title}", 60)
        return email, registration["id"]

    def patiently(self, within: float = 120) -> tuple[str, str]:
        """Until it goes through: something may just be coming back."""
        deadline = time.monotonic() + within
        while True:
            try:
                return self.journey()
            except (AssertionError, OSError, requests.RequestException, websocket.WebSocketException):
                if time.monotonic() > deadline:
                    raise
            time.sleep(1)

    def ticket(self, person: Api, registration: str) -> dict:
        return eventually(lambda: person.get(f"/registrations/{registration}")["ticket"], "the ticket", 60)

    def mails(self, to: str, subject: str) -> list[dict]:
        listed = requests.get(self.mail_url + "/api/v1/messages?limit=500", timeout=10).json()["messages"]
        return [mail for mail in listed if mail["To"][0]["Address"] == to and subject in mail["Subject"]]


def step(text: str) -> None:
    print(f"== {text}  ({time.monotonic() - STARTED:.0f} s)", flush=True)


def show_images(failures: list[str]) -> None:
    for service in (*SERVICES, "web"):
        image = f"em-connect/{service}"
        size = int(docker("image", "inspect", "-f", "{{.Size}}", image))
        print(f"   {image:28} {size / 1e6:6.1f} MB")
        if size > IMAGE_AT_MOST:
            failures.append(f"{image} has {size / 1e6:.0f} MB")


def memory(deployment: Deployment, service: str) -> dict[str, float]:
    """Of the first instance's process, in bytes: Rss, all that it has in memory; Pss, the same with what several processes share
    (libraries) counted once among them; Private_Dirty, what is its own and no copy of a file."""
    text = deployment.compose("exec", "-T", service, "cat", "/proc/1/smaps_rollup")
    return {line.split()[0].rstrip(":"): float(line.split()[1]) * 1024 for line in text.splitlines() if line.endswith("kB")}


def show_memory(deployment: Deployment, failures: list[str]) -> None:
    """At rest: two minutes after the last request, when what only the start or the work needed has been given back."""
    time.sleep(120)
    sizes = {service: memory(deployment, service) for service in SERVICES}
    sizes["the four together"] = {kind: sum(size[kind] for size in sizes.values()) for kind in ("Rss", "Pss", "Private_Dirty")}
    for name, size in sizes.items():
        print(f"   {name:28} {size['Rss'] / 1e6:6.1f} MB resident; {size['Pss'] / 1e6:.1f} with what is shared counted once; "
              f"{size['Private_Dirty'] / 1e6:.1f} that no file holds")
    together = sizes["the four together"]["Rss"]
    if together > RESIDENT_AT_MOST:
        failures.append(f"the four services take {together / 1e6:.0f} MB at rest")


def read_a_queue(deployment: Deployment, site: Site) -> None:
    """As an integrator's program does: with the credentials of a subscription, at the broker's port (published to nobody here)."""
    made = site.sign_in("organizer@example.com").post(
        "/subscriptions", {"name": "A test's", "scope": "own", "types": ["*"], "delivery": "queue"}, status=201)["amqp"]
    broker = next(each["Name"] for each in deployment.containers() if each["Service"] == "rabbitmq")
    address = docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", broker)
    connection = pika.BlockingConnection(pika.ConnectionParameters(
        address, 5672, made["virtualHost"], pika.PlainCredentials(made["username"], made["password"]), socket_timeout=20))
    site.journey()
    heard = []
    for method, _, body in connection.channel().consume(made["queue"], auto_ack=True, inactivity_timeout=60):
        heard.append(method and json.loads(body)["type"])
        if heard[-1] in (None, "em.ticket.issued"):
            break
    connection.close()
    assert heard == ["em.event.published", "em.registration.confirmed", "em.ticket.issued"], heard


def try_production(deployment: Production) -> None:
    began = time.monotonic()
    deployment.compose("up", "-d", timeout=600)
    deployment.wait()
    print(f"   ready after {time.monotonic() - began:.0f} s")
    assert not deployment.restarted()
    services = {each["Service"] for each in deployment.containers()}
    assert not services & {"mail", "seed-demo"}, services
    created = subprocess.run(
        ["docker", "compose", "-p", deployment.project, *deployment.options, "exec", "-T", "-e", "EM_ADMIN_PASSWORD", "api-service",
         "api-service", "create-admin", "--email", "admin@example.com"], cwd=ROOT, capture_output=True, text=True, timeout=60,
        env={**deployment.environment, "EM_ADMIN_PASSWORD": PASSWORD})
    assert created.returncode == 0, created.stderr

    def sign_in(email: str) -> requests.Response:
        return requests.post(f"{deployment.url}/api/v1/auth/login", json={"email": email, "password": PASSWORD},
                             verify=deployment.certificate, timeout=20)

    answer = sign_in("admin@example.com")
    assert answer.status_code == 200 and "Secure" in answer.headers["Set-Cookie"], answer.headers
    assert sign_in("user@example.com").status_code == 401, "a demo account"
    page = requests.get(deployment.url, verify=deployment.certificate, timeout=20)
    assert page.status_code == 200 and page.headers["Strict-Transport-Security"]
    plain = requests.get(deployment.url.replace("https", "http"), timeout=20, allow_redirects=False)
    assert plain.is_redirect and plain.headers["Location"].startswith(deployment.url), plain.headers


def kill_everything(deployment: Deployment, site: Site) -> None:
    """Each container's first process, one container after the other, as a crash would. (`docker kill` is an order of the
    operator's, after which Docker starts nothing again.)"""
    for container in sorted(deployment.containers(), key=lambda each: each["Name"]):
        before = deployment.pid(container["Name"])
        try:
            os.kill(before, signal.SIGKILL)
        except PermissionError:
            docker("run", "--rm", "--privileged", "--pid=host", "debian:12.15-slim", "kill", "-9", str(before))
        eventually(lambda: deployment.pid(container["Name"]) not in (0, before), f"{container['Name']} started again", 60, every=0.2)
        deployment.wait()
        site.patiently()
        print(f"   {container['Name']} healed", flush=True)


def verify(deployment: Deployment) -> None:
    """Until nothing is under way any more; a violation never goes away."""
    def is_clean() -> bool:
        deployment.compose("exec", "-T", "api-service", "api-service", "verify")  # raises with what it found
        return True

    eventually(is_clean, "a clean database", 60, every=2)


def run(deployment: Deployment, builds: bool) -> list[str]:
    failures: list[str] = []
    if builds:
        step("build")
        deployment.compose("build", timeout=3600)
    show_images(failures)
    step("up")
    began = time.monotonic()
    deployment.compose("up", "-d", timeout=600)
    site = Site(deployment)
    deployment.wait()
    eventually(lambda: requests.get(site.url + "/api/v1/events", timeout=5).ok, "the site", 60)
    eventually(lambda: site.sign_in("user@example.com"), "the demo's accounts", 60)
    assert not deployment.restarted()
    step(f"ready after {time.monotonic() - began:.0f} s: register, ticket, mail, live count")
    site.journey()
    step("an integrator reads a queue")
    read_a_queue(deployment, site)
    step("at rest")
    show_memory(deployment, failures)
    step("the same, scaled up")
    deployment.compose("up", "-d", *(f"--scale={service}={count}" for service, count in SCALE.items()))
    deployment.wait()
    counts = {service: sum(each["Service"] == service for each in deployment.containers()) for service in SCALE}
    assert counts == SCALE, counts
    for _ in range(4):  # round the instances
        site.patiently(30)
    step("kill")
    kill_everything(deployment, site)
    kept = [site.journey() for _ in range(3)]
    verify(deployment)
    step("down and up")
    deployment.compose("down", "--timeout", "40")
    deployment.compose("up", "-d", timeout=600)
    deployment.wait()
    for email, registration in kept:
        person = eventually(lambda: site.sign_in(email), f"{email} signed in", 60)
        assert site.ticket(person, registration)["status"] == "valid"
    site.patiently()
    verify(deployment)
    step("back up and restore")
    restore(deployment, site, *kept[0])
    return failures


def restore(deployment: Deployment, site: Site, email: str, registration: str) -> None:
    """What was there comes back, what came later is gone, and everything goes on."""
    with TemporaryDirectory() as place:
        file = f"{place}/em.dump"
        deployment.script("back-up", file)
        later, _ = site.journey()
        deployment.script("restore", file)
    deployment.wait()
    person = eventually(lambda: site.sign_in(email), f"{email} signed in", 60)
    assert site.ticket(person, registration)["status"] == "valid"
    assert Api(site.url).send("POST", "/auth/login", json={"email": later, "password": PASSWORD}).status_code == 401
    site.patiently()
    verify(deployment)


def run_and_clean(deployment: Deployment, body, keep: bool = False) -> None:
    try:
        body(deployment)
    except BaseException:
        print(deployment.compose("ps", "-a", fails=True), deployment.compose("logs", "--tail", "15", fails=True), file=sys.stderr)
        raise
    finally:
        if keep:
            print(f"left running: docker compose -p {deployment.project}, {deployment.url}")
        else:
            deployment.compose("down", "--volumes", "--remove-orphans", "--timeout", "20", fails=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    failures: list[str] = []
    run_and_clean(Deployment(), lambda deployment: failures.extend(run(deployment, builds=not given.no_build)), given.keep)
    step("in earnest: TLS, without the demo")
    with TemporaryDirectory() as place:
        run_and_clean(Production(place), try_production)
    step("passed" if not failures else "FAILED: " + "; ".join(failures))
    return 1 if failures else 0


STARTED = time.monotonic()
if __name__ == "__main__":
    sys.exit(main())
