"""What cannot be simulated is refused before anything runs, by object and field."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.simulate.check import check
from heterosched_lab.simulate.engine import simulate
from heterosched_lab.simulate.log import Broken
from heterosched_lab.simulate.types import Conditions, NodeLoss, SimJob, SimNode
from simulated_worlds import FirstCome

JOB = SimJob("j", 0.0, {"t4": 5.0})
NODE = SimNode("n", "t4", 1)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"arrival": -1.0}, "job j: arrival"),
        ({"arrival": math.nan}, "job j: arrival"),
        ({"workers": 0}, "job j: workers"),
        ({"share": 0.0}, "job j: share"),
        ({"share": 1.5}, "job j: share"),
        ({"deadline": math.nan}, "job j: deadline"),
        ({"priority": -1.0}, "job j: priority"),
        ({"seconds": {"t4": -3.0}}, r"job j: seconds\[t4\]"),
        ({"seconds": {"t4": math.inf}}, r"job j: seconds\[t4\]"),
        ({"watts": {"t4": -3.0}}, r"job j: watts\[t4\]"),
        ({"caps": {"t4": ((100.0, 0.0, 5.0),)}}, r"job j: caps\[t4\]"),
    ],
)
def test_jobs(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        simulate([replace(JOB, **change)], [NODE], FirstCome())


@pytest.mark.parametrize(
    ("change", "problem"),
    [({"gpus": -1}, "node n: gpus"), ({"idle_watts": math.nan}, "node n: idle_watts"), ({"host_watts": -1.0}, "host")],
)
def test_nodes(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        simulate([JOB], [replace(NODE, **change)], FirstCome())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"switch_seconds": -1.0}, "switch_seconds"),
        ({"noise": math.inf}, "noise"),
        ({"telemetry_delay": math.nan}, "telemetry_delay"),
        ({"telemetry_noise": -0.1}, "telemetry_noise"),
        ({"checkpoint_seconds": -1.0}, "checkpoint_seconds"),
        ({"until": math.nan}, "until"),
        ({"losses": (NodeLoss(3, 0.0),)}, "node 3 of 1"),
        ({"losses": (NodeLoss(0, 5.0, 5.0),)}, "down from 5.0 to 5.0"),
    ],
)
def test_conditions(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        simulate([JOB], [NODE], FirstCome(), Conditions(**change))


def test_names_that_stand_twice() -> None:
    with pytest.raises(InvalidInput, match="job j: name: stands twice"):
        simulate([JOB, JOB], [NODE], FirstCome())
    with pytest.raises(InvalidInput, match="node n: name: stands twice"):
        simulate([JOB], [NODE, NODE], FirstCome())


def test_no_nodes() -> None:
    with pytest.raises(InvalidInput, match="there is no node"):
        simulate([JOB], [], FirstCome())


def test_jobs_that_can_never_fit_are_counted() -> None:
    changes: tuple[dict[str, Any], ...] = ({}, {"workers": 3}, {"seconds": {"a100": 5.0}}, {"workers": 4, "share": 0.5})
    jobs, nodes = [replace(JOB, name=f"j{n}", **own) for n, own in enumerate(changes)], [replace(NODE, gpus=2)]
    log = simulate(jobs, nodes, FirstCome())
    assert log.rejected == (1, 2)
    assert check(log, jobs, nodes, Conditions()).finished == 2


def test_a_fleet_of_no_gpus_rejects_all() -> None:
    nodes = [replace(NODE, gpus=0)]
    log = simulate([JOB], nodes, FirstCome())
    assert (log.rejected, len(log), log.ended) == ((0,), 0, "done")
    assert check(log, [JOB], nodes, Conditions()).rejected == 1


def test_rounds_of_no_length_are_refused() -> None:
    with pytest.raises(Broken, match="rounds take nan"):
        simulate([JOB], [NODE], FirstCome(math.nan))
