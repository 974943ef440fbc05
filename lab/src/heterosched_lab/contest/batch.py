"""One contest from end to end: tasks, every strategy alone and under arrivals, checked figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from heterosched.algorithms.fractions import Outcome, SplitModel, SplitTask
from heterosched_lab.contest.check import Metrics, check
from heterosched_lab.contest.entrants import ORACLE, Entrant, FractionEntrant, Recorded
from heterosched_lab.contest.generator import ContestTask, generate
from heterosched_lab.contest.queueing import Floats, Log, run
from heterosched_lab.contest.rig import Rig
from heterosched_lab.contest.settings import Settings
from heterosched_lab.contest.updates import Update, entrants, updates
from heterosched_lab.runs.types import Progress


class CpuOnly:
    """What speed-ups refer to: every task on the CPU alone."""

    name = "cpu_only"

    def fraction(self, task: SplitTask, model: SplitModel) -> float:
        """Nothing for the GPU."""
        return 0.0


@dataclass(frozen=True)
class Alone:
    """A strategy's outcomes for tasks that have one GPU and the CPU for themselves, by row of the tasks."""

    fraction: Floats
    seconds: Floats
    joules: Floats
    dollars: Floats

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Alone:
        """The outcomes as arrays."""
        rows = [(own.fraction, own.seconds, own.joules, own.dollars) for own in outcomes]
        return cls(*np.array(rows).reshape(-1, 4).T.copy())


@dataclass(frozen=True)
class Standing:
    """What a strategy achieved: alone, and under arrivals. `speedup`: makespan of the CPU alone over its own.

    `regret`: mean of its time over the oracle's, less one, task by task.
    """

    name: str
    alone: Alone
    log: Log
    metrics: Metrics
    speedup: float
    regret: float


@dataclass(frozen=True)
class Contest:
    """A contest that is over. `lessons`: how often each strategy that learns was taught."""

    settings: Settings
    seed: int
    tasks: Sequence[ContestTask]
    best: Alone
    standings: Mapping[str, Standing]
    lessons: Mapping[str, int]


def contest(
    settings: Settings, seed: int, progress: Progress | None = None, names: Sequence[str] = (), first: int = 0
) -> Contest:
    """`num_tasks` tasks, numbered from `first` on, through all strategies (or `names`). One step of progress per task
    and strategy. Raises FailedStrategy or BrokenLog, which name the strategy.
    """
    tasks = generate(settings, seed, settings.num_tasks, first)
    takers = entrants(settings, seed, names)
    return compete(settings, seed, tasks, takers, progress)


def compete(
    settings: Settings,
    seed: int,
    tasks: Sequence[ContestTask],
    takers: Sequence[Entrant],
    progress: Progress | None = None,
) -> Contest:
    """The same with given tasks and strategies."""
    rig = Rig.of(settings)
    if progress is not None:
        progress.start(f"seed {seed}, {settings.model}", len(tasks) * len(takers))
    told: list[Update] = list(updates(tasks, takers, rig, settings.retrain_interval))
    best = Alone.of([own.best for own in told])
    reference = check(run(tasks, FractionEntrant(CpuOnly()), rig), tasks, rig).makespan
    standings = {}
    for taker in takers:
        alone = Alone.of([own.results[taker.name] for own in told])
        log = run(tasks, settled(taker, tasks, alone.fraction), rig, progress)
        metrics = check(log, tasks, rig)
        regret = float((alone.seconds / best.seconds).mean() - 1.0)
        standings[taker.name] = Standing(taker.name, alone, log, metrics, reference / metrics.makespan, regret)
    lessons: dict[str, int] = {}
    for own in told:
        for name in own.taught:
            lessons[name] = lessons.get(name, 0) + 1
    return Contest(settings, seed, tasks, best, standings, lessons)


def settled(taker: Entrant, tasks: Sequence[ContestTask], fractions: Floats) -> Entrant:
    """The strategy for the queues: by the `fractions` that it has chosen for the tasks, unless it looks at queues."""
    if not isinstance(taker, FractionEntrant) or taker.sees_queues:
        return taker
    return Recorded(taker.name, {task.number: float(fractions[row]) for row, task in enumerate(tasks)})


def faster_than_oracle(found: Contest) -> int:
    """How many tasks any strategy runs faster than the oracle, alone: none, by construction."""
    best = (found.standings[ORACLE].alone if ORACLE in found.standings else found.best).seconds
    return int(sum((own.alone.seconds < best * (1 - 1e-12)).sum() for own in found.standings.values()))
