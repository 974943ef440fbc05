"""Intervals and Welch's test agree with scipy, degenerate samples have an answer, and equal things come out neutral."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from heterosched.errors import InvalidInput
from heterosched_lab.statistics import Welch, mean_interval, paired, paired_interval, percentile, verdict, welch

SAMPLES = [
    ([3.1, 2.9, 3.4, 3.0], [2.0, 2.5, 1.5]),
    ([1.0, 9.0], [4.0, 4.1, 4.2, 4.3]),
    ([1e9, 1e9 + 5], [1e9, 1e9 - 9]),
]


@pytest.mark.parametrize(("a", "b"), SAMPLES)
def test_welch_is_that_of_scipy_with_its_real_degrees_of_freedom(a: list[float], b: list[float]) -> None:
    own, theirs = welch(a, b), stats.ttest_ind(a, b, equal_var=False)
    assert (own.t, own.degrees, own.p) == pytest.approx((theirs.statistic, theirs.df, theirs.pvalue), rel=1e-9)
    assert own.degrees < len(a) + len(b) - 2


def test_the_interval_of_the_mean_is_students() -> None:
    values = [4.0, 7.0, 9.0, 2.0, 5.0]
    mean, lower, upper = mean_interval(values)
    theirs = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    assert (mean, lower, upper) == pytest.approx((5.4, *theirs))
    assert mean_interval(values, 0.99)[1] < lower


def test_the_ends_of_one_value_are_unknown_and_those_of_equal_values_are_the_value() -> None:
    mean, lower, upper = mean_interval([3.0])
    assert mean == 3.0
    assert math.isnan(lower)
    assert math.isnan(upper)
    assert mean_interval([2.0, 2.0, 2.0]) == (2.0, 2.0, 2.0)


def test_pairs_are_compared_by_their_differences() -> None:
    """The spread over the seeds is large, that of the differences small."""
    before, after = [10.0, 20.0, 30.0, 40.0], [9.0, 18.9, 29.1, 39.0]
    mean, lower, upper = paired_interval(before, after)
    assert mean == pytest.approx(1.0)
    assert 0 < lower < mean < upper
    assert welch(before, after).p > 0.9
    with pytest.raises(InvalidInput, match="3 values against 4"):
        paired_interval(before, after[:3])


def test_samples_without_spread_are_equal_or_not() -> None:
    assert welch([2.0, 2.0], [2.0, 2.0, 2.0]) == Welch(0.0, 3.0, 1.0)
    assert welch([0.0, 0.0], [0.0, 0.0]).p == 1.0
    assert welch([3.0, 3.0], [2.0, 2.0]) == Welch(math.inf, 2.0, 0.0)
    assert welch([0.1 + 0.2] * 2, [0.3] * 2).p == 1.0


def test_the_verdict_knows_which_way_is_better() -> None:
    slow, quick = [10.0, 10.1, 9.9], [5.0, 5.1, 4.9]
    assert verdict(slow, quick) == "Improved"
    assert verdict(quick, slow) == "Regressed"
    assert verdict(slow, quick, higher_is_better=True) == "Regressed"
    assert verdict(quick, slow, higher_is_better=True) == "Improved"
    assert verdict(slow, [10.05, 9.95, 10.0]) == "Neutral"


@pytest.mark.parametrize("size", [3, 5, 10])
@pytest.mark.parametrize("kind", ["normal", "lognormal", "exponential", "unequal spread"])
def test_a_thing_against_itself_is_neutral_in_95_of_100_comparisons(kind: str, size: int) -> None:
    draw = np.random.default_rng(20_000 + size)

    def sample(scale: float) -> list[float]:
        if kind == "normal" or kind == "unequal spread":
            return [float(value) for value in draw.normal(100.0, 10.0 * scale, size)]
        if kind == "lognormal":
            return [float(value) for value in draw.lognormal(3.0, 0.4, size)]
        return [float(value) for value in draw.exponential(5.0, size)]

    wide = 5.0 if kind == "unequal spread" else 1.0
    neutral = sum(verdict(sample(1.0), sample(wide)) == "Neutral" for _ in range(200))
    assert neutral >= 190


def test_percentiles_are_interpolated() -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], 50) == 2.5
    assert (percentile([1.0, 2.0], 0), percentile([1.0, 2.0], 100)) == (1.0, 2.0)
    with pytest.raises(InvalidInput, match="101 is not within"):
        percentile([1.0], 101)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_a_number_or_too_few_is_refused(bad: float) -> None:
    with pytest.raises(InvalidInput, match="not finite"):
        welch([1.0, bad], [1.0, 2.0])
    with pytest.raises(InvalidInput, match="b: 1 values; give at least 2"):
        welch([1.0, 2.0], [1.0])
    with pytest.raises(InvalidInput, match="give at least 1"):
        mean_interval([])


def test_the_paired_test_is_that_of_scipy_and_has_an_answer_without_spread() -> None:
    before, after = [10.0, 20.0, 30.0, 40.0], [9.0, 18.9, 29.1, 39.0]
    own, theirs = paired(before, after), stats.ttest_rel(before, after)
    assert (own.t, own.degrees, own.p) == pytest.approx((theirs.statistic, 3.0, theirs.pvalue), rel=1e-9)
    assert own.p < 0.01 < welch(before, after).p
    assert paired(before, before) == Welch(0.0, 3.0, 1.0)
    assert paired([1.0, 2.0], [2.0, 3.0]) == Welch(-math.inf, 1.0, 0.0)
    with pytest.raises(InvalidInput, match="3 values against 4"):
        paired(before, after[:3])
