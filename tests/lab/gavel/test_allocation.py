"""Allocations: what the linear programmes of Gavel's policies answer is optimal, and fits."""

import numpy as np
import pytest

from heterosched.algorithms.rounds import IDLE, Floats, Ints, Turn
from heterosched_lab.gavel.allocation import (
    centre,
    finish_time_fairness,
    isolated,
    las,
    makespan_bound,
    max_min_fairness,
    min_makespan,
    vertex,
)

CAPACITY = np.array([8, 16, 24])


def an_instance(seed: int, jobs: int = 40) -> tuple[Floats, Ints]:
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.1, 1.0, (jobs, 3))
    rate /= rate.max(axis=1, keepdims=True)
    rate[0, 2] = 0.0
    return rate, rng.choice([1, 2, 4], jobs)


def a_turn(seed: int) -> Turn:
    rate, width = an_instance(seed)
    rng = np.random.default_rng(seed + 1)
    jobs = len(width)
    held = np.full(jobs, IDLE)
    remaining, age = rng.uniform(600, 20000, jobs), rng.uniform(0, 30000, jobs)
    return Turn(rate, remaining, np.zeros(jobs), width, held, age, np.full(jobs, np.nan), CAPACITY, 360.0)


def fits(shares: Floats, width: Ints) -> bool:
    within = (shares >= 0).all() and (shares.sum(axis=1) <= 1 + 1e-6).all()
    return bool(within and ((shares * width[:, None]).sum(axis=0) <= CAPACITY * (1 + 1e-6)).all())


@pytest.mark.parametrize("seed", range(4))
def test_the_centre_is_as_good_as_the_vertex_and_both_fit(seed: int) -> None:
    rate, width = an_instance(seed)
    best = vertex(rate, width, CAPACITY)
    middle = centre(rate, width, CAPACITY)
    assert fits(best, width) and fits(middle, width)
    optimum = (rate * best).sum(axis=1).min()
    assert (rate * middle).sum(axis=1).min() == pytest.approx(optimum, rel=2e-3)


def test_the_centre_leaves_nobody_with_the_least_where_more_can_be_had() -> None:
    gain, width = np.array([[1.0], [1.0], [0.01]]), np.array([1, 1, 1])
    shares = centre(gain, width, np.array([10]))
    assert shares[2, 0] > 0.99
    assert shares[:2].min() > 0.5  # 0.01 would do


def test_the_centre_gives_no_time_on_a_type_that_cannot_run_the_job() -> None:
    rate, width = an_instance(5)
    assert centre(rate, width, CAPACITY)[0, 2] == 0.0
    assert vertex(rate, width, CAPACITY)[0, 2] == 0.0


def test_an_nth_of_the_cluster_is_split_over_the_types_and_never_more_than_all_the_time() -> None:
    rate = np.array([[1.0, 0.5]])
    assert isolated(np.repeat(rate, 4, axis=0), np.ones(4, dtype=np.int64), np.array([1, 1]))[0] == pytest.approx(0.375)
    assert isolated(rate, np.array([1]), np.array([1, 3]))[0] == pytest.approx((1.0 + 3 * 0.5) / 4)


def test_las_gives_equal_jobs_equal_time_whatever_their_speeds() -> None:
    turn = a_turn(6)
    time = (las(turn) * turn.width[:, None]).sum(axis=1)
    assert time[turn.width == 1].min() == pytest.approx(time.min(), rel=2e-2)


def test_max_min_fairness_gives_everybody_more_than_an_nth_of_the_cluster() -> None:
    turn = a_turn(7)
    alone = isolated(turn.rate, turn.width, turn.capacity)
    speed = (turn.rate * max_min_fairness(turn)).sum(axis=1)
    assert (speed * turn.width > alone).all()


def test_finish_time_fairness_beats_max_min_fairness_in_the_worst_ratio() -> None:
    turn = a_turn(8)
    fair = turn.age + turn.remaining / isolated(turn.rate, turn.width, turn.capacity)

    def worst(shares: Floats) -> float:
        ends = turn.age + turn.remaining / (turn.rate * shares).sum(axis=1)
        return float((ends / fair).max())

    assert worst(finish_time_fairness(turn)) <= worst(max_min_fairness(turn)) * 1.001


def test_the_makespan_bound_is_that_of_hand_made_cases() -> None:
    one = np.array([1])
    assert makespan_bound(np.array([[100.0], [300.0]]), np.array([1, 1]), one) == pytest.approx(400.0)
    assert makespan_bound(np.array([[100.0, np.inf]]), one, np.array([4, 4])) == pytest.approx(100.0)
    both = np.array([[100.0, 200.0], [100.0, 200.0]])
    assert makespan_bound(both, np.array([1, 1]), np.array([1, 1])) == pytest.approx(400.0 / 3)


def test_min_makespan_reaches_the_bound() -> None:
    turn = a_turn(9)
    ends = turn.remaining / (turn.rate * min_makespan(turn)).sum(axis=1)
    with np.errstate(divide="ignore"):
        seconds = turn.remaining[:, None] / turn.rate
    assert ends.max() == pytest.approx(makespan_bound(seconds, turn.width, turn.capacity), rel=1e-6)
