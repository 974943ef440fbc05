"""The checker finds every way in which a schedule can break its promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from heterosched.algorithms.base import Problem
from heterosched.algorithms.check import check, totals
from heterosched.model import (
    Assignment,
    Cluster,
    Demand,
    Edge,
    Link,
    Node,
    Option,
    Reservation,
    Schedule,
    Task,
    TaskGraph,
)

WAY = Option("nvidia-t4", 10.0, Demand(2, 0, 1), watts=60.0)
NODES = (
    Node("t4-0", "nvidia-t4", Demand(4, 0, 1)),
    Node("t4-1", "nvidia-t4", Demand(4, 0, 2)),
    Node("cpu-0", "cpu", Demand(4)),
    Node("t4-2", "nvidia-t4", Demand(4, 0, 2), ready=False),
)
TASKS = (Task("a", (WAY,)), Task("b", (WAY,), nodes=frozenset({"t4-0", "t4-1"})))
PROBLEM = Problem(
    TaskGraph.build(TASKS, [Edge("a", "b", 50.0)]),
    Cluster(NODES, (Reservation("t4-1", Demand(1, 0, 1), 0.0, 12.0),), Link(1.0, 50.0)),
    ready=(("a", 1.0),),
)
A = Assignment("a", WAY, ("t4-0",), 1.0, 11.0)
B = Assignment("b", WAY, ("t4-1",), 13.0, 23.0)


def test_a_sound_schedule_has_no_fault() -> None:
    assert check(PROBLEM, Schedule({"a": A, "b": B})) == []
    assert check(PROBLEM, Schedule({"a": A, "b": replace(B, nodes=("t4-0",), start=11.0, finish=21.0)})) == []


def test_totals_are_recomputed_from_the_parts() -> None:
    found = totals(PROBLEM, Schedule({"a": A, "b": B}))
    assert (found.makespan, found.joules) == (23.0, 1200.0)


@pytest.mark.parametrize(
    ("a", "b", "fault"),
    [
        (A, None, "b: not placed"),
        (A, replace(B, nodes=("t4-0",), start=10.0, finish=20.0), "the data of a is there at 11.0"),
        (A, replace(B, start=12.5, finish=22.5), "the data of a is there at 13.0"),
        (A, replace(B, finish=22.0), "takes 9.0 s instead of 10.0 s"),
        (replace(A, start=0.5, finish=10.5), B, "a: starts before it may"),
        (replace(A, nodes=("cpu-0",)), B, "cpu-0 does not offer nvidia-t4"),
        (replace(A, nodes=("t4-9",)), B, "there is no node t4-9"),
        (replace(A, nodes=("t4-2",)), B, "t4-2 takes no pods"),
        (A, replace(B, nodes=("t4-2",)), "t4-2 is excluded"),
        (replace(A, nodes=("t4-0", "t4-1")), B, "2 places for 1 workers"),
        (replace(A, option=replace(WAY, seconds=10.0, watts=1.0)), B, "a way that it does not have"),
        (replace(A, task="b"), B, "stands under the name of b"),
    ],
)
def test_each_broken_promise_is_found(a: Assignment, b: Assignment | None, fault: str) -> None:
    faults = check(PROBLEM, Schedule({"a": a, **({"b": b} if b is not None else {})}))
    assert any(fault in found for found in faults), faults


def test_a_task_nobody_asked_for_is_found() -> None:
    assert check(PROBLEM, Schedule({"a": A, "b": B, "c": A})) == ["c: not asked for"]


def independent(*places: tuple[str, float]) -> tuple[Problem, Schedule]:
    names = [f"t{number}" for number in range(len(places))]
    problem = replace(PROBLEM, graph=TaskGraph.build([Task(name, (WAY,)) for name in names], []), ready=())
    assignments = {
        name: Assignment(name, WAY, (node,), start, start + 10.0)
        for name, (node, start) in zip(names, places, strict=True)
    }
    return problem, Schedule(assignments)


@pytest.mark.parametrize(
    "places", [(("t4-0", 0.0), ("t4-0", 9.0)), (("t4-0", 9.0), ("t4-0", 0.0)), (("t4-1", 0.0), ("t4-1", 5.0))]
)
def test_more_on_a_node_than_it_has_is_found(places: tuple[tuple[str, float], ...]) -> None:
    assert any("holds more than it has" in fault for fault in check(*independent(*places)))


def test_one_after_the_other_is_not_too_much() -> None:
    assert check(*independent(("t4-0", 0.0), ("t4-0", 10.0), ("t4-1", 0.0), ("t4-1", 12.0), ("t4-1", 12.0))) == []


def test_what_others_overbook_is_not_held_against_the_schedule() -> None:
    problem, schedule = independent(("t4-0", 0.0))
    others = Reservation("t4-1", Demand(99, 0, 9), 0.0, 5.0)
    assert check(replace(problem, cluster=problem.cluster.with_reservations([others])), schedule) == []


@pytest.mark.parametrize("need", [Demand(3, 1, 1), Demand(1, 3, 1), Demand(1, 1, 3)])
def test_cores_memory_and_gpus_are_each_counted(need: Demand) -> None:
    """Two tasks at once on a node that has room for four units of each resource."""
    way, node = Option("nvidia-t4", 10.0, need), Node("n", "nvidia-t4", Demand(4, 4, 4))
    problem = Problem(TaskGraph.build([Task("a", (way,)), Task("b", (way,))], []), Cluster((node,)))
    once = {name: Assignment(name, way, ("n",), 0.0, 10.0) for name in "ab"}
    assert any("holds more than it has" in fault for fault in check(problem, Schedule(once)))
    later = {**once, "b": Assignment("b", way, ("n",), 10.0, 20.0)}
    assert check(problem, Schedule(later)) == []
