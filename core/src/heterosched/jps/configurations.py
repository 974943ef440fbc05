"""All ways to equip one job from classes of workers, with their scores: the columns of the exact methods."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from heterosched.jps.grouped import Grouped
from heterosched.jps.links import Floats, Ints
from heterosched.jps.timing import Objective, costs


@dataclass(frozen=True, eq=False)
class Choices:
    """What one job may get: counts (ways x M) and the score of each way."""

    counts: Ints
    cost: Floats

    def payments(self, prices: Floats) -> Floats:
        """What each way costs at prices per worker. Not by matrix product: its rounding depends on the threads."""
        return np.asarray(np.einsum("wm,m->w", self.counts, prices))

    def kept(self, keep: np.typing.NDArray[np.bool_]) -> Choices:
        """The ways that `keep` marks."""
        return Choices(self.counts[keep], self.cost[keep])


def ways(grouped: Grouped) -> float:
    """An upper bound of the number of ways of any job."""
    highest = int(grouped.most.max(initial=0))
    boxes = math.prod(min(int(count), highest) + 1 for count in grouped.count)
    return float(min(boxes, math.comb(highest + grouped.classes, grouped.classes)))


def choices(grouped: Grouped, objective: Objective, job: int) -> Choices:
    """All allowed ways of a job. The caller bounds their number by `ways` first."""
    most = int(grouped.most[job])
    usable = np.where(grouped.speed[job] > 0, np.minimum(grouped.count, most), 0)
    counts = np.zeros((1, grouped.classes), dtype=np.int64)
    for good in np.flatnonzero(usable):  # class by class, so that rows beyond `most` are never built
        amounts = np.arange(usable[good] + 1)
        rows = np.repeat(counts, len(amounts), axis=0)
        rows[:, good] = np.tile(amounts, len(counts))
        counts = rows[rows.sum(axis=1) <= most]
    counts = counts[counts.sum(axis=1) >= grouped.least[job]]
    cost = costs(grouped, objective, np.full(len(counts), job), counts)
    return Choices(counts, cost)
