"""Intervals and tests over repeats, with real degrees of freedom. All of it is pure; the units are the values' own.

Student's t for one sample and for pairs; Welch (1947), "The generalization of 'Student's' problem when several
different population variances are involved", Biometrika 34, with the degrees of freedom of Welch and Satterthwaite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtr, stdtrit

from heterosched.errors import InvalidInput

Verdict = Literal["Improved", "Regressed", "Neutral"]
SIGNIFICANCE = 0.01
"""Below it a difference is one. Stricter than 5 %, at which every twentieth comparison of a thing with itself fails."""
ROUNDING = 1e-9
"""Relative differences below it are of the arithmetic, not of what was measured."""


@dataclass(frozen=True, slots=True)
class Welch:
    """A test of `a` against `b`: t is positive where a's mean is the larger one; `p` is two-sided."""

    t: float
    degrees: float
    p: float


def mean_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Mean, lower and upper end of its confidence interval by Student's t. The ends of one value alone are NaN."""
    array = _array(values, "values", 1)
    mean = float(array.mean())
    if len(array) == 1:
        return mean, float("nan"), float("nan")
    half = float(stdtrit(len(array) - 1, (1 + level) / 2) * array.std(ddof=1) / np.sqrt(len(array)))
    return mean, mean - half, mean + half


def paired_interval(a: Sequence[float], b: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Mean of a - b and its confidence interval, where both were measured under the same conditions (same seed)."""
    first, second = _array(a, "a", 1), _array(b, "b", 1)
    if len(first) != len(second):
        raise _unequal(len(second), len(first))
    return mean_interval([float(value) for value in first - second], level)


def welch(a: Sequence[float], b: Sequence[float]) -> Welch:
    """Whether the means of a and b differ, by Welch's test. Needs two values of each."""
    first, second = _array(a, "a", 2), _array(b, "b", 2)
    one, two = float(first.var(ddof=1)) / len(first), float(second.var(ddof=1)) / len(second)
    difference = float(first.mean() - second.mean())
    noise = ROUNDING * max(abs(float(first.mean())), abs(float(second.mean())))
    if np.sqrt(one + two) <= noise:
        return _without_spread(difference, len(first) + len(second) - 2, noise)
    degrees = (one + two) ** 2 / (one**2 / (len(first) - 1) + two**2 / (len(second) - 1))
    t = difference / float(np.sqrt(one + two))
    return Welch(t, float(degrees), float(2 * stdtr(degrees, -abs(t))))


def paired(a: Sequence[float], b: Sequence[float]) -> Welch:
    """Whether a and b differ pair by pair, by Student's test of their differences. Needs two pairs."""
    first, second = _array(a, "a", 2), _array(b, "b", 2)
    if len(first) != len(second):
        raise _unequal(len(second), len(first))
    apart = first - second
    error, mean = float(apart.std(ddof=1)) / float(np.sqrt(len(apart))), float(apart.mean())
    noise = ROUNDING * max(float(np.abs(first).max()), float(np.abs(second).max()))
    if error <= noise:
        return _without_spread(mean, len(apart) - 1, noise)
    t = mean / error
    return Welch(t, float(len(apart) - 1), float(2 * stdtr(len(apart) - 1, -abs(t))))


def _without_spread(difference: float, degrees: float, noise: float) -> Welch:
    """The test of values that do not vary: equal within the rounding of their arithmetic, or different for sure."""
    same = abs(difference) <= noise
    return Welch(0.0 if same else float(np.copysign(np.inf, difference)), float(degrees), 1.0 if same else 0.0)


def _unequal(second: int, first: int) -> InvalidInput:
    return InvalidInput("pairs", "b", f"{second} values against {first}", "pair each value with one")


def percentile(values: Sequence[float], rank: float) -> float:
    """The value that `rank` % of the values do not exceed, interpolated linearly between neighbours."""
    if not 0 <= rank <= 100:
        raise InvalidInput("percentile", "rank", f"{rank:g} is not within 0..100")
    return float(np.percentile(_array(values, "values", 1), rank))


def verdict(
    a: Sequence[float], b: Sequence[float], *, higher_is_better: bool = False, significance: float = SIGNIFICANCE
) -> Verdict:
    """What became of a (before) in b (after); Neutral where Welch's test finds no difference."""
    return verdict_of(welch(a, b), higher_is_better=higher_is_better, significance=significance)


def verdict_of(test: Welch, *, higher_is_better: bool = False, significance: float = SIGNIFICANCE) -> Verdict:
    """The same by a test that is done already."""
    if test.p >= significance:
        return "Neutral"
    return "Improved" if (test.t > 0) != higher_is_better else "Regressed"


def _array(values: Sequence[float], name: str, least: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    array: np.ndarray[tuple[int], np.dtype[np.float64]] = np.asarray(values, dtype=np.float64).reshape(-1)
    if len(array) < least:
        raise InvalidInput("statistics", name, f"{len(array)} values", f"give at least {least}")
    if not np.isfinite(array).all():
        raise InvalidInput("statistics", name, "a value is not finite", "leave out what was not measured")
    return array
