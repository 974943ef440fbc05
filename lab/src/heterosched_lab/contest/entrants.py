"""Who takes part in the contest: every registered fraction strategy, and production's graph strategies.

A fraction strategy says which part of a task a GPU takes, and says it when the task arrives; the GPU is then the one of
least weighted cost. What a graph strategy is asked instead stands in `graph.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from heterosched.algorithms.fractions import FractionStrategy, SplitModel, SplitTask, fraction_strategies
from heterosched.algorithms.fractions.even_finish import EvenFinish
from heterosched.algorithms.fractions.simple import OracleFraction, RandomFraction
from heterosched_lab.contest.faults import FailedStrategy
from heterosched_lab.contest.rig import Rig, weighted_cost

ORACLE, GRID_ORACLE, OURS = "oracle", "oracle_11", "even_finish"
LEARNING_ROWS = 1000
"""A strategy that learns is shown at most so many of the latest tasks, as in the original."""


@dataclass(frozen=True, slots=True)
class Placing:
    """A decision: the part `fraction` of the waiting task in `row` to GPU `gpu` (ignored where it is 0), now."""

    row: int
    fraction: float
    gpu: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """What a dispatcher sees at `now`: the rows that wait, oldest first, and when each device has done its queue."""

    now: float
    waiting: Collection[int]
    tasks: Sequence[SplitTask]
    gpu_free: Sequence[float]
    cpu_free: float
    rig: Rig


class Entrant(Protocol):
    """A strategy as the contest meets it. `gathers`: it is asked when a device is idle, not at each arrival."""

    name: str
    gathers: bool

    def alone(self, task: SplitTask, rig: Rig) -> float:
        """The fraction for a task that has one GPU and the CPU for itself."""
        ...

    def place(self, moment: Moment) -> Sequence[Placing]:
        """Decide about waiting tasks: about all where it does not gather, else about as many as it likes."""
        ...


@runtime_checkable
class Learner(Protocol):
    """What a strategy may offer beside `fraction`: to be taught the best fractions of finished tasks, oldest first."""

    def learn(self, tasks: Sequence[SplitTask], fractions: Sequence[float]) -> None:
        """Learn from these tasks; every one of them lies before all that it will be asked about."""
        ...


@runtime_checkable
class QueueAware(Protocol):
    """What a strategy may offer beside `fraction`: to take into account what GPU and CPU still have to do."""

    def fraction_behind(self, task: SplitTask, model: SplitModel, gpu_wait: float, cpu_wait: float) -> float:
        """The fraction where the GPU is free after `gpu_wait` seconds and the CPU after `cpu_wait`."""
        ...


class ExactOracle:
    """The best of eleven fractions and of the one at which GPU and CPU end together: nothing is faster.

    Eleven points alone are best where times add up, since the best is then 0 or 1; side by side any strategy may hit
    a better fraction between two of them.
    """

    name = ORACLE

    def __init__(self) -> None:
        self._grid, self._even = OracleFraction(), EvenFinish()

    def fraction(self, task: SplitTask, model: SplitModel) -> float:
        """The fraction of the least time."""
        points = (self._grid.fraction(task, model), self._even.fraction(task, model))
        return min(points, key=lambda fraction: model.seconds(task, fraction))


class FractionEntrant:
    """A fraction strategy in the contest."""

    gathers = False

    def __init__(self, strategy: FractionStrategy, name: str = "") -> None:
        self.strategy, self.name = strategy, name or strategy.name
        self._aware = strategy if isinstance(strategy, QueueAware) else None

    def alone(self, task: SplitTask, rig: Rig) -> float:
        """Its fraction. Raises FailedStrategy."""
        try:
            found = self.strategy.fraction(task, rig.model)
        except Exception as error:  # whatever a plug-in raises is its fault, and the run has to say whose
            raise FailedStrategy(self.name, task.number, f"{type(error).__name__}: {error}") from error
        return _checked(self.name, task, found)

    @property
    def sees_queues(self) -> bool:
        """Whether what it decides depends on what is queued."""
        return self._aware is not None

    def place(self, moment: Moment) -> Sequence[Placing]:
        """Each task at once."""
        return [self._placed(moment, row) for row in moment.waiting]

    def _placed(self, moment: Moment, row: int) -> Placing:
        task, rig = moment.tasks[row], moment.rig
        if self._aware is not None:
            gpu = min(range(rig.gpus), key=moment.gpu_free.__getitem__)
            waits = (max(0.0, free - moment.now) for free in (moment.gpu_free[gpu], moment.cpu_free))
            return Placing(row, self._behind(self._aware, task, rig, *waits), gpu)
        return on_cheapest(moment, row, self.alone(task, rig))

    def _behind(self, aware: QueueAware, task: SplitTask, rig: Rig, gpu_wait: float, cpu_wait: float) -> float:
        try:
            found = aware.fraction_behind(task, rig.model, gpu_wait, cpu_wait)
        except Exception as error:
            raise FailedStrategy(self.name, task.number, f"{type(error).__name__}: {error}") from error
        return _checked(self.name, task, found)


class Recorded:
    """A strategy that does not look at queues, by the fractions that it has chosen already.

    One that learns is not asked twice about a task: by then it would have been told the best fraction.
    """

    gathers = False

    def __init__(self, name: str, fractions: Mapping[int, float]) -> None:
        """`fractions`: by the numbers of the tasks."""
        self.name, self._fractions = name, fractions

    def alone(self, task: SplitTask, rig: Rig) -> float:
        """What it chose."""
        return self._fractions[task.number]

    def place(self, moment: Moment) -> Sequence[Placing]:
        """Each task at once."""
        return [on_cheapest(moment, row, self._fractions[moment.tasks[row].number]) for row in moment.waiting]


def on_cheapest(moment: Moment, row: int, fraction: float) -> Placing:
    """The task in `row` on the GPU of the least weighted cost."""
    return Placing(row, fraction, cheapest_gpu(moment, moment.tasks[row], fraction) if fraction > 0 else 0)


def cheapest_gpu(moment: Moment, task: SplitTask, fraction: float) -> int:
    """The GPU of the least weighted cost, the first of equals."""
    seconds, joules = moment.rig.model.seconds(task, fraction), moment.rig.busy_joules(task, fraction)
    queued = [max(0.0, free - moment.now) for free in moment.gpu_free]
    return min(range(len(queued)), key=lambda gpu: weighted_cost(seconds, queued[gpu] / seconds, joules))


def fraction_entrants(rig: Rig, seed: int) -> list[Entrant]:
    """Every registered fraction strategy, the seed given to the one that draws lots, and both oracles."""
    found: list[Entrant] = []
    for name, kind in sorted(fraction_strategies().items()):
        if name == ORACLE:
            found.append(FractionEntrant(ExactOracle()))
            if not rig.model.linear:
                found.append(FractionEntrant(kind(), GRID_ORACLE))
        else:
            found.append(FractionEntrant(RandomFraction(seed) if kind is RandomFraction else kind(), name))
    return found


def _checked(name: str, task: SplitTask, found: object) -> float:
    numeric = isinstance(found, int | float) or hasattr(found, "__float__")
    value = float(found) if numeric else float("nan")  # type: ignore[arg-type]
    if not 0 <= value <= 1:
        raise FailedStrategy(name, task.number, f"answers {found!r}, no fraction from 0 to 1")
    return value
