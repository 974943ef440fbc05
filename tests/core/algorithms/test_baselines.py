"""Each baseline decides as its name says: that is what makes it a yardstick."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from heterosched.algorithms.base import Problem, strategy
from heterosched.algorithms.check import check
from heterosched.model import Cluster, Demand, Edge, Link, Node, Option, Schedule, Task, TaskGraph

BASELINES = ("static", "round_robin", "random", "greedy", "least_loaded", "work_stealing", "power_of_two", "affinity")


def nodes(count: int, cores: float = 1.0) -> tuple[Node, ...]:
    return tuple(Node(f"n{number}", "cpu", Demand(cores)) for number in range(count))


def bag(*seconds: float, on: int = 2) -> Problem:
    """Independent tasks t0, t1, ... on alike nodes n0, n1, ... of one core."""
    tasks = [Task(f"t{number}", (Option("cpu", own, Demand(1)),)) for number, own in enumerate(seconds)]
    return Problem(TaskGraph.build(tasks, []), Cluster(nodes(on)))


def places(name: str, problem: Problem) -> list[str]:
    """The first node of each task, in order of definition."""
    assignments = strategy(name).schedule(problem).assignments
    return [assignments[task].nodes[0] for task in problem.graph.tasks]


def finish(name: str, problem: Problem) -> float:
    schedule = strategy(name).schedule(problem)
    assert check(problem, schedule) == []
    return schedule.finish


SKEWED = bag(*[9.0] * 8, *[1.0] * 24, on=4)
"""The long tasks stand together, as samples of one region do: a static split gives them all to one node."""


def test_static_gives_equal_shares_in_order_whatever_they_take() -> None:
    assert places("static", bag(50, 1, 1, 1, 1, 1, on=3)) == ["n0", "n0", "n1", "n1", "n2", "n2"]


def test_static_shares_go_by_the_nodes_that_a_task_can_use() -> None:
    gpus = tuple(Node(f"t4-{number}", "nvidia-t4", Demand(1, 0, 1)) for number in range(2))
    on_gpu = [Task(f"g{number}", (Option("nvidia-t4", 1.0, Demand(1, 0, 1)),)) for number in range(2)]
    only_n0 = [Task(f"c{number}", (Option("cpu", 1.0, Demand(1)),), nodes=frozenset({"n0"})) for number in range(6)]
    problem = Problem(TaskGraph.build([*only_n0, *on_gpu], []), Cluster((*nodes(1), *gpus)))
    assert places("static", problem)[-2:] == ["t4-0", "t4-1"]


def test_work_stealing_beats_a_static_split_on_skewed_work() -> None:
    assert finish("static", SKEWED) == 72.0
    assert finish("work_stealing", SKEWED) == 26.0  # 96 s of work on four nodes, the last task stolen at 17 s


def test_an_owner_takes_from_the_head_and_a_thief_from_the_tail() -> None:
    assignments = strategy("work_stealing").schedule(bag(5, 5, 5, 5, 1, 1, 1, 1)).assignments
    on_n1 = sorted((own.start, own.task) for own in assignments.values() if own.nodes == ("n1",))
    assert [task for _, task in on_n1] == ["t4", "t5", "t6", "t7", "t3", "t2"]


def test_a_gang_that_waits_in_a_queue_sees_what_others_take() -> None:
    tasks = [
        Task("alone", (Option("cpu", 5.0, Demand(1)),)),
        Task("pair", (Option("cpu", 5.0, Demand(1), workers=2),)),
    ]
    problem = Problem(TaskGraph.build(tasks, []), Cluster(nodes(2)))
    assert finish("work_stealing", problem) == 10.0


def test_round_robin_takes_turns_whatever_the_nodes_do() -> None:
    assert places("round_robin", bag(9, 1, 1, 1, 1, on=3)) == ["n0", "n1", "n2", "n0", "n1"]


def test_round_robin_passes_over_a_node_that_cannot_run_the_task() -> None:
    problem = bag(1, 1, 1, on=3)
    tasks = [replace(task, nodes=frozenset({"n0", "n2"})) for task in problem.graph.tasks.values()]
    assert places("round_robin", replace(problem, graph=TaskGraph.build(tasks, []))) == ["n0", "n2", "n0"]


def test_random_uses_all_nodes_and_follows_the_seed() -> None:
    problem = bag(*[1.0] * 200, on=4)
    found = places("random", problem)
    assert found == places("random", problem)
    assert found != places("random", replace(problem, seed=1))
    assert all(30 <= count <= 70 for count in Counter(found).values())


def test_random_does_not_move_a_task_when_others_are_done() -> None:
    problem = bag(*[1.0] * 40, on=4)
    whole = strategy("random").schedule(problem).assignments
    done = {name: whole[name] for name in ("t0", "t5", "t9")}
    again = strategy("random").schedule(replace(problem, now=50.0, fixed=done)).assignments
    assert all(again[name].nodes == whole[name].nodes for name in again)


def test_greedy_takes_each_task_as_it_comes_where_it_finishes_first() -> None:
    assert places("greedy", bag(4, 1, 1, 9)) == ["n0", "n1", "n1", "n1"]
    assert finish("greedy", bag(4, 1, 1, 9)) == 11.0


def test_least_loaded_serves_the_longest_first() -> None:
    schedule = strategy("least_loaded").schedule(bag(4, 1, 1, 9))
    assert list(schedule.assignments) == ["t3", "t0", "t1", "t2"]
    assert schedule.finish == 9.0


def test_least_loaded_counts_node_seconds_and_sees_no_speed() -> None:
    ways = (Option("fast", 1.0, Demand(1)), Option("slow", 10.0, Demand(1)))
    graph = TaskGraph.build([Task(f"t{number}", ways) for number in range(12)], [])
    cluster = Cluster((Node("fast", "fast", Demand(1)), Node("slow", "slow", Demand(1))))
    assert Counter(places("least_loaded", Problem(graph, cluster))) == {"fast": 11, "slow": 1}


def test_a_large_node_counts_as_less_loaded_by_the_same_task() -> None:
    graph = TaskGraph.build([Task(f"t{number}", (Option("cpu", 6.0, Demand(1)),)) for number in range(10)], [])
    problem = Problem(graph, Cluster((Node("small", "cpu", Demand(1)), Node("large", "cpu", Demand(4)))))
    assert Counter(places("least_loaded", problem)) == {"large": 8, "small": 2}


def test_the_better_of_two_choices_is_taken() -> None:
    problem = bag(*[1.0] * 400, on=20)
    spread = {name: max(Counter(places(name, problem)).values()) for name in ("random", "power_of_two")}
    assert spread["power_of_two"] <= 22 < spread["random"]


def test_of_two_nodes_both_are_looked_at() -> None:
    assert places("power_of_two", bag(9, 1, 1, 1)) in (["n0", "n1", "n1", "n1"], ["n1", "n0", "n0", "n0"])


def near(bytes_: float, wait: float) -> Schedule:
    """`use` runs 5 s anywhere and has its data on n0, where `other` keeps it waiting."""
    tasks = [
        Task("make", (Option("cpu", 1.0, Demand(1)),), nodes=frozenset({"n0"})),
        Task("other", (Option("cpu", wait, Demand(1)),), nodes=frozenset({"n0"})),
        Task("use", (Option("cpu", 5.0, Demand(1)),)),
    ]
    graph = TaskGraph.build(tasks, [Edge("make", "use", bytes_), Edge("make", "other", 0.0)])
    return strategy("affinity").schedule(Problem(graph, Cluster(nodes(2), link=Link(0.0, 10.0))))


@pytest.mark.parametrize(("bytes_", "wait", "place"), [(1.0, 4.0, "n0"), (1.0, 7.0, "n1"), (0.0, 4.0, "n1")])
def test_affinity_waits_for_its_data_as_long_as_it_runs(bytes_: float, wait: float, place: str) -> None:
    assert near(bytes_, wait).assignments["use"].nodes == (place,)


@pytest.mark.parametrize("name", BASELINES)
def test_a_consumer_never_starts_before_its_data_is_there(name: str) -> None:
    tasks = [Task(f"t{number}", (Option("cpu", 2.0, Demand(1)),)) for number in range(8)]
    graph = TaskGraph.build(tasks, [Edge("t0", f"t{number}", 30.0) for number in range(1, 8)])
    problem = Problem(graph, Cluster(nodes(3), link=Link(0.5, 10.0)))
    assert check(problem, strategy(name).schedule(problem)) == []
