"""GPU packing: shared GPUs first, then free GPUs of nodes in use, idle nodes last.

Q. Weng et al.: MLaaS in the Wild. NSDI 2022, section 7, as the baseline of Q. Weng et al., USENIX ATC 2023, section 6.
"""

from __future__ import annotations

import numpy as np

from heterosched.algorithms.packing.adapter import PackingStrategy
from heterosched.algorithms.packing.base import MOST, Outlook
from heterosched.algorithms.packing.fleet import MILLI, Fleet, Floats, Ways


class GpuPacking:
    """Fills what is in use already."""

    name = "gpu_packing"

    def rate(self, fleet: Fleet, ways: Ways, outlook: Outlook) -> Floats:
        """One component: 50..100 on GPUs in use, 33..50 on free GPUs of a node in use, below that on an idle node."""
        whole = (fleet.free == MILLI).sum(axis=1)[ways.node]
        room = ways.taken * 100 // MILLI
        shared = np.maximum(MOST - room // 10, MOST // 2)
        beside = np.maximum(MOST // 2 - ways.count, MOST // 3)
        idle = np.maximum(MOST // 3 - whole, whole)
        fresh = np.where(whole < fleet.gpus[ways.node], beside, idle)
        score = np.where(ways.taken < MILLI, shared - room / MOST / 2, fresh)
        return np.where(ways.count > 0, score, 0.0)[None, :]

    def decide(self, rated: Floats, chance: np.random.Generator) -> Floats:
        """The whole number: which GPU it would be does not tell nodes apart."""
        found: Floats = np.ceil(rated[0])
        return found


class GpuPackingStrategy(PackingStrategy):
    """Tasks as they come, each by GPU packing."""

    name = "gpu_packing"
    policy = GpuPacking
