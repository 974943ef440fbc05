"""Exact oracle 2: dynamic programming over the workers used of each class (min-plus over jobs).

    f_i(used) = min over ways c of job i:  f_{i-1}(used - c) + cost_i(c)          O(S * prod (N_m + 1)^2)

Exact for any links and restarts, because the classes are of interchangeable workers. With as many classes as workers it
is the subset dynamic programme; it pays where there are few classes. With prices, ways that no optimal plan can contain
are left out beforehand (reduced-cost fixing), which keeps it exact and makes it fast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from heterosched.jps.configurations import Choices
from heterosched.jps.links import Floats, Ints


def cells(count: Ints, menu: Sequence[Choices]) -> float:
    """Table cells that `typed_dp` would visit at most."""
    return math.prod(int(number) + 1 for number in count) * float(sum(len(ways.cost) for ways in menu))


def typed_dp(count: Ints, menu: Sequence[Choices]) -> tuple[float, Ints | None]:
    """Least total score and its plan (S x M); infinity and None where the jobs do not fit together."""
    shape = tuple(int(number) + 1 for number in count)
    value = np.zeros(shape)  # least score with at most these workers: the rest stays idle
    picks = []
    for ways in menu:
        following, pick = np.full(shape, np.inf), np.full(shape, -1, dtype=np.int32)
        for index, (way, cost) in enumerate(zip(ways.counts.tolist(), ways.cost.tolist(), strict=True)):
            target = tuple(slice(amount, None) for amount in way)
            source = tuple(slice(0, size - amount) for size, amount in zip(shape, way, strict=True))
            offered = value[source] + cost
            better = offered < following[target]
            np.copyto(following[target], offered, where=better)
            pick[target][better] = index
        picks.append(pick)
        value = following
    full = tuple(int(number) for number in count)
    if not math.isfinite(float(value[full])):
        return math.inf, None
    return float(value[full]), _traced(full, menu, picks)


def _traced(
    full: tuple[int, ...], menu: Sequence[Choices], picks: Sequence[Ints | np.typing.NDArray[np.int32]]
) -> Ints:
    """The plan behind the value of a full table."""
    at, rows = np.array(full, dtype=np.int64), []
    for ways, pick in zip(reversed(menu), reversed(picks), strict=True):
        row = ways.counts[int(pick[tuple(at)])]
        rows.append(row)
        at = at - row
    return np.array(rows[::-1], dtype=np.int64).reshape(len(menu), len(full))


def fixed(menu: Sequence[Choices], prices: Floats, count: Ints, best: float) -> list[Choices]:
    """The menu without the ways that no plan of a score up to `best` can contain, given any prices >= 0."""
    reduced = [ways.cost + ways.payments(prices) for ways in menu]
    least = [float(row.min(initial=math.inf)) for row in reduced]
    slack = best * (1 + 1e-9) - (sum(least) - float(prices @ count))
    return [ways.kept(row <= lowest + slack) for ways, row, lowest in zip(menu, reduced, least, strict=True)]
