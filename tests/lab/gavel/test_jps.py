"""JPS in rounds: the production solver places gangs whole, never preempts, and moves only what is worth it."""

import numpy as np

from heterosched.algorithms.rounds import IDLE, Turn
from heterosched_lab.gavel.jps import JpsRounds


def a_turn(
    rate: list[list[float]], remaining: list[float], width: list[int], held: list[int], age: list[float]
) -> Turn:
    nothing = np.zeros(len(rate))
    return Turn(
        np.array(rate),
        np.array(remaining),
        nothing,
        np.array(width),
        np.array(held),
        np.array(age),
        nothing,
        np.array([4, 4]),
        360.0,
    )


def test_jobs_get_the_types_on_which_their_sum_of_times_is_least() -> None:
    turn = a_turn([[1.0, 0.9], [1.0, 0.1]], [3600.0] * 2, [4, 4], [IDLE] * 2, [0.0] * 2)
    assert JpsRounds(1, 20.0)(turn, np.arange(2)).tolist() == [1, 0]


def test_what_runs_stays_when_others_wait_and_a_gang_has_one_type() -> None:
    turn = a_turn([[1.0, 0.5]] * 3, [36000.0, 600.0, 600.0], [4, 4, 2], [0, IDLE, IDLE], [9.0, 8.0, 7.0])
    assert JpsRounds(1, 20.0)(turn, np.arange(3)).tolist() == [0, 1, IDLE]


def test_a_running_job_moves_where_that_gains_more_than_the_restart() -> None:
    alone = a_turn([[1.0, 0.2]], [36000.0], [4], [1], [9.0])
    assert JpsRounds(1, 20.0)(alone, np.arange(1)).tolist() == [0]
    short = a_turn([[1.0, 0.9]], [100.0], [4], [1], [9.0])
    assert JpsRounds(1, 20.0)(short, np.arange(1)).tolist() == [1]


def test_nothing_is_solved_again_while_the_jobs_are_the_same() -> None:
    scheduler = JpsRounds(1, 20.0)
    turn = a_turn([[1.0, 0.5]], [3600.0], [4], [IDLE], [0.0])
    assert scheduler(turn, np.arange(1)).tolist() == [0]
    assert scheduler(turn, np.arange(1)).tolist() == [IDLE]
