"""Small contests: tasks with round figures, a strategy that answers what it is told, a machine without transfers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from heterosched.algorithms.fractions import SplitModel, SplitTask
from heterosched_lab.contest.entrants import FractionEntrant, Moment, Placing
from heterosched_lab.contest.generator import ContestTask
from heterosched_lab.contest.rig import Rig
from heterosched_lab.contest.settings import Settings

SMALL = replace(Settings(), num_tasks=120)


def a_task(
    number: int = 0,
    seconds: float = 10.0,
    intensity: float = 1.0,
    memory_mb: float = 0.0,
    arrival: float = 0.0,
    parents: tuple[int, ...] = (),
) -> ContestTask:
    """Ten seconds on the CPU; of intensity 1 it takes a quarter of that on a GPU."""
    return ContestTask(SplitTask(number, 1000.0, intensity, memory_mb, seconds), arrival, parents)


def a_rig(gpus: int = 1, linear: bool = False, gpu_memory_mb: float = 8000.0) -> Rig:
    return Rig(SplitModel(linear=linear), gpus, gpu_memory_mb)


class Told:
    """A fraction strategy that asks a function."""

    name = "told"

    def __init__(self, answer: Callable[[SplitTask], float]) -> None:
        self._answer = answer

    def fraction(self, task: SplitTask, model: SplitModel) -> float:
        return self._answer(task)


def always(fraction: float) -> FractionEntrant:
    return FractionEntrant(Told(lambda task: fraction))


class Scripted:
    """An entrant that places by a function of the moment."""

    name = "scripted"

    def __init__(self, answer: Callable[[Moment], Sequence[Placing]], gathers: bool = True) -> None:
        self._answer, self.gathers = answer, gathers

    def alone(self, task: SplitTask, rig: Rig) -> float:
        return 0.0

    def place(self, moment: Moment) -> Sequence[Placing]:
        return self._answer(moment)


class Pupil:
    """A strategy that learns nothing and remembers every lesson."""

    name = "pupil"

    def __init__(self) -> None:
        self.lessons: list[tuple[tuple[SplitTask, ...], tuple[float, ...]]] = []

    def fraction(self, task: SplitTask, model: SplitModel) -> float:
        return 0.5

    def learn(self, tasks: Sequence[SplitTask], fractions: Sequence[float]) -> None:
        self.lessons.append((tuple(tasks), tuple(fractions)))
