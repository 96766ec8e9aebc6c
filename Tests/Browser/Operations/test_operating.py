"""An administrator in trouble: what the system says, and what to do about a message that nobody could handle."""

import uuid
from collections.abc import Callable

import pika
import pytest
from playwright.sync_api import expect

from em.people import PASSWORD, People
from em.stack import Stack
from em.visitor import Visitor
from em.world import World

OpenPage = Callable[[str], Visitor]


def send_nonsense(stack: Stack, queue: str) -> str:
    """What no worker can read; answers the words by which it can be told from others."""
    words = f"nonsense {uuid.uuid4().hex[:8]}"
    connection = pika.BlockingConnection(pika.URLParameters(stack.address["EM_AMQP_URL"]))
    connection.channel().basic_publish("", queue, words.encode(), pika.BasicProperties(message_id=str(uuid.uuid4())))
    connection.close()
    return words


def test_a_dead_letter_is_looked_at_sent_back_and_thrown_away(open_page: OpenPage, people: People, stack: Stack) -> None:
    admin = open_page("admin")
    admin.sign_in(people.one("admin").email, PASSWORD)
    admin.navigate("System")
    expect(admin.part("health")).to_be_visible()
    services = admin.page.get_by_role("table", name="Services").get_by_role("row")
    expect(services).to_contain_text(["Service", "api-service", "ticket-worker", "notifications", "ws-hub"])
    expect(services.get_by_text("up", exact=True)).to_have_count(4)
    words = send_nonsense(stack, "notifications.plan")
    letter = admin.page.get_by_role("list", name="Dead letters").get_by_role("listitem").filter(has_text=words)
    expect(letter).to_have_count(1, timeout=40_000)  # parked, counted by the broker, and read by the page
    expect(admin.part("health")).to_contain_text("Something needs a look.")
    letter.get_by_text("Message", exact=True).click()
    expect(letter.get_by_text(words)).to_be_visible()
    admin.look("parked")
    letter.get_by_role("button", name="Send back").click()
    admin.sees("was sent back.")
    expect(letter.get_by_text("sent back once before")).to_be_visible(timeout=40_000)  # nobody could read it this time either
    letter.get_by_role("button", name="Throw away").click()
    admin.press("Yes, throw it away")
    admin.sees("was thrown away.")
    expect(letter).to_have_count(0)


def test_an_administrator_finds_the_drafts_of_others(open_page: OpenPage, people: People, world: World) -> None:
    draft = world.draft(people.one("organizer", "Olga Ortega"), title=f"Nobody knows {uuid.uuid4().hex[:8]}")
    admin = open_page("admin")
    admin.sign_in(people.one("admin").email, PASSWORD)
    admin.navigate("Organize")
    admin.sees("No events yet")
    admin.page.get_by_label("Whose").select_option("all")
    admin.fill("Search all events", draft["title"])
    found = admin.page.get_by_role("list", name="All events").get_by_role("article")
    expect(found).to_have_count(1)
    expect(found).to_contain_text("by Olga Ortega")
    expect(found).to_contain_text("Draft")
    admin.look("found")
    admin.follow(draft["title"])
    admin.sees("This is a draft.")
    admin.page.go_back()
    expect(found).to_have_count(1)


def test_an_administrator_looks_up_who_did_what(open_page: OpenPage, people: People, world: World) -> None:
    organizer = people.one("organizer", f"Olga {uuid.uuid4().hex[:8]}")
    event = world.event(organizer, title="Audited evening")
    organizer.api.patch(f"/events/{event['id']}", {"venue": "The other hall"}, headers={"If-Match": f'"{event["version"]}"'})
    admin = open_page("admin")
    admin.sign_in(people.one("admin").email, PASSWORD)
    admin.navigate("Audit")
    admin.fill("Search by who did it", organizer.name)
    table = admin.page.get_by_role("table", name="Audit log")
    expect(table.get_by_role("row")).to_have_count(1 + 3)  # the head; made, published, edited
    expect(table).to_contain_text("The other hall")
    admin.page.get_by_label("About").select_option("Teams")
    admin.sees("Nothing matches")
    admin.page.get_by_label("About").select_option("Events")
    expect(table.get_by_role("row")).to_have_count(1 + 3)
    admin.look("audit")
    with admin.page.expect_download() as file:
        admin.press("Download CSV")
    assert "event.edited" in file.value.path().read_text()
