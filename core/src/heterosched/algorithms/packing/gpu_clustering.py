"""GPU clustering: pods of one kind (a share of a GPU, or so many whole ones) together on the same nodes.

W. Xiao et al.: Gandiva: Introspective Cluster Scheduling for Deep Learning. OSDI 2018, section 3, as the baseline of
Q. Weng et al., USENIX ATC 2023, section 6: nodes with this kind alone, then among others, idle nodes, the rest; within
each group the fuller node.
"""

from __future__ import annotations

import numpy as np

from heterosched.algorithms.packing.adapter import PackingStrategy
from heterosched.algorithms.packing.base import MOST, Outlook
from heterosched.algorithms.packing.fleet import Fleet, Floats, Ways


class GpuClustering:
    """Like to like."""

    name = "gpu_clustering"

    def rate(self, fleet: Fleet, ways: Ways, outlook: Outlook) -> Floats:
        """One component: the group in quarters of 100 and how full the node is, less a trifle for the GPU's room."""
        quarter, most = MOST // 4, fleet.largest[1]
        full = quarter * (most - fleet.free_milli()[ways.node]) // most
        kinds = (fleet.mixed > 0).sum(axis=1)[ways.node]
        has = fleet.mixed[ways.node, ways.kind] > 0
        group = np.where(has, np.where(kinds == 1, 3, 2), np.where(kinds == 0, 1, 0))
        score = full + group * quarter - ways.taken / (2 * MOST * MOST)
        return np.where(ways.count > 0, score, 0.0)[None, :]

    def decide(self, rated: Floats, chance: np.random.Generator) -> Floats:
        """The whole number: which GPU it would be does not tell nodes apart."""
        found: Floats = np.ceil(rated[0])
        return found


class GpuClusteringStrategy(PackingStrategy):
    """Tasks as they come, each by GPU clustering."""

    name = "gpu_clustering"
    policy = GpuClustering
