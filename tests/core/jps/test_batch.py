"""The batch is split in whole samples, in proportion to speed, none left over, at least one each."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.errors import InvalidInput
from heterosched.jps import split_batch

speeds = st.lists(st.floats(1.0, 5000.0), min_size=1, max_size=12)


@given(speeds, st.integers(0, 5000))
def test_shares_sum_to_the_batch_and_follow_the_speeds(speeds: list[float], more: int) -> None:
    batch = len(speeds) + more
    shares = split_batch(batch, speeds)
    assert sum(shares) == batch
    assert min(shares) >= 1
    together = batch / sum(speeds)
    if all(batch * speed / sum(speeds) >= 1 for speed in speeds):  # otherwise the one-sample minimum binds
        for share, speed in zip(shares, speeds, strict=True):
            assert abs(share / speed - together) <= (1 + 1e-9) / speed


@given(st.integers(1, 12), st.integers(0, 500), st.floats(0.5, 1e4))
def test_equal_workers_differ_by_one_sample_at_most_and_the_first_get_more(
    workers: int, more: int, speed: float
) -> None:
    shares = split_batch(workers + more, [speed] * workers)
    assert shares[0] - shares[-1] <= 1
    assert list(shares) == sorted(shares, reverse=True)


def test_a_fast_and_a_slow_worker() -> None:
    assert split_batch(10, [300.0, 700.0]) == (3, 7)
    assert split_batch(3, [1.0, 1000.0, 1000.0]) == (1, 1, 1)
    assert split_batch(100, [1.0, 10_000.0]) == (1, 99)


@pytest.mark.parametrize("batch", [2**53 + 1, 10**18, 10**30])
def test_no_sample_of_a_huge_batch_is_lost(batch: int) -> None:
    shares = split_batch(batch, [1.0, 2.0, 4.0])
    assert sum(shares) == batch
    assert abs(shares[2] * 7 - batch * 4) <= 7


@pytest.mark.parametrize(
    ("batch", "speeds", "problem"),
    [
        (2, [1.0, 1.0, 1.0], "2 samples for 3 workers; use fewer workers or a larger global batch"),
        (5, [], "no worker"),
        (5, [1.0, 0.0], "give finite speeds above zero"),
        (5, [1.0, math.nan], "give finite speeds above zero"),
    ],
)
def test_what_cannot_be_split_is_refused(batch: int, speeds: list[float], problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        split_batch(batch, speeds)
