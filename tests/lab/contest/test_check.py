"""The checker recomputes every figure from the log and refuses a log that cannot have happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from contests import a_rig, a_task, always
from heterosched_lab.contest.check import busy_joules, check
from heterosched_lab.contest.faults import BrokenLog
from heterosched_lab.contest.generator import ContestTask, generate
from heterosched_lab.contest.queueing import Log, run
from heterosched_lab.contest.rig import Rig
from heterosched_lab.contest.settings import Settings
from heterosched_lab.contest.updates import entrants

TASKS = [a_task(number, arrival=float(number)) for number in range(3)]


def good(linear: bool = False) -> Log:
    return run(TASKS, always(0.5), a_rig(gpus=2, linear=linear))


def test_figures_by_hand() -> None:
    own = check(good(), TASKS, a_rig(gpus=2))
    # CPU parts of 5 s from 0, 5 and 10 on; GPU parts of 1.25 s each
    assert own.makespan == 15.0
    assert own.mean == own.p50 == 9.0
    assert [own.p95, own.p99] == pytest.approx([12.6, 12.92])
    assert own.waiting == 0.0
    assert own.throughput == 0.2
    assert own.busy_joules == 3 * (1.25 * 50 + 5 * 30)
    assert own.idle_joules == (2 * 15 - 3.75) * 5 + 0 * 3
    assert own.dollars == (own.busy_joules + own.idle_joules) / 3.6e6 * 0.15
    assert own.per_dollar == 3 / own.dollars
    assert (own.gpu_busy, own.cpu_busy, own.mean_fraction) == (3.75 / 30, 1.0, 0.5)


def test_the_linear_model_has_no_idle_draw() -> None:
    rig = a_rig(gpus=2, linear=True)
    own = check(good(linear=True), TASKS, rig)
    assert own.idle_joules == 0.0
    assert own.busy_joules == pytest.approx(3 * 40 * 6.25)
    assert busy_joules(good(linear=True), TASKS, rig).tolist() == pytest.approx([250.0] * 3)


@pytest.mark.parametrize("mode", ["plain", "realistic"])
@pytest.mark.parametrize("model", ["parallel", "legacy_linear"])
def test_every_strategy_keeps_the_rules(model: str, mode: str) -> None:
    for rate in (2.0, 100.0):
        settings = Settings(model=model, mode=mode, arrival_rate=rate, gpu_memory_mb=120.0)
        rig, tasks = Rig.of(settings), generate(settings, 6, 40)
        for taker in entrants(settings, 6):
            own = check(run(tasks, taker, rig), tasks, rig)
            assert own.tasks == 40
            assert own.makespan >= tasks[-1].arrival


Change = Callable[[Log], object]


@pytest.mark.parametrize(
    ("change", "task", "problem"),
    [
        (lambda log: log.fraction.__setitem__(1, 1.5), 1, "placed wrongly"),
        (lambda log: log.fraction.__setitem__(1, np.nan), 1, "never placed"),
        (lambda log: log.gpu.__setitem__(1, 2), 1, "on GPU 2"),
        (lambda log: log.gpu.__setitem__(1, -1), 1, "on GPU -1"),
        (lambda log: log.decided.__setitem__(1, 0.5), 1, "before it may run"),
        (lambda log: log.gpu_finish.__setitem__(1, 2.0), 1, "a part of 1.25 s lasts"),
        (lambda log: log.gpu_start.__setitem__(1, np.nan), 1, "a part of 1.25 s lasts"),
        (lambda log: log.decided.__setitem__(1, 1.5), 1, "a part of 1.25 s lasts"),
        (lambda log: log.finish.__setitem__(1, 99.0), 1, "finishes at 99 s"),
        (lambda log: log.gpu.__setitem__(1, 0), 1, "on GPU 0 while task 0"),
    ],
)
def test_impossible_logs_are_refused_by_strategy_and_task(change: Change, task: int, problem: str) -> None:
    log = good()
    change(log)
    with pytest.raises(BrokenLog, match=f"strategy told: task {task}: .*{problem}"):
        check(log, TASKS, a_rig(gpus=2))


def test_double_use_of_the_cpu_is_refused() -> None:
    log = good()
    for column in (log.cpu_start, log.cpu_finish, log.finish):
        column[2] -= 1.0
    with pytest.raises(BrokenLog, match="task 2: starts on the CPU while task 1"):
        check(log, TASKS, a_rig(gpus=2))


def test_overlapping_parts_are_refused_where_times_add_up() -> None:
    tasks = TASKS[:1]
    log = run(tasks, always(0.5), a_rig(linear=True))
    for column in (log.cpu_start, log.cpu_finish, log.finish):
        column[0] -= 1.0
    with pytest.raises(BrokenLog, match="parts overlap"):
        check(log, tasks, a_rig(linear=True))


def test_a_child_before_its_parent_and_too_much_memory_are_refused() -> None:
    late: list[ContestTask] = [a_task(0), a_task(1)]
    log = run(late, always(1.0), a_rig(gpus=2))
    with pytest.raises(BrokenLog, match=r"task 1: decided at 0 s, before it may run at 2\.5 s"):
        check(log, [late[0], replace(late[1], parents=(0,))], a_rig(gpus=2))
    heavy = [a_task(0, memory_mb=0.0)]
    log = run(heavy, always(1.0), a_rig())
    with pytest.raises(BrokenLog, match="500 MB on a GPU of 100 MB"):
        check(log, [a_task(0, memory_mb=500.0)], a_rig(gpu_memory_mb=100.0))
