"""Each example teaches by its comments, stands in the index, uses images that can be pulled, and opts in by itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from examples import EXAMPLES, documents, pod_templates, simulated, with_image
from heterosched.constants import SCHEDULER_NAME

TOP = sorted(EXAMPLES.glob("*.yaml"))
ALL = [path for path in sorted(EXAMPLES.rglob("*.yaml")) if path.parent.name != "clusters"]
VERSION = (EXAMPLES.parent / "VERSION").read_text().strip()
PULLED = ("busybox:1.37", "python:3.11-slim", f"heterosched/lab:{VERSION}")
COMMAND = re.compile(r"#   heterosched (import wfcommons .*)")


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_an_example_begins_with_what_it_shows(path: Path) -> None:
    lines = path.read_text().splitlines()
    comment = [line for line in lines[:10] if line.startswith("# ")]
    assert lines[0] == comment[0]
    assert sum(map(len, comment)) > 150
    assert "sim.heterosched.io" not in path.read_text()


def test_the_index_names_every_example_and_nothing_else() -> None:
    text = (EXAMPLES / "README.md").read_text()
    rows = re.findall(r"^\| \[(\S+\.yaml)\]\((\S+)\) \|", text, re.MULTILINE)
    assert sorted(name for name, _ in rows) == [path.name for path in TOP]
    assert all(name == link for name, link in rows)
    assert len(rows) >= 10
    links = re.findall(r"\]\((\S+?)\)", text)
    assert [link for link in links if not (EXAMPLES / link).exists()] == []


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_images_can_be_pulled_and_replaced(path: Path) -> None:
    for document in documents(path):
        for given, changed in zip(pod_templates(document), pod_templates(with_image(document, "mine:1")), strict=True):
            assert {container["image"] for container in given["spec"]["containers"]} <= set(PULLED)
            assert {container["image"] for container in changed["spec"]["containers"]} == {"mine:1"}


@pytest.mark.parametrize("path", TOP, ids=lambda path: path.stem)
def test_pods_that_no_operator_makes_opt_in_by_themselves(path: Path) -> None:
    plain = [document for document in documents(path) if document["kind"] in ("Job", "Deployment", "JobSet")]
    names = {template["spec"]["schedulerName"] for document in plain for template in pod_templates(document)}
    assert names <= {SCHEDULER_NAME}


def test_a_simulated_run_is_told_to_fake_nodes_in_a_copy() -> None:
    (given,) = documents(EXAMPLES / "jobset.yaml")
    (template, _) = pod_templates(simulated(given, {"t4": 2.0}, {"t4": 65.0}))
    notes = template["metadata"]["annotations"]
    assert (notes["sim.heterosched.io/seconds"], notes["sim.heterosched.io/watts"]) == ('{"t4": 2.0}', '{"t4": 65.0}')
    assert "sim.heterosched.io/seconds" not in str(given)


@pytest.mark.slow
def test_the_imported_workflow_is_what_the_command_in_its_comment_writes() -> None:
    text = (EXAMPLES / "imported-workflow.yaml").read_text()
    (words,) = COMMAND.findall(text)
    command = [sys.executable, "-m", "heterosched_cli", *words.split()]
    written = subprocess.run(command, cwd=EXAMPLES.parent, capture_output=True, text=True, check=True)
    assert text.endswith(written.stdout)
