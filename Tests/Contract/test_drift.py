"""The pages know the API by the types that their build writes from openapi.yaml: where the two part, there is no build."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from em.contract import ROOT

KEPT = ("src", "docs", "types", "tsconfig.json", "apiTypes.mjs", "typecheck")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Of all that the types need, with what was found before: only what is changed is looked at again."""
    for name in (*KEPT, ".checked"):
        source = ROOT / "frontend" / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / "frontend" / name)
        elif source.exists():
            shutil.copy2(source, tmp_path / "frontend" / name)
    (tmp_path / "api-service").mkdir()
    shutil.copy2(ROOT / "api-service/openapi.yaml", tmp_path / "api-service")
    return tmp_path


def complaints(copy: Path, document: str, old: str, new: str) -> list[str]:
    """What the types say once a description is changed; one thing and nothing else, so that it is the change that breaks them."""
    path = copy / document
    changed, count = re.subn(old, new, path.read_text())
    assert count > 0
    path.write_text(changed)
    broken = subprocess.run(["./typecheck"], cwd=copy / "frontend", capture_output=True, text=True, timeout=120)
    assert broken.returncode != 0, broken.stdout
    found = [line for line in broken.stdout.splitlines() if "error TS" in line]
    assert found, broken.stdout + broken.stderr
    return found


def test_a_field_that_is_renamed_in_the_description_breaks_the_build_of_the_pages(copy: Path) -> None:
    found = complaints(copy, "api-service/openapi.yaml", r"\bcheckedIn: \{type: integer", "peopleInside: {type: integer")
    assert all("'checkedIn'" in complaint for complaint in found), found


def test_a_code_without_a_text_breaks_the_build_of_the_pages(copy: Path) -> None:
    [complaint] = complaints(copy, "api-service/openapi.yaml", r"( +- )not-an-email\n", r"\g<0>\1too-loud\n")
    assert "fieldErrors.ts" in complaint and "too-loud" in complaint, complaint


def test_a_problem_type_without_a_text_breaks_the_build_of_the_pages(copy: Path) -> None:
    [complaint] = complaints(copy, "frontend/docs/problems.yaml", r"type: full,", "type: overcrowded,")
    assert "problem.ts" in complaint and "ProblemType" in complaint, complaint
