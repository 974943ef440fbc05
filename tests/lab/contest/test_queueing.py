"""Tasks queue first come, first served: starts and ends follow from the decisions by exact recursion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from contests import Scripted, Told, a_rig, a_task, always
from heterosched_lab.contest.entrants import FractionEntrant, Moment, Placing
from heterosched_lab.contest.faults import FailedStrategy
from heterosched_lab.contest.generator import generate
from heterosched_lab.contest.queueing import run
from heterosched_lab.contest.rig import Rig
from heterosched_lab.contest.settings import Settings
from heterosched_lab.progress import Quiet


def test_one_gpu_is_a_queue() -> None:
    tasks = [a_task(number, arrival=arrival) for number, arrival in enumerate((0.0, 1.0, 20.0))]
    log = run(tasks, always(1.0), a_rig())
    assert log.gpu_start.tolist() == [0.0, 2.5, 20.0]
    assert log.finish.tolist() == [2.5, 5.0, 22.5]
    assert np.isnan(log.cpu_start).all()


def test_a_single_queue_follows_lindleys_recursion() -> None:
    settings = Settings(arrival_rate=0.8)
    tasks = generate(settings, 3, 400)
    log = run(tasks, always(0.0), Rig.of(settings))
    free = 0.0
    for row, task in enumerate(tasks):
        start = max(free, task.arrival)
        free = start + task.split.seconds
        assert (log.cpu_start[row], log.finish[row]) == (start, free)


def test_side_by_side_the_later_part_ends_the_task() -> None:
    log = run([a_task(0), a_task(1)], always(0.5), a_rig())
    assert log.gpu_finish.tolist() == [1.25, 2.5]
    assert log.cpu_finish.tolist() == log.finish.tolist() == [5.0, 10.0]


def test_where_times_add_up_the_cpu_part_follows_the_gpu_part() -> None:
    log = run([a_task(0), a_task(1)], always(0.5), a_rig(linear=True))
    assert log.gpu_finish.tolist() == [1.25, 2.5]
    assert log.cpu_start.tolist() == [1.25, 6.25]
    assert log.finish.tolist() == [6.25, 11.25]


def test_four_gpus_are_used_in_turn() -> None:
    log = run([a_task(number) for number in range(6)], always(1.0), a_rig(gpus=4))
    assert log.gpu.tolist() == [0, 1, 2, 3, 0, 1]
    assert log.finish.tolist() == [2.5] * 4 + [5.0] * 2


def test_children_wait_for_all_parents_and_unknown_parents_are_done() -> None:
    tasks = [a_task(0), a_task(1, 20.0), a_task(2, parents=(0, 1)), a_task(3, arrival=1.0, parents=(-7,))]
    log = run(tasks, always(1.0), a_rig(gpus=4))
    assert log.decided.tolist() == [0.0, 0.0, 5.0, 1.0]


def test_what_fits_no_gpu_is_sent_to_the_cpu() -> None:
    log = run([a_task(memory_mb=200.0)], always(1.0), a_rig(gpu_memory_mb=100))
    assert (log.fraction[0], log.gpu[0], log.finish[0]) == (0.0, -1, 10.0)


def test_who_gathers_is_asked_when_a_device_is_idle_about_all_that_wait() -> None:
    asked: list[tuple[float, tuple[int, ...]]] = []

    def answer(moment: Moment) -> Sequence[Placing]:
        asked.append((moment.now, tuple(moment.waiting)))
        return [Placing(next(iter(moment.waiting)), float(moment.gpu_free[0] <= moment.now))]

    tasks = [a_task(number, arrival=arrival) for number, arrival in enumerate((0.0, 0.5, 1.0, 1.5, 2.0))]
    log = run(tasks, Scripted(answer), a_rig())
    # GPU until 2.5, CPU until 10.5; rows 2, 3 and 4 gather meanwhile
    assert asked == [(0.0, (0,)), (0.5, (1,)), (2.5, (2, 3, 4)), (5.0, (3, 4)), (7.5, (4,))]
    assert log.finish.tolist() == [2.5, 10.5, 5.0, 7.5, 10.0]


def test_who_knows_the_queues_uses_them() -> None:
    class Behind(Told):
        seen: list[tuple[float, float]] = []

        def fraction_behind(self, task: object, model: object, gpu_wait: float, cpu_wait: float) -> float:
            self.seen.append((gpu_wait, cpu_wait))
            return 0.5

    entrant = FractionEntrant(Behind(lambda task: 1.0))
    log = run([a_task(0), a_task(1, arrival=1.0)], entrant, a_rig())
    assert Behind.seen == [(0.0, 0.0), (0.25, 4.0)]
    assert log.fraction.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("placing", "problem"),
    [
        ([Placing(3, 1.0)], "row 3 is placed though it does not wait"),
        ([Placing(0, 1.0), Placing(0, 1.0)], "row 0 is placed though it does not wait"),
        ([Placing(0, 1.0, 9)], "there is no GPU 9"),
        ([], "never placed"),
    ],
)
def test_impossible_decisions_end_the_run_with_the_name(placing: list[Placing], problem: str) -> None:
    with pytest.raises(FailedStrategy, match=f"strategy scripted: task 0: .*{problem}"):
        run([a_task(0)], Scripted(lambda moment: placing), a_rig())


def test_progress_counts_tasks() -> None:
    class Counting(Quiet):
        steps = 0

        def step(self, count: int = 1) -> None:
            self.steps += count

    counting = Counting()
    run([a_task(number) for number in range(7)], always(0.0), a_rig(), counting)
    assert counting.steps == 7
