"""The matching market inside a category: jobs are buyers of fixed sizes, workers are goods with prices.

With additive valuations the clearing market is the linear assignment problem (Easley and Kleinberg, chapter 10; Liu et
al. 2024, Algorithm 2), here over classes of workers, i.e. a transportation problem. It is solved from any assignment by
trading along cycles of gain: when there is none left the potentials of the last search are the jobs' fees, from which
the prices follow. One more buyer, valuing everything at zero, holds the idle workers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heterosched.jps.links import Floats, Ints


@dataclass(frozen=True, eq=False)
class Cleared:
    """holding: buyers x classes. prices: per class, not below zero, because the idle buyer values all at zero.

    At these prices (and the fees, one per buyer) nobody wants another worker than those he holds.
    """

    holding: Ints
    fees: Floats
    prices: Floats


def fill(values: Floats, sizes: Ints, count: Ints) -> Ints:
    """A first assignment: the dearest pairs of buyer and class first. Needs sum(sizes) == sum(count)."""
    holding = np.zeros(values.shape, dtype=np.int64)
    need, free, left = sizes.tolist(), count.tolist(), int(count.sum())
    classes = values.shape[1]
    for flat in np.argsort(-values, axis=None, kind="stable").tolist():
        buyer, good = divmod(flat, classes)
        amount = min(need[buyer], free[good])
        if amount:
            holding[buyer, good] = amount
            need[buyer] -= amount
            free[good] -= amount
            left -= amount
            if not left:
                break
    return holding


def clear(values: Floats, holding: Ints) -> Cleared:
    """The assignment of largest total value with the row and column sums of `holding`, and its prices.

    Buyers x classes; the last row is the idle buyer. Values must be finite: mark a forbidden pair by a large loss.
    """
    holding = holding.copy()
    tolerance = 1e-12 * max(1e-300, float(np.abs(values).max(initial=0.0)))
    gain, good = np.empty((len(values),) * 2), np.empty((len(values),) * 2, dtype=np.int64)
    stale = list(range(len(values)))
    while True:
        for buyer in stale:
            gain[buyer], good[buyer] = _offers(values, holding, buyer)
        cycle, potential = _gainful_cycle(gain, tolerance)
        if not cycle:
            fees = potential - potential[-1]
            return Cleared(holding, fees, (values - fees[:, None]).max(axis=0))
        arcs = list(zip(cycle, cycle[1:] + cycle[:1], strict=True))
        amount = min(holding[giver, good[giver, taker]] for giver, taker in arcs)
        for giver, taker in arcs:
            holding[giver, good[giver, taker]] -= amount
            holding[taker, good[giver, taker]] += amount
        stale = cycle


def _offers(values: Floats, holding: Ints, giver: int) -> tuple[Floats, Ints]:
    """For each taker the largest gain of handing over one of the giver's workers, and of which class."""
    held = np.flatnonzero(holding[giver])
    if not len(held):
        return np.full(len(values), -np.inf), np.zeros(len(values), dtype=np.int64)
    difference = values[:, held] - values[giver, held]
    best = difference.argmax(axis=1)
    gains = difference[np.arange(len(values)), best]
    gains[giver] = -np.inf
    return gains, held[best]


def _gainful_cycle(gain: Floats, tolerance: float) -> tuple[list[int], Floats]:
    """A cycle of givers and takers with positive gain (empty: none), and the potentials (longest walks)."""
    buyers = len(gain)
    potential = np.zeros(buyers)
    pair = gain + gain.T
    if buyers > 1 and pair.max() > 2 * tolerance:
        return [int(index) for index in np.unravel_index(pair.argmax(), pair.shape)], potential
    before = np.full(buyers, -1)
    takers = np.arange(buyers)
    for step in range(1, buyers + 2):
        walks = potential[:, None] + gain
        best = walks.argmax(axis=0)
        longer = walks[best, takers] > potential + tolerance
        if not longer.any():
            break
        potential = np.where(longer, walks[best, takers], potential)
        before = np.where(longer, best, before)
        if step & (step - 1) == 0 or step > buyers:  # at powers of two: a cycle shows early, the search for it is dear
            cycle = _cycle_in(before.tolist())
            if cycle and _total(gain, cycle) > tolerance * len(cycle):
                return cycle, potential
    return [], potential


def _total(gain: Floats, cycle: list[int]) -> float:
    return float(sum(gain[giver, taker] for giver, taker in zip(cycle, cycle[1:] + cycle[:1], strict=True)))


def _cycle_in(before: list[int]) -> list[int]:
    """A cycle of the graph in which each taker points at the giver before it; givers first."""
    state = [0] * len(before)  # 0 unseen, otherwise the walk that came by
    for start in range(len(before)):
        walk, node = start + 1, start
        while node >= 0 and state[node] == 0:
            state[node] = walk
            node = before[node]
        if node >= 0 and state[node] == walk:
            cycle, first = [node], node
            while before[node] != first:
                node = before[node]
                cycle.append(node)
            return cycle[::-1]
    return []
