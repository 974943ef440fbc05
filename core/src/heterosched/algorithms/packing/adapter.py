"""Packing policies as strategies: tasks as they come, each at the earliest moment, there on the node of the best score.

The fleet is what is free at that moment; expected are pods like the tasks of the problem itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

import numpy as np

from heterosched.algorithms.base import Problem
from heterosched.algorithms.candidate import TIE, Candidate
from heterosched.algorithms.offers import lots, offers
from heterosched.algorithms.packing.base import Outlook, Packing
from heterosched.algorithms.packing.fleet import MILLI, NO_GPU, Ask, Asks, Fleet
from heterosched.algorithms.packing.typical import Typical, typical
from heterosched.algorithms.packing.watts import WattTable
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.queueing import as_they_come
from heterosched.model import Demand, Schedule
from heterosched.model.power import PowerModel

_MIB = 2.0**20
_BITS = 63


class PackingStrategy:
    """Serves a packing policy as a strategy."""

    name: str
    policy: Callable[[], Packing]

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        placement = Placement(problem)
        models = tuple(dict.fromkeys(node.device for node in problem.cluster.nodes))
        asks = [ask_of(option.demand) for task in problem.graph.tasks.values() for option in task.options]
        devices = [problem.cluster.devices.whole(model) for model in models]
        powers = [PowerModel(0.0, 0.0) if device is None else device.power for device in devices]
        outlook = Outlook(Typical(typical(asks), models), WattTable.of(powers))
        policy = type(self).policy()
        for name in as_they_come(problem, lambda name: (placement.ready(name),)):
            found = offers(placement, name, placement.arrivals(name))
            first = min(candidate.start for candidate in found)
            soon = [candidate for candidate in found if candidate.start <= first * (1 + TIE)]
            chance = np.random.default_rng(lots(problem, name).getrandbits(_BITS))
            placement.place(name, soon[best(policy, soon, placement, models, outlook, chance)])
        return placement.schedule({})


def best(
    policy: Packing,
    among: Sequence[Candidate],
    placement: Placement,
    models: Sequence[str],
    outlook: Outlook,
    chance: np.random.Generator,
) -> int:
    """Number of the place with the best score; the first among equals, and where the policy has none for any.

    Demands may differ by device: all places are decided on together, since a policy may compare them with each other.
    """
    places, columns = [np.empty(0, dtype=np.int64)], []
    fleet = _fleet(among, placement, models)
    demands = list(dict.fromkeys(candidate.option.demand for candidate in among))
    for demand in demands:
        ways = Asks([ask_of(demand)], models).ways(fleet)
        if not len(ways):
            continue
        rated = policy.rate(fleet, ways, outlook)
        chosen = ways.first_best(rated[0])
        fitting = np.array([among[node].option.demand == demand for node in ways.node[chosen]], dtype=np.bool_)
        chosen = chosen[fitting]
        places.append(ways.node[chosen])
        columns.append(rated[:, chosen])
    found = np.concatenate(places)
    if not len(found):
        return 0
    scores = np.full(len(among), -np.inf)
    scores[found] = policy.decide(np.concatenate(columns, axis=1), chance)
    return int(np.argmax(scores))


def _fleet(among: Sequence[Candidate], placement: Placement, models: Sequence[str]) -> Fleet:
    """The first node of each place as it is when the task would start."""
    nodes = [placement.nodes[candidate.places[0]] for candidate in among]
    sizes = [node.allocatable for node in nodes]
    fleet = Fleet.idle(
        models,
        [node.device for node in nodes],
        [int(size.cpu * MILLI) for size in sizes],
        [int(size.memory / _MIB) for size in sizes],
        [int(size.gpus) for size in sizes],
    )
    for number, candidate in enumerate(among):
        row = placement.timeline.rows[candidate.places[0]]
        cores, memory, gpus = row.free[bisect_right(row.times, candidate.start) - 1]
        fleet.free_cores[number] = max(0, int(cores * MILLI))
        fleet.free_memory[number] = max(0, int(memory / _MIB))
        left = round(max(0.0, gpus) * MILLI)
        for gpu in range(int(fleet.gpus[number])):
            fleet.free[number, gpu] = min(MILLI, max(0, left - gpu * MILLI))
        fleet.free[number, int(fleet.gpus[number]) :] = NO_GPU
    return fleet


def ask_of(demand: Demand) -> Ask:
    """A worker's demand in thousandths, rounded down: what fits is decided elsewhere."""
    gpus, cores, memory = demand.gpus, int(demand.cpu * MILLI), int(demand.memory / _MIB)
    if gpus <= 0:
        return Ask(cores, memory=memory)
    if gpus < 1:
        return Ask(cores, max(1, int(gpus * MILLI)), 1, memory=memory)
    return Ask(cores, MILLI, int(gpus), memory=memory)
