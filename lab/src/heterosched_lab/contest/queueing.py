"""The contest under arrivals: tasks queue for the GPUs and the CPU, first come, first served on each device.

Every start and finish follows from the order of decisions by exact recursion: a part starts when it is decided and its
device has done what it was given before. So the log has no time step and no rounding but the arithmetic's.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterosched.algorithms.fractions import SplitTask
from heterosched_lab.contest.entrants import Entrant, Moment, Placing
from heterosched_lab.contest.faults import FailedStrategy
from heterosched_lab.contest.generator import ContestTask
from heterosched_lab.contest.rig import Rig
from heterosched_lab.runs.types import Progress

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_RELEASE, _CPU_PART, _WAKE = 0, 1, 2


@dataclass(frozen=True)
class Log:
    """What happened, by row of the tasks; seconds after the start, NaN and -1 where a task used no such device.

    `decided` is when the strategy placed the task. A GPU part includes the transfer.
    """

    strategy: str
    fraction: Floats
    gpu: Ints
    decided: Floats
    gpu_start: Floats
    gpu_finish: Floats
    cpu_start: Floats
    cpu_finish: Floats
    finish: Floats

    @classmethod
    def empty(cls, strategy: str, count: int) -> Log:
        """A log in which nothing has happened."""
        blank = [np.full(count, np.nan) for _ in range(7)]
        return cls(strategy, blank[0], np.full(count, -1), *blank[1:])


class _Run:
    """The state of one run."""

    def __init__(self, tasks: Sequence[ContestTask], entrant: Entrant, rig: Rig) -> None:
        self.tasks, self.entrant, self.rig = tasks, entrant, rig
        self.splits: list[SplitTask] = [task.split for task in tasks]
        self.log = Log.empty(entrant.name, len(tasks))
        self.gpu_free, self.cpu_free = [0.0] * rig.gpus, 0.0
        self.waiting: dict[int, None] = {}  # oldest first
        self.events: list[tuple[float, int, int]] = []
        self.woken = math.inf
        rows = {task.number: row for row, task in enumerate(tasks)}
        self.children: list[list[int]] = [[] for _ in tasks]
        self.missing = [0] * len(tasks)
        self.ready = [task.arrival for task in tasks]
        for row, task in enumerate(tasks):
            known = [rows[parent] for parent in task.parents if parent in rows]
            self.missing[row] = len(known)
            for parent in known:
                self.children[parent].append(row)
            if not known:
                heapq.heappush(self.events, (task.arrival, _RELEASE, row))

    def go(self, progress: Progress | None) -> Log:
        while self.events:
            now, kind, row = heapq.heappop(self.events)
            if kind == _RELEASE:
                self.waiting[row] = None
                if progress is not None:
                    progress.step()
            elif kind == _CPU_PART:
                self._on_cpu(now, row)
                self._finished(row, float(self.log.cpu_finish[row]))
            else:
                self.woken = math.inf
            if not (self.events and self.events[0][0] == now):  # decide once about all that happens at one moment
                self._decide(now)
        if self.waiting:
            number = self.tasks[next(iter(self.waiting))].number
            raise FailedStrategy(self.entrant.name, number, "is never placed, though every device is idle")
        return self.log

    def _decide(self, now: float) -> None:
        if not self.waiting:
            return
        if not self.entrant.gathers:
            for row in tuple(self.waiting):  # one by one: each sees what the one before it has queued
                self._ask(now, (row,))
        elif min(*self.gpu_free, self.cpu_free) <= now:
            self._ask(now, self.waiting.keys())
        later = [free for free in (*self.gpu_free, self.cpu_free) if free > now]
        if self.waiting and later and min(later) < self.woken:
            self.woken = min(later)
            heapq.heappush(self.events, (self.woken, _WAKE, -1))

    def _ask(self, now: float, waiting: Collection[int]) -> None:
        moment = Moment(now, waiting, self.splits, tuple(self.gpu_free), self.cpu_free, self.rig)
        self._carry_out(now, self.entrant.place(moment))

    def _carry_out(self, now: float, placings: Sequence[Placing]) -> None:
        oldest = next(iter(self.waiting))
        for placing in placings:
            if placing.row not in self.waiting:
                problem = f"row {placing.row} is placed though it does not wait"
                raise FailedStrategy(self.entrant.name, self.tasks[oldest].number, problem)
            del self.waiting[placing.row]
            self._commit(now, placing)

    def _commit(self, now: float, placing: Placing) -> None:
        row, log, task = placing.row, self.log, self.splits[placing.row]
        fraction = placing.fraction if self.rig.fits(task) else 0.0
        log.fraction[row], log.decided[row] = fraction, now
        gpu_seconds, cpu_seconds = self.rig.model.parts(task, fraction)
        end = now
        if fraction > 0:
            if not 0 <= placing.gpu < self.rig.gpus:
                raise FailedStrategy(self.entrant.name, task.number, f"there is no GPU {placing.gpu}")
            start = max(now, self.gpu_free[placing.gpu])
            end = self.gpu_free[placing.gpu] = start + gpu_seconds
            log.gpu[row], log.gpu_start[row], log.gpu_finish[row] = placing.gpu, start, end
        if cpu_seconds > 0:
            if self.rig.model.linear and fraction > 0:  # one part after the other: the CPU's turn comes later
                heapq.heappush(self.events, (end, _CPU_PART, row))
                return
            end = max(end, self._on_cpu(now, row))
        self._finished(row, end)

    def _on_cpu(self, now: float, row: int) -> float:
        start = max(now, self.cpu_free)
        self.cpu_free = start + self.rig.model.parts(self.splits[row], float(self.log.fraction[row]))[1]
        self.log.cpu_start[row], self.log.cpu_finish[row] = start, self.cpu_free
        return self.cpu_free

    def _finished(self, row: int, end: float) -> None:
        self.log.finish[row] = end
        for child in self.children[row]:
            self.missing[child] -= 1
            self.ready[child] = max(self.ready[child], end)
            if self.missing[child] == 0:
                heapq.heappush(self.events, (self.ready[child], _RELEASE, child))


def run(tasks: Sequence[ContestTask], entrant: Entrant, rig: Rig, progress: Progress | None = None) -> Log:
    """Send the tasks through a strategy. One step of `progress` per task. Raises FailedStrategy.

    Parents that are not among the tasks count as done.
    """
    return _Run(tasks, entrant, rig).go(progress)
