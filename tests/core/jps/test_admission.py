"""Jobs that do not fit wait with a reason, in order of priority and age, and nobody overtakes a job that waits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from heterosched.jps import Instance, Parameters, TrainingJob, Worker, solve
from heterosched.jps.admission import allox
from heterosched.jps.grouped import group


def answer_of(jobs: list[TrainingJob], speed: np.ndarray) -> tuple[list[str], dict[str, str], dict[str, bool]]:
    workers = tuple(Worker(f"w{index}") for index in range(speed.shape[1]))
    made = Instance(tuple(jobs), workers, speed, np.ones(speed.shape))
    answer = solve(made, Parameters(), np.random.default_rng(0))
    reasons = {queued.job: queued.reason for queued in answer.queued}
    return [own.job for own in answer.placements], reasons, {own.job: own.possible for own in answer.queued}


def test_priority_goes_before_age_and_age_before_name() -> None:
    jobs = [
        TrainingJob("a", 8, 1.0, least=2),
        TrainingJob("b", 8, 1.0, least=2, age=10.0),
        TrainingJob("c", 8, 1.0, least=2, priority=1),
    ]
    placed, reasons, possible = answer_of(jobs, np.ones((3, 4)))
    assert placed == ["b", "c"]
    assert reasons == {"a": "needs 2 workers of 4 that jobs before it hold"} or "needs 2 of 4" in reasons["a"]
    assert possible == {"a": True}


def test_a_small_job_does_not_overtake_a_large_one_that_waits_for_the_same_workers() -> None:
    jobs = [
        TrainingJob("first", 8, 1.0, least=2, priority=3),
        TrainingJob("large", 8, 1.0, least=3, priority=2),
        TrainingJob("small", 8, 1.0, priority=1),
        TrainingJob("elsewhere", 8, 1.0, priority=1),
    ]
    speed = np.array([[1.0, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]])
    placed, reasons, _ = answer_of(jobs, speed)
    assert placed == ["first", "elsewhere"]
    assert set(reasons) == {"large", "small"}


def test_jobs_that_could_never_run_do_not_hold_up_the_others() -> None:
    jobs = [
        TrainingJob("too-large", 8, 1.0, least=5, priority=9),
        TrainingJob("small-batch", 2, 1.0, least=3, priority=9),
        TrainingJob("no-device", 8, 1.0, priority=9),
        TrainingJob("fine", 8, 1.0),
    ]
    speed = np.ones((4, 4))
    speed[2] = 0.0
    placed, reasons, possible = answer_of(jobs, speed)
    assert placed == ["fine"]
    assert reasons == {
        "too-large": "needs 5 workers; 4 of the workers can run it",
        "small-batch": "needs 3 workers; its batch is 2 samples",
        "no-device": "needs 1 workers; 0 of the workers can run it",
    }
    assert not any(possible.values())


def test_a_job_gives_way_to_one_that_can_run_nowhere_else() -> None:
    jobs = [TrainingJob("flexible", 8, 1.0, age=5.0), TrainingJob("picky", 8, 1.0)]
    placed, reasons, _ = answer_of(jobs, np.array([[1.0, 1.0], [1.0, 0.0]]))
    assert placed == ["flexible", "picky"]
    assert not reasons


@pytest.mark.parametrize("seed", range(5))
def test_allox_starts_the_jobs_of_the_least_mean_completion_time(seed: int) -> None:
    rng = np.random.default_rng(seed)
    jobs = tuple(TrainingJob(f"j{row}", 10, float(rng.integers(1, 50)), most=1) for row in range(5))
    workers = (Worker("w0"), Worker("w1"))
    speed = rng.uniform(1, 10, size=(5, 2))
    grouped = group(Instance(jobs, workers, speed, np.ones((5, 2))))
    times = np.array(
        [[job.iterations * 10 / speed[row, column] for column in range(2)] for row, job in enumerate(jobs)]
    )

    def total(where: tuple[int, ...]) -> float:
        """Each queue in order of run time, which is best for a given assignment."""
        queues = [sorted(times[row, column] for row in range(5) if where[row] == column) for column in range(2)]
        return float(sum(sum(itertools.accumulate(queue)) for queue in queues))

    best = min(itertools.product(range(2), repeat=5), key=total)
    firsts = {
        min((row for row in range(5) if best[row] == column), key=lambda row: times[row, column], default=-1)
        for column in range(2)
    }
    assert set(allox(grouped, np.arange(5))[: len(firsts - {-1})]) == firsts - {-1}


def test_jobs_of_one_worker_start_shortest_first_on_equal_workers() -> None:
    jobs = [TrainingJob(f"j{row}", 8, iterations, most=1) for row, iterations in enumerate((9.0, 1.0, 5.0, 3.0))]
    placed, reasons, _ = answer_of(jobs, np.ones((4, 2)))
    assert placed == ["j1", "j3"]
    assert set(reasons) == {"j0", "j2"}
