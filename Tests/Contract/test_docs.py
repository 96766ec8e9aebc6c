"""The pages for programmers (frontend/docs): complete, well-formed, and every link leads somewhere."""

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from em.contract import ROOT, asyncapi

VOID = {"meta", "link", "img", "wbr", "br", "hr", "input"}
PAGES = ("docs", "docs/messages", "docs/problems", "docs/tickets")
OUTSIDE = {"/", "/openapi.yaml", "/asyncapi.yaml", "/favicon.svg"}


class Page(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.scripts = 0
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = dict(attributes)
        if tag not in VOID:
            self._open.append(tag)
        self.scripts += tag == "script" or any(name.startswith("on") for name in told)
        assert "style" not in told, "the site's policy allows none"
        if told.get("id"):
            self.ids.append(told["id"])
        if told.get("href"):
            self.links.append(told["href"])

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    directory = tmp_path_factory.mktemp("docs")
    subprocess.run(["node", ROOT / "frontend/docs/build.mjs", directory, "/style.css"], check=True, timeout=60)
    return {name: Page((directory / f"{name}.html").read_text()) for name in PAGES}


def test_every_page_stands_alone_and_every_link_leads_somewhere(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        assert page.scripts == 0 and len(page.ids) == len(set(page.ids)), name
        for link in page.links:
            if link in OUTSIDE or link == "/style.css":
                continue
            target, _, part = link.partition("#")
            there = pages[target.removeprefix("/") or name]
            assert not part or part in there.ids, f"/{name} → {link}"
        assert not re.search(r"\bundefined\b|\[object|\]\(", "".join(page.words)), name


def test_the_page_of_the_api_names_every_operation_and_schema(pages: dict[str, Page]) -> None:
    document = yaml.safe_load((ROOT / "api-service/openapi.yaml").read_text())
    names = {each["operationId"] for item in document["paths"].values() for each in item.values() if "operationId" in each}
    names |= {f"schema-{name}" for name in document["components"]["schemas"]}
    assert names <= set(pages["docs"].ids) and len(names) > 150


def test_the_page_of_messages_names_every_message_frame_and_close_code(pages: dict[str, Page]) -> None:
    page, document = pages["docs/messages"], asyncapi()
    names = {f"message-{re.sub('[^a-z0-9]+', '-', each['name'].lower())}" for each in document["components"]["messages"].values()}
    names |= {f"schema-{name}" for name in document["components"]["schemas"]}
    assert names <= set(page.ids)
    words = " ".join(page.words)
    for end in document["channels"]["socket"]["x-close-codes"]:
        assert f"{end['code']} " in words


# MARK: Problems

STATUS = {"badRequest": 400, "unauthorized": 401, "forbidden": 403, "notFound": 404, "methodNotAllowed": 405, "conflict": 409,
          "gone": 410, "preconditionFailed": 412, "contentTooLarge": 413, "unsupportedMediaType": 415, "unprocessableContent": 422,
          "upgradeRequired": 426, "preconditionRequired": 428, "tooManyRequests": 429, "internalServerError": 500,
          "serviceUnavailable": 503}


def listed() -> dict[str, int]:
    groups = yaml.safe_load((ROOT / "frontend/docs/problems.yaml").read_text())
    problems = [problem for group in groups for problem in group["problems"]]
    assert len({problem["type"] for problem in problems}) == len(problems)
    assert all(problem["meaning"].endswith(".") and problem["remedy"].endswith(".") for problem in problems)
    return {problem["type"]: problem["status"] for problem in problems}


def swift() -> str:
    sources = [path for room in ("api-service", "ws-hub", "Sources") for path in sorted((ROOT / room).rglob("*.swift"))]
    return "\n".join(path.read_text() for path in sources)


def of_the_code() -> dict[str, int]:
    """Every type of problem that the code or nginx can answer with, and its status."""
    slugs = dict(re.findall(r'case \.(\w+): "([a-z-]+)"', re.search(
        r"public var slug: String \{.*?\n    \}", (ROOT / "Sources/Domain/DomainError.swift").read_text(), re.S)[0]))
    mapping = (ROOT / "api-service/HTTP/ProblemMapping.swift").read_text()
    body = re.search(r"func status\(of error: DomainError\).*?\n    \}", mapping, re.S)[0]
    found = {}
    for cases, status in re.findall(r"case ((?:\.\w+(?:\([^)]*\))?,?\s*)+):\s*\.(\w+)", body):
        found |= {slugs[name]: STATUS[status] for name in re.findall(r"\.(\w+)", cases)}
    assert len(found) == len(slugs), slugs.keys() - found.keys()
    code = swift()
    found |= {slug: STATUS[status] for slug, status in re.findall(r'APIProblem\(\s*"([a-z-]+)",\s*\.(\w+)', code)}
    found |= {slug: STATUS[status] for status, slug in re.findall(r'\.refused\(\.(\w+), problem: "([a-z-]+)"', code)}
    front = re.search(r"map \$status \$em_problem \{(.*?)\n\}", (ROOT / "infra/nginx/em.conf.template").read_text(), re.S)[1]
    for status, slug in re.findall(r'^    (\d+|default) "([a-z-]+)";', front, re.M):
        found.setdefault(slug, 500 if status == "default" else int(status))
    return found


def test_every_problem_of_the_code_stands_on_the_page_of_problems_and_none_else(pages: dict[str, Page]) -> None:
    assert listed() == of_the_code()
    assert len(listed()) > 45 and set(listed()) <= set(pages["docs/problems"].ids)


def test_the_descriptions_name_only_problems_that_there_are() -> None:
    text = (ROOT / "api-service/openapi.yaml").read_text()
    named = set(re.findall(r"\{type: ([a-z]+(?:-[a-z]+)*), title:", text))
    named |= {slug for line in re.findall(r"^      description: '(`[a-z-]+`.*)$", text, re.M) for slug in re.findall(r"`([a-z]+(?:-[a-z]+)+)`", line)}
    assert named <= listed().keys() and len(named) > 15
