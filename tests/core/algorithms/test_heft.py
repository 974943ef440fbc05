"""HEFT is the published algorithm: exact makespans, exact upward ranks, and ties that change nothing."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings

from heterosched.algorithms.base import Problem
from heterosched.algorithms.check import check, totals
from heterosched.algorithms.heft import Heft
from heterosched.model import Cluster, Demand, Edge, Link, Node, Option, Reservation, Task, TaskGraph
from problems import ONE, arabnejad, autoscheduler, problems, processors, topcuoglu

EPOCH = 1_790_000_000.25


@pytest.mark.parametrize("now", [0.0, EPOCH])
def test_topcuoglu_2002_takes_80(now: float) -> None:
    problem = topcuoglu(now)
    schedule = Heft().schedule(problem)
    assert schedule.finish - now == 80.0
    assert check(problem, schedule) == []


def test_topcuoglu_2002_has_the_published_upward_ranks() -> None:
    ranks = Heft().schedule(topcuoglu()).ranks
    expected = [108, 77, 80, 80, 69, 190 / 3, 128 / 3, 107 / 3, 133 / 3, 44 / 3]
    assert [ranks[f"T{number}"] for number in range(1, 11)] == pytest.approx(expected, abs=1e-9)


def test_topcuoglu_2002_places_its_tasks_as_published() -> None:
    assignments = Heft().schedule(topcuoglu()).assignments
    on = {
        place: [t.task for t in sorted(assignments.values(), key=lambda t: t.start) if t.nodes == (place,)]
        for place in ("p1", "p2", "p3")
    }
    assert on == {"p1": ["T2", "T8"], "p2": ["T4", "T6", "T9", "T10"], "p3": ["T1", "T3", "T5", "T7"]}


@pytest.mark.parametrize("now", [0.0, EPOCH])
def test_arabnejad_barbosa_2014_takes_133(now: float) -> None:
    problem = arabnejad(now)
    schedule = Heft().schedule(problem)
    assert schedule.finish - now == 133.0
    assert check(problem, schedule) == []


def test_autoscheduler_example_takes_6_4337_s_and_612_5_j() -> None:
    schedule = Heft().schedule(autoscheduler())
    assert schedule.finish == pytest.approx(6.4337008, abs=1e-9)
    assert schedule.joules == 612.5
    places = {name: own.nodes[0] for name, own in schedule.assignments.items()}
    assert places == {"t1": "gpu-0", "t2": "gpu-0", "t3": "cpu-0", "t4": "gpu-0"}


@pytest.mark.parametrize("order", [("T3", "T4"), ("T4", "T3")])
def test_equal_ranks_do_not_change_the_makespan(order: tuple[str, str]) -> None:
    problem = topcuoglu()
    names = [name for name in problem.graph.tasks if name not in order]
    names[2:2] = order
    graph = TaskGraph.build([problem.graph.tasks[name] for name in names], problem.graph.edges)
    assert Heft().schedule(Problem(graph, problem.cluster)).finish == 80.0


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_the_nodes_does_not_change_the_makespan(order: tuple[int, ...]) -> None:
    problem = topcuoglu()
    nodes = tuple(problem.cluster.nodes[number] for number in order)
    assert Heft().schedule(Problem(problem.graph, Cluster(nodes, link=problem.cluster.link))).finish == 80.0


def test_a_short_task_goes_into_a_gap() -> None:
    held = Reservation("p1", ONE, 3.0, 10.0)
    graph = TaskGraph.build([Task("long", (Option("p1", 5.0, ONE),)), Task("short", (Option("p1", 2.0, ONE),))], [])
    schedule = Heft().schedule(Problem(graph, Cluster(processors(1), (held,))))
    assert schedule.assignments["long"].start == 10.0
    assert schedule.assignments["short"].start == 0.0


def test_a_task_counts_on_a_node_with_the_fastest_way_that_the_node_offers() -> None:
    nodes = (Node("cpu-0", "cpu", Demand(8)), Node("t4-0", "nvidia-t4", Demand(8, 0, 1)))
    task = Task("a", (Option("cpu", 10.0, ONE), Option("nvidia-t4", 4.0, Demand(1, 0, 1))))
    ranks = Heft().schedule(Problem(TaskGraph.build([task], []), Cluster(nodes))).ranks
    assert ranks["a"] == 7.0


def test_transfers_cost_nothing_where_there_is_only_one_node() -> None:
    tasks = [Task(name, (Option("p1", 2.0, ONE),)) for name in "ab"]
    problem = Problem(TaskGraph.build(tasks, [Edge("a", "b", 1e12)]), Cluster(processors(1), link=Link(1.0, 1.0)))
    schedule = Heft().schedule(problem)
    assert schedule.ranks == {"a": 4.0, "b": 2.0}
    assert schedule.finish == 4.0


def test_equal_finishes_prefer_the_way_of_fewer_joules() -> None:
    task = Task("a", (Option("p1", 5.0, ONE, 100.0), Option("p2", 5.0, ONE, 10.0)))
    schedule = Heft().schedule(Problem(TaskGraph.build([task], []), Cluster(processors(2))))
    assert schedule.assignments["a"].nodes == ("p2",)


@settings(max_examples=40)
@given(problems())
def test_ranks_fall_along_every_edge(problem: Problem) -> None:
    ranks = Heft().schedule(problem).ranks
    assert all(ranks[edge.producer] > ranks[edge.consumer] for edge in problem.graph.edges)


@settings(max_examples=40)
@given(problems())
def test_no_schedule_beats_the_fastest_way_of_any_task(problem: Problem) -> None:
    placed = [problem.graph.tasks[name] for name in problem.graph.tasks if name not in problem.fixed]
    least = max((min(option.seconds for option in task.options) for task in placed), default=0.0)
    assert totals(problem, Heft().schedule(problem)).makespan >= least - 1e-6


def test_work_for_a_cpu_leaves_gpu_nodes_alone_where_it_can() -> None:
    nodes = (Node("t4-0", "nvidia-t4", Demand(8, 0, 1)), Node("cpu-0", "cpu", Demand(1)))
    graph = TaskGraph.build([Task(name, (Option("cpu", 5.0, ONE),)) for name in "ab"], [])
    schedule = Heft().schedule(Problem(graph, Cluster(nodes)))
    assert [own.nodes for own in schedule.assignments.values()] == [("cpu-0",), ("t4-0",)]
