"""Streams are placed by the production score: its weights decide, and every run passes the checker."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heterosched.policy.table import BUILT_IN, PolicyRow
from heterosched_lab.readers.gavel import Throughputs
from heterosched_lab.simulate.check import check
from heterosched_lab.simulate.engine import simulate
from heterosched_lab.simulate.types import Conditions, NodeLoss, SimJob, SimNode
from heterosched_lab.tuning.scored import ScoredNodes
from heterosched_lab.tuning.streams import GAVEL_DEVICES, LOAD, Stream, gavel_stream
from heterosched_lab.tuning.weights import SPACE, StreamCase, WeightsProblem, played, weighted, whole

FAST = replace(BUILT_IN["Performance"], weights={"speed": 1})
FRUGAL = replace(BUILT_IN["Energy"], weights={"energy": 1})
NODES = (SimNode("quick", "v100", 2), SimNode("frugal", "t4", 2))
JOB = SimJob("job", 0.0, {"v100": 10.0, "t4": 30.0}, {"v100": 300.0, "t4": 50.0})
RATES = {"one": (1.0, 2.0, 3.0), "two": (2.0, 9.0, 7.0), "three": (1.0, 1.0, 1.0)}
TABLE = Throughputs(
    {(device, name, 1): rates[row] for name, rates in RATES.items() for row, device in enumerate(GAVEL_DEVICES)},
    {},
    {},
    GAVEL_DEVICES,
)


@pytest.mark.parametrize(("row", "node"), [(FAST, 0), (FRUGAL, 1)])
def test_the_weights_decide_where_a_pod_goes(row: PolicyRow, node: int) -> None:
    log = simulate((JOB,), NODES, ScoredNodes(row))
    assert log.devices.tolist() == [2 * node]
    check(log, (JOB,), NODES, Conditions())


def test_who_does_not_fit_lets_others_pass_and_lost_nodes_get_none() -> None:
    jobs = (replace(JOB, name="a", workers=4), replace(JOB, name="b", workers=4), replace(JOB, name="c"))
    conditions = Conditions(losses=(NodeLoss(0, 0.0, 50.0),))
    wide = (*NODES, SimNode("wide", "t4", 4))
    log = simulate(jobs, wide, ScoredNodes(FAST), conditions)
    metrics = check(log, jobs, wide, conditions)
    assert metrics.finished == 3
    assert metrics.finish.tolist() == [30.0, 60.0, 30.0]


def test_fit_keeps_whole_nodes_free() -> None:
    packing = replace(BUILT_IN["Performance"], weights={"fit": 1})
    nodes = (SimNode("empty", "t4", 2), SimNode("begun", "t4", 2))
    jobs = tuple(SimJob(name, at, {"t4": 100.0}, {"t4": 50.0}) for name, at in (("first", 0.0), ("second", 1.0)))
    log = simulate(jobs, nodes, ScoredNodes(packing))
    owner = np.array(log.devices) // 2
    assert owner[0] == owner[1]


def test_streams_have_the_wanted_load_and_follow_their_seed() -> None:
    made = gavel_stream(TABLE, np.random.default_rng(1), 1000)
    work = sum(job.workers * np.mean(list(job.seconds.values())) for job in made.jobs)
    span = made.jobs[-1].arrival
    assert work / (span * sum(node.gpus for node in made.nodes)) == pytest.approx(LOAD, rel=0.2)
    assert gavel_stream(TABLE, np.random.default_rng(1), 1000) == made


def test_present_weights_cost_one_and_points_are_whole_numbers() -> None:
    stream: Stream = gavel_stream(TABLE, np.random.default_rng(2), 20)
    row = BUILT_IN["Balanced"]
    problem = WeightsProblem((StreamCase(stream, 1, played(stream, 1, row)),), row, 0.5)
    present = {dimension.name: float(row.weights[dimension.name]) for dimension in SPACE}
    assert problem.sheet(present).costs == (1.0,)
    assert whole({"speed": 3.0}) == {"speed": 3}
    assert weighted(FAST, {"speed": 0.0}).weights == {"speed": 1}
