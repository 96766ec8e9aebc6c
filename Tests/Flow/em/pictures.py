"""Documents as pictures: rasterised by the tools that people have, and treated as paper is."""

import io
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

MODULES = 45 + 8  # version 7 with its quiet zone
SIDE = 148  # 25 mm at 150 dpi


def opened(image: bytes) -> Image.Image:
    return Image.open(io.BytesIO(image)).convert("L")


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def drawn(svg: bytes, width: int = 456) -> bytes:
    return subprocess.run(["rsvg-convert", "-w", str(width)], input=svg, capture_output=True, check=True, timeout=60).stdout


def printed(pdf: bytes, dpi: int = 150) -> bytes:
    """The first page."""
    return tool(pdf, "pdftoppm", "-png", "-r", str(dpi), "-f", "1", "-singlefile", "{}").stdout


def tool(pdf: bytes, *command: str) -> subprocess.CompletedProcess:
    """Runs a program on a PDF file, whose name stands for `{}`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ticket.pdf"
        path.write_bytes(pdf)
        arguments = [str(path) if argument == "{}" else argument for argument in command]
        ran = subprocess.run(arguments, capture_output=True, timeout=60)
        assert ran.returncode == 0, f"{' '.join(command)}: {ran.stdout!r} {ran.stderr!r}"
        return ran


def worn(image: bytes) -> dict[str, bytes]:
    """A picture of a QR code printed 25 mm wide and scanned at 150 dpi, badly compressed, askew, and all of it."""
    small = opened(image).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    askew = small.rotate(15, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
    return {"small": saved(small), "compressed": saved(small, "JPEG", quality=30), "askew": saved(askew),
            "everything": saved(askew, "JPEG", quality=30)}


def symbol_of(page: bytes, dpi: int) -> bytes:
    """The QR code on a printed page (170 points wide, 48 from the right edge) with its quiet zone."""
    image = opened(page)
    point = dpi / 72
    right, width = image.width - 48 * point, 170 * point
    quiet = width * 4 / 49
    column = image.crop((int(right - width), 0, int(right), image.height))
    # The first row of the finder patterns: black over more than a seventh of the width at once.
    dark = [y for y in range(column.height)
            if sum(column.crop((0, y, int(width * 7 / 49), y + 1)).histogram()[:128]) > width * 6.5 / 49]
    top = dark[0]
    box = (right - width - quiet, top - quiet, right + quiet, top + width + quiet)
    return saved(image.crop(tuple(int(edge) for edge in box)))
