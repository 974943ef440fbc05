"""Best fit: where least is left of cores and GPUs together.

The baseline of Q. Weng et al., USENIX ATC 2023, section 6 (after Protean, OSDI 2020): the sum over both resources of
what would be left, each as a share of the largest node that there is; a share of a GPU takes the fullest GPU.
"""

from __future__ import annotations

import numpy as np

from heterosched.algorithms.packing.adapter import PackingStrategy
from heterosched.algorithms.packing.base import MOST, Outlook
from heterosched.algorithms.packing.fleet import Fleet, Floats, Ways


class BestFit:
    """Least left over."""

    name = "best_fit"

    def rate(self, fleet: Fleet, ways: Ways, outlook: Outlook) -> Floats:
        """One component: a whole number 0..100, larger where less is left, less a trifle for the room on the GPU."""
        cores, gpus = fleet.largest
        left = (fleet.free_cores[ways.node] - ways.cores) / cores / 2
        left = left + (fleet.free_milli()[ways.node] - ways.count * ways.milli) / gpus / 2
        return (np.floor((1.0 - left) * MOST) - ways.taken / (2 * MOST * MOST))[None, :]

    def decide(self, rated: Floats, chance: np.random.Generator) -> Floats:
        """The whole number: which GPU it would be does not tell nodes apart."""
        found: Floats = np.ceil(rated[0])
        return found


class BestFitStrategy(PackingStrategy):
    """Tasks as they come, each by best fit."""

    name = "best_fit"
    policy = BestFit
