"""The gate in Chromium, with 20,000 tickets and no network: how long the list takes to come and be checked, and how long
a guest waits for the device's own decision (signature, list, IndexedDB), beside the bare signature by WebCrypto."""

import statistics
import time

from em.people import PASSWORD
from em.waiting import eventually
from harness.flood import post
from harness.report import Comparison, Report
from harness.site import Site
from playwright.sync_api import Page, sync_playwright

TICKETS = 20_000
SCANS = 40
ISSUING = 180  # seconds

# The same number of bytes under one key, one after the other, as the gate does it: the middle of 200, in milliseconds.
BARE = """async () => {
  const pair = await crypto.subtle.generateKey({ name: 'Ed25519' }, false, ['sign', 'verify']);
  const message = crypto.getRandomValues(new Uint8Array(66));
  const signature = await crypto.subtle.sign({ name: 'Ed25519' }, pair.privateKey, message);
  const times = [];
  for (let turn = 0; turn < 200; turn += 1) {
    const began = performance.now();
    await crypto.subtle.verify({ name: 'Ed25519' }, pair.publicKey, signature, message);
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[100];
}"""


def run(site: Site, report: Report) -> None:
    event = site.event()
    path = f"/api/v1/events/{event}/registrations"
    site.flood.run(site.port, 64, site.flood.requests("gate", (post(path, token) for _, token in site.crowd[:TICKETS])), 60)
    eventually(lambda: site.stack.value("SELECT count(*) FROM tickets WHERE event_id = %s", event) == TICKETS,
               f"{TICKETS} tickets", ISSUING)
    site.settle()
    texts = [text for (text,) in site.stack.rows(
        "SELECT qr_text FROM tickets WHERE event_id = %s ORDER BY id LIMIT %s", event, SCANS * site.repetitions)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = browser.new_page(base_url=site.stack.url)
        sign_in(page, site.organizer.email)
        began = time.monotonic()
        page.goto(f"/gate/{event}")
        page.get_by_text("20,000 tickets on this device").wait_for(timeout=60_000)
        report.figure("gate page, from its address to 20,000 tickets checked and kept", seconds=time.monotonic() - began)
        page.get_by_text("This page opens without a network.").wait_for()
        page.context.set_offline(True)
        began = time.monotonic()
        page.reload()
        page.get_by_text("20,000 tickets on this device").wait_for(timeout=60_000)
        report.figure("the same page opened without a network", seconds=time.monotonic() - began)
        alone, bare = [], []
        for turn in range(site.repetitions):
            alone.append([scan(page, text) for text in texts[turn * SCANS:(turn + 1) * SCANS]])
            bare.append(page.evaluate(BARE))
        browser.close()
    every = sorted(time for turn in alone for time in turn)
    report.figure("offline decision among 20,000 tickets (ms)", p50=statistics.median(every), p95=every[len(every) * 95 // 100],
                  max=every[-1])
    # A person doesn't notice a tenth of a second; the disk, not the signature, is what the decision waits for.
    report.compare(Comparison("gate: offline decision, beside 100 ms", [statistics.median(turn) for turn in alone],
                              [100.0] * site.repetitions, "what a person notices", "ms", 0.5, at_least=False,
                              note=f"WebCrypto's verification alone {statistics.median(bare):.2f} ms"))


def sign_in(page: Page, email: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Email", exact=True).fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def scan(page: Page, text: str) -> float:
    """Milliseconds, by the page's own clock."""
    result = page.get_by_test_id("check-in-result")
    before = result.get_attribute("data-scan") or ""
    page.get_by_label("Ticket code", exact=True).fill(text)
    page.keyboard.press("Enter")
    page.locator(f'[data-testid="check-in-result"][data-scan]:not([data-scan="{before}"])').wait_for()
    assert result.get_attribute("data-result") == "admitted", result.inner_text()
    return float(result.get_attribute("data-milliseconds") or "nan")
