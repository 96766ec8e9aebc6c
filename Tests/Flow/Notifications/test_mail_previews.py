"""What an organizer sees of a mail before anybody gets it: made by notifications, framed by the organizer's page."""

from em.api import problem
from em.people import People
from em.world import World


def test_an_organizer_sees_a_mail_before_anybody_gets_it(world: World, people: People) -> None:
    organizer = people.one("organizer")
    event = world.event(organizer)
    wish = {"kind": "announcement", "language": "de", "title": "Einlass & <Zeiten>", "body": "Ab sechs.", "paragraph": "Jacke mitbringen."}
    preview = organizer.api.post(f"/events/{event['id']}/mail-previews", wish)
    assert "Einlass & <Zeiten>" in preview["subject"] and "Jacke mitbringen." in preview["text"]
    page = world.anyone.send("GET", preview["htmlUrl"].removeprefix("/api/v1"))
    assert page.status_code == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Einlass &amp; &lt;Zeiten&gt;" in page.text
    # Framed by the site alone; nothing in it runs, loads or leads anywhere.
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'self'" in policy and "sandbox;" in policy
    assert "script-src" not in policy and page.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert page.headers["Cache-Control"] == "no-store"


def test_words_that_no_mail_could_have_are_refused(world: World, people: People) -> None:
    organizer = people.one("organizer")
    path = f"/events/{world.event(organizer)['id']}/mail-previews"
    for wish in ({}, {"kind": "account.resetPassword"}, {"kind": "announcement"}, {"kind": "event.reminder", "colour": "#ffffff"},
                 {"kind": "event.reminder", "language": "fr"}, {"kind": "event.reminder", "title": ""},
                 {"kind": "event.reminder", "title": "x" * 201}, {"kind": "event.reminder", "body": None}):
        problem(organizer.api.send("POST", path, json=wish), 422, "validation-failed")
