"""Photographs the mails in a directory: `Tests/Browser/mail-pictures` says how."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTHS = (360, 800)


def main(directory: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            for width in WIDTHS:
                page = browser.new_page(viewport={"width": width, "height": 700}, color_scheme=scheme)
                for mail in sorted(directory.glob("*.html")):
                    page.goto(mail.as_uri())
                    wide = page.evaluate("document.documentElement.scrollWidth")
                    if wide > width:
                        print(f"{mail.name} is {wide} px wide at {width}")
                    page.screenshot(path=directory / f"{mail.stem}.{scheme}.{width}.png", full_page=True)
                page.close()
        browser.close()
    print(f"{len(list(directory.glob('*.png')))} pictures in {directory}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
