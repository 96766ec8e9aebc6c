"""Every page in its states, looked at by axe and by whoever opens the pictures ($EM_STATE_DIR/screenshots/looks).

`make test` looks at each page on a laptop by day and on a phone by night, and at the contrasts of the other colours, too.
EM_LOOKS=all (`make screenshots`) takes pictures of all four, and of all four in German."""

import os

import pytest
from playwright.sync_api import Browser, Page, expect

from em import eye
from em.people import People, Person
from em.scene import Scene, sign_in, unfold
from em.stack import Stack
from em.world import World

EVERYTHING = os.environ.get("EM_LOOKS") == "all"
LANGUAGES = ("en", "de") if EVERYTHING else ("en",)


@pytest.fixture(scope="module")
def scene(world: World, people: People, stack: Stack) -> Scene:
    return Scene(world, people, stack)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_accessible_and_nothing_sticks_out(browser: Browser, stack: Stack, scene: Scene, screen, language: str) -> None:
    pictures = stack.state / "screenshots" / "looks"
    pictures.mkdir(parents=True, exist_ok=True)
    found, visitors = [], {}

    def page_of(person: Person | None) -> Page:
        key = person.id if person else ""
        if key not in visitors:
            context = browser.new_context(
                base_url=stack.url, viewport={"width": screen.width, "height": screen.height}, is_mobile=screen.phone,
                has_touch=screen.phone, color_scheme=screen.scheme, locale="en-GB", timezone_id="Europe/Berlin", reduced_motion="reduce")
            visitors[key] = context.new_page()
            if person:
                sign_in(visitors[key], person)
            else:
                visitors[key].goto("/")
            visitors[key].evaluate("language => localStorage.setItem('em.language', language)", language)
        return visitors[key]

    for person, name, address, sign in scene.pages():
        page = page_of(person)
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        if sign and language == "en":
            expect(page.get_by_text(sign).first).to_be_visible()
        expect(page.locator(".em-skeleton")).to_have_count(0)
        unfold(page, name)
        for scheme in eye.SCHEMES if EVERYTHING else ():
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=pictures / f"{language}-{screen.name}-{scheme}-{name}.png", full_page=True)
        page.emulate_media(color_scheme=screen.scheme)
        found += [f"{name}: {fault}" for fault in eye.faults(page, screen.scheme)]
    for page in visitors.values():
        page.context.close()
    assert not found, "\n".join(found)
