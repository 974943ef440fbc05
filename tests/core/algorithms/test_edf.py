"""EDF starts what is due first, hands deadlines back to producers, and leaves what is not due for last."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from heterosched.algorithms.base import Problem
from heterosched.algorithms.edf import Edf, handed_back
from heterosched.algorithms.ground import Ground
from heterosched.errors import InvalidInput
from heterosched.model import Cluster, Edge, Option, Task, TaskGraph
from problems import ONE, processors


def problem(*edges: tuple[str, str], nodes: int = 1, now: float = 0.0, **tasks: tuple[float, float | None]) -> Problem:
    """Tasks as name=(seconds, deadline), all on p1."""
    built = [
        Task(name, tuple(Option(f"p{node}", seconds, ONE) for node in range(1, nodes + 1)), deadline=deadline)
        for name, (seconds, deadline) in tasks.items()
    ]
    return Problem(TaskGraph.build(built, [Edge(*edge) for edge in edges]), Cluster(processors(nodes)), now)


def order(problem: Problem) -> list[str]:
    assignments = Edf().schedule(problem).assignments
    return sorted(assignments, key=lambda name: assignments[name].start)


def test_of_two_that_compete_the_near_deadline_starts_first() -> None:
    assert order(problem(far=(5.0, 100.0), near=(5.0, 20.0))) == ["near", "far"]
    assert order(problem(far=(5.0, 1100.0), near=(5.0, 1020.0), now=1000.0)) == ["near", "far"]


def test_what_has_no_deadline_comes_last() -> None:
    assert order(problem(free=(5.0, None), due=(50.0, 1000.0))) == ["due", "free"]


def test_a_producer_is_due_early_enough_for_its_consumer() -> None:
    one = problem(("make", "use"), other=(5.0, 30.0), make=(5.0, None), use=(20.0, 40.0))
    due = handed_back(Ground(one), {"other": 30.0, "make": math.inf, "use": 40.0})
    assert due == {"use": 40.0, "make": 20.0, "other": 30.0}
    assert order(one) == ["make", "other", "use"]


def test_the_deadline_of_the_whole_graph_holds_for_its_ends() -> None:
    one = problem(("a", "b"), a=(5.0, None), b=(5.0, None), c=(5.0, 12.0))
    assert order(replace(one, deadline=14.0)) == ["a", "c", "b"]
    assert order(replace(one, deadline=100.0)) == ["c", "a", "b"]


def test_without_any_deadline_the_longest_way_to_the_end_is_first() -> None:
    assert order(problem(("a", "b"), short=(5.0, None), a=(1.0, None), b=(9.0, None)))[0] == "a"


def test_each_task_goes_where_it_finishes_first() -> None:
    schedule = Edf().schedule(problem(a=(5.0, 9.0), b=(5.0, 9.0), nodes=2))
    assert schedule.finish == 5.0


def test_a_deadline_that_is_no_number_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"spec.tasks\[a\]: the deadline is not a number"):
        problem(a=(5.0, math.nan))
