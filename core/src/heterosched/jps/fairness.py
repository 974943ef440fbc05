"""How evenly jobs are served: Jain's index (1984), finish-time ratio (Themis, 2020), spread of completion times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heterosched.jps.links import Floats


@dataclass(frozen=True, slots=True)
class Fairness:
    """Fairness of a plan against the equal split; without jobs everybody is served alike.

    jain: Jain index of the speed-ups J(equal)/J, 1/S..1. jain_of_ratios: of J/J(equal). worst_ratio: largest
    J/J(equal). spread: largest completion time over the smallest.
    """

    jain: float
    jain_of_ratios: float
    worst_ratio: float
    spread: float


def jain(values: Floats) -> float:
    """Jain's index (sum x)^2 / (n sum x^2) of positive values: 1 where all are equal, 1/n where one has all."""
    if not len(values):
        return 1.0
    scaled = values / values.max()
    return min(1.0, float(scaled.sum() ** 2 / (len(values) * (scaled**2).sum())))


def fairness(seconds: Floats, equal: Floats) -> Fairness:
    """Fairness of completion times against those of the equal split (both in seconds, one per job, above zero)."""
    if not len(seconds):
        return Fairness(1.0, 1.0, 1.0, 1.0)
    ratio = seconds / equal
    return Fairness(jain(1.0 / ratio), jain(ratio), float(np.max(ratio)), float(np.max(seconds) / np.min(seconds)))
