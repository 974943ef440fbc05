"""Dot product: where what is free is least like what is asked for in size, so that large rests stay large.

R. Grandl et al.: Multi-Resource Packing for Cluster Schedulers (Tetris). SIGCOMM 2014, section 3, as the baseline of
Q. Weng et al., USENIX ATC 2023: both vectors as shares of the largest node, the smaller product the better.
"""

from __future__ import annotations

import numpy as np

from heterosched.algorithms.packing.adapter import PackingStrategy
from heterosched.algorithms.packing.base import MOST, Outlook
from heterosched.algorithms.packing.fleet import Fleet, Floats, Ways


class DotProduct:
    """Smallest product of what is free and what is asked for."""

    name = "dot_product"

    def rate(self, fleet: Fleet, ways: Ways, outlook: Outlook) -> Floats:
        """One component: a whole number 0..100, less a trifle for the room on the GPU: a share takes the fullest."""
        cores, gpus = fleet.largest
        product = fleet.free_cores[ways.node] / cores * (ways.cores / cores)
        product = product + fleet.free_milli()[ways.node] / gpus * (ways.count * ways.milli / gpus)
        return (np.floor((1.0 - product / 2) * MOST) - ways.taken / (2 * MOST * MOST))[None, :]

    def decide(self, rated: Floats, chance: np.random.Generator) -> Floats:
        """The whole number: which GPU it would be does not tell nodes apart."""
        found: Floats = np.ceil(rated[0])
        return found


class DotProductStrategy(PackingStrategy):
    """Tasks as they come, each by the dot product."""

    name = "dot_product"
    policy = DotProduct
