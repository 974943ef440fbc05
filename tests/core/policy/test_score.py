"""A score is the weighted mean of the terms that have data, and its integer keeps the winner and the order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.policy.score import integers, node_weights, weigh
from heterosched.policy.table import BUILT_IN, TERMS

NAN = np.nan
share = st.one_of(st.just(NAN), st.floats(0.0, 1.0))


def columns(count: int) -> st.SearchStrategy[dict[str, list[float]]]:
    return st.dictionaries(st.sampled_from(TERMS), st.lists(share, min_size=count, max_size=count))


def test_weights_apply_in_proportion() -> None:
    raw = weigh({"speed": np.array([1.0, 0.5]), "fit": np.array([0.0, 1.0])}, {"speed": 3, "fit": 1}, 2)
    np.testing.assert_allclose(raw, [0.75, 0.625])


def test_the_weight_of_an_absent_term_goes_to_the_other_terms_of_that_node_alone() -> None:
    raw = weigh({"speed": np.array([1.0, NAN]), "fit": np.array([0.0, 0.5])}, {"speed": 3, "fit": 1}, 2)
    np.testing.assert_allclose(raw, [0.75, 0.5])


def test_a_term_that_is_absent_everywhere_does_not_dilute_the_others() -> None:
    raw = weigh({"speed": None, "fit": np.array([0.25])}, {"speed": 99, "fit": 1}, 1)
    np.testing.assert_array_equal(raw, [0.25])


def test_a_node_without_any_term_has_no_mean() -> None:
    assert np.isnan(weigh({}, {"speed": 1}, 2)).all()
    np.testing.assert_array_equal(np.isnan(weigh({"fit": np.array([NAN, 1.0])}, {"fit": 1}, 2)), [True, False])


def test_a_term_without_weight_changes_nothing() -> None:
    with_it = weigh({"fit": np.array([0.5]), "load": np.array([NAN])}, {"fit": 1, "load": 0}, 1)
    np.testing.assert_array_equal(with_it, [0.5])


@given(st.integers(1, 6).flatmap(columns), st.sampled_from(sorted(BUILT_IN)))
def test_the_mean_is_the_exact_sum_of_redistributed_weights_times_values(
    found: dict[str, list[float]], policy: str
) -> None:
    weights = BUILT_IN[policy].weights
    count = min((len(values) for values in found.values()), default=1)
    arrays = {term: np.array(values[:count]) for term, values in found.items()}
    raw = weigh(arrays, weights, count)
    for position in range(count):
        at = {term: float(values[position]) for term, values in arrays.items()}
        after = node_weights(at, weights)
        if not after:
            assert np.isnan(raw[position])
            continue
        assert sum(after.values()) == pytest.approx(1.0)
        total = 0.0
        for term in TERMS:
            if term in after:
                total += after[term] * at[term]
        assert total == raw[position]
        assert 0.0 <= raw[position] <= 1.0 + 1e-12


def test_ten_is_for_the_best_alone() -> None:
    np.testing.assert_array_equal(integers(np.array([0.8, 0.79, 0.4, 0.0, NAN])), [10, 9, 5, 0, 0])
    np.testing.assert_array_equal(integers(np.array([0.5, 0.5, 0.1])), [10, 10, 2])


def test_without_any_mean_nobody_is_preferred() -> None:
    np.testing.assert_array_equal(integers(np.array([NAN, NAN])), [0, 0])
    np.testing.assert_array_equal(integers(np.array([])), [])


def test_candidates_that_are_all_worth_nothing_are_equal() -> None:
    assert set(integers(np.array([0.0, 0.0])).tolist()) == {10}


@given(st.lists(share, max_size=40))
def test_integers_stay_in_range_keep_the_order_and_the_winner(values: list[float]) -> None:
    raw = np.array(values)
    scores = integers(raw)
    assert scores.dtype == np.int64
    assert ((scores >= 0) & (scores <= 10)).all()
    known = ~np.isnan(raw)
    if not known.any():
        assert not scores.any()
        return
    assert (scores[raw == np.nanmax(raw)] == 10).all()
    assert (raw[scores == 10] >= np.nanmax(raw) - 1e-9).all()
    order = np.argsort(raw[known], kind="stable")
    assert (np.diff(scores[known][order]) >= 0).all()
