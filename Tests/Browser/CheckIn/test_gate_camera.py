"""The camera at the gate: by the browser's own reader of codes, and by ours where it has none."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from em import gate
from em.film import Shot, draw, write_film
from em.people import PASSWORD, People
from em.stack import ROOT, Stack
from em.visitor import Visitor
from em.world import World

SHOTS = [
    Shot("as it is"), Shot("turned by 15°", turned=15), Shot("turned by 45°", turned=45), Shot("upside down", turned=180),
    Shot("held at a slant", skewed=0.35), Shot("blurred", blurred=1.6), Shot("small", side=150), Shot("small and turned", side=180, turned=-20),
    Shot("dim", light=0.25), Shot("nearly dark", light=0.07), Shot("pale", contrast=0.25), Shot("half in the shadow", shadow=True), Shot("noisy", noise=60),
    Shot("dim, turned, blurred, noisy", side=340, light=0.4, turned=8, blurred=1.2, noise=12),
]

# Gives one picture to the decoder's worker, as the page does.
DECODE = """([worker, pixels]) => new Promise((resolve, reject) => {
  const bytes = Uint8ClampedArray.from(atob(pixels), (letter) => letter.charCodeAt(0));
  const decoder = (window.decoder ??= new Worker(worker));
  decoder.onerror = (event) => reject(new Error(event.message));
  decoder.onmessage = ({ data }) => (data.failure ? reject(new Error(data.failure)) : resolve(data.text));
  decoder.postMessage({ width: 640, height: 480, pixels: bytes.buffer }, [bytes.buffer]);
})"""


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture
def ticket(world: World, people: People) -> dict:
    """A ticket with what a test needs of it: its event, its picture, its text."""
    host, guest = people.one("organizer"), people.one(name="Carla Camera")
    event = world.event(host)
    made = world.ticket(guest, world.register(guest, event))
    svg = guest.api.send("GET", f"/tickets/{made['id']}.svg").text
    text = world.stack.value("SELECT qr_text FROM tickets WHERE id = %s", made["id"])
    return {**made, "svg": svg, "text": text, "host": host}


@pytest.mark.parametrize("screen", ["desktop"], indirect=True)
def test_the_decoder_reads_what_zbar_reads(open_page, ticket: dict) -> None:
    """ZBar as WebAssembly beside ZBar as Debian ships it, on the same pictures; and both read all of them."""
    [worker] = (ROOT / "frontend/dist/gate").glob("decoderWorker-*.js")
    page: Page = open_page("gate").page
    page.goto("/gate/")
    failures = []
    for shot in SHOTS:
        png, pixels = draw(page, ticket["svg"], shot)
        ours = page.evaluate(DECODE, [f"/gate/{worker.name}", base64_text(pixels)])
        theirs = gate.look(png)
        if ours != ticket["text"] or theirs != ticket["text"]:
            failures.append(f"{shot.name}: ours {ours!r:.12}, zbarimg {theirs!r:.12}")
    assert not failures, "\n".join(failures)
    _, nothing = draw(page, ticket["svg"], Shot("no code", side=0))
    assert page.evaluate(DECODE, [f"/gate/{worker.name}", base64_text(nothing)]) is None


# A browser's reader, as Chromium on Android and macOS has it, in place of none: what it saw is in the test's hand.
READER = """window.BarcodeDetector = class {
  static async getSupportedFormats() { return ['qr_code']; }
  async detect(video) { return video.videoWidth > 0 ? [{ rawValue: '%s' }] : []; }
};"""
NO_READER = "delete window.BarcodeDetector;"


@pytest.fixture(params=["browser", "zbar"])
def phone(request: pytest.FixtureRequest, browser: Browser, camera_browser: Callable[[Path], Browser], stack: Stack,
          ticket: dict, tmp_path: Path) -> Iterator[Visitor]:
    """A phone at the gate whose camera sees an empty table, then the ticket; with and without a reader of its own."""
    drawing, film = browser.new_page(), tmp_path / "camera.y4m"
    shots = (Shot("nothing", side=0), Shot("ticket", turned=12, blurred=0.8, noise=8))
    write_film(film, [draw(drawing, ticket["svg"], shot)[1] for shot in shots])
    drawing.close()
    context = camera_browser(film).new_context(
        base_url=stack.url, viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True, permissions=["camera"],
        locale="en-GB")
    context.add_init_script(READER % ticket["text"] if request.param == "browser" else NO_READER)
    visitor = Visitor(f"camera-{request.param}", context.new_page(), stack.state / "screenshots")
    yield visitor
    visitor.picture("end")
    assert not visitor.errors, visitor.errors


def test_a_ticket_held_before_the_camera_is_admitted_once(phone: Visitor, ticket: dict, stack: Stack) -> None:
    phone.sign_in(ticket["host"].email, PASSWORD)
    phone.open(f"/gate/{ticket['eventId']}")
    phone.press("Scan with the camera")
    expect(phone.part("gate-camera")).to_have_attribute("data-reader", phone.name.removeprefix("camera-"))
    result = phone.part("check-in-result")
    expect(result).to_have_attribute("data-result", "admitted")
    expect(result).to_contain_text("Carla Camera")
    phone.look("admitted")
    phone.press("Stop the camera")
    expect(phone.part("gate-camera")).to_have_count(0)
    assert stack.value("SELECT count(*) FROM check_ins WHERE ticket_id = %s", ticket["id"]) == 1
