"""Categories: how many workers each job gets. Counted, ranked and drawn without listing them.

Liu et al. (2024) group the feasible placements by these vectors. Workers may stay idle: forcing all of them into jobs
makes communication-heavy jobs slower. The order is lexicographic in the jobs as given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

Category = tuple[int, ...]


@dataclass(frozen=True)
class Categories:
    """All vectors with least_i <= n_i <= most_i and at most `workers` in sum (exactly, without `idle`)."""

    least: Category
    most: Category
    workers: int
    idle: bool = True

    @cached_property
    def _ways(self) -> list[list[int]]:
        """ways[i][r]: vectors of the jobs from i on that use at most (exactly) r workers."""
        ways = [[1 if self.idle or rest == 0 else 0 for rest in range(self.workers + 1)]]
        for least, most in zip(reversed(self.least), reversed(self.most), strict=True):
            sums = [0, *accumulate(ways[0])]  # sums[r] = ways of 0 .. r-1
            ways.insert(
                0,
                [
                    sums[rest - least + 1] - sums[max(0, rest - most)] if rest >= least else 0
                    for rest in range(self.workers + 1)
                ],
            )
        return ways

    @property
    def count(self) -> int:
        """How many there are."""
        return self._ways[0][self.workers]

    def __iter__(self) -> Iterator[Category]:
        """All of them in lexicographic order."""
        return (self.unrank(rank) for rank in range(self.count))

    def __contains__(self, category: object) -> bool:
        """Whether a vector is one of them."""
        if not isinstance(category, tuple) or len(category) != len(self.least):
            return False
        inside = all(lo <= n <= hi for lo, n, hi in zip(self.least, category, self.most, strict=True))
        used = sum(category)
        return inside and (used <= self.workers if self.idle else used == self.workers)

    def rank(self, category: Category) -> int:
        """Position of a category in the lexicographic order."""
        rank, rest = 0, self.workers
        for job, size in enumerate(category):
            following = self._ways[job + 1]
            rank += sum(following[rest - lower] for lower in range(self.least[job], size))
            rest -= size
        return rank

    def unrank(self, rank: int) -> Category:
        """The category at a position; the inverse of `rank`."""
        found, rest = [], self.workers
        for job, size in enumerate(self.least):
            following = self._ways[job + 1]
            while rank >= following[rest - size]:
                rank -= following[rest - size]
                size += 1
            found.append(size)
            rest -= size
        return tuple(found)

    def first(self, alpha: float) -> int:
        """Rank of the first category that random draws may yield: min(L - 1, floor(alpha L))."""
        if alpha <= 0:
            return 0
        numerator, denominator = alpha.as_integer_ratio()
        slack = self.count // 10**9  # a rounded alpha such as 1 - 1/L means the next whole rank
        return min(self.count - 1, (self.count * numerator + slack * denominator + denominator // 10**9) // denominator)

    def draw(self, rng: np.random.Generator, alpha: float = 0.0) -> Category:
        """A category drawn uniformly from those whose rank is not below alpha times their number."""
        start = self.first(alpha)
        return self.unrank(start + below(rng, self.count - start))


def below(rng: np.random.Generator, bound: int) -> int:
    """A whole number drawn uniformly from 0 .. bound - 1, however large the bound."""
    if bound < 2**62:
        return int(rng.integers(bound))
    bits = bound.bit_length()
    while True:
        drawn = int.from_bytes(rng.bytes((bits + 7) // 8), "little") >> (-bits % 8)
        if drawn < bound:
            return drawn


def best_sizes(cost: np.typing.NDArray[np.float64], workers: int) -> Category:
    """Sizes of least total cost by dynamic programming; cost[i][n] for n = 0..workers, infinite where not allowed.

    Idle workers are allowed. Needs a feasible vector.
    """
    value = np.zeros(workers + 1)
    picks = []
    for row in cost:
        following, pick = np.full(workers + 1, np.inf), np.zeros(workers + 1, dtype=np.int64)  # by workers used
        for size in np.flatnonzero(np.isfinite(row)):
            offered = row[size] + value[: workers + 1 - size]
            better = offered < following[size:]
            np.copyto(following[size:], offered, where=better)
            pick[size:][better] = size
        picks.append(pick)
        value = following
    found, rest = [], workers
    for pick in reversed(picks):
        found.append(int(pick[rest]))
        rest -= found[-1]
    return tuple(reversed(found))
