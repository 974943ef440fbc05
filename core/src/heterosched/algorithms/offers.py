"""What the baselines choose from: one place per node, and how much work each node has been given.

Baselines decide for a node first and leave the way to run there to whatever finishes first on it.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

from heterosched.algorithms.base import Problem
from heterosched.algorithms.candidate import Arrivals, Candidate, earliest_finish
from heterosched.algorithms.placement import Placement


def offers(placement: Placement, name: str, arrivals: Arrivals) -> list[Candidate]:
    """The earliest finish of the task on each node that could run it, by position; a gang stands at its first node.

    Nodes that are held to the horizon are left out where others are not. Raises Unplaceable.
    """
    found: list[Candidate] = []
    for option, places in zip(placement.problem.graph.tasks[name].options, placement.ground.places(name), strict=True):
        if option.workers > 1:
            found += [placement.gang(option, places.nodes, arrivals)] if places.nodes else []
        else:
            found += [placement.on(option, position, arrivals) for position in places.nodes]
    by_node: dict[int, list[Candidate]] = defaultdict(list)
    for candidate in placement.usable(name, found):
        by_node[candidate.places[0]].append(candidate)
    return [earliest_finish(by_node[position]) for position in sorted(by_node)]


def offer(placement: Placement, name: str, position: int, arrivals: Arrivals) -> Candidate | None:
    """The earliest finish of the task on one node, a gang beginning there; None where the node cannot run it."""
    found: list[Candidate] = []
    for option, places in zip(placement.problem.graph.tasks[name].options, placement.ground.places(name), strict=True):
        if position in places.nodes and option.workers == 1:
            found.append(placement.on(option, position, arrivals))
        elif position in places.nodes:
            others = [other for other in places.nodes if other != position]
            found.append(placement.gang(option, (position, *others), arrivals))
    return earliest_finish(found) if found else None


def hosts(placement: Placement, name: str) -> tuple[int, ...]:
    """Positions of all nodes that could take part in running the task."""
    return tuple(sorted({position for places in placement.ground.places(name) for position in places.nodes}))


class Loads:
    """Work that each node has been given: seconds times the share of the node that they take."""

    def __init__(self, placement: Placement) -> None:
        self._nodes = placement.nodes
        self._given = [0.0] * len(placement.nodes)

    def of(self, candidate: Candidate) -> float:
        """Work of the nodes of a place."""
        return sum(self._given[place] for place in candidate.places) / len(candidate.places)

    def add(self, candidate: Candidate) -> None:
        """Count a place that has been taken."""
        demand = candidate.option.demand
        for place in candidate.places:
            has = self._nodes[place].allocatable
            pairs = ((demand.cpu, has.cpu), (demand.memory, has.memory), (demand.gpus, has.gpus))
            part = max((need / have for need, have in pairs if need > 0 and have > 0), default=1.0)
            self._given[place] += part * (candidate.finish - candidate.start)


def lots(problem: Problem, name: str) -> random.Random:
    """What decides by chance for a task: the same for the same seed, graph and task, whatever was planned before."""
    return random.Random(f"{problem.seed}/{problem.graph.object}/{name}")


def least_work(loads: Loads, among: Sequence[Candidate]) -> Candidate:
    """The place of the least work; among equals the one that starts first, then the first."""
    return min(among, key=lambda candidate: (loads.of(candidate), candidate.start))
