"""`make demo` completes all its jobs, reports what they took, and leaves nothing behind, whatever ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from processes import wait_until

DEMO = Path(__file__).resolve().parents[2] / "deploy" / "demo" / "demo.py"
MARK = "HETEROSCHED_TEST_OF_THE_DEMO"

pytestmark = pytest.mark.slow


def bearers(mark: str) -> list[str]:
    """Command lines of all living processes with our mark in their environment, which children inherit."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                marked = f"{MARK}={mark}".encode() in (entry / "environ").read_bytes().split(b"\0")
                if marked:
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:  # it has ended meanwhile, or is somebody else's
                continue
    return found


@contextmanager
def a_demo(build: Path) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    """The demo in a process group of its own: the process, the mark of all that it starts, its output."""
    mark, log = uuid.uuid4().hex, build.with_suffix(".log")
    command = [sys.executable, str(DEMO), "--build", str(build)]
    # A narrow terminal of whoever runs the tests (or of pytest-xdist's workers) would cut the table's names.
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {MARK: mark}
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True)
    try:
        yield process, mark, log
    finally:
        process.kill()
        process.wait(30)


def assert_predictions_improve(report: dict[str, Any]) -> None:
    """Each repeat is planned by one run more, surer and nearer to what is measured than by the guess."""
    repeats = report["repeats"]
    assert [row["predicted"]["runs"] for row in repeats] == [0, 1, 2]
    sure = [row["confidencePercent"] for row in repeats[1:]] + [report["profile"]["confidencePercent"]]
    assert sure == sorted(set(sure))
    for figure in ("seconds", "energyJoules"):
        first, *rest = [abs(row["errorPercent"][figure]) for row in repeats]
        assert max(rest) < first / 2, repeats
    assert {row["measured"]["source"] for row in repeats} == {"simulated"}


def assert_decisions_tell_their_grounds(report: dict[str, Any], pods: int) -> None:
    """Of every pod: who published what telemetry said of its node, and how old that was."""
    decisions = report["decisions"]
    assert len(decisions) == pods
    for decision in decisions:
        heat, load = (decision["telemetry"][term] for term in ("thermal", "load"))
        assert "node-exporter" in load["origin"]
        assert 0.0 <= load["ageSeconds"] < 60.0
        if decision["job"] == "epigenomics":
            assert heat == {"absent": "the pod uses no GPU"}
        else:
            assert "dcgm-exporter" in heat["origin"]
            assert 0.0 <= heat["ageSeconds"] < 60.0
            assert heat["inputs"]["celsius"] == 40.0


def assert_a_decision_turned_on_heat(report: dict[str, Any]) -> None:
    """The job that wants speed goes past the hot one of the fastest nodes, to another of them."""
    (one,) = [one for one in report["passedOver"] if one["job"] == "shufflenet-performance"]
    assert one["node"] == "a40-0" != one["taken"]
    assert one["taken"].startswith("a40-")
    assert (one["celsius"], one["takenCelsius"]) == (93.0, 40.0)
    assert one["lost"]["thermal"] > 0
    assert all(decision["node"] != one["node"] for decision in report["decisions"] if decision["job"] != "epigenomics")


def test_every_job_completes_and_the_report_tells_how(tmp_path: Path) -> None:
    with a_demo(tmp_path / "demo") as (process, mark, log):
        assert process.wait(400) == 0, log.read_text()[-4000:]
        assert wait_until(lambda: not bearers(mark), 30.0, 0.3), bearers(mark)
    report = json.loads((tmp_path / "demo" / "report.json").read_text())
    jobs = {job["job"]: job for job in report["jobs"]}
    assert len(jobs) == 5
    for name, job in jobs.items():
        assert job["completed"], name
        assert 0.0 <= job["shareOnPlannedNode"] <= 1.0
        assert job["podsOnPlannedNode"] + sum(job["elsewhere"].values()) == job["pods"] == sum(job["devices"].values())
        assert all(reason for reason in job["elsewhere"])
        for figures in (job["makespanSeconds"], job["energyJoules"]):
            assert float(figures["planned"]) > 0
            assert float(figures["actual"]) > 0
        assert job["energyJoules"]["source"] in ("measured", "estimated", "simulated")
        assert job["against"]["verdict"] in ("Better", "Neutral", "Worse")
        assert job["against"]["strategy"] == "Fifo"
    assert jobs["epigenomics"]["tasks"] >= 40
    assert jobs["resnet50-training"]["pods"] >= 2
    assert jobs["resnet50-training"]["energyJoules"]["source"] == "simulated"
    assert 0.0 <= report["shareOnPlannedNode"] <= 1.0
    performance, energy = jobs["shufflenet-performance"], jobs["shufflenet-energy"]
    assert performance["devices"].keys().isdisjoint(energy["devices"])
    assert float(performance["makespanSeconds"]["planned"]) < float(energy["makespanSeconds"]["planned"])
    assert float(energy["energyJoules"]["planned"]) < float(performance["energyJoules"]["planned"])
    assert report["versions"].keys() >= {"heterosched", "kubernetes", "python"}
    assert report["secondsPerStage"].keys() >= {"controlPlane", "cluster", "start", "apply", "jobs"}
    assert_predictions_improve(report)
    assert_decisions_tell_their_grounds(report, pods=3 + sum(job["pods"] for job in jobs.values()))
    assert_a_decision_turned_on_heat(report)
    told = " ".join(log.read_text().split())
    assert "not to a40-0, which is as fast and as idle but at 93 °C" in told
    for part in ("what the decisions rested on", "dcgm-exporter, ", " s old", "predictions that learn", "the next"):
        assert part in told
    assert all(f" {name} " in told for name in jobs), "names are cut in the table"


def test_ctrl_c_in_the_middle_leaves_nothing_behind(tmp_path: Path) -> None:
    with a_demo(tmp_path / "demo") as (process, mark, log):
        assert wait_until(lambda: "plan, place, run" in log.read_text() or process.poll() is not None, 120.0, 0.3)
        assert len(bearers(mark)) >= 9, "etcd, API server, controllers, schedulers, kwok, Prometheus, ours"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 130, log.read_text()[-4000:]
        assert wait_until(lambda: not bearers(mark), 30.0, 0.3), bearers(mark)
    assert "interrupted; nothing is left running" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert not (tmp_path / "demo" / "demo" / "state.json").exists()
