"""Energy-aware HEFT is HEFT where energy has no weight, and saves joules, never time alone, as its weight grows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from heterosched.algorithms.base import Objective, Problem
from heterosched.algorithms.energy_heft import EnergyHeft
from heterosched.algorithms.heft import Heft
from heterosched.model import Cluster, Option, Task, TaskGraph
from problems import ONE, problems, processors, topcuoglu


def places(*options: Option, objective: Objective, copies: int = 1) -> list[str]:
    """Where independent tasks with these options go on one processor per option."""
    graph = TaskGraph.build([Task(f"t{number}", options) for number in range(copies)], [])
    schedule = EnergyHeft().schedule(Problem(graph, Cluster(processors(len(options))), objective=objective))
    return [own.nodes[0] for own in schedule.assignments.values()]


FAST = Option("p1", 10.0, ONE, watts=300.0)
FRUGAL = Option("p2", 25.0, ONE, watts=60.0)


@pytest.mark.slow
@settings(max_examples=40)
@given(problems())
def test_without_a_weight_for_energy_it_is_heft(problem: Problem) -> None:
    problem = replace(problem, objective=Objective(time=3.0, energy=0.0))
    assert EnergyHeft().schedule(problem) == Heft().schedule(problem)


def test_it_reproduces_the_published_makespan() -> None:
    assert EnergyHeft().schedule(topcuoglu()).finish == 80.0


@pytest.mark.parametrize(
    ("objective", "place"),
    [
        (Objective(1, 0), "p1"),
        (Objective(0, 1), "p2"),
        (Objective(3, 1), "p1"),  # p1: 3*1 + 1*1500/3000 = 3.5; p2: 3*10/25 + 1*1 = 2.2
        (Objective(1, 2), "p2"),  # p1: 1 + 2*0.5 = 2; p2: 0.4 + 2 = 2.4
        (Objective(5, 6), "p1"),  # p1: 5 + 6*0.5 = 8; p2: 5*0.4 + 6 = 8; a tie goes to the earlier finish
    ],
)
def test_the_weighted_sum_decides(objective: Objective, place: str) -> None:
    assert places(FAST, FRUGAL, objective=objective) == [place]


def test_only_the_proportion_of_the_weights_matters() -> None:
    assert places(FAST, FRUGAL, objective=Objective(50, 100)) == places(FAST, FRUGAL, objective=Objective(0.5, 1))


def test_waiting_counts_as_time() -> None:
    # t1: p1 would finish at 20 (2*1 + 0.5 = 2.5), p2 at 25 (2*20/25 + 1 = 2.6); t2: p1 at 20 (2.5), p2 at 50 (1.8)
    assert places(FAST, FRUGAL, objective=Objective(2, 1), copies=3) == ["p1", "p2", "p1"]


def test_alone_energy_still_takes_the_earliest_of_equals() -> None:
    assert places(FRUGAL, Option("p2", 25.0, ONE, 60.0), objective=Objective(0, 1)) == ["p2"]


def test_a_task_without_joules_goes_where_it_finishes_first() -> None:
    free = [Option("p1", 9.0, ONE), Option("p2", 4.0, ONE)]
    assert places(*free, objective=Objective(0, 1)) == ["p2"]


def test_a_run_time_lost_in_a_far_future_still_counts() -> None:
    graph = TaskGraph.build([Task("a", (Option("p1", 1e-9, ONE, 5.0),))], [])
    problem = Problem(graph, Cluster(processors(1)), objective=Objective(1, 1), ready=(("a", 1e17),))
    assert EnergyHeft().schedule(problem).assignments["a"].start == 1e17
