"""One arrivals-only run: pods come until their GPU demand is 130 % of the fleet's, nothing ends, what fits nowhere is
dropped (Weng et al., USENIX ATC 2023, section 6).

What makes it fast: scores stand in a table of distinct shapes x nodes, and after a placement only the column of the
node that changed is worked out anew; a column that the same state has had before is remembered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from heterosched.algorithms.packing.base import Outlook, Packing
from heterosched.algorithms.packing.fleet import Asks, Fleet, Floats, Ints
from heterosched.algorithms.packing.typical import Typical, typical
from heterosched_lab.openb.traces import Machines, Trace, step_watts

DEMAND = 1.3
"""Arrived GPU demand at which a run ends, as a share of the fleet."""


@dataclass(frozen=True, eq=False)
class Arrivals:
    """What one seed draws: the order of the nodes (that of their names) and the asks of the pods in order."""

    nodes: Ints
    pods: Ints


@dataclass(frozen=True, eq=False)
class Placements:
    """What a run decided: for each pod its node (a row of the listed nodes, -1: dropped) and its GPUs there."""

    policy: str
    pods: Ints
    nodes: Ints
    gpus: tuple[tuple[int, ...], ...]


def arrivals(machines: Machines, trace: Trace, seed: int, demand: float = DEMAND) -> Arrivals:
    """All pods in random order, then pods drawn with replacement, until so much GPU demand has arrived."""
    chance = np.random.default_rng(seed)
    order = chance.permutation(len(machines.gpus)).astype(np.int64)
    size, wanted = trace.milli(), demand * machines.milli
    pods = chance.permutation(trace.pods)
    while size[pods].sum() < wanted:
        if not size[trace.pods].any():
            break
        pods = np.concatenate((pods, chance.choice(trace.pods, size=len(trace.pods))))
    return Arrivals(order, pods[: int(np.searchsorted(np.cumsum(size[pods]), wanted)) + 1])


class Board:
    """Scores of every distinct ask on every node, kept up to date node by node."""

    def __init__(self, fleet: Fleet, trace: Trace, policy: Packing, outlook: Outlook) -> None:
        self._fleet, self._policy, self._outlook = fleet, policy, outlook
        shapes = [replace(ask, memory=0) for ask in trace.asks]
        distinct = list(dict.fromkeys(shapes))
        self._memory = [ask.memory for ask in trace.asks]
        self._shape = [distinct.index(shape) for shape in shapes]
        self._asks = Asks(distinct, fleet.models)
        self._known: dict[bytes, tuple[Floats, Ints]] = {}
        first = self._column(0)
        self.rated: Floats = np.full((len(distinct), len(first[0]), len(fleet)), -np.inf)
        self._gpu: Ints = np.full((len(distinct), len(fleet)), -1, dtype=np.int64)
        for node in range(len(fleet)):
            self.renew(node)

    def renew(self, node: int) -> None:
        """Work out the column of a node that changed."""
        row = self._fleet
        state = np.concatenate(
            (
                (row.model[node], row.cores[node], row.free_cores[node], row.gpus[node]),
                row.free[node],
                row.mixed[node] > 0,
            )
        ).tobytes()
        found = self._known.get(state)
        if found is None:
            found = self._known[state] = self._column(node)
        self.rated[:, :, node] = found[0].T
        self._gpu[:, node] = found[1]

    def candidates(self, ask: int) -> tuple[Ints, Floats]:
        """The nodes with room for an ask, and their scores. Memory is no part of a score, so it is looked at here."""
        rated = self.rated[self._shape[ask]]
        found = np.flatnonzero((rated[0] > -np.inf) & (self._fleet.free_memory >= self._memory[ask]))
        return found, rated[:, found]

    def gpu(self, ask: int, node: int) -> int:
        """The GPU that a share takes on a node."""
        return int(self._gpu[self._shape[ask], node])

    def _column(self, node: int) -> tuple[Floats, Ints]:
        fleet = self._fleet.row(node)
        ways = self._asks.ways(fleet)
        rated = self._policy.rate(fleet, ways, self._outlook)
        column = np.full((len(rated), len(self._asks.listed)), -np.inf)
        gpu = np.full(len(self._asks.listed), -1, dtype=np.int64)
        if len(ways):
            for component, scores in zip(column, rated, strict=True):
                np.maximum.at(component, ways.ask, scores)
            best = ways.first_best(rated[0])
            gpu[ways.ask[best]] = ways.gpu[best]
        return column, gpu


def place(
    machines: Machines, trace: Trace, policy: Packing, drawn: Arrivals, seed: int, outlook: Outlook | None = None
) -> Placements:
    """Run a policy over the arrivals. Without an `outlook` it expects the trace's pods and PWR's power model."""
    fleet = machines.fleet(drawn.nodes)
    expected = outlook or outlook_of(trace, fleet)
    board = Board(fleet, trace, policy, expected)
    chance = np.random.default_rng([seed, 1])
    nodes = np.full(len(drawn.pods), -1, dtype=np.int64)
    gpus: list[tuple[int, ...]] = []
    for number, ask in enumerate(drawn.pods.tolist()):
        candidates, rated = board.candidates(ask)
        if not len(candidates):
            gpus.append(())
            continue
        chosen = int(candidates[np.argmax(policy.decide(rated, chance))])
        gpus.append(fleet.take(chosen, trace.asks[ask], board.gpu(ask, chosen)))
        nodes[number] = drawn.nodes[chosen]
        board.renew(chosen)
    return Placements(policy.name, drawn.pods, nodes, tuple(gpus))


def outlook_of(trace: Trace, fleet: Fleet) -> Outlook:
    """The trace's most frequent shapes, and PWR's power model."""
    weighted = typical(trace.asks[ask] for ask in trace.pods.tolist())
    return Outlook(Typical(weighted, fleet.models), step_watts())
