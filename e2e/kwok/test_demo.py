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
    environment = {**os.environ, MARK: mark}
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True)
    try:
        yield process, mark, log
    finally:
        process.kill()
        process.wait(30)


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
    told = log.read_text()
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
