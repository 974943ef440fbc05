"""Which jobs fit together at all: a maximum flow of workers to jobs, grown by augmenting paths."""

from __future__ import annotations

from collections import deque

import numpy as np

from heterosched.jps.categories import Category
from heterosched.jps.grouped import Grouped
from heterosched.jps.links import Ints


class Flow:
    """Workers handed to jobs one by one; a job may be moved to other workers to make room, but never loses one."""

    def __init__(self, grouped: Grouped) -> None:
        self.usable = grouped.speed > 0
        self.free = grouped.count.copy()
        self.holding = np.zeros(grouped.speed.shape, dtype=np.int64)

    def give(self, job: int, amount: int) -> bool:
        """Hand `amount` more workers to a job; all or none."""
        free, holding = self.free.copy(), self.holding.copy()
        for _ in range(amount):
            if not self._augment(job):
                self.free, self.holding = free, holding
                return False
        return True

    def _augment(self, job: int) -> bool:
        """Breadth first: the job takes a free worker, or one of another job that can be served otherwise."""
        before: dict[int, tuple[int, int]] = {}  # job -> (who takes from it, which class)
        queue, unseen = deque([job]), np.ones(len(self.usable), dtype=bool)
        unseen[job] = False
        while queue:
            taker = queue.popleft()
            usable = self.usable[taker]
            open_ = np.flatnonzero(usable & (self.free > 0))
            if len(open_):
                self._hand_on(job, taker, int(open_[0]), before)
                return True
            offered = (self.holding > 0) & usable
            for giver in np.flatnonzero(unseen & offered.any(axis=1)).tolist():
                unseen[giver] = False
                before[giver] = (taker, int(offered[giver].argmax()))
                queue.append(giver)
        return False

    def _hand_on(self, job: int, last: int, good: int, before: dict[int, tuple[int, int]]) -> None:
        self.free[good] -= 1
        self.holding[last, good] += 1
        while last != job:
            taker, passed = before[last]
            self.holding[last, passed] -= 1
            self.holding[taker, passed] += 1
            last = taker


def equal_sizes(grouped: Grouped) -> Category:
    """The equal split: sizes that differ by one at most as far as bounds and usable workers let them.

    The remainder goes to the jobs that come first. Needs jobs that fit together with their least sizes.
    """
    flow: Flow = Flow(grouped)
    sizes: Ints = grouped.least.copy()
    for job in range(grouped.jobs):
        flow.give(job, int(sizes[job]))
    open_ = sizes < grouped.most
    while open_.any():
        job = int(np.where(open_, sizes, np.iinfo(np.int64).max).argmin())
        if flow.give(job, 1):
            sizes[job] += 1
            open_[job] = sizes[job] < grouped.most[job]
        else:
            open_[job] = False
    return tuple(int(size) for size in sizes)
