"""Categories are counted, ranked and drawn exactly, without listing them."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.jps.categories import Categories, below, best_sizes


@st.composite
def spaces(draw: st.DrawFn) -> Categories:
    jobs = draw(st.integers(1, 4))
    least = tuple(draw(st.integers(1, 3)) for _ in range(jobs))
    most = tuple(low + draw(st.integers(0, 4)) for low in least)
    return Categories(least, most, sum(least) + draw(st.integers(0, 6)), draw(st.booleans()))


@given(spaces())
def test_the_list_is_what_filtering_all_vectors_gives_in_order(space: Categories) -> None:
    ranges = [range(low, high + 1) for low, high in zip(space.least, space.most, strict=True)]
    expected = [
        vector
        for vector in product(*ranges)
        if (sum(vector) <= space.workers if space.idle else sum(vector) == space.workers)
    ]
    assert list(space) == expected
    assert space.count == len(expected)
    assert [space.rank(category) for category in expected] == list(range(len(expected)))
    assert all(category in space for category in expected)


@pytest.mark.parametrize(("jobs", "workers"), [(1, 5), (3, 8), (4, 15)])
def test_without_bounds_the_counts_are_binomial(jobs: int, workers: int) -> None:
    least, most = (1,) * jobs, (workers,) * jobs
    assert Categories(least, most, workers, idle=False).count == comb(workers - 1, jobs - 1)
    assert Categories(least, most, workers).count == comb(workers, jobs)


def test_the_prototype_has_364_categories() -> None:
    assert Categories((1,) * 4, (15,) * 4, 15, idle=False).count == 364


def test_what_is_no_category_is_not_contained() -> None:
    space = Categories((1, 1), (3, 3), 5)
    assert (3, 3) not in space
    assert (0, 2) not in space
    assert (1, 1, 1) not in space
    assert "ab" not in space


@given(spaces().filter(lambda space: space.count > 1))
def test_the_largest_alpha_leaves_the_last_category_alone(space: Categories) -> None:
    alpha = 1 - 1 / space.count
    assert space.first(alpha) == space.count - 1
    assert space.draw(np.random.default_rng(0), alpha) == space.unrank(space.count - 1)


def test_alpha_skips_the_front_of_the_list() -> None:
    space = Categories((1,) * 4, (15,) * 4, 15, idle=False)
    rng = np.random.default_rng(0)
    assert min(space.rank(space.draw(rng, 0.7)) for _ in range(500)) >= 254
    assert min(space.draw(rng, 0.7)[0] for _ in range(500)) >= 5


def test_draws_are_uniform() -> None:
    space = Categories((1, 1), (4, 4), 5)
    rng = np.random.default_rng(3)
    seen = Counter(space.draw(rng) for _ in range(8000))
    assert set(seen) == set(space)
    assert max(abs(count / 8000 - 1 / space.count) for count in seen.values()) < 0.02


def test_spaces_beyond_machine_integers_are_drawn_from() -> None:
    space = Categories((1,) * 40, (200,) * 40, 1000)
    assert space.count > 2**64
    category = space.draw(np.random.default_rng(1))
    assert category in space
    assert space.unrank(space.rank(category)) == category


def test_large_bounds_are_kept() -> None:
    rng = np.random.default_rng(0)
    assert all(0 <= below(rng, 2**70 + 1) < 2**70 + 1 for _ in range(200))


def test_best_sizes_leave_workers_idle_where_that_is_cheaper() -> None:
    cost = np.array([[np.inf, 5.0, 1.0, 4.0, 9.0], [np.inf, 2.0, 3.0, 3.0, 3.0]])
    assert best_sizes(cost, 4) == (2, 1)
