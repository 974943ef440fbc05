"""PWR: where the placement adds the fewest watts.

F. Lettich et al.: Power- and Fragmentation-aware Online Scheduling for GPU Datacenters. CCGrid 2025 (arXiv 2412.17484).
Scores are whole numbers from 0 to 100, put on the scale between the best and the worst candidate.
"""

from __future__ import annotations

import numpy as np

from heterosched.algorithms.packing.adapter import PackingStrategy
from heterosched.algorithms.packing.base import MOST, Outlook
from heterosched.algorithms.packing.fleet import Fleet, Floats, Ways


def scaled(score: Floats) -> Floats:
    """Whole numbers 0..100 between the worst and the best; all 100 where they are equal."""
    low, high = score.min(), score.max()
    if high <= low:
        return np.full(len(score), float(MOST))
    found: Floats = np.floor((score - low) * MOST / (high - low))
    return found


class Pwr:
    """Least growth of power."""

    name = "pwr"

    def rate(self, fleet: Fleet, ways: Ways, outlook: Outlook) -> Floats:
        """One component: minus the watts added, whole ones."""
        return -np.trunc(outlook.watts.increase(fleet, ways))[None, :]

    def decide(self, rated: Floats, chance: np.random.Generator) -> Floats:
        """Put on the scale among the candidates."""
        return scaled(rated[0])


class PwrStrategy(PackingStrategy):
    """Tasks as they come, each by PWR."""

    name = "pwr"
    policy = Pwr
