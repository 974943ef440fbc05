"""The examples of docs/guide/simulator.md run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from heterosched_lab.simulate.check import check
from heterosched_lab.simulate.engine import simulate
from heterosched_lab.simulate.types import Conditions, SimJob, SimNode

GUIDE = (Path(__file__).parents[3] / "docs" / "guide" / "simulator.md").read_text()
BLOCKS = re.findall(r"```(python|)\n(.*?)```", GUIDE, re.DOTALL)
PYTHON = [text for kind, text in BLOCKS if kind == "python"]
TABLES = [text for kind, text in BLOCKS if kind == ""]


def test_the_first_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("jobs.csv").write_text(TABLES[0].replace("0.5", ""))
    Path("nodes.csv").write_text(TABLES[1])
    space: dict[str, Any] = {}
    exec(PYTHON[0], space)
    assert space["metrics"].finished == 2
    assert len(capsys.readouterr().out.split()) == 3


def test_ones_own_scheduler() -> None:
    space: dict[str, Any] = {}
    exec(PYTHON[1], space)
    jobs = [SimJob(name, 0.0, {"t4": seconds}) for name, seconds in (("long", 9.0), ("short", 2.0))]
    nodes = [SimNode("n", "t4", 1)]
    log = simulate(jobs, nodes, space["ShortestFirst"]())
    assert check(log, jobs, nodes, Conditions()).finish.tolist() == [11, 2]
