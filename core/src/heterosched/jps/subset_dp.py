"""Exact oracle 1: dynamic programming over sets of workers, for any speeds and links; up to about a dozen workers.

f_i(mask) = min over sub of mask:  cost_i(sub) + f_{i-1}(mask without sub)          O(S 3^K)
"""

from __future__ import annotations

import numpy as np

from heterosched.errors import InvalidInput
from heterosched.jps.grouped import Grouped
from heterosched.jps.links import Ints
from heterosched.jps.timing import Objective, costs

MOST_WORKERS = 13


def subset_dp(grouped: Grouped, objective: Objective) -> float:
    """The least score of all plans, infinite where there is none. Raises InvalidInput beyond MOST_WORKERS workers."""
    workers = grouped.workers
    if workers > MOST_WORKERS:
        problem = f"{workers} workers make 3^{workers} pairs of sets"
        raise InvalidInput("JPS oracle", "workers", problem, f"use at most {MOST_WORKERS}, or the typed oracle")
    masks = np.arange(1 << workers)
    bits = (masks[:, None] >> np.arange(workers)) & 1
    owner = np.repeat(np.arange(grouped.classes), grouped.count)
    counts = np.zeros((len(masks), grouped.classes), dtype=np.int64)
    for worker, good in enumerate(owner):
        counts[:, good] += bits[:, worker]
    size = counts.sum(axis=1)
    subsets = [_subsets(mask) for mask in range(len(masks))]
    value = np.zeros(len(masks))
    for job in range(grouped.jobs):
        cost = costs(grouped, objective, np.full(len(masks), job), counts)
        cost[(size < grouped.least[job]) | (size > grouped.most[job])] = np.inf
        value = np.array([np.min(cost[own] + value[mask ^ own]) for mask, own in enumerate(subsets)])
    return float(value[-1])


def _subsets(mask: int) -> Ints:
    """All subsets of a bit mask, itself and the empty one included."""
    found = np.zeros(1, dtype=np.int64)
    while mask:
        bit = mask & -mask
        found = np.concatenate([found, found | bit])
        mask ^= bit
    return found
