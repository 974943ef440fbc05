"""Idle and wake-up energy is what a schedule makes nodes draw beyond what others do; where it counts, it decides."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heterosched.algorithms.base import Objective, Problem, strategy
from heterosched.algorithms.check import totals
from heterosched.algorithms.energy_heft import EnergyHeft
from heterosched.algorithms.idle import idle_joules, node_joules, share
from heterosched.model import (
    DEVICE_TYPES,
    Cluster,
    Demand,
    Edge,
    Link,
    Node,
    Option,
    Reservation,
    Task,
    TaskGraph,
)
from problems import problems

NODE = Node("n", "cpu", Demand(4), idle_watts=10.0, wake_joules=300.0)


@pytest.mark.parametrize(
    ("theirs", "ours", "joules"),
    [
        ([], [], 0.0),
        ([], [(0.0, 5.0, 0.0)], 300.0 + 50.0),
        ([], [(2.0, 5.0, 0.5)], 300.0 + 15.0),
        ([], [(0.0, 5.0, 0.5), (0.0, 5.0, 0.5)], 300.0),
        ([(-math.inf, math.inf)], [(0.0, 5.0, 0.0)], 0.0),
        ([(-math.inf, 3.0)], [(1.0, 5.0, 0.0)], 20.0),
        ([(-math.inf, 3.0)], [(8.0, 9.0, 0.0)], 50.0 + 10.0),
        ([(-math.inf, 3.0)], [(80.0, 81.0, 0.0)], 300.0 + 10.0),
        ([(50.0, 60.0)], [(0.0, 45.0, 0.0)], 450.0 + 50.0),
        ([(-math.inf, 10.0), (30.0, 40.0)], [(10.0, 30.0, 0.0)], 200.0 - 200.0),
    ],
)
def test_the_joules_are_those_of_the_time_that_ours_add(
    theirs: list[tuple[float, float]], ours: list[tuple[float, float, float]], joules: float
) -> None:
    assert node_joules(NODE, theirs, ours) == pytest.approx(joules)


def test_a_task_contains_the_idle_draw_of_the_devices_it_holds() -> None:
    gpus = Node("g", "nvidia-t4", Demand(8, 0, 4))
    assert share(gpus, Demand(8, 0, 1)) == 0.25
    assert share(gpus, Demand(1, 0, 1), workers=3) == 0.75
    assert share(gpus, Demand(8)) == 0.0
    assert share(NODE, Demand(1)) == 0.25


def test_a_node_that_is_never_off_costs_nothing() -> None:
    assert node_joules(Node("n", "cpu", Demand(4)), [], [(0.0, 5.0, 0.0)]) == 0.0


def test_idle_watts_come_from_the_device_table() -> None:
    assert DEVICE_TYPES.idle_watts("nvidia-v100", 64, 4) == 4 * 15.0 + 4 * 30.0
    assert DEVICE_TYPES.idle_watts("cpu", 16, 0) == 15.0
    assert DEVICE_TYPES.idle_watts("acme-x1", 20, 8) == 30.0


@st.composite
def powered(draw: st.DrawFn) -> Problem:
    """Any problem on nodes that may be off."""
    problem = draw(problems())
    nodes = tuple(
        replace(
            node,
            idle_watts=draw(st.sampled_from((0.0, 15.0, 180.0))),
            wake_joules=draw(st.sampled_from((0.0, 500.0, 1e5))),
        )
        for node in problem.cluster.nodes
    )
    return replace(problem, cluster=replace(problem.cluster, nodes=nodes))


@settings(max_examples=40)
@given(powered(), st.sampled_from(("heft", "energy_heft", "random")))
def test_the_independent_checker_counts_the_same(problem: Problem, name: str) -> None:
    schedule = strategy(name).schedule(problem)
    assert totals(problem, schedule).idle_joules == pytest.approx(idle_joules(problem, schedule), rel=1e-6, abs=1e-2)


def two_nodes(held: tuple[Reservation, ...], *, idle: float, wake: float, energy: float) -> str:
    """Where a task of 60 s goes: t4-0 is in use for another 20 s, t4-1 is off."""
    nodes = tuple(Node(f"t4-{n}", "nvidia-t4", Demand(4, 0, 1), idle_watts=idle, wake_joules=wake) for n in range(2))
    task = Task("a", (Option("nvidia-t4", 60.0, Demand(1, 0, 1), 70.0),))
    problem = Problem(TaskGraph.build([task], []), Cluster(nodes, held), objective=Objective(1.0, energy))
    return EnergyHeft().schedule(problem).assignments["a"].nodes[0]


BUSY = (Reservation("t4-0", Demand(0, 0, 1), -10.0, 20.0),)


def test_a_node_that_would_have_to_be_woken_is_left_off_where_energy_counts() -> None:
    assert two_nodes(BUSY, idle=0.0, wake=0.0, energy=1.0) == "t4-1"
    assert two_nodes(BUSY, idle=0.0, wake=4000.0, energy=0.0) == "t4-1"
    assert two_nodes(BUSY, idle=0.0, wake=4000.0, energy=1.0) == "t4-0"  # 60/80 + 1 against 1 + 4200/8200
    assert two_nodes(BUSY, idle=0.0, wake=1000.0, energy=1.0) == "t4-1"  # 60/80 + 1 against 1 + 4200/5200


def test_work_is_gathered_on_nodes_that_are_on() -> None:
    nodes = tuple(
        Node(f"t4-{n}", "nvidia-t4", Demand(8, 0, 4), idle_watts=DEVICE_TYPES.idle_watts("nvidia-t4", 8, 4))
        for n in (0, 1)
    )
    tasks = [Task(f"t{n}", (Option("nvidia-t4", 60.0, Demand(1, 0, 1), 70.0),)) for n in range(4)]
    graph = TaskGraph.build([Task("first", tasks[0].options), *tasks[1:]], [Edge("first", "t1", 1e9)])
    problem = Problem(graph, Cluster(nodes, link=Link(0.0, 1e9)), objective=Objective(1.0, 1.0))
    schedule = EnergyHeft().schedule(problem)
    assert {own.nodes for own in schedule.assignments.values()} == {("t4-0",)}
    assert idle_joules(problem, schedule) == pytest.approx(60 * 55 * (1 - 3 / 4) + 60 * 55 * (1 - 1 / 4))
