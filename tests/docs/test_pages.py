"""The pages lead where they say: links and anchors exist, reasons are explained, shown files are as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import heterosched.planning.due
import heterosched_operator.conditions
import heterosched_operator.events
import heterosched_operator.sight
import heterosched_operator.stopping
import heterosched_operator.waiting
from documented import ROOT, pages

LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]*)\)")
CODE = re.compile(r"`[^`\n]*`")
FENCED = re.compile(r"^( *)(`{3,})[^\n]*\n.*?^\1\2`*\s*$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r'^```yaml title="([^"]+)"\n(.*?)^```', re.MULTILINE | re.DOTALL)
TROUBLES = ROOT / "docs" / "guide" / "troubleshooting.md"
BUILT = ("heterosched.pdf",)
"""What `make docs` puts beside the pages."""
TYPES = {
    *("ACCEPTED", "PLANNED", "RUNNING", "COMPLETED", "FAILED", "SUSPENDED"),
    *("DEADLINE_AT_RISK", "TELEMETRY_AVAILABLE", "BLOCKED", "POWER_CAP_ADVISED"),
}
"""Names of the conditions' types, which are no reasons."""
MODULES = (
    heterosched.planning.due,
    heterosched_operator.conditions,
    heterosched_operator.events,
    heterosched_operator.sight,
    heterosched_operator.stopping,
    heterosched_operator.waiting,
)


def links(text: str) -> list[str]:
    """The targets of a page's links, code left out."""
    return LINK.findall(CODE.sub("", FENCED.sub("", text)))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges and mkdocs make them."""
    text = FENCED.sub("", page.read_text())
    titles = re.findall(r"^#+ +(.+?)\s*$", text, re.MULTILINE)
    bare = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "") for title in titles]
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in bare}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_to_what_exists(page: Path) -> None:
    broken = []
    for target in links(page.read_text()):
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists() and found.name not in BUILT:
            broken.append(target)
        elif anchor and found.suffix == ".md" and anchor not in anchors(found):
            broken.append(f"{target} (no such heading)")
    assert not broken


def test_links_are_found() -> None:
    text = "see [a `b`](c.md#d) and ![x](y.svg), not [web](https://example.com) nor `[a](b)`"
    assert links(text) == ["c.md#d", "y.svg"]
    assert {"accepted-is-false", "unplaceable"} <= anchors(TROUBLES)


def test_every_reason_is_explained_in_troubleshooting() -> None:
    told = set(re.findall(r"^### (\w+)$|`(\w+)`", TROUBLES.read_text(), re.MULTILINE))
    explained = {name for found in told for name in found}
    reasons = {
        value
        for module in MODULES
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and re.fullmatch(r"[A-Z]\w+", value)
    }
    severities = {"Normal", "Warning"}
    types = {value for name, value in vars(heterosched_operator.conditions).items() if name in TYPES}
    assert "Unplaceable" in reasons
    assert reasons - explained - severities - types == set()


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_file_that_a_page_shows_is_as_it_is_shown(page: Path) -> None:
    for path, text in SHOWN.findall(page.read_text()):
        assert (ROOT / path).read_text() == text, f"{page.name} shows another {path}"


def test_a_page_shows_a_file() -> None:
    assert SHOWN.findall((ROOT / "docs" / "tutorial" / "first-job.md").read_text())


def test_issue_forms_can_be_read() -> None:
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    assert {form.stem for form in forms} == {"bug", "config", "feature", "question"}
    for form in forms:
        if form.stem != "config":
            read = yaml.safe_load(form.read_text())
            assert {"name", "description", "body"} <= read.keys()
            assert all(isinstance(one, str) for part in read["body"] for one in part["attributes"].get("options", []))
