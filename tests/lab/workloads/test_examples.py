"""The example HeteroJobs are what the CRD takes and the planner plans, and their commands run as they stand."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from typer.testing import CliRunner

from crds import schema_of, violations
from heterosched.api import HeteroJob
from heterosched_cli.app import app as cli
from heterosched_lab.app import app as bench
from heterosched_lab.workloads.app import app as workloads
from heterosched_lab.workloads.catalogue import MODEL, PROGRAMS

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
FILES = sorted((EXAMPLES / "workloads").glob("*.yaml"))
TINY = {
    "montecarlo": "--samples 1000 --chunk 100",
    "nonuniform": "--samples 200 --chunk 10",
    "video": "--width 64 --height 48 --rate 2 --duration 1",
    "dna": "--sequences 4 --length 20",
    "mapreduce": "--documents 4 --words 20",
    "resnet": "--batches 4",
}
"""Sizes that are put behind a command's own: of an option that stands twice the last counts."""
RUN = "--workers 1 --iterations 1 --warm-up 0"


def job_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def test_there_is_one_for_each_workload_and_one_for_the_benchmark() -> None:
    assert {path.stem for path in FILES} == {*PROGRAMS, MODEL.name, "bench-as-job"} == {*TINY, "bench-as-job"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_crd_takes_it(path: Path) -> None:
    job = job_of(path)
    assert violations(schema_of("HeteroJob"), job, path.stem) == []
    typed = msgspec.convert({**job, "metadata": {**job["metadata"], "namespace": "ns", "uid": "u"}}, HeteroJob)
    templates = {template["name"] for template in job["spec"]["templates"]}
    assert {task.template_ref for task in typed.spec.tasks} <= templates


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_planned_on_a_small_cluster(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HETEROSCHED_DECISIONS_URL"):
        monkeypatch.delenv(name, raising=False)
    small = str(EXAMPLES / "clusters" / "small.yaml")
    planned = CliRunner().invoke(cli, ["plan", "-f", str(path), "--cluster", small, "-o", "json"])
    assert planned.exit_code == 0, planned.output


def in_a_shell(command: list[str]) -> str:
    """What a container's command prints, with this environment's Python as `python` and what the operator sets."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    given = {**os.environ, "PATH": path, "JOB_COMPLETION_INDEX": "3", "MODEL_DEVICE": "gpu"}
    return subprocess.run(command, env=given, check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in FILES if path.stem in TINY], ids=lambda path: path.stem)
def test_its_command_runs(path: Path) -> None:
    container = job_of(path)["spec"]["templates"][-1]["template"]["spec"]["containers"][0]
    command, tiny = container["command"], f"{TINY[path.stem]} {RUN}"
    if command[0] == "sh":
        told = json.loads(in_a_shell([*command[:-1], f"{command[-1]} {tiny}"]))
    else:
        assert command[:3] == ["python3", "-m", "heterosched_lab.workloads"]
        done = CliRunner().invoke(workloads, [*command[3:], *shlex.split(tiny)])
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
    assert told["workload"] == path.stem
    assert told["part"] == {"montecarlo": "3/4", "nonuniform": "3/4"}.get(path.stem, "")
    assert told.get("device", "gpu") == "gpu"
    assert told["runs"]


@pytest.mark.slow
def test_the_benchmark_as_a_task_ends_with_json_on_standard_output(tmp_path: Path) -> None:
    container = job_of(EXAMPLES / "workloads" / "bench-as-job.yaml")["spec"]["templates"][0]["template"]["spec"]
    line = container["containers"][0]["command"][-1].replace("/tmp/bench", str(tmp_path / "bench"))
    output = ""
    for step in line.split(" && "):
        words = shlex.split(step)
        assert words[:2] == ["heterosched", "bench"]
        tiny = ["--set", "sizes=tiny", "--set", "workers=2"] if words[2] == "run" else []
        done = CliRunner().invoke(bench, [*words[2:], *tiny])
        assert done.exit_code == 0, done.output
        output = done.stdout
    found = json.loads(output)
    assert "workloads" in json.dumps(found)
