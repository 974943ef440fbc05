"""PEFT is the published algorithm: exact makespans and an exact optimistic cost table."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from heterosched.algorithms.base import Problem
from heterosched.algorithms.check import check, totals
from heterosched.algorithms.ground import Ground
from heterosched.algorithms.peft import Peft, optimistic_costs
from heterosched.model import Cluster, Link, Node
from problems import ONE, arabnejad, problems, topcuoglu

EPOCH = 1_790_000_000.25


@pytest.mark.parametrize("now", [0.0, EPOCH])
def test_the_published_instances_take_85_and_122(now: float) -> None:
    for problem, makespan in ((topcuoglu(now), 85.0), (arabnejad(now), 122.0)):
        schedule = Peft().schedule(problem)
        assert schedule.finish - now == makespan
        assert check(problem, schedule) == []


def test_the_optimistic_cost_table_is_what_its_definition_says() -> None:
    problem = topcuoglu()
    graph, nodes = problem.graph, range(3)
    table: dict[str, list[float]] = {}
    for name in reversed(graph.order):
        table[name] = [
            max(
                (
                    min(
                        table[edge.consumer][other]
                        + graph.tasks[edge.consumer].options[other].seconds
                        + (edge.size_bytes if other != node else 0.0)
                        for other in nodes
                    )
                    for edge in graph.children[name]
                ),
                default=0.0,
            )
            for node in nodes
        ]
    found = optimistic_costs(Ground(problem))
    assert set(found) == set(table)
    assert all(list(found[name]) == pytest.approx(row, abs=1e-9) for name, row in table.items())
    ranks = Peft().schedule(problem).ranks
    assert [ranks[name] for name in graph.tasks] == pytest.approx([sum(table[n]) / 3 for n in graph.tasks], abs=1e-9)


def test_alike_nodes_share_an_entry_and_change_nothing() -> None:
    problem = topcuoglu()
    twins = tuple(Node(f"{node.name}-{copy}", node.device, ONE) for node in problem.cluster.nodes for copy in "ab")
    twice = replace(problem, cluster=Cluster(twins, link=Link(0.0, 1.0)))
    assert len(Ground(twice).sizes) == 3
    assert optimistic_costs(Ground(twice)) == optimistic_costs(Ground(problem))
    assert check(twice, Peft().schedule(twice)) == []


@settings(max_examples=40)
@given(problems())
def test_no_schedule_ends_before_the_optimistic_table_says(problem: Problem) -> None:
    if problem.fixed or problem.launch_seconds:
        return
    ground = Ground(problem)
    table = optimistic_costs(ground)
    least = max(
        min(seconds + rest for seconds, rest in zip(ground.seconds(name), row, strict=True))
        for name, row in table.items()
    )
    assert totals(problem, Peft().schedule(problem)).makespan >= least - 1e-6
