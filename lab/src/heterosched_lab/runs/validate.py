"""Whether figures can be believed: enough repeats, little spread, no outliers, changes of a credible size.

The thresholds are those of AutoScheduler's validator; outliers by Tukey's fences (Exploratory Data Analysis, 1977).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heterosched_lab.runs.types import Figure
from heterosched_lab.statistics import ROUNDING, percentile

LEAST_SAMPLES = 3
LARGEST_VARIATION = 0.2
"""Coefficient of variation above which a mean says little."""
FENCE = 1.5
"""Interquartile ranges beyond the quartiles at which a value is an outlier."""
LARGEST_CHANGE = 1.0
SPEEDUPS = (0.1, 10.0)
REGRESSION = -0.05
"""A gain below it is a regression."""


def doubts(figure: Figure) -> list[str]:
    """What speaks against the figure's repeats, as sentences; nothing where it has one value by design."""
    if not figure.values:
        return []
    found = []
    if len(figure.values) < LEAST_SAMPLES:
        found.append(f"{len(figure.values)} samples, at least {LEAST_SAMPLES} are wanted")
    spread = variation(figure.values)
    if spread > LARGEST_VARIATION:
        found.append(f"coefficient of variation {spread:.0%}, above {LARGEST_VARIATION:.0%}")
    found += [f"outlier {figure.values[index]:g} (number {index + 1})" for index in outliers(figure.values)]
    return found


def variation(values: Sequence[float]) -> float:
    """Coefficient of variation: standard deviation over the mean's size; 0 of one value, or where all are 0."""
    array = np.asarray(values, dtype=np.float64)
    if len(array) < 2 or not array.any():
        return 0.0
    mean = abs(float(array.mean()))
    return float(array.std(ddof=1)) / mean if mean else float("inf")


def outliers(values: Sequence[float], among: Sequence[float] = ()) -> list[int]:
    """Indices of values beyond the fences of `among` (default: of the values themselves). Needs four to judge by."""
    known = among or values
    if len(known) < 4:
        return []
    low, high = percentile(known, 25), percentile(known, 75)
    reach = FENCE * (high - low) + ROUNDING * max(abs(low), abs(high))
    return [index for index, value in enumerate(values) if not low - reach <= value <= high + reach]


def gain(before: float, after: float, higher_is_better: bool) -> float | None:
    """Relative change in the direction of the goal (above 0: better); None where `before` is 0 and `after` is not."""
    if before == after:
        return 0.0
    if before == 0:
        return None
    change = (after - before) / abs(before)
    return change if higher_is_better else -change


def unrealistic(before: float, after: float) -> str:
    """Why a change is not to be believed without a look, or ""."""
    if before == 0 or after == 0 or before == after:
        return ""
    change, speedup = abs(after - before) / abs(before), before / after
    if change > LARGEST_CHANGE:
        return f"unrealistic: a change of {change:.0%}"
    return "" if SPEEDUPS[0] <= speedup <= SPEEDUPS[1] else f"unrealistic: {speedup:.3g} times"
