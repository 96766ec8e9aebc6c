"""Debian's Chromium, driven by Playwright; visitors with windows of their own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from em.stack import Stack
from em.visitor import Visitor


@dataclass(frozen=True)
class Screen:
    name: str
    width: int
    height: int
    phone: bool
    scheme: str


expect.set_options(timeout=15_000)  # milliseconds; debug builds on a busy machine

SCREENS = {screen.name: screen for screen in (
    Screen("desktop", 1280, 800, phone=False, scheme="light"), Screen("phone", 360, 740, phone=True, scheme="dark"))}


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


def launch(playwright: Playwright, *arguments: str, program: str = "chromium-headless-shell") -> Browser:
    # Its sandbox works neither for root nor in most containers, and these pages are our own.
    return playwright.chromium.launch(executable_path=f"/usr/bin/{program}",
                                      args=["--no-sandbox", "--disable-dev-shm-usage", *arguments])


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = launch(playwright)
    yield browser
    browser.close()


@pytest.fixture
def camera_browser(playwright: Playwright) -> Iterator[Callable[[Path], Browser]]:
    """A browser whose camera sees a film."""
    browsers: list[Browser] = []

    def open_browser(film: Path) -> Browser:
        # The shell has no cameras.
        browsers.append(launch(playwright, "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}", program="chromium"))
        return browsers[-1]

    yield open_browser
    for browser in browsers:
        browser.close()


@pytest.fixture(params=["desktop", "phone"])
def screen(request: pytest.FixtureRequest) -> Screen:
    """Both, the phone by night; what is looked at is looked at in the other colours, too. A test of what happens, not of
    how it looks, takes one: parametrize("screen", ["phone"], indirect=True)."""
    return SCREENS[request.param]


@pytest.fixture
def open_page(request: pytest.FixtureRequest, browser: Browser, stack: Stack, screen: Screen) -> Iterator[Callable[..., Visitor]]:
    """Opens a window for somebody; in the end every window must have been free of errors."""
    visitors: list[Visitor] = []
    test = request.node.originalname.removeprefix("test_")

    def open_window(name: str, **options: object) -> Visitor:
        """`options`: of the browser's context, over the usual ones."""
        context = browser.new_context(**{
            "base_url": stack.url, "viewport": {"width": screen.width, "height": screen.height}, "is_mobile": screen.phone,
            "has_touch": screen.phone, "device_scale_factor": 2 if screen.phone else 1, "locale": "en-GB",
            "timezone_id": "Europe/Berlin", "color_scheme": screen.scheme} | options)
        context.set_default_timeout(20_000)
        visitors.append(Visitor(f"{screen.name}-{test}-{name}", context.new_page(), stack.state / "screenshots", screen.scheme))
        return visitors[-1]

    yield open_window
    for visitor in visitors:
        visitor.picture("end")
        visitor.page.context.close()
    for visitor in visitors:
        assert not visitor.errors, f"{visitor.name}: {visitor.errors}"
