"""Each task through all strategies at once: one record per task holds the result of every strategy."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from heterosched.algorithms.fractions import Outcome, SplitTask
from heterosched.errors import InvalidInput
from heterosched_lab.contest.entrants import (
    LEARNING_ROWS,
    ORACLE,
    Entrant,
    ExactOracle,
    FractionEntrant,
    Learner,
    fraction_entrants,
)
from heterosched_lab.contest.faults import FailedStrategy
from heterosched_lab.contest.generator import ContestTask
from heterosched_lab.contest.graph import graph_entrants
from heterosched_lab.contest.rig import Rig
from heterosched_lab.contest.settings import Settings


@dataclass(frozen=True, slots=True)
class Update:
    """One task and what every strategy makes of it when it has one GPU and the CPU for itself.

    `best` is the oracle's outcome, whether it takes part or not. `taught`: strategies that learned just after this
    task, from this one and those before it.
    """

    task: ContestTask
    results: Mapping[str, Outcome]
    best: Outcome
    taught: tuple[str, ...] = ()


def entrants(settings: Settings, seed: int, names: Sequence[str] = ()) -> list[Entrant]:
    """All who take part, by name; `names` keeps those alone. Raises InvalidInput where two have one name."""
    rig = Rig.of(settings)
    found = sorted([*fraction_entrants(rig, seed), *graph_entrants(settings.window)], key=lambda own: own.name)
    for one, other in pairwise(found):
        if one.name == other.name:
            problem = "two strategies of the contest have this name"
            raise InvalidInput(f"strategy {one.name}", "name", problem, "rename the entry point of one")
    return [own for own in found if not names or own.name in names]


def updates(
    tasks: Iterable[ContestTask], takers: Sequence[Entrant], rig: Rig, retrain_interval: int = 50
) -> Iterator[Update]:
    """An update per task, in their order. After every `retrain_interval` tasks those that learn are taught the latest
    (at most 1000) tasks and their best fractions. Raises FailedStrategy with the name of the strategy.
    """
    oracle = ExactOracle()
    pupils = [own for own in takers if isinstance(own, FractionEntrant) and isinstance(own.strategy, Learner)]
    latest: deque[tuple[SplitTask, float]] = deque(maxlen=LEARNING_ROWS)
    for count, task in enumerate(tasks, 1):
        results = {own.name: rig.alone(task.split, own.alone(task.split, rig)) for own in takers}
        best = results.get(ORACLE) or rig.alone(task.split, oracle.fraction(task.split, rig.model))
        latest.append((task.split, best.fraction))
        yield Update(task, results, best, _teach(pupils, latest) if count % retrain_interval == 0 else ())


def _teach(pupils: Sequence[FractionEntrant], latest: Iterable[tuple[SplitTask, float]]) -> tuple[str, ...]:
    tasks, fractions = zip(*latest, strict=True)
    for pupil in pupils:
        assert isinstance(pupil.strategy, Learner)
        try:
            pupil.strategy.learn(tasks, fractions)
        except Exception as error:  # whatever a plug-in raises is its fault, and the run has to say whose
            raise FailedStrategy(pupil.name, tasks[-1].number, f"{type(error).__name__}: {error}") from error
    return tuple(pupil.name for pupil in pupils)
