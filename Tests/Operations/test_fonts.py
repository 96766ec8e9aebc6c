"""The fonts of the image that prints tickets: few enough for its size, and enough for every script (ScriptsTests draws the same names
with all that this machine has)."""

import fnmatch
import re
import subprocess
import unicodedata
from functools import cache
from pathlib import Path

import pytest
from deployment.code import ROOT

PACKAGES = ("fonts-dejavu-core", "fonts-droid-fallback", "fonts-noto-core", "fonts-nanum", "fonts-symbola")
LARGEST = 30e6  # beside the 148 MB that the image had without


def names() -> dict[str, str]:
    text = (ROOT / "Tests/Unit/Typesetting/ScriptsTests.swift").read_text()
    return dict(re.findall(r'^ +\("([^"]+)", "([^"]+)"\),$', text, re.M))


def rules() -> list[tuple[bool, str]]:
    """dpkg's: the last that fits decides."""
    stage = re.search(r"^FROM runtime AS api-service$(.*?)^FROM ", (ROOT / "infra/Dockerfile").read_text(), re.M | re.S)[1]
    return [(kind == "include", pattern) for kind, pattern in re.findall(r"'path-(include|exclude) ([^']+)'", stage)]


@cache
def installed() -> list[Path]:
    """What the image keeps of the packages."""
    listed = subprocess.run(["dpkg", "-L", *PACKAGES], capture_output=True, text=True, check=True).stdout.splitlines()
    files = sorted({Path(line) for line in listed if line.endswith((".ttf", ".otf", ".ttc"))})
    kept = []
    for file in files:
        fitting = [included for included, pattern in rules() if fnmatch.fnmatchcase(str(file), pattern)]
        if not fitting or fitting[-1]:
            kept.append(file)
    return kept


@cache
def covered() -> set[int]:
    said = subprocess.run(["fc-query", "--format", "%{charset} ", *installed()], capture_output=True, text=True, check=True).stdout
    points: set[int] = set()
    for part in said.split():
        first, _, last = part.partition("-")
        points.update(range(int(first, 16), int(last or first, 16) + 1))
    return points


def test_the_image_installs_what_make_installs() -> None:
    stage = re.search(r"^FROM runtime AS api-service$(.*?)^FROM ", (ROOT / "infra/Dockerfile").read_text(), re.M | re.S)[1]
    assert set(re.findall(r"\bfonts-[a-z-]+", stage.partition("apt-get install")[2])) == set(PACKAGES)
    assert set(PACKAGES) <= set(re.findall(r"\bfonts-[a-z-]+", (ROOT / "infra/local/install").read_text()))


@pytest.mark.parametrize("script", names())
def test_a_font_of_the_image_has_each_letter(script: str) -> None:
    letters = {letter for letter in names()[script] if unicodedata.category(letter) not in ("Cf", "Zs")}
    missing = {f"U+{ord(letter):04X}" for letter in letters if ord(letter) not in covered()}
    assert letters and not missing


def test_every_script_of_a_name_is_tried() -> None:
    assert len(names()) > 45
    wanted = {"Hangul", "Devanagari", "Tamil", "Thai", "Khmer", "Burmese", "Ethiopic", "Arabic", "Hebrew", "Bengali", "Georgian", "Armenian", "Lao",
              "Sinhala", "Tibetan", "HanSimplified", "HanTraditional", "Kana"}
    assert wanted <= names().keys()


def test_they_take_little_room() -> None:
    new = [file for file in installed() if not str(file).startswith(("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts-droid", "/usr/share/fonts/truetype/droid"))]
    assert 5e6 < sum(file.stat().st_size for file in new) < LARGEST
