"""The exit codes are those of the one table in the guide, each seen to happen, and help texts name them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from heterosched_cli.app import app
from heterosched_cli.plan import UNKEPT, UNPLANNED
from heterosched_cli.repeat import INTERRUPTED
from heterosched_cli.watch_jobs import FAILED

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "cli.md"
DEADLINE = """
apiVersion: heterosched.io/v1alpha1
kind: HeteroJob
metadata: {name: hurry}
spec:
  deadline: {within: 5s}
  templates: [{name: t, template: {spec: {containers: [{name: main, image: "busybox:1.37"}]}}}]
  tasks: [{name: one, templateRef: t, work: {runtimeOn: [{device: cpu, seconds: 60}]}}]
"""


def test_the_table_has_every_code_once() -> None:
    codes = [int(code) for code in re.findall(r"^\| (\d+) \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)]
    assert codes == [0, UNPLANNED, 2, UNKEPT, FAILED, INTERRUPTED]


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ["strategies", "heft"]),
        (0, ["policies"]),
        (1, ["strategies", "hoft"]),
        (1, ["jobs"]),
        (1, ["top"]),
        (1, ["profiles"]),
        (1, ["jobs", "train", "--watch"]),
        (1, ["plan", "-f", "/nowhere/job.yaml"]),
        (1, ["import", "argo", "/nowhere/flow.yaml"]),
        (2, ["tip"]),
        (2, ["top", "--sort-by", "beauty"]),
        (2, ["jobs", "-o", "xml"]),
        (2, ["jobs", "--timeout", "5s"]),
        (2, ["top", "--interval", "0"]),
        (2, ["plan", "-f", "-", "--watch"]),
        (2, ["import", "job"]),
        (2, ["jobs", "--watch", "--timeout", "1x"]),
        (2, ["plan", "-f", "/nowhere/job.yaml", "--plot", "plan.png"]),
        (2, ["why", "a/b/c"]),
        (2, ["jobs", "-n", "../team"]),
        (2, ["doctor", "-n", "my team"]),
        (2, ["devices", "--extender", "foo:bar"]),
        (1, ["plan", "-f", "/nowhere/job.yaml", "--policy", "performance"]),
        (2, ["plan", "-f", "/nowhere/job.yaml", "--policy", "Foo"]),
        (2, ["what-if", "pod", "--set", "hot"]),
        (2, ["what-if", "pod", "--set", "gpu_temperature:t4-0=9999"]),
        (2, ["what-if", "--cluster", "/nowhere/snapshot.json", "--add", "many"]),
    ],
)
def test_each_is_seen_to_happen(cli: Any, code: int, arguments: list[str]) -> None:
    result = cli(*arguments)
    assert result.exit_code == code, result.output
    assert code == 0 or "rror" in result.stderr
    assert code != 2 or "Usage: " in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["jobs", "-o", "xml"], "Invalid value for '--output' / '-o': 'xml' is not one of 'table', 'wide'"),
        (["top", "--interval", "0"], "Invalid value for '--interval': '0' should be greater than or equal to 0.2"),
        (["devices", "--limit", "x"], "Invalid value for '--limit': 'x' should be a valid integer"),
        (["jobs", "--watch", "--timeout", "1x"], "--timeout: '1x' is no duration; write 2h30m, 45s or 1.5s"),
    ],
)
def test_a_wrong_value_is_named_in_plain_words(cli: Any, arguments: list[str], told: str) -> None:
    assert told in cli(*arguments).stderr


def test_a_deadline_that_no_plan_keeps_is_three(cli: Any, examples: Path) -> None:
    result = cli("plan", "-f", "-", "--cluster", examples / "clusters" / "small.yaml", input=DEADLINE)
    assert result.exit_code == UNKEPT, result.stderr
    assert "deadline and budget: LateBy" in result.stdout


@pytest.mark.parametrize("verb", ["devices", "jobs", "policies", "profiles", "strategies", "top"])
def test_every_listing_verb_takes_all_forms_of_output(cli: Any, verb: str) -> None:
    shown = " ".join(cli(verb, "--help").stdout.split())
    assert "-o, --output <table|wide|json|yaml|name>" in shown
    assert "Exit codes: 0 done; 1" in shown


def test_no_command_is_without_a_short_help(cli: Any) -> None:
    names = [own.name or own.callback.__name__ for own in app.registered_commands if own.callback is not None]
    listed = cli("--help").stdout
    assert all(re.search(rf"^  {name}\s+\S", listed, re.MULTILINE) for name in names)
