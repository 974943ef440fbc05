"""As strategies packing policies take the earliest moment, and among the nodes that are free then the best score."""

from __future__ import annotations

import pytest

from heterosched.algorithms.base import Problem, strategy
from heterosched.algorithms.packing import MILLI, Ask
from heterosched.algorithms.packing.adapter import ask_of
from heterosched.model import Cluster, Demand, Node, Option, Reservation, Task, TaskGraph

NODES = (Node("a100-0", "nvidia-a100", Demand(32, 1e12, 4)), Node("t4-0", "nvidia-t4", Demand(32, 1e12, 4)))
EITHER = tuple(Option(device, 10.0, Demand(4, 1e9, 1)) for device in ("nvidia-a100", "nvidia-t4"))


def nodes_of(name: str, tasks: int, *held: Reservation) -> list[str]:
    graph = TaskGraph.build([Task(f"t{number}", EITHER) for number in range(tasks)], [])
    found = strategy(name).schedule(Problem(graph, Cluster(NODES, held))).assignments
    return [found[f"t{number}"].nodes[0] for number in range(tasks)]


@pytest.mark.parametrize("name", ["frugal", "pwr", "pwr_fgd"])
def test_those_that_look_at_watts_use_the_thrifty_node_while_it_has_room(name: str) -> None:
    assert nodes_of(name, 5) == ["t4-0"] * 4 + ["a100-0"]


@pytest.mark.parametrize("name", ["frugal", "pwr", "pwr_fgd"])
def test_places_are_compared_though_the_demand_differs_by_device(name: str) -> None:
    options = (Option("nvidia-a100", 10.0, Demand(4, 1e9, 1)), Option("nvidia-t4", 10.0, Demand(5, 1e9, 1)))
    for turn in (1, -1):
        problem = Problem(TaskGraph.build([Task("t", options[::turn])], []), Cluster(NODES[::turn]))
        assert strategy(name).schedule(problem).assignments["t"].nodes == ("t4-0",)


def test_a_later_place_is_not_waited_for_however_well_it_scores() -> None:
    assert nodes_of("frugal", 1, Reservation("t4-0", Demand(gpus=4), 0.0, 100.0)) == ["a100-0"]


def test_best_fit_fills_the_node_that_others_have_begun_to_use() -> None:
    assert nodes_of("best_fit", 2, Reservation("t4-0", Demand(8, 0, 2), 0.0, 100.0)) == ["t4-0", "t4-0"]


@pytest.mark.parametrize(
    ("demand", "ask"),
    [
        (Demand(2, 3 * 2**20), Ask(2000, memory=3)),
        (Demand(0.5, 0, 0.25), Ask(500, 250, 1)),
        (Demand(1, 0, 4), Ask(1000, MILLI, 4)),
    ],
)
def test_a_demand_becomes_thousandths(demand: Demand, ask: Ask) -> None:
    assert ask_of(demand) == ask
