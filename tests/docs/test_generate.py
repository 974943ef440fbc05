"""What the reference says is what the sources say: every field, value and command, with type, default and rules."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

import generate
import hooks
import pdf
from documented import ROOT
from heterosched_cli.app import app
from pages import chart, commands, crds


def test_a_page_that_is_not_what_the_code_says_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "PAGES", {"a.md": lambda: "A", "b.md": lambda: "B"})
    (tmp_path / "a.md").write_text("A\n")
    (tmp_path / "b.md").write_text("old\n")
    assert generate.outdated(tmp_path) == ["b.md"]


def test_a_field_has_type_limits_default_meaning_and_rules() -> None:
    schema = {
        "type": "object",
        "required": ["size"],
        "properties": {
            "size": {
                "type": "array",
                "maxItems": 3,
                "default": ["1"],
                "description": "How large.",
                "items": {"type": "string", "x-kubernetes-validations": [{"rule": "true", "message": "be a size"}]},
            },
        },
    }
    rows = list(crds.fields("spec", schema))
    assert rows[1] == (
        "`spec.size`",
        "list of string, at most 3 entries",
        "`['1']`",
        "Required. How large. *Rule:* each: be a size.",
    )


@pytest.mark.parametrize("file", sorted(crds.CRDS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_property_of_a_crd_is_listed(file: Path) -> None:
    schema = yaml.safe_load(file.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    listed = {
        row[0].strip("`")
        for section in ("spec", "status")
        for row in crds.fields(section, schema["properties"][section])
    }

    def below(path: str, part: object) -> set[str]:
        if not isinstance(part, dict):
            return set()
        inner = part.get("items") or part.get("additionalProperties")
        mark = "[]" if "items" in part else ".*"
        found = {path}.union(*(below(f"{path}.{name}", one) for name, one in part.get("properties", {}).items()))
        return found | {one for one in below(f"{path}{mark}", inner) if one != f"{path}{mark}"} if inner else found

    every = below("spec", schema["properties"]["spec"]) | below("status", schema["properties"]["status"])
    assert len(every) > 20
    assert {one for one in every - listed if not one.endswith(("[]", ".*"))} == set()


def test_values_are_those_of_the_readme_of_the_chart() -> None:
    assert chart.table("# Chart\n\n<!-- By `make chart-files`. -->\n\n| value |\n") == "| value |"
    with pytest.raises(ValueError, match="run `make chart-files`"):
        chart.table("# Chart\n")
    values = yaml.safe_load((ROOT / "helm" / "heterosched" / "values.yaml").read_text())
    assert all(f"| `{name}" in chart.values_page() for name in values)


def test_every_command_is_listed_those_of_the_lab_too() -> None:
    names = {name for name, _ in commands.tree("heterosched", get_command(app))}
    assert names >= {"heterosched", "heterosched plan", "heterosched import wfcommons", "heterosched bench run"}
    page = commands.commands_page()
    assert all(f"## {name}\n" in page for name in names)
    assert "| `--strategy` |" in page


def test_links_out_of_docs_lead_to_a_page_of_the_manual_and_code_is_left_alone() -> None:
    text = "[a](../../examples/graph.yaml) [b](cli.md#plan) [c](../../README.md) `[x](../../no.md)` [w](https://e.org/)"
    assert hooks.relinked(text, "docs/guide/planning.md") == (
        "[a](../repository/examples/graph.yaml.md) [b](cli.md#plan) [c](../repository/README.md) "
        "`[x](../../no.md)` [w](https://e.org/)"
    )
    assert hooks.relinked("[docs](docs/guide/cli.md)", "README.md") == "[docs](../guide/cli.md)"
    assert {"examples/graph.yaml", "CHANGELOG.md"} <= hooks.linked_to()
    assert hooks.content("examples/clusters").startswith("# examples/clusters/\n\n- `small.yaml`")


def test_code_in_a_table_is_shown_without_the_sign_that_a_forge_needs() -> None:
    assert hooks.with_bare_pipes("| `[A\\|B]` | a \\| b |\n`A\\|B`") == "| `[A|B]` | a \\| b |\n`A\\|B`"


def test_the_book_has_every_page_in_its_contents_with_tables_of_given_widths() -> None:
    print_page = ElementTree.fromstring(
        "<div><section class='md-section'><h1>Part</h1><section class='print-page' id='one'><h1>One</h1>"
        "<table><tr><th>a</th><th>meaning</th></tr><tr><td>x</td><td>a long text of several words</td></tr></table>"
        "<p><a href='#two'>in</a><a href='../repository/x.html'>out</a><a href='https://e.org'>web</a></p>"
        "</section></section></div>"
    )
    made = pdf.book(print_page)
    (entry,) = (one for one in made.iter("a") if one.get("class") == "entry")
    assert (entry.get("href"), entry.text) == ("#one", "One")
    kept = [one.get("href") for one in made.iter("a") if one.text in ("in", "out", "web")]
    assert kept == ["#two", None, "https://e.org"]
    widths = [float(column.get("style", "").removeprefix("width: ").removesuffix("%")) for column in made.iter("col")]
    assert sum(widths) == pytest.approx(100, abs=0.2)
    assert widths[0] < widths[1]


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    nowhere = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(build, cwd=ROOT, env={**os.environ, **nowhere}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 50
    loaded = re.compile(
        r"<(?:script|img|iframe)[^>]* src=\"(?:https?:)?//[^\"]*|<link[^>]* href=\"(?:https?:)?//[^\"]*"
    )
    assert 'type="checkbox"' in (tmp_path / "guide" / "production.html").read_text()
    assert {found for page in pages for found in loaded.findall(page.read_text())} == set()
