"""The independent checker: every figure of a contest is recomputed from its log, and an impossible log is refused.

It knows the tasks, the machine and the rules, and nothing of how the log came about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heterosched_lab.contest.faults import BrokenLog
from heterosched_lab.contest.generator import ContestTask
from heterosched_lab.contest.queueing import Floats, Log
from heterosched_lab.contest.rig import Rig

ROUNDING = 1e-9
"""Seconds, relative to the time on the clock: sums in another order differ by less."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures of a run; seconds, joules, dollars. Latency is from arrival to finish, waiting until the first start.

    `per_dollar`: tasks per dollar of all energy. Busy shares are of the makespan, over all GPUs and of the CPU.
    """

    tasks: int
    makespan: float
    mean: float
    p50: float
    p95: float
    p99: float
    waiting: float
    throughput: float
    busy_joules: float
    idle_joules: float
    dollars: float
    per_dollar: float
    gpu_busy: float
    cpu_busy: float
    mean_fraction: float


def check(log: Log, tasks: Sequence[ContestTask], rig: Rig) -> Metrics:
    """The figures of a log. Raises BrokenLog, which names the strategy and the task."""
    numbers = [task.number for task in tasks]
    parts = np.array([_parts(log, row, task, rig) for row, task in enumerate(tasks)]).reshape(-1, 2)
    _check_tasks(log, tasks, rig, parts)
    for gpu in range(rig.gpus):
        _check_device(log, numbers, f"GPU {gpu}", np.flatnonzero(log.gpu == gpu), log.gpu_start, log.gpu_finish)
    _check_device(log, numbers, "the CPU", np.flatnonzero(parts[:, 1] > 0), log.cpu_start, log.cpu_finish)
    return _metrics(log, tasks, rig, parts)


def busy_joules(log: Log, tasks: Sequence[ContestTask], rig: Rig) -> Floats:
    """What each task drew while devices worked on it."""
    return np.array([rig.busy_joules(task.split, float(log.fraction[row])) for row, task in enumerate(tasks)])


def _parts(log: Log, row: int, task: ContestTask, rig: Rig) -> tuple[float, float]:
    fraction = float(log.fraction[row])
    if not 0 <= fraction <= 1:
        raise BrokenLog(log.strategy, task.number, f"fraction {fraction!r}: it was never placed, or placed wrongly")
    return rig.model.parts(task.split, fraction)


def _check_tasks(log: Log, tasks: Sequence[ContestTask], rig: Rig, parts: Floats) -> None:
    rows = {task.number: row for row, task in enumerate(tasks)}
    for row, task in enumerate(tasks):

        def refuse(problem: str, number: int = task.number) -> None:
            raise BrokenLog(log.strategy, number, problem)

        gpu_used, cpu_used = log.fraction[row] > 0, parts[row, 1] > 0
        if gpu_used != (0 <= log.gpu[row] < rig.gpus):
            refuse(f"fraction {log.fraction[row]:g} on GPU {log.gpu[row]}")
        if gpu_used and not rig.fits(task.split):
            refuse(f"{task.split.memory_mb:g} MB on a GPU of {rig.gpu_memory_mb:g} MB")
        ready = max([task.arrival, *(float(log.finish[rows[own]]) for own in task.parents if own in rows)])
        if log.decided[row] < ready - _slack(ready):
            refuse(f"decided at {log.decided[row]:g} s, before it may run at {ready:g} s")
        ends = []
        for used, start, finish, seconds in (
            (gpu_used, log.gpu_start[row], log.gpu_finish[row], parts[row, 0]),
            (cpu_used, log.cpu_start[row], log.cpu_finish[row], parts[row, 1]),
        ):
            if not used:
                continue
            if not start >= log.decided[row] or not abs(finish - start - seconds) <= _slack(finish):
                refuse(f"a part of {seconds:g} s lasts from {start:g} s to {finish:g} s")
            ends.append(float(finish))
        if rig.model.linear and len(ends) == 2 and log.cpu_start[row] < log.gpu_finish[row] - _slack(ends[0]):
            refuse("its parts overlap, though times add up")
        if log.finish[row] != max(ends):
            refuse(f"finishes at {log.finish[row]:.12g} s, its parts at {max(ends):.12g} s")


def _check_device(log: Log, numbers: list[int], device: str, rows: np.ndarray, start: Floats, finish: Floats) -> None:
    order = rows[np.argsort(start[rows], kind="stable")]
    late = np.flatnonzero(start[order][1:] < finish[order][:-1] - _slack(finish[order][:-1]))
    for place in late[:1]:
        one, other = numbers[order[place]], numbers[order[place + 1]]
        raise BrokenLog(log.strategy, other, f"starts on {device} while task {one} is still there")


def _slack(moment: float | Floats) -> float | Floats:
    return ROUNDING * np.maximum(1.0, np.abs(moment))


def _metrics(log: Log, tasks: Sequence[ContestTask], rig: Rig, parts: Floats) -> Metrics:
    arrival = np.array([task.arrival for task in tasks])
    latency, makespan = log.finish - arrival, float(log.finish.max())
    first = np.fmin(log.gpu_start, log.cpu_start)
    gpu_seconds, cpu_seconds = float(parts[:, 0].sum()), float(parts[:, 1].sum())
    busy = float(busy_joules(log, tasks, rig).sum())
    idle = 0.0
    if not rig.model.linear:
        idle = (rig.gpus * makespan - gpu_seconds) * rig.gpu_idle_watts + (makespan - cpu_seconds) * rig.cpu_idle_watts
    dollars = rig.dollars(busy + idle)
    p50, p95, p99 = (float(value) for value in np.percentile(latency, (50, 95, 99)))
    return Metrics(
        tasks=len(tasks),
        makespan=makespan,
        mean=float(latency.mean()),
        p50=p50,
        p95=p95,
        p99=p99,
        waiting=float((first - arrival).mean()),
        throughput=len(tasks) / makespan,
        busy_joules=busy,
        idle_joules=idle,
        dollars=dollars,
        per_dollar=len(tasks) / dollars if dollars > 0 else float("inf"),
        gpu_busy=gpu_seconds / (rig.gpus * makespan),
        cpu_busy=cpu_seconds / makespan,
        mean_fraction=float(log.fraction.mean()),
    )
