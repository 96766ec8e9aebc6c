"""An announcement to ten thousand people: nobody's ticket waits for it, and whoever dies in the middle, everybody gets one mail."""

import collections
import signal
import time
import uuid

import psycopg
import pytest

from chaos.arena import Arena

DUTIFUL = "dutiful.example"
# What the sink does with mails to other domains.
ODD = {"refuse": "refuse.example", "reject": "reject.example", "tarpit": "tarpit.example", "drop": "drop.example"}
TICKET_SECONDS = 2.0
COUNTS = [pytest.param(400, marks=pytest.mark.smoke), pytest.param(10_000, marks=pytest.mark.long)]


class Progress:
    """What the organizer's page is told of a mailing, looked at again and again."""

    def __init__(self, api, event: str, mailing: str):
        self.path, self.api = f"/events/{event}/mailings/{mailing}", api
        self.seen: list[dict] = []

    def look(self) -> dict:
        answer = self.api.get(self.path)
        self.seen.append(answer["progress"])
        return answer

    def complaints(self) -> list[str]:
        pairs = list(zip(self.seen, self.seen[1:]))
        back = [f"{what} went back from {before[what]} to {after[what]}"
                for what in ("sent", "recipients") for before, after in pairs if after[what] < before[what]]
        beyond = [f"more than all: {one}" for one in self.seen
                  if sum(one[what] for what in ("queued", "sent", "retrying", "failed", "muted")) > one["recipients"]]
        return back + beyond


def crowd(arena: Arena, event: str, count: int) -> list[str]:
    """Gives so many people a place by SQL; their addresses. Every fiftieth stays with a domain of whims."""
    people = [(uuid.uuid4(), uuid.uuid4()) for _ in range(count)]
    odd = list(ODD.values())
    addresses = [f"{user}@{odd[number // 50 % len(odd)] if number % 50 == 0 else DUTIFUL}" for number, (user, _) in enumerate(people)]
    with psycopg.connect(arena.truth.database_url) as connection:
        with connection.cursor() as cursor:
            with cursor.copy("COPY users (id, email, display_name, password_hash) FROM STDIN") as rows:
                for (user, _), address in zip(people, addresses):
                    rows.write_row((user, address, "Guest", "-"))
            columns = "id, event_id, user_id, holder_name, status, confirmed_at, created_at"
            with cursor.copy(f"COPY registrations ({columns}) FROM STDIN") as rows:
                for user, registration in people:
                    rows.write_row((registration, event, user, "Guest", "confirmed", "2026-01-01", "2026-01-01"))
            cursor.execute("UPDATE event_places SET confirmed = %s WHERE event_id = %s", (count, event))
    return addresses


def announce(arena: Arena, event: str) -> Progress:
    admin = arena.admin()
    told = admin.post(f"/events/{event}/announcements", {"title": "Doors", "body": "Doors open at six."}, status=201)
    return Progress(admin, event, told["id"])


def accepted(arena: Arena, event: str) -> collections.Counter:
    """Message-IDs of the announcement's mails by recipient, as the mail server has them."""
    mails = collections.defaultdict(list)
    for mail in arena.sink.accepted():
        if mail.subject.endswith(": Doors"):
            mails[mail.recipient].append(mail.message_id)
    return mails


def wait_until_sent(arena: Arena, progress: Progress, seconds: float) -> dict:
    deadline = time.monotonic() + seconds
    while (answer := progress.look())["status"] != "done":
        assert time.monotonic() < deadline, f"never done: {answer}"
        time.sleep(0.3)
    return answer


@pytest.mark.parametrize("count", COUNTS)
def test_an_announcement_holds_up_no_ticket_whatever_the_mail_server_does(arena: Arena, count: int) -> None:
    arena.begin()
    event, other = arena.events(2, capacity=20_000)
    addresses = crowd(arena, event, count)
    arena.sink.mode_of = {domain: mode for mode, domain in ODD.items()}
    arrived: dict[str, float] = {}
    arena.sink.on_accept = lambda mail: arrived.setdefault(mail.recipient, time.monotonic())
    people = arena.people(100 if count > 1000 else 20)
    progress = announce(arena, event)
    asked = {}
    for number, person in enumerate(people):
        person.api.url = arena.fleet.urls()[0]
        person.api.post(f"/events/{(event, other)[number % 2]}/registrations", status=201)
        asked[person.email.lower()] = time.monotonic()
        progress.look()
        time.sleep(0.15)
    busy = progress.look()["progress"]
    arena.wait(lambda: all(address in arrived for address in asked), "every ticket's mail", 60)
    waits = sorted(arrived[address] - then for address, then in asked.items())
    p99 = waits[min(len(waits) - 1, int(len(waits) * 0.99))]
    print(f"  {len(people)} tickets beside {count} announcements ({busy['sent']} sent meanwhile): "
          f"median {waits[len(waits) // 2]:.2f} s, p99 {p99:.2f} s", flush=True)

    # The tarpit and the others come to their senses, but who is rejected stays so: each timeline ends true.
    arena.sink.mode_of = {ODD["reject"]: "reject"}
    answer = wait_until_sent(arena, progress, 240)
    rejected = [address for address in addresses if address.endswith(ODD["reject"])]
    mails = accepted(arena, event)
    assert answer["progress"]["sent"] == count - len(rejected) and answer["progress"]["failed"] == len(rejected)
    assert set(mails) == set(addresses) - set(rejected)
    assert all(len(set(ids)) == 1 for ids in mails.values())
    last = dict(arena.truth.rows(
        "SELECT u.email, (SELECT outcome FROM delivery_attempts a WHERE a.notification_id = n.id ORDER BY a.id DESC LIMIT 1) "
        "FROM notifications n JOIN users u ON u.id = n.user_id WHERE n.kind = 'announcement'"))
    assert {address for address, outcome in last.items() if outcome == "failed"} == set(rejected)
    assert set(last.values()) == {"accepted", "failed"}
    assert not progress.complaints(), "\n".join(progress.complaints()[:10])
    assert p99 <= TICKET_SECONDS


@pytest.mark.parametrize("count", COUNTS)
def test_killed_five_times_everybody_gets_one_mail_and_progress_never_goes_back(arena: Arena, count: int) -> None:
    arena.begin()
    event = arena.events(1, capacity=20_000)[0]
    addresses = crowd(arena, event, count)
    progress = announce(arena, event)
    for number in range(1, 6):
        # While it is planned, and all along while it is sent.
        arena.wait(lambda: progress.look()["progress"]["sent"] >= count * (number - 1) / 6, "the next sixth sent", 120)
        arena.fleet.signal("notifications", number % 2 + 1, signal.SIGKILL)
    answer = wait_until_sent(arena, progress, 240)
    mails = accepted(arena, event)
    again = {address: ids for address, ids in mails.items() if len(ids) > 1}
    print(f"  {count} mails, {arena.fleet.died('notifications')} deaths, {len(again)} mails sent again with the same Message-ID",
          flush=True)
    assert arena.fleet.died("notifications") == 5
    assert answer["progress"]["sent"] == count == answer["progress"]["recipients"]
    assert set(mails) == set(addresses)
    assert all(len(set(ids)) == 1 for ids in mails.values()), "another Message-ID"
    # Only what a killed worker had handed over and not yet written down: its four connections for mailings.
    assert len(again) <= 5 * 4
    assert not progress.complaints(), "\n".join(progress.complaints()[:10])
