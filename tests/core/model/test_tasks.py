"""A task graph is acyclic, complete and of finite figures, or it is refused with the culprit spelled out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.errors import InvalidGraph, InvalidInput
from heterosched.model import Demand, Edge, Option, Task, TaskGraph

WAY = Option("cpu", 1.0, Demand(cpu=1))


def graph(names: str, *edges: str) -> TaskGraph:
    """`graph("abc", "ab")`: tasks a, b, c; b after a."""
    return TaskGraph.build(
        [Task(name, (WAY,)) for name in names], [Edge(edge[0], edge[1]) for edge in edges], "HeteroJob ns/g"
    )


def test_joules_count_every_worker_for_the_whole_run_time() -> None:
    assert Option("nvidia-t4", 10.0, Demand(), watts=60.0, workers=4).joules == 2400.0


def test_order_is_topological_and_keeps_the_definition_among_equals() -> None:
    assert graph("cab", "bc").order == ("a", "b", "c")
    assert graph("dcba").order == ("d", "c", "b", "a")


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=40))
def test_order_puts_every_producer_first(pairs: list[tuple[int, int]]) -> None:
    edges = [Edge(str(min(pair)), str(max(pair))) for pair in pairs if pair[0] != pair[1]]
    built = TaskGraph.build([Task(str(number), (WAY,)) for number in range(12)], edges)
    place = {name: number for number, name in enumerate(built.order)}
    assert len(place) == 12
    assert all(place[edge.producer] < place[edge.consumer] for edge in edges)


def test_parents_and_children_are_known_for_every_task() -> None:
    diamond = graph("abcd", "ab", "ac", "bd", "cd")
    assert [edge.producer for edge in diamond.parents["d"]] == ["b", "c"]
    assert [edge.consumer for edge in diamond.children["a"]] == ["b", "c"]
    assert diamond.parents["a"] == () == diamond.children["d"]


def test_ready_are_those_whose_producers_are_all_done() -> None:
    diamond = graph("abcd", "ab", "ac", "bd", "cd")
    assert diamond.ready([]) == ("a",)
    assert diamond.ready(["a", "b"]) == ("c",)
    assert diamond.ready("abc") == ("d",)


def test_a_cycle_is_spelled_out() -> None:
    with pytest.raises(InvalidGraph) as caught:
        graph("abcd", "ab", "bc", "ca", "cd")
    assert caught.value.object == "HeteroJob ns/g"
    assert caught.value.field == "spec.tasks"
    cycle = str(caught.value.problem).rpartition(": ")[2].split(" -> ")
    assert cycle[0] == cycle[-1]
    assert set(cycle) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("edges", "field", "problem"),
    [
        (["xa"], "spec.tasks[a].dependsOn", "unknown task 'x'"),
        (["ax"], "spec.tasks[x]", "no task of this name"),
        (["aa"], "spec.tasks[a].dependsOn", "depends on itself"),
    ],
)
def test_edges_that_lead_nowhere_are_refused(edges: Sequence[str], field: str, problem: str) -> None:
    with pytest.raises(InvalidGraph, match=problem) as caught:
        graph("abcdefg", *edges)
    assert caught.value.field == field


def test_an_empty_graph_and_a_repeated_name_are_refused() -> None:
    with pytest.raises(InvalidGraph, match="no task"):
        graph("")
    with pytest.raises(InvalidGraph, match=r"spec.tasks\[a\]: the name is used twice"):
        graph("aba")


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf])
def test_a_run_time_that_is_no_time_is_refused(seconds: float) -> None:
    with pytest.raises(InvalidInput, match=r"spec.tasks\[a\] on cpu"):
        TaskGraph.build([Task("a", (Option("cpu", seconds, Demand()),))], [])


@pytest.mark.parametrize(
    "option",
    [
        Option("cpu", 1.0, Demand(), watts=-1.0),
        Option("cpu", 1.0, Demand(), watts=math.nan),
        Option("cpu", 1.0, Demand(cpu=-1.0)),
        Option("cpu", 1.0, Demand(memory=math.nan)),
        Option("cpu", 1.0, Demand(gpus=math.inf)),
        Option("cpu", 1.0, Demand(), workers=0),
    ],
)
def test_options_of_impossible_figures_are_refused(option: Option) -> None:
    with pytest.raises(InvalidInput, match=r"spec.tasks\[a\] on cpu"):
        TaskGraph.build([Task("a", (option,))], [])


@pytest.mark.parametrize("size", [-1.0, math.nan, math.inf])
def test_data_of_impossible_size_is_refused(size: float) -> None:
    with pytest.raises(InvalidInput, match="bytes"):
        TaskGraph.build([Task(name, (WAY,)) for name in "ab"], [Edge("a", "b", size)])


def test_the_critical_path_is_the_longest_chain() -> None:
    diamond = graph("abcd", "ab", "ac", "bd", "cd")
    assert diamond.critical_path({"a": 1, "b": 2, "c": 3, "d": 1}) == ("a", "c", "d")


def test_ties_on_the_critical_path_go_to_the_task_defined_first() -> None:
    diamond = graph("abcd", "ac", "ab", "bd", "cd")
    assert diamond.critical_path({"a": 1, "b": 2, "c": 2, "d": 1}) == ("a", "b", "d")
    assert graph("ba").critical_path({"a": 1, "b": 1}) == ("b",)


@given(st.integers(2, 30))
def test_a_chain_is_its_own_critical_path(length: int) -> None:
    names = [f"t{number}" for number in range(length)]
    chain = TaskGraph.build([Task(name, (WAY,)) for name in names], [Edge(one, two) for one, two in pairwise(names)])
    assert chain.critical_path(dict.fromkeys(names, 1.0)) == tuple(names)


def test_slack_is_how_late_a_task_may_be() -> None:
    built = graph("abcd", "ab", "ac", "bd", "cd")
    assert built.slack({"a": 1.0, "b": 5.0, "c": 2.0, "d": 1.0}) == {"a": 0.0, "b": 0.0, "c": 3.0, "d": 0.0}
    assert graph("xy").slack({"x": 4.0, "y": 1.0}) == {"x": 0.0, "y": 3.0}


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20),
    st.lists(st.integers(1, 50), min_size=8, max_size=8),
)
def test_a_task_that_uses_its_slack_up_makes_the_job_no_longer(
    pairs: list[tuple[int, int]], lengths: list[int]
) -> None:
    edges = [Edge(str(min(pair)), str(max(pair))) for pair in pairs if pair[0] != pair[1]]
    built = TaskGraph.build([Task(str(number), (WAY,)) for number in range(8)], edges)
    seconds = {str(number): float(own) for number, own in enumerate(lengths)}
    slack = built.slack(seconds)

    def span(run: dict[str, float]) -> float:
        return sum(run[name] for name in built.critical_path(run))

    assert {slack[name] for name in built.critical_path(seconds)} == {0.0}
    for name in built.tasks:
        assert span({**seconds, name: seconds[name] + slack[name]}) == span(seconds)
        assert span({**seconds, name: seconds[name] + slack[name] + 1}) == span(seconds) + 1
