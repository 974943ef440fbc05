"""Rates between workers, and the slowest link of a group of them: what a ring all-reduce waits for.

One rate for all pairs, or one for each pair (NVLink, PCIe, the node's network card). Liu et al. (2024, eq. 6) charge
the slowest link of the workers of a job; a ring could avoid a slow pair: the minimum over pairs is the cautious figure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterosched.errors import InvalidInput

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SLOWEST = 1e-30
"""Least rate in bytes per second: below it a transfer takes for ever, and quotients overflow."""


@dataclass(frozen=True, eq=False)
class Links:
    """Bytes per second between two workers: `rate` for every pair, or `pairs` (workers x workers, symmetric)."""

    rate: float = math.inf
    pairs: Floats | None = None

    @classmethod
    def by_node(cls, nodes: Sequence[str], inside: float, between: float) -> Links:
        """`inside` between workers of one node, `between` (the network) otherwise; `nodes` has one name per worker."""
        if inside == between:
            return cls(inside)
        _, number = np.unique(np.array(nodes, dtype=object).astype(str), return_inverse=True)
        return cls(pairs=np.where(number[:, None] == number[None, :], inside, between).astype(np.float64))

    def check(self, workers: int) -> None:
        """Raises InvalidInput where a rate is not above zero, or the matrix is not symmetric over `workers`."""
        if self.pairs is None:
            if not self.rate >= SLOWEST:
                raise InvalidInput("JPS links", "rate", f"{self.rate!r} B/s", "give a rate above zero, or infinity")
            return
        if self.pairs.shape != (workers, workers):
            problem = f"{self.pairs.shape} for {workers} workers"
            raise InvalidInput("JPS links", "pairs", problem, "give one row and one column per worker")
        apart = ~np.eye(workers, dtype=bool)
        if not (self.pairs[apart] >= SLOWEST).all():
            raise InvalidInput("JPS links", "pairs", "a rate is not above zero", "give rates above zero, or infinity")
        if not np.array_equal(self.pairs[apart], self.pairs.T[apart]):
            raise InvalidInput("JPS links", "pairs", "not symmetric", "give both directions the same rate")

    def restricted(self, keep: Ints) -> Links:
        """The links among the workers `keep`."""
        return self if self.pairs is None else Links(pairs=self.pairs[np.ix_(keep, keep)])


def slowest(link: Floats, counts: Ints) -> Floats:
    """Slowest link of each row of `counts` (rows x classes); infinity for rows of fewer than two workers.

    `link` is classes x classes; its diagonal is the rate inside a class, which counts from two workers on.
    """
    found = np.full(len(counts), math.inf)
    open_ = counts.sum(axis=1) > 1
    held, several = (counts > 0).astype(np.float64), counts > 1
    apart, inside = link.copy(), np.diag(link)
    np.fill_diagonal(apart, math.inf)
    for rate in np.unique(link[np.isfinite(link)]):
        if not open_.any():
            break
        rows = np.flatnonzero(open_)
        hit = ((held[rows] @ (apart <= rate)) * held[rows]).sum(axis=1) > 0
        hit |= (several[rows] & (inside <= rate)).any(axis=1)
        found[rows[hit]] = rate
        open_[rows[hit]] = False
    return found


def attached(link: Floats, counts: Ints) -> Floats:
    """Slowest link from one more worker of each class to the workers of each row (rows x classes)."""
    found = np.full(counts.shape, math.inf)
    held = (counts > 0).astype(np.float64)
    for rate in np.unique(link[np.isfinite(link)])[::-1]:
        found[(held @ (link <= rate)) > 0] = rate
    return found


def optimistic(link: Floats, count: Ints) -> Floats:
    """An upper bound of the slowest link of any n workers, by n = 0..sum(count).

    Each of n workers needs n - 1 links of that rate: the n-th largest, over workers, of their (n-1)-th fastest link.
    """
    total = int(count.sum())
    bound = np.full(total + 1, math.inf)
    repeated = np.repeat(np.arange(len(count)), count)
    ranked = np.empty((len(count), max(total - 1, 0)))  # fastest links first, itself left out
    for own in range(len(count)):
        rates = np.repeat(link[own], count - (np.arange(len(count)) == own))
        ranked[own] = np.sort(rates)[::-1]
    for n in range(2, total + 1):
        bound[n] = np.sort(ranked[repeated, n - 2])[::-1][n - 1]
    return np.minimum.accumulate(bound)
