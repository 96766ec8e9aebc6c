"""The pages know the API by the types that their build writes from openapi.yaml: where the two part, there is no build."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from em.contract import ROOT

KEPT = ("src", "types", "tsconfig.json", "apiTypes.mjs", "typecheck")


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


def test_a_field_that_is_renamed_in_the_description_breaks_the_build_of_the_pages(copy: Path) -> None:
    description = copy / "api-service/openapi.yaml"
    text = description.read_text()
    changed, count = re.subn(r"\bcheckedIn: \{type: integer", "peopleInside: {type: integer", text)
    assert count > 0
    description.write_text(changed)
    broken = subprocess.run(["./typecheck"], cwd=copy / "frontend", capture_output=True, text=True, timeout=120)
    assert broken.returncode != 0
    complaints = [line for line in broken.stdout.splitlines() if "error TS" in line]
    # This and nothing else, so that it is the renaming that breaks it.
    assert complaints and all("'checkedIn'" in complaint for complaint in complaints), broken.stdout
