"""Debian's Chromium, driven by Playwright; visitors with windows of their own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from em.stack import Stack
from em.visitor import Visitor


@dataclass(frozen=True)
class Screen:
    name: str
    width: int
    height: int
    phone: bool


expect.set_options(timeout=15_000)  # milliseconds; debug builds on a busy machine

SCREENS = {screen.name: screen for screen in (Screen("desktop", 1280, 800, False), Screen("phone", 360, 740, True))}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Its sandbox works neither for root nor in most containers, and these pages are our own.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
        yield browser
        browser.close()


@pytest.fixture(params=SCREENS)
def screen(request: pytest.FixtureRequest) -> Screen:
    """Both. A test of what happens, not of how it looks, takes one: parametrize("screen", ["phone"], indirect=True)."""
    return SCREENS[request.param]


@pytest.fixture
def visit(request: pytest.FixtureRequest, browser: Browser, stack: Stack, screen: Screen) -> Iterator[Callable[[str], Visitor]]:
    """Opens a window for somebody; in the end every window must have been free of errors."""
    visitors: list[Visitor] = []
    test = request.node.originalname.removeprefix("test_")

    def open_window(name: str) -> Visitor:
        context = browser.new_context(
            base_url=stack.url, viewport={"width": screen.width, "height": screen.height}, is_mobile=screen.phone,
            has_touch=screen.phone, device_scale_factor=2 if screen.phone else 1, locale="en-GB", timezone_id="Europe/Berlin")
        context.set_default_timeout(20_000)
        visitors.append(Visitor(f"{screen.name}-{test}-{name}", context.new_page(), stack.state / "screenshots"))
        return visitors[-1]

    yield open_window
    for visitor in visitors:
        visitor.picture("end")
        visitor.page.context.close()
    for visitor in visitors:
        assert not visitor.errors, f"{visitor.name}: {visitor.errors}"
