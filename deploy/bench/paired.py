"""Paired differences and two samples: confidence intervals and Welch's test, by Student's distribution alone."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A mean and its two-sided confidence interval; infinite from a single value."""

    mean: float
    low: float
    high: float

    def rounded(self, digits: int = 3) -> dict[str, float | None]:
        """For JSON, which knows no infinity."""
        figures = {"mean": self.mean, "low": self.low, "high": self.high}
        return {name: round(value, digits) if math.isfinite(value) else None for name, value in figures.items()}


def interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """The mean of `values` (paired differences, say) with its confidence interval."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return Interval(mean, -math.inf, math.inf)
    reach = quantile(0.5 + confidence / 2, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - reach, mean + reach)


def ratio(ours: Sequence[float], theirs: Sequence[float], confidence: float = 0.95) -> Interval:
    """The geometric mean of the pairs' ratios with its confidence interval."""
    logs = interval([math.log(a / b) for a, b in zip(ours, theirs, strict=True)], confidence)
    return Interval(math.exp(logs.mean), math.exp(logs.low), math.exp(min(logs.high, 700.0)))


def welch(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Two-sided p-value that both samples have the same mean (Welch, Biometrika 34, 1947; degrees of freedom after
    Satterthwaite); 1 where neither varies and the means are equal. Each needs two values.
    """
    difference = statistics.fmean(ours) - statistics.fmean(theirs)
    parts = [statistics.variance(sample) / len(sample) for sample in (ours, theirs)]
    if not sum(parts):
        return 0.0 if difference else 1.0
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(sample) - 1) for part, sample in zip(parts, (ours, theirs), strict=True)
    )
    return 2.0 * (1.0 - cumulative(abs(difference) / math.sqrt(sum(parts)), freedom))


def cumulative(t: float, freedom: float) -> float:
    """Student's distribution: the probability of a value up to `t`, by the regularised incomplete beta function."""
    tail = 0.5 * _beta(freedom / 2.0, 0.5, freedom / (freedom + t * t))
    return 1.0 - tail if t > 0 else tail


def quantile(probability: float, freedom: float) -> float:
    """The value up to which `probability` (at least a half) lies."""
    return _bisect(lambda t: cumulative(t, freedom) - probability, 0.0, 1e6)


def _bisect(rising: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(200):
        middle = (low + high) / 2.0
        low, high = (middle, high) if rising(middle) < 0.0 else (low, middle)
    return high


def _beta(a: float, b: float, x: float) -> float:
    """Continued fraction of the regularised incomplete beta function (Abramowitz and Stegun 26.5.8), by Lentz."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _beta(b, a, 1.0 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 500):
        for factor in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / (1.0 + factor * d)
            c = 1.0 + factor / c
            value *= c * d
        if abs(c * d - 1.0) < 1e-14:
            break
    return front * value
