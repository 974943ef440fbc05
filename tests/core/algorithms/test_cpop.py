"""CPOP is the published algorithm: exact makespans, and a critical path that stays on one node where it can."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from heterosched.algorithms.base import Problem
from heterosched.algorithms.check import check
from heterosched.algorithms.cpop import Cpop
from heterosched.model import Cluster, Demand, Edge, Link, Node, Option, Reservation, Task, TaskGraph
from problems import ONE, arabnejad, processors, topcuoglu

EPOCH = 1_790_000_000.25


@pytest.mark.parametrize("now", [0.0, EPOCH])
def test_the_published_instances_take_86_and_167(now: float) -> None:
    for problem, makespan in ((topcuoglu(now), 86.0), (arabnejad(now), 167.0)):
        schedule = Cpop().schedule(problem)
        assert schedule.finish - now == makespan
        assert check(problem, schedule) == []


def test_topcuoglu_2002_has_the_published_priorities() -> None:
    ranks = Cpop().schedule(topcuoglu()).ranks
    assert [ranks[name] for name in ("T1", "T2", "T9", "T10")] == pytest.approx([108.0] * 4, abs=1e-9)
    assert max(ranks.values()) == pytest.approx(108.0, abs=1e-9)


def test_the_critical_path_goes_to_the_node_that_runs_it_fastest() -> None:
    assignments = Cpop().schedule(topcuoglu()).assignments
    assert {assignments[name].nodes for name in ("T1", "T2", "T9", "T10")} == {("p2",)}


def chain(*tasks: Task) -> TaskGraph:
    return TaskGraph.build(tasks, [Edge(one.name, two.name) for one, two in pairwise(tasks)])


def test_a_task_of_the_path_that_its_node_cannot_run_goes_elsewhere() -> None:
    both = (Option("p1", 5.0, ONE), Option("p2", 9.0, ONE))
    graph = chain(Task("a", both), Task("b", both[1:]), Task("c", both))
    assignments = Cpop().schedule(Problem(graph, Cluster(processors(2)))).assignments
    assert {name: own.nodes for name, own in assignments.items()} == {"a": ("p2",), "b": ("p2",), "c": ("p2",)}
    graph = chain(Task("a", both[:1]), Task("b", both[1:]), Task("c", both[:1]))
    assignments = Cpop().schedule(Problem(graph, Cluster(processors(2)))).assignments
    assert {name: own.nodes for name, own in assignments.items()} == {"a": ("p1",), "b": ("p2",), "c": ("p1",)}


def test_a_gang_on_the_path_gets_all_its_nodes() -> None:
    graph = chain(Task("a", (Option("cpu", 5.0, ONE, workers=2),)), Task("b", (Option("cpu", 5.0, ONE),)))
    problem = Problem(graph, Cluster(tuple(Node(f"n{number}", "cpu", Demand(1)) for number in range(2))))
    assert check(problem, Cpop().schedule(problem)) == []


def test_the_path_leaves_a_node_that_is_held_for_good() -> None:
    both = (Option("p1", 1.0, ONE), Option("p2", 9.0, ONE))
    held = Reservation("p1", ONE, 0.0, float("inf"))
    problem = Problem(chain(Task("a", both), Task("b", both)), Cluster(processors(2), (held,), Link()))
    schedule = Cpop().schedule(replace(problem, horizon=1e6))
    assert {own.nodes for own in schedule.assignments.values()} == {("p2",)}
