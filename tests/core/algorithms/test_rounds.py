"""Rounds: who gains most by a device type gets it, nothing is handed out twice, and what runs is not moved lightly."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.algorithms.rounds import IDLE, IndexPolicy, Ints, Turn, exchanged, taken
from heterosched.errors import InvalidInput


def a_turn(
    rate: list[list[float]],
    remaining: list[float],
    capacity: list[int],
    width: list[int] | None = None,
    held: list[int] | None = None,
    age: list[float] | None = None,
    fair: list[float] | None = None,
    served: list[float] | None = None,
) -> Turn:
    jobs = len(rate)
    return Turn(
        np.array(rate),
        np.array(remaining),
        np.array(served or [0.0] * jobs),
        np.array(width or [1] * jobs),
        np.array(held or [IDLE] * jobs),
        np.array(age or [0.0] * jobs),
        np.array(fair or [np.nan] * jobs),
        np.array(capacity),
        360.0,
    )


def test_a_scarce_type_goes_to_whoever_gains_most_by_it() -> None:
    turn = a_turn([[1.0, 0.9], [1.0, 0.1]], [7200.0, 7200.0], [1, 1])
    assert IndexPolicy().decide(turn).tolist() == [1, 0]


def test_the_shorter_job_goes_first() -> None:
    turn = a_turn([[1.0], [1.0]], [7200.0, 3600.0], [1])
    assert IndexPolicy().decide(turn).tolist() == [IDLE, 0]


def test_the_narrower_gang_goes_first_and_a_gang_that_does_not_fit_waits() -> None:
    turn = a_turn([[1.0], [1.0]], [3600.0, 3600.0], [4], width=[4, 2])
    assert IndexPolicy().decide(turn).tolist() == [IDLE, 0]


def test_what_runs_stays_unless_another_is_clearly_better() -> None:
    turn = a_turn([[1.0], [1.0]], [3600.0, 3400.0], [1], held=[0, IDLE])
    assert IndexPolicy().decide(turn).tolist() == [0, IDLE]
    assert IndexPolicy(stay=0.0).decide(turn).tolist() == [IDLE, 0]
    assert IndexPolicy().decide(replace(turn, remaining=np.array([3600.0, 600.0]))).tolist() == [IDLE, 0]


def test_a_job_that_would_be_treated_unfairly_goes_before_a_shorter_one() -> None:
    turn = a_turn([[1.0], [1.0]], [7200.0, 3600.0], [1], age=[40000.0, 0.0], fair=[20000.0, 20000.0])
    assert IndexPolicy().decide(turn).tolist() == [0, IDLE]
    assert IndexPolicy(unfair=0.0).decide(turn).tolist() == [IDLE, 0]


def test_of_jobs_of_unknown_size_the_one_goes_first_that_has_had_less() -> None:
    unknown = [float("nan")] * 3
    turn = a_turn([[1.0]] * 3, unknown, [1], served=[7200.0, 5000.0, 20000.0])
    assert IndexPolicy().decide(turn).tolist() == [IDLE, 0, IDLE]


def test_the_fresh_among_jobs_of_unknown_size_keep_the_order_of_their_arrival() -> None:
    turn = a_turn([[1.0]] * 2, [float("nan")] * 2, [1], served=[3000.0, 0.0])
    assert IndexPolicy().decide(turn).tolist() == [0, IDLE]


def test_a_type_that_cannot_run_a_job_is_never_given_to_it() -> None:
    turn = a_turn([[1.0, 0.0], [1.0, 0.0]], [3600.0, 3600.0], [1, 5])
    assert IndexPolicy().decide(turn).tolist() == [0, IDLE]


def test_no_jobs_are_no_decision() -> None:
    assert taken(np.zeros((0, 2)), np.zeros(0, dtype=np.int64), np.array([1, 1])).tolist() == []


@pytest.mark.parametrize("field", ["size", "width", "unfair", "stay", "blind_size", "fresh_seconds"])
def test_a_parameter_out_of_range_is_refused_by_its_name(field: str) -> None:
    for value in (-1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidInput, match=field):
            IndexPolicy(**{field: value})


@given(st.integers(0, 2**32 - 1))
def test_gangs_fit_and_nothing_is_left_idle_that_a_waiting_job_could_use(seed: int) -> None:
    rng = np.random.default_rng(seed)
    jobs, types = int(rng.integers(1, 12)), int(rng.integers(1, 4))
    index = rng.uniform(0.1, 1.0, (jobs, types)) * (rng.uniform(size=(jobs, types)) < 0.8)
    width, capacity = rng.choice([1, 2, 4], jobs), rng.integers(0, 8, types)
    found = taken(index, width, capacity)
    runs = np.flatnonzero(found != IDLE)
    used = np.bincount(found[runs], weights=width[runs], minlength=types)
    assert (used <= capacity).all()
    assert (index[runs, found[runs]] > 0).all()
    left = capacity - used
    for job in np.flatnonzero(found == IDLE):
        assert not ((index[job] > 0) & (left >= width[job])).any()


@given(st.integers(0, 2**32 - 1))
def test_exchanges_keep_all_places_and_never_lower_the_sum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    jobs, types = int(rng.integers(1, 12)), int(rng.integers(1, 4))
    index = rng.uniform(0.1, 1.0, (jobs, types)) * (rng.uniform(size=(jobs, types)) < 0.8)
    width, capacity = rng.choice([1, 2, 4], jobs), rng.integers(0, 8, types)
    before = taken(index, width, capacity)
    after = exchanged(index, before, width)
    for gang in (1, 2, 4):
        assert sorted(before[width == gang].tolist()) == sorted(after[width == gang].tolist())

    def total(found: Ints) -> float:
        runs = np.flatnonzero(found != IDLE)
        assert (index[runs, found[runs]] > 0).all()
        return float(index[runs, found[runs]].sum())

    assert total(after) >= total(before) - 1e-9
