"""The experiment as independent pieces of work, so that all cores (or a cluster) share them in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from heterosched_lab.jps_experiment import sweeps
from heterosched_lab.jps_experiment.effort import case
from heterosched_lab.jps_experiment.families import FAMILIES, Kind, instance
from heterosched_lab.jps_experiment.strategies import compared

Piece = Literal["compared", "swept", "workers", "case"]
WORKERS = (6, 9, 12, 15, 24, 36)
SHORT_WORKERS = (6, 15)
TRAINING_SEED = 1_000_003
"""Seeds of the tuner's training and unseen cases; the experiment's own come from the command line and are small."""
UNSEEN_SEED = 1_000_033


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done: instances per seed and family, for the comparison and for sweeps; of the tuner the rest."""

    compared: int = 20
    swept: int = 5
    visited: int = 150
    training: int = 16
    unseen: int = 24
    trials: int = 40


FULL = Size()
SHORT = Size(compared=1, swept=1, visited=24, training=2, unseen=2, trials=4)


@dataclass(frozen=True, slots=True)
class Task:
    """One piece: what is done to which instance. `count`: workers (piece `workers`) or categories (`swept`)."""

    piece: Piece
    family: str
    seed: int
    index: int
    count: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """Carries out a task; holds the job types, so that workers need no file."""

    known: tuple[Kind, ...]

    def __call__(self, task: Task) -> Any:
        """The result of the task: what the function of its piece answers."""
        if task.piece == "case":
            return case(task.family, self.known, task.seed, task.index)
        made = instance(task.family, self.known, task.seed, task.index, task.count if task.piece == "workers" else 0)
        if task.piece in ("compared", "workers"):
            return compared(made, task.family, task.seed, task.index)
        return sweeps.swept(made, task.seed, task.index, task.count)


def tasks(seeds: Sequence[int], size: Size, short: bool) -> list[Task]:
    """All pieces of the experiment. The short form sweeps only the last family, and the first seed."""
    found = []
    for family in FAMILIES:
        for seed in seeds:
            found += [Task("compared", family, seed, index) for index in range(size.compared)]
            if short and (family != FAMILIES[-1] or seed != seeds[0]):
                continue
            found += [Task("swept", family, seed, index, size.visited) for index in range(size.swept)]
    found += [
        Task("workers", "gavel", seed, index, count)
        for count in (SHORT_WORKERS if short else WORKERS)
        for seed in (seeds[:1] if short else seeds)
        for index in range(size.swept)
    ]
    train = FAMILIES[-1]
    found += [Task("case", train, TRAINING_SEED, index) for index in range(size.training)]
    for family in FAMILIES:
        found += [Task("case", family, UNSEEN_SEED, index) for index in range(size.unseen)]
    return found
