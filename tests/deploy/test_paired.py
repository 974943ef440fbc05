"""Confidence intervals and Welch's test agree with the published tables of Student's distribution."""

from __future__ import annotations

import math

import pytest

from paired import cumulative, interval, quantile, ratio, welch


@pytest.mark.parametrize("freedom, expected", [(1, 12.7062), (2, 4.3027), (9, 2.2622), (30, 2.0423), (1000, 1.9623)])
def test_quantiles_are_those_of_the_table(freedom: int, expected: float) -> None:
    assert quantile(0.975, freedom) == pytest.approx(expected, abs=1e-4)
    assert cumulative(-expected, freedom) == pytest.approx(0.025, abs=1e-5)


def test_an_interval_holds_its_mean_and_shrinks_with_agreement() -> None:
    found = interval([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    assert found.high - found.mean == pytest.approx(4.3027 / math.sqrt(3), abs=1e-3)
    assert interval([2.0, 2.0]).high == 2.0
    assert interval([2.0]).rounded() == {"mean": 2.0, "low": None, "high": None}


def test_a_ratio_is_geometric() -> None:
    found = ratio([2.0, 8.0], [1.0, 1.0])
    assert found.mean == pytest.approx(4.0)
    assert ratio([3.0, 3.0], [3.0, 3.0]).low == pytest.approx(1.0)


def test_welch_is_students_test_where_the_variances_are_equal() -> None:
    """Two samples of two: variance 2 each, standard error sqrt(2), two degrees of freedom."""
    apart = 4.302653 * math.sqrt(2)
    assert welch([0.0, 2.0], [apart, apart + 2.0]) == pytest.approx(0.05, abs=1e-6)
    assert welch([0.0, 2.0], [0.0, 2.0]) == pytest.approx(1.0)


def test_welch_without_any_variance_compares_the_means() -> None:
    assert welch([1.0, 1.0], [1.0, 1.0]) == 1.0
    assert welch([1.0, 1.0], [2.0, 2.0]) == 0.0
