"""`tune` ends with 0 and a policy, or with 1 and none; the same seed gives the same policy however many workers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from heterosched.errors import InvalidInput
from heterosched_lab.app import app as bench
from heterosched_lab.tuning.app import app
from heterosched_lab.tuning.manifest import read

SMALL = ["--trace", "nodes", "--other", "prototype", "--trials", "3", "--training", "2", "--unseen", "2"]
LOCAL = ["--workers", "1"]


@pytest.fixture(autouse=True)
def small_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heterosched_lab.jps_experiment.effort.NODE_JOBS", 3)
    monkeypatch.setattr("heterosched_lab.jps_experiment.effort.NODE_WORKERS", 6)
    monkeypatch.setattr("heterosched_lab.jps_experiment.effort.REFERENCE_SAMPLES", 8)


@pytest.mark.slow
def test_a_session_ends_with_its_verdict_and_its_files(tmp_path: Path) -> None:
    answer = CliRunner().invoke(
        app, ["jps", *SMALL, *LOCAL, "--output", str(tmp_path), "--write-anyway", "--name", "mine"]
    )
    assert answer.exit_code in (0, 1), answer.output
    assert (answer.exit_code == 0) == answer.stdout.startswith("gain")
    assert "Repeat: heterosched bench tune jps --trace nodes --other prototype" in answer.stdout
    assert read(tmp_path / "mine.yaml").metadata.name == "mine"
    assert (tmp_path / "auto_tune_history.csv").read_text().count("\n") == 4


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["jps", "--trace", "moon"], "trace moon"),
        (["jps", "--other", "nodes"], "is the training trace nodes again"),
        (["jps", "--base", "Nope"], "no built-in policy and no file has this name"),
        (["beta", "--floor", "0"], "option --floor"),
        (["weights", "--energy-share", "2"], "option --energy-share"),
        (["weights", "--jobs", "0"], "option --jobs"),
        (["weights", "--trials", "0"], "option --trials"),
    ],
)
def test_options_that_cannot_be_used_are_refused_at_once(arguments: list[str], problem: str) -> None:
    answer = CliRunner().invoke(app, arguments)
    assert isinstance(answer.exception, InvalidInput)
    assert problem in str(answer.exception)


def test_every_command_tells_its_options() -> None:
    for command in ("jps", "beta", "weights"):
        answer = CliRunner().invoke(app, [command, "--help"])
        assert answer.exit_code == 0
        assert re.search(r"--write-anyway", answer.output)


def test_it_is_a_command_of_bench_with_the_same_errors() -> None:
    answer = CliRunner().invoke(bench, ["tune", "jps", "--trace", "moon"])
    assert isinstance(answer.exception, InvalidInput)
    assert "trace moon" in str(answer.exception)
    assert CliRunner().invoke(bench, ["tune"]).exit_code == 2
