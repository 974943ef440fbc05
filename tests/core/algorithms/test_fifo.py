"""FIFO serves ready tasks in order on the node that is free first, and looks at nothing else."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heterosched.algorithms.base import Problem
from heterosched.algorithms.fifo import Drawn, Fifo
from heterosched.model import Cluster, Demand, Edge, Link, Node, Option, Schedule, Task, TaskGraph
from problems import ONE, problems, processors


def run(tasks: dict[str, tuple[float, ...]], *edges: tuple[str, str, float], nodes: int = 2) -> Schedule:
    """Tasks with their seconds on each processor."""
    built = [
        Task(name, tuple(Option(f"p{number}", seconds, ONE) for number, seconds in enumerate(row, start=1)))
        for name, row in tasks.items()
    ]
    graph = TaskGraph.build(built, [Edge(*edge) for edge in edges])
    return Fifo().schedule(Problem(graph, Cluster(processors(nodes), link=Link(0.0, 1.0))))


def test_run_times_do_not_matter() -> None:
    schedule = run({"a": (100, 1), "b": (1, 100)})
    assert [own.nodes for own in schedule.assignments.values()] == [("p1",), ("p2",)]


def test_ready_tasks_are_served_in_order_of_definition() -> None:
    schedule = run({"c": (5,), "a": (5,), "b": (5,)}, nodes=1)
    assert [(own.task, own.start) for own in schedule.assignments.values()] == [("c", 0), ("a", 5), ("b", 10)]


def test_who_became_ready_first_is_served_first() -> None:
    schedule = run({"late": (2,), "first": (4,), "second": (6,)}, ("first", "late", 0.0), nodes=1)
    assert list(schedule.assignments) == ["first", "second", "late"]


def test_the_node_that_is_free_first_is_taken() -> None:
    schedule = run({"a": (10, 10), "b": (4, 4), "c": (3, 3)})
    assert schedule.assignments["c"].nodes == schedule.assignments["b"].nodes
    assert schedule.assignments["c"].start == 4


def test_among_free_nodes_they_take_turns() -> None:
    schedule = run({"a": (1, 1, 1), "b": (1, 1, 1), "c": (1, 1, 1)}, ("a", "b", 0.0), ("b", "c", 0.0), nodes=3)
    assert sorted(own.nodes[0] for own in schedule.assignments.values()) == ["p1", "p2", "p3"]


def one_of(fast: int, slow: int) -> Drawn:
    """A single task on so many idle nodes on which it takes 1 s and 100 s."""
    nodes = [Node(f"{kind}-{n}", kind, ONE) for kind, count in (("fast", fast), ("slow", slow)) for n in range(count)]
    task = Task("a", (Option("fast", 1.0, ONE, 10.0), Option("slow", 100.0, ONE, 1.0)))
    return Fifo().schedule(Problem(TaskGraph.build([task], []), Cluster(tuple(nodes))))


def test_a_figure_is_a_mean_over_lots_and_no_device_is_favoured_by_its_name() -> None:
    figures = [one_of(n, n).mean_makespan for n in range(1, 6)]
    assert all(1.0 < figure < 100.0 for figure in figures)
    assert one_of(1, 30).mean_makespan > 75.0
    assert one_of(30, 1).mean_makespan < 25.0
    assert (one_of(3, 0).mean_makespan, one_of(3, 0).mean_joules) == (1.0, 10.0)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(problems(), st.randoms(use_true_random=False))
def test_neither_names_nor_the_order_of_nodes_matter(problem: Problem, random: Random) -> None:
    cluster = problem.cluster
    aliases = {node.name: f"n{number}" for number, node in enumerate(random.sample(cluster.nodes, len(cluster.nodes)))}
    nodes = [replace(node, name=aliases[node.name]) for node in cluster.nodes]
    random.shuffle(nodes)
    held = tuple(replace(own, node=aliases[own.node]) for own in cluster.reservations)
    fixed = {
        name: replace(own, nodes=tuple(aliases[node] for node in own.nodes)) for name, own in problem.fixed.items()
    }
    renamed = replace(problem, cluster=Cluster(tuple(nodes), held, cluster.link), fixed=fixed)
    before, after = Fifo().schedule(problem), Fifo().schedule(renamed)
    assert (after.mean_makespan, after.mean_joules) == pytest.approx((before.mean_makespan, before.mean_joules))
    assert [own.start for own in after.assignments.values()] == [own.start for own in before.assignments.values()]


def test_a_start_waits_for_its_data() -> None:
    schedule = run({"a": (4, 4), "b": (1, 1)}, ("a", "b", 10.0))
    assert schedule.assignments["b"].nodes == ("p1",)
    assert schedule.assignments["b"].start == 4


def test_a_task_of_several_sizes_gets_the_largest_that_is_free_first() -> None:
    sizes = tuple(Option("p1", 12.0 / workers, ONE, workers=workers) for workers in (1, 2, 3, 4))
    node = Node("p1", "p1", Demand(cpu=3))
    graph = TaskGraph.build([Task("a", sizes), Task("b", sizes)], [])
    schedule = Fifo().schedule(Problem(graph, Cluster((node,))))
    assert [(own.option.workers, own.start) for own in schedule.assignments.values()] == [(3, 0.0), (3, 4.0)]


def test_it_ranks_nothing() -> None:
    assert run({"a": (1, 1)}).ranks == {}
