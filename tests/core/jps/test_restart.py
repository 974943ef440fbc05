"""A running job is moved only where that pays for its restart."""

from __future__ import annotations

import numpy as np

from heterosched.jps import Answer, Instance, Parameters, TrainingJob, Worker, solve
from jps_cases import faults

ANY = Parameters(fairness_floor=0.0)


def two_jobs(restart: float, running: list[int]) -> Instance:
    jobs = tuple(TrainingJob(name, 100, 100.0, restart_seconds=restart) for name in ("a", "b"))
    workers = tuple(Worker(f"w{index}") for index in range(4))
    speed = np.array([[10.0, 10.0, 50.0, 50.0], [50.0, 50.0, 10.0, 10.0]])
    return Instance(jobs, workers, speed, np.ones((2, 4)), running=np.array(running))


def answered(instance: Instance) -> Answer:
    answer = solve(instance, ANY, np.random.default_rng(0))
    assert faults(instance, answer) == []
    return answer


def test_a_dear_restart_keeps_a_poor_placement() -> None:
    answer = answered(two_jobs(1e6, [0, 0, 1, 1]))
    assert [placed.workers for placed in answer.placements] == [("w0", "w1"), ("w2", "w3")]
    assert not any(placed.changed for placed in answer.placements)
    assert not answer.worthwhile


def test_a_cheap_restart_is_taken_for_a_better_placement() -> None:
    answer = answered(two_jobs(10.0, [0, 0, 1, 1]))
    assert [placed.workers for placed in answer.placements] == [("w2", "w3"), ("w0", "w1")]
    assert [placed.restart_seconds for placed in answer.placements] == [10.0, 10.0]
    assert answer.worthwhile


def test_a_gain_below_the_sum_of_all_restarts_is_not_worthwhile() -> None:
    answer = answered(two_jobs(250.0, [0, 0, 1, 1]))  # 400 s gained on average, 500 s of restarts in all
    assert all(placed.changed for placed in answer.placements)
    assert not answer.worthwhile


def test_a_job_that_waits_makes_a_new_plan_worthwhile_and_does_not_pay_a_restart() -> None:
    answer = answered(two_jobs(10.0, [0, 0, -1, -1]))
    assert answer.worthwhile
    assert answer.placements[1].restart_seconds == 0.0


def test_the_best_running_plan_stays_as_it_is() -> None:
    answer = answered(two_jobs(5.0, [1, 1, 0, 0]))
    assert not any(placed.changed for placed in answer.placements)
    assert not answer.worthwhile
