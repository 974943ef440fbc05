"""HEFT and JPS decide about independent tasks as the production objects do, within the rules of the machine."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from contests import a_rig, a_task
from heterosched.algorithms.fractions import SplitTask
from heterosched_lab.contest.check import check
from heterosched_lab.contest.entrants import ExactOracle, Moment
from heterosched_lab.contest.generator import generate
from heterosched_lab.contest.graph import GraphEntrant, JpsEntrant, _Idle
from heterosched_lab.contest.queueing import run
from heterosched_lab.contest.rig import Rig
from heterosched_lab.contest.settings import Settings

HEFT, JPS = GraphEntrant("heft"), JpsEntrant()


def moment(tasks: Sequence[SplitTask], rig: Rig, gpu_free: Sequence[float], cpu_free: float = 0.0) -> Moment:
    return Moment(0.0, tuple(range(len(tasks))), tasks, gpu_free, cpu_free, rig)


@pytest.mark.parametrize("linear", [False, True])
def test_heft_alone_takes_the_faster_device_whole(linear: bool) -> None:
    rig = a_rig(gpus=4, linear=linear)
    assert HEFT.alone(a_task(intensity=0.9).split, rig) == 1.0
    assert HEFT.alone(a_task(seconds=0.001, memory_mb=7000).split, rig) == 0.0  # moving it takes 0.44 s


def test_heft_places_long_tasks_first_and_heeds_what_is_busy() -> None:
    tasks = [a_task(number, seconds).split for number, seconds in enumerate((4.0, 40.0, 8.0))]
    placed = HEFT.place(moment(tasks, a_rig(gpus=2), (0.0, 6.0)))
    where = {own.row: (own.fraction, own.gpu) for own in placed}
    # 10 s on GPU 0 from 0; then 2 s on GPU 1 from 6 on, or 8 s on the CPU: both end at 8; last 1 s behind, or 4 s there
    assert where[1] == (1.0, 0)
    assert where[0] == (0.0, 0)
    assert where[2] == (1.0, 1)


def test_heft_plans_at_most_a_window() -> None:
    tasks = [a_task(number).split for number in range(5)]
    placed = GraphEntrant("heft", window=3).place(moment(tasks, a_rig(), (0.0,)))
    assert {own.row for own in placed} == {0, 1, 2}


def test_a_run_of_heft_is_its_plan() -> None:
    tasks = [a_task(number, 1.0 + number) for number in range(6)]
    rig = a_rig(gpus=2)
    log = run(tasks, HEFT, rig)
    assert check(log, tasks, rig).makespan == max(log.finish)
    assert log.decided.tolist() == [0.0, *log.decided[1:].tolist()]
    assert set(log.fraction.tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("linear", [False, True])
def test_jps_alone_is_what_the_solver_says(linear: bool) -> None:
    settings = Settings(model="legacy_linear" if linear else "parallel")
    rig = Rig.of(settings)
    for task in (task.split for task in generate(settings, 11, 12)):
        solved = JPS.solved(moment([task], rig, (0.0,)), [0], _Idle((0,), True))
        assert JPS.alone(task, rig) == pytest.approx(solved[0].fraction, abs=1e-6)
        best = rig.model.seconds(task, ExactOracle().fraction(task, rig.model))
        assert rig.model.seconds(task, JPS.alone(task, rig)) <= best * 1.05


def test_jps_divides_in_proportion_to_speed() -> None:
    assert JPS.alone(a_task().split, a_rig()) == 0.8
    assert JPS.alone(a_task().split, a_rig(linear=True)) == 1.0


@pytest.mark.parametrize(("gpu_free", "cpu_free", "count"), [((0.0,), 5.0, 3), ((5.0, 5.0), 0.0, 3)])
def test_one_idle_device_gets_the_oldest_as_from_the_solver(
    gpu_free: tuple[float, ...], cpu_free: float, count: int
) -> None:
    rig = a_rig(gpus=len(gpu_free))
    now = moment([a_task(number, 5.0 + number).split for number in range(count)], rig, gpu_free, cpu_free)
    idle = _Idle(tuple(gpu for gpu, free in enumerate(gpu_free) if free == 0), cpu_free == 0)
    assert JPS.place(now) == JPS.solved(now, [0], idle)


def test_jps_gives_several_jobs_at_most_one_gpu_each() -> None:
    tasks = [a_task(number, 5.0 + number).split for number in range(2)]
    placed = JPS.place(moment(tasks, a_rig(gpus=4), (0.0,) * 4))
    assert sorted(own.row for own in placed) == [0, 1]
    assert len({own.gpu for own in placed if own.fraction > 0}) == sum(own.fraction > 0 for own in placed)
    assert sum(own.fraction < 1 for own in placed) == 1  # one of them has the CPU too
    assert [own.row for own in JPS.place(moment(tasks, a_rig(gpus=1), (0.0,)))] == [0, 1]


def test_jps_leaves_what_fits_no_gpu_to_the_cpu() -> None:
    rig = a_rig(gpu_memory_mb=100)
    big, small = a_task(0, memory_mb=500).split, a_task(1, memory_mb=50).split
    assert JPS.alone(big, rig) == 0.0
    assert [own.row for own in JPS.place(moment([big, small], rig, (0.0,), 9.0))] == [1]
    both = {own.row: own.fraction for own in JPS.place(moment([big, small], rig, (0.0,)))}
    assert both == {0: 0.0, 1: 1.0}
