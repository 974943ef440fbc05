"""Gavel's rounds: over time each job receives what its allocation says; FIFO lets nobody overtake."""

import numpy as np

from heterosched.algorithms.rounds import IDLE, Floats, Ints, Turn
from heterosched_lab.gavel.mechanism import Fifo, Mechanism


def a_turn(rate: Floats, width: Ints, capacity: Ints, held: Ints | None = None, age: Floats | None = None) -> Turn:
    jobs = len(width)
    nothing = np.zeros(jobs)
    holds = np.full(jobs, IDLE) if held is None else held
    old = nothing if age is None else age
    return Turn(rate, nothing + 3600.0, nothing, width, holds, old, nothing + np.nan, capacity, 360.0)


def test_rounds_follow_the_allocation() -> None:
    due = np.array([[0.75, 0.0], [0.25, 0.5], [0.0, 0.5]])
    turn = a_turn(np.ones((3, 2)), np.ones(3, dtype=np.int64), np.array([1, 1]))
    mechanism = Mechanism(lambda _: due)
    received = np.zeros((3, 2))
    for _ in range(200):
        found = mechanism(turn, np.arange(3))
        rows = np.flatnonzero(found != IDLE)
        received[rows, found[rows]] += 1
    assert np.abs(received / 200 - due).max() < 0.03


def test_the_allocation_is_computed_anew_only_when_a_job_comes_or_goes() -> None:
    asked = []

    def allocation(turn: Turn) -> Floats:
        asked.append(len(turn.width))
        return np.ones_like(turn.rate)

    mechanism = Mechanism(allocation)
    two = a_turn(np.ones((2, 1)), np.ones(2, dtype=np.int64), np.array([1]))
    for jobs in (np.array([0, 1]), np.array([0, 1]), np.array([1, 2])):
        mechanism(two, jobs)
    assert asked == [2, 2]


def test_nothing_runs_where_it_cannot() -> None:
    turn = a_turn(np.array([[0.0, 1.0]]), np.array([1]), np.array([1, 1]))
    assert Mechanism(lambda _: np.array([[1.0, 0.2]]))(turn, np.array([0])).tolist() == [1]


def test_fifo_keeps_what_runs_and_lets_nobody_overtake_a_gang_that_does_not_fit() -> None:
    turn = a_turn(
        np.ones((3, 1)),
        np.array([2, 4, 1]),
        np.array([4]),
        held=np.array([0, IDLE, IDLE]),
        age=np.array([30.0, 20.0, 10.0]),
    )
    assert Fifo(1)(turn, np.arange(3)).tolist() == [0, IDLE, IDLE]


def test_fifo_draws_types_by_lot_and_the_same_lot_for_the_same_seed() -> None:
    turn = a_turn(np.ones((20, 2)), np.ones(20, dtype=np.int64), np.array([16, 16]))
    first = Fifo(1)(turn, np.arange(20))
    assert set(first.tolist()) == {0, 1}
    assert first.tolist() == Fifo(1)(turn, np.arange(20)).tolist()
