"""Somebody at a browser."""

import re
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

from em import eye
from em.waiting import eventually


class Visitor:
    """Keeps what the console complained about in `errors`."""

    def __init__(self, name: str, page: Page, pictures: Path, scheme: str = "light"):
        self.name, self.page, self.pictures, self.scheme = name, page, pictures, scheme
        self.errors: list[str] = []
        self.foreseen: list[str] = []
        self.taken = 0
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        text = f"{message.text} ({message.location.get('url')})"
        if message.type in ("error", "warning") and not any(part in text for part in self.foreseen):
            self.errors.append(text)

    def foresee(self, part: str) -> None:
        """The console may complain of this: Chromium reports every refused request there."""
        self.foreseen.append(part)

    def picture(self, name: str) -> None:
        """Kept beside the stack's logs; the number is the order."""
        self.taken += 1
        self.pictures.mkdir(exist_ok=True)
        self.page.screenshot(path=self.pictures / f"{self.name}-{self.taken:02}-{name}.png", full_page=True)

    def look(self, name: str) -> None:
        """Takes a picture; nothing sticks out sideways, and axe finds nothing, by day or by night."""
        eye.hold_still(self.page)
        self.picture(name)
        found = eye.faults(self.page, self.scheme)
        assert not found, f"{self.name}, {name}: " + "\n".join(found)

    def open(self, path: str) -> None:
        self.page.goto(path)

    def sees_picture(self, test_id: str) -> None:
        """Waits until the picture has loaded. Not by wait_for_function: it polls with eval, which the site forbids."""
        picture = self.part(test_id)
        eventually(lambda: picture.evaluate("image => image.naturalWidth") > 0, f"{test_id} has loaded")

    def press(self, name: str, exact: bool = True) -> None:
        self.page.get_by_role("button", name=name, exact=exact).click()

    def follow(self, name: str, exact: bool = True) -> None:
        """A link in the page."""
        self.page.get_by_role("main").get_by_role("link", name=name, exact=exact).click()

    def navigate(self, name: str) -> None:
        """A place in the header, which hides behind a button on a phone; how much is unread may stand beside it."""
        self.open_menu()
        self.page.get_by_role("navigation", name="Main").get_by_role("link", name=re.compile(f"^{re.escape(name)}")).click()

    def open_menu(self) -> None:
        expect(self.page.locator("#navigation")).to_be_attached()
        menu = self.page.get_by_role("button", name=re.compile("^Menu"))
        if menu.is_visible():
            menu.click()

    def sign_out(self) -> None:
        """Signs out by the header."""
        self.open_menu()
        self.press("Sign out")
        expect(self.page.get_by_role("link", name="Sign in", exact=True, include_hidden=True).first).to_be_attached()

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def sign_in(self, email: str, password: str) -> None:
        self.open("/sign-in")
        self.fill("Email", email)
        self.fill("Password", password)
        self.press("Sign in")
        self.page.wait_for_url(lambda url: "/sign-in" not in url)

    def part(self, test_id: str) -> Locator:
        return self.page.get_by_test_id(test_id)

    def sees_count(self, text: str) -> None:
        expect(self.part("live-count")).to_have_text(text)

    def sees(self, text: str) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible()
