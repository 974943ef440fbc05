"""A plan that was put off is made when its time has come, and the guide's examples run as they stand there."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from heterosched_lab.planning.product import PlannerScheduler
from heterosched_lab.planning.strategies import StrategyScheduler
from heterosched_lab.readers.table import read_jobs, read_nodes
from heterosched_lab.simulate.check import check
from heterosched_lab.simulate.engine import simulate
from heterosched_lab.simulate.types import Conditions, Scheduler, SimJob, SimNode

GUIDE = (Path(__file__).parents[3] / "docs" / "guide" / "simulator.md").read_text(encoding="utf-8")
BLOCKS: list[str] = re.findall(r"```(?:python)?\n(.*?)```", GUIDE, re.DOTALL)


def block(beginning: str) -> str:
    return next(text for text in BLOCKS if text.lstrip().startswith(beginning))


@pytest.mark.parametrize("make", [partial(PlannerScheduler, "Balanced"), partial(StrategyScheduler, "heft")])
def test_jobs_beside_free_devices_wait_no_longer_than_the_time_between_plans(make: Callable[..., Scheduler]) -> None:
    jobs = [SimJob(name, at, {"nvidia-t4": 5000.0}) for name, at in (("a", 0.0), ("b", 30.0), ("c", 40.0))]
    nodes = [SimNode("t4", "nvidia-t4", 4)]
    log = simulate(jobs, nodes, make(every=60))
    assert check(log, jobs, nodes, Conditions()).finished == 3
    assert log.decisions.tolist() == [0.0, 30.0, 40.0, 60.0, 5000.0]


def test_the_examples_of_the_guide_run_on_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("jobs.csv").write_text(block("name,arrival"))
    Path("nodes.csv").write_text(block("name,device"))
    found: dict[str, Any] = {}
    exec(block("from pathlib"), found)
    assert found["metrics"].finished == 2
    exec(block("import numpy"), found)
    nodes = read_nodes(Path("nodes.csv")).rows
    jobs = read_jobs(Path("jobs.csv"), devices={node.device for node in nodes}).rows
    assert check(simulate(jobs, nodes, found["ShortestFirst"]()), jobs, nodes, Conditions()).finished == 2
