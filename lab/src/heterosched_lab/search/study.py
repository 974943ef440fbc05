"""Ask, spread, tell: Optuna's tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011) in fixed batches.

Points are asked for in batches and told in the order asked, so the trials are the same whatever the number of workers:
only how many points share a batch matters, and that is part of the search, not of the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import optuna

from heterosched.errors import InvalidInput
from heterosched_lab.progress import Quiet
from heterosched_lab.runs.types import Progress
from heterosched_lab.search.space import Dimension, Values, check, tidy
from heterosched_lab.spread import spread

BATCH = 8
"""Points asked for at once: enough for the cores of a workstation, few enough to learn from the earlier ones."""
FORBIDDEN = 1e9
"""Costs from here on are of points that break a condition; the more they break it, the more they cost."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One point that was tried. Smaller `cost` is better; `figures` say what it is made of. `number` counts from 0."""

    number: int
    values: Mapping[str, float]
    cost: float
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def allowed(self) -> bool:
        """Whether it keeps the condition."""
        return self.cost < FORBIDDEN

    @property
    def told(self) -> str:
        """The cost for people."""
        return f"{self.cost:.6g}" if self.allowed else "condition broken"


@dataclass(frozen=True)
class Spreading:
    """Where trials run: local processes (`workers`, default one per core), or the Dask cluster at `scheduler`."""

    scheduler: str = ""
    workers: int | None = None
    progress: Progress = field(default_factory=Quiet)


Evaluate = Callable[[Values], tuple[float, Mapping[str, float]]]
"""Cost and figures of a point; the same for the same point. Must be picklable."""


def search(
    space: Sequence[Dimension],
    evaluate: Evaluate,
    first: Values,
    *,
    trials: int,
    seed: int,
    spreading: Spreading | None = None,
) -> tuple[Trial, ...]:
    """Try `trials` points, `first` (the present parameters) before all others. Raises InvalidInput, ItemFailed.

    A point that is proposed again costs nothing: its result is known.
    """
    check(space, first)
    if trials < 1:
        raise InvalidInput("search", "trials", f"{trials} is below 1", "try at least the present parameters")
    where = spreading or Spreading()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
    study = optuna.create_study(sampler=sampler)
    study.enqueue_trial(dict(tidy(space, first)))
    distributions = {dimension.name: dimension.distribution for dimension in space}
    known: dict[tuple[float, ...], tuple[float, Mapping[str, float]]] = {}
    done: list[Trial] = []
    while len(done) < trials:
        asked = [study.ask(distributions) for _ in range(min(BATCH, trials - len(done)))]
        points = [tidy(space, trial.params) for trial in asked]
        new = {tuple(point.values()): point for point in points if tuple(point.values()) not in known}
        answers = spread(evaluate, list(new.values()), scheduler=where.scheduler, workers=where.workers)
        known.update(zip(new, answers, strict=True))
        for trial, point in zip(asked, points, strict=True):
            cost, figures = known[tuple(point.values())]
            study.tell(trial, cost)
            done.append(Trial(len(done), point, cost, figures))
            where.progress.step()
    return tuple(done)


def best(trials: Sequence[Trial]) -> Trial:
    """The cheapest trial; of equal ones the first, so that the present parameters stay where nothing beats them."""
    return min(trials, key=lambda trial: (trial.cost, trial.number))
