"""Look-ahead HEFT places a task where its consumers could finish first, and leaves no trace of what it tried."""

from __future__ import annotations

import pytest

from heterosched.algorithms.base import Problem
from heterosched.algorithms.check import check
from heterosched.algorithms.heft import Heft
from heterosched.algorithms.lookahead_heft import LookaheadHeft
from heterosched.model import Cluster, Edge, Link, Option, Task, TaskGraph
from problems import ONE, arabnejad, processors, topcuoglu


@pytest.mark.parametrize(("problem", "makespan"), [(arabnejad(), 127.0), (topcuoglu(), 76.0)])
def test_the_published_instances(problem: Problem, makespan: float) -> None:
    schedule = LookaheadHeft().schedule(problem)
    assert schedule.finish == makespan
    assert check(problem, schedule) == []


def test_a_place_is_chosen_for_what_comes_after() -> None:
    tasks = [Task("a", (Option("p1", 4.0, ONE), Option("p2", 5.0, ONE))), Task("b", (Option("p2", 3.0, ONE),))]
    graph = TaskGraph.build(tasks, [Edge("a", "b", 10.0)])
    problem = Problem(graph, Cluster(processors(2), link=Link(0.0, 1.0)))
    assert Heft().schedule(problem).finish == 17.0
    schedule = LookaheadHeft().schedule(problem)
    assert (schedule.assignments["a"].nodes, schedule.finish) == (("p2",), 8.0)


def test_without_consumers_it_is_heft() -> None:
    tasks = [Task(name, (Option("p1", 4.0, ONE), Option("p2", 7.0, ONE))) for name in "abc"]
    problem = Problem(TaskGraph.build(tasks, []), Cluster(processors(2)))
    assert LookaheadHeft().schedule(problem) == Heft().schedule(problem)


def test_a_fan_of_ten_thousand_is_no_trouble() -> None:
    tasks = [Task(f"t{number}", (Option("p1", 1.0, ONE), Option("p2", 2.0, ONE))) for number in range(10_001)]
    graph = TaskGraph.build(tasks, [Edge("t0", f"t{number}", 1.0) for number in range(1, 10_001)])
    problem = Problem(graph, Cluster(processors(2), link=Link(0.0, 1.0)))
    assert len(LookaheadHeft().schedule(problem).assignments) == 10_001
