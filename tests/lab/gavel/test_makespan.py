"""The round plan: whole rounds that suffice, close to the bound, followed to the end within the planned rounds."""

import numpy as np
import pytest

from heterosched.algorithms.rounds import IDLE, Turn
from heterosched_lab.gavel import makespan
from heterosched_lab.gavel.allocation import makespan_bound
from heterosched_lab.gavel.makespan import MakespanPlanner, planned

CAPACITY = np.array([4, 8, 8])


def a_turn(seed: int, jobs: int = 24) -> Turn:
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.1, 1.0, (jobs, 3))
    rate /= rate.max(axis=1, keepdims=True)
    remaining, nothing = rng.uniform(1800, 20000, jobs), np.zeros(jobs)
    held = np.full(jobs, IDLE)
    return Turn(rate, remaining, nothing, rng.choice([1, 2, 4], jobs), held, nothing, nothing, CAPACITY, 360.0)


def ends(turn: Turn) -> float:
    """Rounds until all jobs end under the planner, switches free."""
    planner, rest, held, now = MakespanPlanner(), turn.remaining.copy(), turn.held.copy(), 0
    while (rest > 0).any():
        rows = np.flatnonzero(rest > 0)
        part = Turn(
            turn.rate[rows],
            rest[rows],
            turn.served[rows],
            turn.width[rows],
            held[rows],
            turn.age[rows],
            turn.fair[rows],
            turn.capacity,
            turn.round_seconds,
        )
        found = planner(part, rows)
        used = np.bincount(found[found != IDLE], weights=part.width[found != IDLE], minlength=3)
        assert (used <= turn.capacity).all()
        held[rows] = found
        runs = rows[found != IDLE]
        rest[runs] -= 360.0 * turn.rate[runs, found[found != IDLE]]
        rest[rest < 1e-6] = 0.0
        now += 1
    return now


@pytest.mark.parametrize("seed", range(3))
def test_the_plan_suffices_for_every_job_and_is_near_the_bound(seed: int) -> None:
    turn = a_turn(seed)
    gain = turn.rate * 360.0 / turn.remaining[:, None]
    need, rounds = planned(gain, turn.width, turn.capacity)
    assert ((gain * need).sum(axis=1) >= 1 - 1e-6).all()
    assert (need.sum(axis=1) <= rounds).all()
    assert ((need * turn.width[:, None]).sum(axis=0) <= rounds * turn.capacity).all()
    bound = makespan_bound(turn.remaining[:, None] / turn.rate, turn.width, turn.capacity) / 360.0
    assert bound <= rounds <= 1.05 * bound + 1


@pytest.mark.parametrize("seed", range(3))
def test_following_the_plan_ends_within_a_few_percent_of_the_bound(seed: int) -> None:
    turn = a_turn(seed)
    bound = makespan_bound(turn.remaining[:, None] / turn.rate, turn.width, turn.capacity) / 360.0
    assert ends(turn) <= 1.08 * bound + 1


def test_jobs_that_come_later_are_planned_in() -> None:
    turn, planner = a_turn(1, jobs=2), MakespanPlanner()
    assert (planner(turn, np.array([0, 1])) != IDLE).all()
    assert (planner(turn, np.array([1, 2])) != IDLE).all()


def test_work_that_a_switch_undid_is_given_further_rounds() -> None:
    planner = MakespanPlanner()
    nothing, one = np.zeros(1), np.array([1])
    turn = Turn(np.ones((1, 1)), nothing + 720.0, nothing, one, np.array([IDLE]), nothing, nothing, one, 360.0)
    for rest in (720.0, 380.0, 20.0):
        again = Turn(np.ones((1, 1)), nothing + rest, nothing, one, turn.held, nothing, nothing, one, 360.0)
        assert planner(again, np.array([0])).tolist() == [0]


def test_without_any_plan_found_each_job_has_its_fastest_type(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing:
        x = None

    monkeypatch.setattr(makespan, "milp", lambda *_, **__: Nothing())
    need, rounds = planned(np.array([[0.5, 0.2], [0.3, 0.4]]), np.array([1, 1]), np.array([1, 1]))
    assert need.tolist() == [[2, 0], [0, 3]]
    assert rounds == 5
