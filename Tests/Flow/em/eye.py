"""Looks at a page as it stands: whether it holds still, sticks out, or keeps somebody out."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SCHEMES = ("light", "dark")
AXE = Axe().axe_script


def hold_still(page: Page) -> None:
    """Waits for every movement that has an end: half faded colours are nobody's colours."""
    page.evaluate("""() => Promise.race([new Promise((resolve) => setTimeout(resolve, 5000)), Promise.allSettled(document.getAnimations()
      .filter((movement) => movement.effect.getComputedTiming().endTime !== Infinity).map((movement) => movement.finished))])""")


def faults(page: Page, scheme: str) -> list[str]:
    """What sticks out, and what axe finds; of the other colour scheme than `scheme`, which is shown, its contrasts."""
    hold_still(page)
    found = [f"wider than the window: {element}" for element in page.evaluate(WIDER_THAN_THE_WINDOW)] + violations(page)
    other = SCHEMES[1 - SCHEMES.index(scheme)]
    page.emulate_media(color_scheme=other)
    hold_still(page)
    found += [f"{other}: {fault}" for fault in violations(page, "color-contrast")]
    page.emulate_media(color_scheme=scheme)
    hold_still(page)
    return found


def violations(page: Page, *rules: str) -> list[str]:
    """Of these rules; of all when none is named."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE)
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    return page.evaluate("""async (options) => (await axe.run(options)).violations.flatMap(({ id, impact, help, nodes }) =>
      nodes.map(({ html }) => `${id} (${impact}): ${help}: ${html.slice(0, 160)}`))""", options)


# The elements that stick out of the window on the right, outermost first, unless a box that scrolls holds them.
WIDER_THAN_THE_WINDOW = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > width + 1)
    .slice(0, 5).map((e) => `<${e.tagName.toLowerCase()} class="${e.className}"> ${Math.round(e.getBoundingClientRect().right)}`);
}"""
