"""PWR+FGD: the weighted sum of the two scores, a tenth of it power.

F. Lettich et al.: Power- and Fragmentation-aware Online Scheduling for GPU Datacenters. CCGrid 2025 (arXiv 2412.17484).
Weights of 100 for PWR and 900 for FGD are the mix with which the published savings come.
"""

from __future__ import annotations

import numpy as np

from heterosched.algorithms.packing.adapter import PackingStrategy
from heterosched.algorithms.packing.base import Outlook
from heterosched.algorithms.packing.fgd import Fgd
from heterosched.algorithms.packing.fleet import Fleet, Floats, Ways
from heterosched.algorithms.packing.pwr import Pwr, scaled


class PwrFgd:
    """Power and fragmentation together; `power` and `fragmentation` are the weights."""

    name = "pwr_fgd"

    def __init__(self, power: float = 100.0, fragmentation: float = 900.0) -> None:
        self._weights = power, fragmentation
        self._parts = Pwr(), Fgd()

    def rate(self, fleet: Fleet, ways: Ways, outlook: Outlook) -> Floats:
        """Two components: those of PWR and of FGD."""
        return np.concatenate([part.rate(fleet, ways, outlook) for part in self._parts])

    def decide(self, rated: Floats, chance: np.random.Generator) -> Floats:
        """The weighted sum, power put on the scale among the candidates first."""
        power, fragmentation = self._weights
        found: Floats = power * scaled(rated[0]) + fragmentation * rated[1]
        return found


class PwrFgdStrategy(PackingStrategy):
    """Tasks as they come, each by PWR+FGD."""

    name = "pwr_fgd"
    policy = PwrFgd
