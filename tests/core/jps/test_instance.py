"""Instances refuse figures that cannot be used, and tell which and what to do; builders sort out the rest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from heterosched.errors import InvalidInput
from heterosched.jps import IDLE, Instance, Links, Parameters, Speed, TrainingJob, Worker, build_instance
from heterosched.jps.grouped import group

JOB = TrainingJob("a", 8, 10.0)
WORKERS = (Worker("w0", "n0", "t4"), Worker("w1", "n1", "t4"))


@pytest.mark.parametrize(
    ("job", "problem"),
    [
        ({"batch": 0}, "JPS job a: batch: 0 samples; give at least one"),
        ({"batch": -4}, "batch: -4 samples"),
        ({"batch": 10**30}, f"batch: {10**30} samples; give at least one, at most 9007199254740992"),
        ({"batch": math.nan}, "JPS job a: batch: nan; give a whole number"),
        ({"batch": 1.5}, "batch: 1.5; give a whole number"),
        ({"least": math.nan}, "least: nan; give a whole number"),
        ({"least": 10**30}, f"least: {10**30} workers"),
        ({"most": 2.5}, "most: 2.5; give a whole number"),
        ({"priority": math.nan}, "priority: nan; give a whole number"),
        ({"age": math.nan}, "age: nan"),
        ({"iterations": 1e300}, "iterations: 1e.300; give a figure from 1e-30 to 1e.30"),
        ({"iterations": "many"}, "iterations: 'many'"),
        ({"iterations": math.nan}, "iterations: nan"),
        ({"iterations": 0.0}, "iterations: 0.0"),
        ({"weight": -1.0}, "weight: -1.0"),
        ({"gradient_bytes": math.inf}, "gradient_bytes: inf"),
        ({"restart_seconds": -1.0}, "restart_seconds: -1.0"),
        ({"least": 0}, "least: 0 workers"),
        ({"least": 3, "most": 2}, "most: 2 workers, 3 at least; give most >= least"),
    ],
)
def test_a_job_that_cannot_be_planned_is_refused(job: dict[str, Any], problem: str) -> None:
    fields: dict[str, Any] = {"name": "a", "batch": 8, "iterations": 10.0} | job
    with pytest.raises(InvalidInput, match=problem):
        Instance((TrainingJob(**fields),), WORKERS, np.ones((1, 2)), np.ones((1, 2)))


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 1e300, 1e-300])
def test_a_speed_or_power_that_cannot_be_is_refused_by_job_and_worker(value: float) -> None:
    bad = np.array([[1.0, value]])
    with pytest.raises(InvalidInput, match=r"JPS job a: speed: .* on w1; give 0, or a figure from"):
        Instance((JOB,), WORKERS, bad, np.ones((1, 2)))
    with pytest.raises(InvalidInput, match=r"JPS job a: watts: .* on w1; give 0, or a figure from"):
        Instance((JOB,), WORKERS, np.ones((1, 2)), bad)


def test_shapes_names_and_holders_are_checked() -> None:
    with pytest.raises(InvalidInput, match=r"speed: shape \(2, 1\), not \(1, 2\)"):
        Instance((JOB,), WORKERS, np.ones((2, 1)), np.ones((1, 2)))
    with pytest.raises(InvalidInput, match="workers: 'w0' stands in it twice"):
        Instance((JOB,), (WORKERS[0], WORKERS[0]), np.ones((1, 2)), np.ones((1, 2)))
    with pytest.raises(InvalidInput, match="running: not one job row or -1 per worker"):
        Instance((JOB,), WORKERS, np.ones((1, 2)), np.ones((1, 2)), running=np.array([0, 1]))


@pytest.mark.parametrize(
    ("links", "problem"),
    [
        (Links(0.0), "rate: 0.0 B/s"),
        (Links(math.nan), "rate: nan B/s"),
        (Links(1e-300), "rate: 1e-300 B/s"),
        (Links(pairs=np.full((2, 2), math.nan)), "pairs: a rate is not above zero"),
        (Links(pairs=np.ones((3, 3))), "pairs: .* for 2 workers"),
        (Links(pairs=np.array([[0.0, 1.0], [2.0, 0.0]])), "pairs: not symmetric"),
        (Links(pairs=np.zeros((2, 2))), "pairs: a rate is not above zero"),
    ],
)
def test_links_that_cannot_be_are_refused(links: Links, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        Instance((JOB,), WORKERS, np.ones((1, 2)), np.ones((1, 2)), links)


@pytest.mark.parametrize(
    "changed",
    [
        *({"samples": 0}, {"alpha": 1.0}, {"beta": math.nan}, {"explore": -0.1}, {"mode": "best"}, {"collapse": 0.9}),
        *({"samples": 1.5}, {"elite": math.nan}, {"beta": "1"}),
    ],
)
def test_parameters_out_of_range_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="SchedulingPolicy p"):
        Parameters(**changed).check("SchedulingPolicy p")


def test_the_defaults_are_those_of_the_policy() -> None:
    own = Parameters()
    assert (own.samples, own.alpha, own.beta, own.energy_weight, own.explore, own.fairness_floor) == (
        *(128, 0.0, 1.0, 0.0),
        *(0.15, 0.9),
    )
    own.check()


def test_interchangeable_workers_form_classes() -> None:
    speed = np.array([[5.0, 7.0, 5.0, 7.0, 5.0]])
    workers = tuple(Worker(f"w{index}", f"n{index // 2}") for index in range(5))
    grouped = group(Instance((JOB,), workers, speed, np.ones((1, 5))))
    assert [own.tolist() for own in grouped.members] == [[0, 2, 4], [1, 3]]
    links = Links.by_node(["x", "x", "x", "y", "y"], 100.0, 10.0)
    apart = group(Instance((JOB,), workers, np.full((1, 5), 5.0), np.ones((1, 5)), links))
    assert [own.tolist() for own in apart.members] == [[0, 1, 2], [3, 4]]
    assert apart.link is not None
    assert apart.link.tolist() == [[100.0, 10.0], [10.0, 100.0]]


def test_building_sorts_workers_and_fills_in_speeds_by_device() -> None:
    jobs = [JOB, TrainingJob("b", 8, 10.0)]
    workers = [Worker("g1", "node-b", "v100"), Worker("g0", "node-b", "v100"), Worker("g2", "node-a", "t4")]
    speeds = {"a": {"t4": Speed(100.0, 70.0), "v100": Speed(400.0, 300.0)}, "b": {"v100": Speed(300.0)}}
    links = Links(pairs=np.array([[9.0, 5.0, 1.0], [5.0, 9.0, 2.0], [1.0, 2.0, 9.0]]))
    made = build_instance(
        jobs,
        workers,
        speeds,
        links=links,
        nodes={"a": frozenset({"node-b"})},
        factors={"node-b": 0.5},
        running={"g0": "b"},
    )
    assert [worker.name for worker in made.workers] == ["g2", "g0", "g1"]
    assert made.speed.tolist() == [[0.0, 200.0, 200.0], [0.0, 150.0, 150.0]]
    assert made.watts.tolist() == [[0.0, 300.0, 300.0], [0.0, 0.0, 0.0]]
    assert made.holders.tolist() == [IDLE, 1, IDLE]
    assert made.links.pairs is not None
    assert made.links.pairs.tolist() == [[9.0, 2.0, 1.0], [2.0, 9.0, 5.0], [1.0, 5.0, 9.0]]


def test_building_refuses_jobs_without_throughput_and_unknown_holders() -> None:
    with pytest.raises(InvalidInput, match="JPS job a: throughputOn: no throughput is known"):
        build_instance([JOB], WORKERS, {})
    with pytest.raises(InvalidInput, match="c on w0: no such job or worker"):
        build_instance([JOB], WORKERS, {"a": {"t4": Speed(1.0)}}, running={"w0": "c"})
