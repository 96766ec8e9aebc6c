"""The pages for programmers: read without scripts, on a phone and at a desk, by day and by night."""

import pytest
from playwright.sync_api import Browser, expect

from em.eye import WIDER_THAN_THE_WINDOW, faults
from em.stack import Stack

PAGES = {"/docs": "POST /api/v1/events", "/docs/messages": "em.registration.confirmed", "/docs/problems": "validation-failed",
         "/docs/tickets": "EM1:"}


SAID_TWICE = """() => { const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  return ids.filter((id, number) => ids.indexOf(id) !== number); }"""


@pytest.mark.parametrize(("screen", "scheme"), [("desktop", "light"), ("phone", "dark")], indirect=["screen"])
def test_the_pages_for_programmers_are_accessible(browser: Browser, stack: Stack, screen, scheme: str) -> None:
    context = browser.new_context(base_url=stack.url, viewport={"width": screen.width, "height": screen.height}, color_scheme=scheme,
                                  is_mobile=screen.phone, has_touch=screen.phone)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    pictures = stack.state / "screenshots"
    pictures.mkdir(exist_ok=True)
    for address in PAGES:
        assert page.goto(address).status == 200
        page.evaluate("document.querySelectorAll('main details').forEach((each, number) => { each.open = number % 5 === 0; })")
        page.screenshot(path=pictures / f"docs-{screen.name}-{scheme}{address.replace('/', '-')}.png")
        assert page.evaluate(WIDER_THAN_THE_WINDOW) == [], address
        assert page.evaluate(SAID_TWICE) == [], address
        # They are all made alike: of the largest page, which would take axe a minute, every twelfth is looked at.
        page.evaluate("document.querySelectorAll('main .em-card, .em-doc-contents li li').forEach((each, number) => number % 12 && each.remove())")
        assert faults(page, scheme) == [], address
    assert complaints == []
    context.close()


@pytest.mark.parametrize("screen", ["phone"], indirect=True)
def test_they_need_no_script(browser: Browser, stack: Stack, screen) -> None:
    context = browser.new_context(base_url=stack.url, java_script_enabled=False,
                                  viewport={"width": screen.width, "height": screen.height})
    page = context.new_page()
    for address, words in PAGES.items():
        page.goto(address)
        assert words in page.get_by_role("main").inner_text()
        assert page.get_by_role("navigation", name="Developer documentation").get_by_role("link").count() == len(PAGES)
    context.close()


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_the_site_leads_there(open_page, screen) -> None:
    reader = open_page("reader")
    reader.open("/")
    reader.page.get_by_role("link", name="API and messages").click()
    reader.page.wait_for_url("**/docs", wait_until="commit")
    reader.page.get_by_role("navigation", name="Developer documentation").get_by_role("link", name="Problems").click()
    expect(reader.page.get_by_role("heading", name="validation-failed 422")).to_be_visible()
