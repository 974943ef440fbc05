"""Every registered strategy passes the independent checker on the published instances and on any problem."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings

from heterosched.algorithms.base import Objective, Problem, Strategy, strategies, strategy
from heterosched.algorithms.check import check, totals
from heterosched.errors import InvalidInput, Unplaceable
from heterosched.model import Assignment, Cluster, Demand, Edge, Link, Node, Option, Reservation, Task, TaskGraph
from problems import ONE, arabnejad, autoscheduler, problems, processors, topcuoglu

NAMES = sorted(strategies())
every = pytest.mark.parametrize("name", NAMES)


def one_task(*options: Option, cluster: Cluster, **fields: frozenset[str]) -> Problem:
    return Problem(TaskGraph.build([Task("a", options, **fields)], []), cluster)  # type: ignore[arg-type]


OURS = {
    "heft",
    "cpop",
    "peft",
    "lookahead_heft",
    "energy_heft",
    "portfolio",
    "edf",
    "tail_aware",
    "fifo",
    "static",
    "round_robin",
    "random",
    "greedy",
    "least_loaded",
    "work_stealing",
    "power_of_two",
    "affinity",
}
BLIND_TO_DATA = {"cpop", "static", "round_robin", "random", "least_loaded", "power_of_two"}
"""Choose the node before they look at where the inputs are; cpop for the tasks of the critical path."""


def test_the_strategies_of_this_project_are_registered() -> None:
    assert set(NAMES) >= OURS


@every
def test_a_strategy_is_what_its_name_says(name: str) -> None:
    found = strategy(name)
    assert isinstance(found, Strategy)
    assert found.name == name


def test_an_unknown_strategy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        InvalidInput, match=r"HeteroJob ns/a: spec.strategy: unknown strategy 'magic'; use one of .*heft"
    ):
        strategy("magic", "HeteroJob ns/a")


@every
@pytest.mark.parametrize("problem", [topcuoglu(), arabnejad(), autoscheduler(), topcuoglu(1.79e9)])
def test_published_instances_are_scheduled_soundly(name: str, problem: Problem) -> None:
    assert check(problem, strategy(name).schedule(problem)) == []


@pytest.mark.slow
@settings(max_examples=100)
@given(problem=problems())
def test_any_problem_is_scheduled_soundly_by_every_strategy(problem: Problem) -> None:
    for name in NAMES:
        schedule = strategy(name).schedule(problem)
        assert check(problem, schedule) == [], name
        assert totals(problem, schedule).joules == pytest.approx(schedule.joules), name
        if schedule.assignments:
            assert totals(problem, schedule).makespan == pytest.approx(
                schedule.finish - problem.now, rel=1e-6, abs=1e-5
            )


@pytest.mark.slow
@settings(max_examples=30)
@given(problem=problems())
def test_the_same_problem_has_the_same_schedule(problem: Problem) -> None:
    for name in NAMES:
        assert strategy(name).schedule(problem) == strategy(name).schedule(problem), name


@every
def test_nothing_to_place_is_an_empty_schedule(name: str) -> None:
    task = Task("a", (Option("p1", 5.0, ONE),))
    done = Assignment("a", task.options[0], ("p1",), 0.0, 5.0)
    graph = TaskGraph.build([task], [])
    assert strategy(name).schedule(Problem(graph, Cluster(processors(1)), 9.0, fixed={"a": done})).assignments == {}
    assert strategy(name).schedule(Problem(TaskGraph({}, ()), Cluster(processors(1)))).assignments == {}


@every
def test_parts_that_are_not_connected_are_scheduled_together(name: str) -> None:
    tasks = [Task(task, (Option("p1", 1.0, ONE), Option("p2", 2.0, ONE))) for task in "abcde"]
    graph = TaskGraph.build(tasks, [Edge("a", "b", 1.0), Edge("c", "d", 1.0)])
    problem = Problem(graph, Cluster(processors(2), link=Link(0.0, 1.0)))
    assert check(problem, strategy(name).schedule(problem)) == []


@every
def test_a_wide_fan_ends_in_its_join(name: str) -> None:
    tasks = [Task(f"t{number}", (Option("p1", 1.0, ONE),)) for number in range(2001)]
    graph = TaskGraph.build(tasks, [Edge(f"t{number}", "t2000", 1.0) for number in range(2000)])
    problem = Problem(graph, Cluster(processors(1)))
    assert strategy(name).schedule(problem).assignments["t2000"].start == 2000.0


@every
def test_a_gang_waits_until_all_its_workers_fit(name: str) -> None:
    nodes = tuple(Node(f"t4-{number}", "nvidia-t4", Demand(8, 0, 2)) for number in range(2))
    cluster = Cluster(nodes, (Reservation("t4-1", Demand(gpus=1), 0.0, 30.0),))
    problem = one_task(Option("nvidia-t4", 10.0, Demand(1, 0, 1), workers=4), cluster=cluster)
    schedule = strategy(name).schedule(problem)
    assert check(problem, schedule) == []
    assert schedule.assignments["a"].start == 30.0
    assert sorted(schedule.assignments["a"].nodes) == ["t4-0", "t4-0", "t4-1", "t4-1"]


@every
def test_fixed_tasks_are_taken_as_they_are(name: str) -> None:
    tasks = [Task(task, (Option("p1", 5.0, ONE), Option("p2", 5.0, ONE))) for task in "ab"]
    graph = TaskGraph.build(tasks, [Edge("a", "b", 100.0)])
    done = Assignment("a", tasks[0].options[1], ("p2",), 90.0, 95.0)
    problem = Problem(graph, Cluster(processors(2), link=Link(0.0, 1.0)), 100.0, fixed={"a": done})
    schedule = strategy(name).schedule(problem)
    assert set(schedule.assignments) == {"b"}
    assert check(problem, schedule) == []
    if name not in BLIND_TO_DATA:
        assert (schedule.assignments["b"].nodes, schedule.assignments["b"].start) == (("p2",), 100.0)


@every
def test_launching_takes_time_but_no_energy(name: str) -> None:
    problem = replace(one_task(Option("p1", 5.0, ONE, 10.0), cluster=Cluster(processors(1))), launch_seconds=2.0)
    schedule = strategy(name).schedule(problem)
    assert (schedule.finish, schedule.joules) == (7.0, 50.0)


@every
@pytest.mark.parametrize(
    ("problem", "missing"),
    [
        (one_task(Option("cpu", 1, ONE), cluster=Cluster(())), "the cluster has no node"),
        (one_task(cluster=Cluster(processors(1))), "no way to run it is known"),
        (
            one_task(Option("nvidia-h100", 1, ONE), cluster=Cluster(processors(2))),
            r"no node offers nvidia-h100 \(the cluster has p1, p2\)",
        ),
        (
            one_task(Option("p1", 1, Demand(cpu=9)), cluster=Cluster(processors(2))),
            "needs 9 cores on p1, the largest such node has 1",
        ),
        (one_task(Option("p1", 1, ONE), cluster=Cluster((Node("n", "p1", ONE, ready=False),))), "is ready"),
        (
            one_task(Option("p1", 1, ONE), cluster=Cluster(processors(1)), nodes=frozenset()),
            "node selector, affinity or a taint",
        ),
        (
            one_task(Option("p1", 1, ONE, workers=3), cluster=Cluster(processors(2))),
            "3 workers on p1 are too many, 1 fit at once",
        ),
        (
            one_task(
                Option("p1", 1, ONE, workers=3),
                Option("p2", 1, Demand(cpu=9), workers=3),
                cluster=Cluster(processors(2)),
            ),
            "3 workers on one device type are too many, at once fit 1 on p1, 0 on p2; lower workers.min",
        ),
        (
            one_task(Option("p1", 1, ONE), cluster=Cluster(processors(1), (Reservation("p1", ONE, 0, math.inf),))),
            "held until further notice",
        ),
    ],
)
def test_a_task_that_fits_nowhere_says_what_is_missing(name: str, problem: Problem, missing: str) -> None:
    with pytest.raises(Unplaceable, match=missing) as caught:
        strategy(name).schedule(problem)
    assert caught.value.task == "a"


@every
def test_resources_that_are_never_free_together_are_told(name: str) -> None:
    nodes = (Node("fat", "p1", Demand(8, 1e9)), Node("wide", "p1", Demand(2, 8e9)))
    with pytest.raises(Unplaceable, match="enough cores, memory and GPUs together"):
        strategy(name).schedule(one_task(Option("p1", 1, Demand(8, 8e9)), cluster=Cluster(nodes)))


@every
def test_behind_the_horizon_is_a_place_only_where_there_is_no_other(name: str) -> None:
    held = Reservation("p1", ONE, 0, math.inf)
    both = one_task(Option("p1", 1, ONE, 1.0), Option("p2", 9, ONE, 99.0), cluster=Cluster(processors(2), (held,)))
    alone = one_task(Option("p1", 1, ONE), cluster=Cluster(processors(2), (held,)))
    assert strategy(name).schedule(replace(both, horizon=1e6)).assignments["a"].nodes == ("p2",)
    assert strategy(name).schedule(replace(alone, horizon=1e6)).assignments["a"].start == 1e6


@pytest.mark.parametrize("weights", [(-1.0, 1.0), (math.nan, 1.0), (1.0, math.inf)])
def test_weights_that_make_no_sense_are_refused(weights: tuple[float, float]) -> None:
    with pytest.raises(InvalidInput, match="give finite weights, zero or more"):
        Objective(*weights)
