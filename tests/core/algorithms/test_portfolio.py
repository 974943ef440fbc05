"""The portfolio is never worse than its members by the objective, finds what they miss, and takes counted steps."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings

from heterosched.algorithms.base import Objective, Problem
from heterosched.algorithms.check import totals
from heterosched.algorithms.cpop import Cpop
from heterosched.algorithms.edf import Edf
from heterosched.algorithms.energy_heft import EnergyHeft
from heterosched.algorithms.ground import Ground
from heterosched.algorithms.heft import Heft
from heterosched.algorithms.judge import Judge, shortest
from heterosched.algorithms.peft import Peft
from heterosched.algorithms.portfolio import FRUGAL, ROUNDS, Portfolio
from heterosched.algorithms.random_keys import KeySpace
from heterosched.model import Cluster, Edge, Link, Option, Task, TaskGraph
from problems import ONE, arabnejad, autoscheduler, problems, processors, topcuoglu


@settings(max_examples=40)
@given(problems())
def test_it_is_never_worse_than_its_members(problem: Problem) -> None:
    ground = Ground(problem)
    judge = Judge(ground, [Heft().schedule(problem)])
    own = judge.cost(Portfolio().schedule(problem))
    for member in (Heft(), Cpop(), Peft(), *((EnergyHeft(),) if problem.objective.energy > 0 else ())):
        assert own <= judge.cost(member.schedule(problem)), member.name


@settings(max_examples=40)
@given(problems())
def test_no_schedule_ends_before_the_lower_bound(problem: Problem) -> None:
    if any(name not in problem.fixed for name in problem.graph.tasks):
        assert totals(problem, Heft().schedule(problem)).makespan >= shortest(Ground(problem)) - 1e-6


def test_it_is_at_least_as_good_as_the_published_results() -> None:
    assert Portfolio().schedule(topcuoglu()).finish < 80.0
    assert Portfolio().schedule(arabnejad()).finish <= 122.0
    assert Portfolio().schedule(autoscheduler()).finish == pytest.approx(6.4337008, abs=1e-9)


def test_a_schedule_at_the_lower_bound_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []
    monkeypatch.setattr(KeySpace, "schedule", lambda self, keys: tried.append(keys))
    graph = TaskGraph.build([Task(name, (Option("p1", 3.0, ONE),)) for name in "ab"], [Edge("a", "b")])
    assert Portfolio().schedule(Problem(graph, Cluster(processors(1)))).finish == 6.0
    assert tried == []


def test_the_steps_of_the_search_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []
    real = KeySpace.schedule
    monkeypatch.setattr(KeySpace, "schedule", lambda self, keys: tried.append(keys) or real(self, keys))  # type: ignore[func-returns-value]
    Portfolio().schedule(topcuoglu())
    assert len(tried) == ROUNDS + 2
    tried.clear()
    Portfolio(rounds=0).schedule(topcuoglu())
    assert len(tried) == 2


def test_a_kept_deadline_comes_before_the_objective() -> None:
    tasks = [
        Task("long", (Option("p1", 10.0, ONE), Option("p2", 12.0, ONE))),
        Task("due", (Option("p1", 4.0, ONE), Option("p2", 20.0, ONE)), deadline=4.0),
        Task("last", (Option("p1", 9.0, ONE),)),
    ]
    problem = Problem(TaskGraph.build(tasks, []), Cluster(processors(2)))
    assert Edf().schedule(problem).assignments["due"].finish == 4.0
    assert Portfolio().schedule(problem).assignments["due"].finish == 4.0


def test_energy_counts_as_the_objective_says() -> None:
    tasks = [Task(name, (Option("p1", 10.0, ONE, 300.0), Option("p2", 14.0, ONE, 100.0))) for name in "abcd"]
    problem = Problem(TaskGraph.build(tasks, []), Cluster(processors(2), link=Link(0.0, 1.0)))
    fast = Portfolio().schedule(replace(problem, objective=Objective(1.0, 0.0)))
    frugal = Portfolio().schedule(replace(problem, objective=Objective(0.1, 1.0)))
    assert fast.finish < frugal.finish
    assert frugal.joules < fast.joules
    assert frugal.joules == 4 * 1400.0


@settings(max_examples=40)
@given(problems())
def test_one_task_goes_where_energy_aware_heft_puts_it(problem: Problem) -> None:
    name = problem.graph.order[0]
    alone = replace(problem, graph=TaskGraph.build([problem.graph.tasks[name]], []), fixed={}, deadline=math.inf)
    theirs = EnergyHeft().schedule(alone)
    judge = Judge(Ground(alone), [Heft().schedule(alone), EnergyHeft().schedule(replace(alone, objective=FRUGAL))])
    assert judge.cost(Portfolio().schedule(alone)) == judge.cost(theirs)


def test_less_time_and_less_energy_weigh_as_much_as_the_objective_says() -> None:
    task = Task("a", (Option("p1", 10.0, ONE, 300.0), Option("p2", 20.0, ONE, 70.0)))
    problem = Problem(TaskGraph.build([task], []), Cluster(processors(2)))
    devices = {
        weights: Portfolio().schedule(replace(problem, objective=Objective(*weights))).assignments["a"].option.device
        for weights in ((25.0, 25.0), (27.0, 25.0), (10.0, 1.0), (0.0, 1.0), (1.0, 0.0))
    }
    # half the speed costs half of the time's weight; 1400 J instead of 3000 J gain 8/15 of the energy's
    assert devices == {(25.0, 25.0): "p2", (27.0, 25.0): "p1", (10.0, 1.0): "p1", (0.0, 1.0): "p2", (1.0, 0.0): "p1"}


def test_another_seed_may_find_another_schedule_but_the_same_finds_the_same() -> None:
    assert Portfolio().schedule(topcuoglu()) == Portfolio().schedule(topcuoglu())
    assert Portfolio().schedule(replace(topcuoglu(), seed=7)).finish <= 80.0


@pytest.mark.parametrize(("deadline", "seconds"), [(math.inf, 30.0), (25.0, 20.0), (15.0, 10.0)])
def test_of_the_ways_that_are_in_time_the_objective_chooses(deadline: float, seconds: float) -> None:
    """Neither the fastest nor the most frugal way of a task need be the best one that meets its deadline."""
    ways = ((10.0, 100.0), (20.0, 30.0), (30.0, 10.0))
    options = tuple(Option("p1", own, ONE, watts) for own, watts in ways)
    graph = TaskGraph.build([Task("a", options)], [])
    problem = Problem(graph, Cluster(processors(1)), 1000.0, Objective(0.0, 1.0), deadline=1000.0 + deadline)
    assert Portfolio().schedule(problem).assignments["a"].option.seconds == seconds
