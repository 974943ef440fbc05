"""Every workload is a command whose options are its sizes, by itself and below `heterosched bench workload`."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields

import pytest
from typer.testing import CliRunner

from heterosched.errors import InvalidInput
from heterosched_lab.app import app as bench
from heterosched_lab.workloads.app import app
from heterosched_lab.workloads.catalogue import MODEL, PROGRAMS

QUICK = ["--workers", "1", "--iterations", "1", "--warm-up", "0", "--distribution", "static"]


@pytest.mark.parametrize("kind", [*PROGRAMS.values(), MODEL], ids=lambda kind: kind.name)
def test_every_size_is_an_option_with_help(kind: type) -> None:
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, [kind.name, "--help"])  # type: ignore[attr-defined]
    assert shown.exit_code == 0
    for size in fields(kind):
        assert f"--{size.name}" in shown.output
        assert size.metadata["help"] in " ".join(shown.output.split())
    assert ("--device" in shown.output) == (kind is MODEL)


@pytest.mark.slow
def test_the_program_answers_in_json() -> None:
    command = [sys.executable, "-m", "heterosched_lab.workloads", "montecarlo", "--samples", "500", "--chunk", "100"]
    done = subprocess.run([*command, *QUICK, "--json"], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found["sizes"] == {"samples": 500, "chunk": 100}
    assert done.stderr == ""


@pytest.mark.slow
def test_the_program_says_what_is_wrong_without_a_traceback() -> None:
    command = [sys.executable, "-m", "heterosched_lab.workloads", "montecarlo", "--samples", "0"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: workload montecarlo: samples: it is 0; give 1 or more\n"


def test_bench_passes_on_to_it() -> None:
    shown = CliRunner().invoke(bench, ["workload", "resnet", "--device", "gpu", "--iterations", "2"])
    assert shown.exit_code == 0, shown.output
    assert "78.720 s" in shown.output
    assert "simulated" in shown.output
    assert "Neutral" in shown.output
    wrong = CliRunner().invoke(bench, ["workload", "resnet", "--device", "tpu"])
    assert isinstance(wrong.exception, InvalidInput)
    assert wrong.exception.field == "device"
    assert CliRunner().invoke(bench, ["workload", "unheard-of"]).exit_code == 2
