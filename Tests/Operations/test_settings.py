"""The tables of infra/README.md against the code: every variable that anything reads, who reads it, and its default."""

import re
from functools import cache

from deployment import code
from deployment.code import ROOT


@cache
def tables() -> dict[str, list[list[str]]]:
    """Heading: rows of cells."""
    text = (ROOT / "infra/README.md").read_text()
    found = {}
    for heading, body in re.findall(r"^### ([^\n]+)\n(.*?)(?=^##)", text, re.M | re.S):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines() if line.startswith("| `")]
        found[heading] = rows
    return found


def variables(cell: str) -> set[str]:
    return set(re.findall(r"`(EM_[A-Z_]+)`", cell))


def rows(heading: str) -> dict[str, list[str]]:
    [table] = [table for name, table in tables().items() if name.startswith(heading)]
    flat = [(name, row) for row in table for name in variables(row[0])]
    assert len({name for name, _ in flat}) == len(flat), "a variable is listed twice"
    return dict(flat)


def read_by_files(*paths: str) -> set[str]:
    text = "\n".join((ROOT / path).read_text() for path in paths)
    return set(re.findall(r"\$\{(EM_[A-Z_]+)", text)) | set(re.findall(r'(?:environ\.get|whole_number|address|ranges)\("(EM_[A-Z_]+)"', text))


def test_the_table_of_the_services_is_that_of_the_code() -> None:
    table = rows("Service settings")
    read = {setting.name for setting in code.settings()} | code.other_variables()
    assert table.keys() == read
    readers: dict[str, set[str]] = {}
    for setting in code.settings():
        readers.setdefault(setting.name, set()).add(setting.service)
    for name, row in table.items():
        if name == "EM_ADMIN_PASSWORD" or name not in readers:
            continue
        assert set(row[1].split()) == readers[name], name


def test_what_is_called_required_is() -> None:
    for name, row in rows("Service settings").items():
        needing = {setting.service for setting in code.settings() if setting.name == name and setting.is_required}
        readers = {setting.service for setting in code.settings() if setting.name == name}
        if name in ("EM_MIGRATION_DATABASE_URL", "EM_ADMIN_PASSWORD") or not readers:
            continue
        if row[2].startswith("required"):
            assert needing == readers, name
        else:
            assert all(f"{service}: required" in row[2] for service in needing), name


def test_numbers_called_defaults_are() -> None:
    sources = "\n".join(code.swift(folder) for folder in ("Sources/Bootstrap", *code.SERVICES))
    for name, row in rows("Service settings").items():
        given = re.search(rf'"{name}",\s*default: (?:\.seconds\()?([\d_]+|true|false|\.zero)', sources)
        if given:
            assert row[2] == given[1].replace("_", "").replace(".zero", "0") or (name, row[2]) == ("EM_RATE_LIMIT", "on"), name


def test_the_other_tables_are_whole() -> None:
    nginx = read_by_files("infra/nginx/em.conf.template", "infra/nginx/start")
    assert rows("nginx").keys() == nginx
    outside = read_by_files("compose.yaml", "compose.production.yaml", "infra/local/em_stack/layout.py")
    assert rows("Compose").keys() == outside


def test_connections_are_those_of_the_code() -> None:
    text = (ROOT / "infra/README.md").read_text()
    assert dict(re.findall(r"^\| ([\w-]+) \| (\d+) \|$", text, re.M)) == {name: str(count) for name, count in code.connections().items()}
    kubernetes = (ROOT / "infra/kubernetes/README.md").read_text().replace("\n", " ")
    for name, count in code.connections().items():
        assert f"{count} ({name})" in kubernetes
