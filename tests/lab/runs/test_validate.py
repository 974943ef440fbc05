"""Too few samples, wide spread, outliers and incredible changes are pointed out; sound figures are not."""

from __future__ import annotations

import pytest

from heterosched_lab.runs.types import Figure
from heterosched_lab.runs.validate import doubts, gain, outliers, unrealistic, variation


def figure(*values: float) -> Figure:
    return Figure("f", sum(values) / max(1, len(values)), "s", "measured", values=values)


def test_sound_repeats_are_not_doubted() -> None:
    assert doubts(figure(10.0, 10.2, 9.9, 10.1)) == []
    assert doubts(figure(0.0, 0.0, 0.0)) == []
    assert doubts(Figure("one value by design", 1.0, "s", "counted")) == []


def test_few_samples_wide_spread_and_outliers_are_named() -> None:
    assert doubts(figure(10.0, 10.1)) == ["2 samples, at least 3 are wanted"]
    assert doubts(figure(5.0, 10.0, 15.0)) == ["coefficient of variation 50%, above 20%"]
    assert doubts(figure(10.0, 10.1, 9.9, 10.0, 12.0)) == ["outlier 12 (number 5)"]


def test_variation_is_relative_to_the_size_of_the_mean() -> None:
    assert variation([-9.0, -10.0, -11.0]) == pytest.approx(0.1)
    assert variation([-1.0, 1.0]) == float("inf")
    assert variation([3.0]) == 0.0


def test_outliers_need_four_values_to_judge_by_and_equal_ones_have_none() -> None:
    assert outliers([1.0, 1.0, 100.0]) == []
    assert outliers([1.0, 1.0, 100.0], [1.0, 1.1, 0.9, 1.0, 1.0, 100.0]) == [2]
    assert outliers([5.0, 5.0, 5.0, 5.0 + 1e-12]) == []
    assert outliers([5.0, 5.0, 5.0, 5.0, 6.0]) == [4]


def test_gain_is_in_the_direction_of_the_goal() -> None:
    assert gain(10.0, 9.0, higher_is_better=False) == pytest.approx(0.1)
    assert gain(10.0, 9.0, higher_is_better=True) == pytest.approx(-0.1)
    assert gain(-10.0, -5.0, higher_is_better=True) == pytest.approx(0.5)
    assert (gain(0.0, 0.0, True), gain(0.0, 1.0, True)) == (0.0, None)


def test_changes_above_all_measure_are_unrealistic() -> None:
    assert unrealistic(10.0, 21.0) == "unrealistic: a change of 110%"
    assert unrealistic(10.0, 0.5) == "unrealistic: 20 times"
    assert [unrealistic(10.0, after) for after in (10.0, 19.0, 1.5, 0.0)] == [""] * 4
