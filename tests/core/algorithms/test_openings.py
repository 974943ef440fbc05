"""A node that is not asked could not have offered an earlier start: leaving it out changes no schedule."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heterosched.algorithms import ground, openings
from heterosched.algorithms.base import Problem
from heterosched.algorithms.heft import Heft
from heterosched.algorithms.openings import MOST, shortest_runs
from heterosched.algorithms.timeline import NodeTimeline
from heterosched.model import Cluster, Demand, Option, Task, TaskGraph
from problems import ONE, problems, processors

TAKEN = st.tuples(st.integers(0, 40), st.integers(1, 20), st.integers(0, 2))


@given(st.lists(TAKEN, max_size=8), st.integers(0, 50), st.integers(0, 3), st.integers(0, 20), st.integers(1, 2))
def test_no_run_starts_before_what_the_two_moments_say(
    taken: list[tuple[int, int, int]], ready: int, shortest: int, longer: int, cores: int
) -> None:
    held = [(float(start), float(start + length), Demand(cpu=cpu)) for start, length, cpu in taken]
    row, demand, seconds = NodeTimeline(Demand(cpu=2), held), Demand(cpu=cores), float(shortest + longer)
    gap, free = row.opening(float(shortest), demand)
    start = row.earliest(float(ready), seconds, demand)
    assert start == max(ready, free) if ready + seconds > gap else start <= max(ready, free)


def test_a_node_that_is_held_for_ever_is_never_free() -> None:
    row = NodeTimeline(Demand(cpu=1), [(5.0, math.inf, ONE)])
    assert row.opening(3.0, ONE) == (5.0, math.inf)
    assert row.opening(6.0, ONE) == (0.0, math.inf)


@settings(max_examples=60)
@given(problems())
def test_schedules_are_the_same_without_it(problem: Problem) -> None:
    with pytest.MonkeyPatch.context() as patched:
        own = Heft().schedule(problem)
        patched.setattr(ground, "shortest_runs", lambda _: {})
        assert Heft().schedule(problem) == own


def test_many_demands_are_not_kept_track_of() -> None:
    tasks = [Task(f"t{n}", (Option("p1", 9.0 - n % 2, Demand(cpu=n / 100)),)) for n in range(MOST + 1)]
    cluster = Cluster(processors(1))
    assert shortest_runs(Problem(TaskGraph.build(tasks, []), cluster)) == {}
    assert shortest_runs(Problem(TaskGraph.build(tasks[:2], []), cluster)) == {Demand(): 9.0, Demand(cpu=0.01): 8.0}
    assert openings.Openings({}, [NodeTimeline(ONE)] * 3).of(ONE) == ([0.0] * 3, [0.0] * 3)
