"""One instance through every strategy: the production solver's modes and what it compares itself with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from heterosched.jps import Answer, Instance, Parameters, solve
from heterosched.jps.fairness import Fairness, fairness
from heterosched_lab.simulate.log import Broken

STRATEGIES = ("random", "uniform", "equal", "jps", "exact")
TITLES = {
    "random": "one random composition",
    "uniform": "best of 128 random ones",
    "equal": "equal split",
    "jps": "JPS (guided, 128)",
    "exact": "exact",
}
TIME_ONLY = Parameters(fairness_floor=0.0)
"""What all are compared by: mean completion time alone, so that the optimum is one of the same thing."""


@dataclass(frozen=True, slots=True)
class Result:
    """A strategy on an instance. seconds: completion time of each job; gap_percent: of their mean, to the optimum."""

    strategy: str
    seconds: tuple[float, ...]
    mean_seconds: float
    gap_percent: float
    fairness: Fairness
    placed: int


@dataclass(frozen=True, slots=True)
class Compared:
    """An instance through all strategies. `proven`: whether the optimum is one; if not, gaps are upper bounds."""

    family: str
    seed: int
    index: int
    proven: bool
    results: tuple[Result, ...]


def compared(made: Instance, family: str, seed: int, index: int) -> Compared:
    """All strategies on one instance, each with random numbers of its own."""
    exact = checked(solve(made, TIME_ONLY, _rng(seed, index)), made)
    best = exact.lower_bound_seconds
    light = replace(TIME_ONLY, mode="uniform", price_rounds=1)  # the bound of these is not used
    answers = {
        "random": solve(made, replace(light, samples=1), _rng(seed, index)),
        "uniform": solve(made, light, _rng(seed, index)),
        "jps": solve(made, replace(TIME_ONLY, mode="guided"), _rng(seed, index)),
        "exact": exact,
    }
    results = [result(name, checked(answer, made), best) for name, answer in answers.items()]
    even = np.array([placement.equal_seconds for placement in exact.placements])
    mean = float(even.mean())
    equal = Result("equal", tuple(even.tolist()), mean, gap(mean, best), fairness(even, even), 1)
    ordered = sorted([*results, equal], key=lambda own: STRATEGIES.index(own.strategy))
    return Compared(family, seed, index, exact.optimal, tuple(ordered))


def result(name: str, answer: Answer, best: float) -> Result:
    """An answer as a strategy's result; `best`: seconds of the optimum."""
    seconds = tuple(placement.seconds for placement in answer.placements)
    return Result(
        name, seconds, answer.mean_seconds, gap(answer.mean_seconds, best), answer.fairness, answer.effort.placed
    )


def gap(seconds: float, best: float) -> float:
    """Percent above the optimum; rounding noise below it counts as none."""
    return max(0.0, (seconds / best - 1.0) * 100.0)


def occupancy(answer: Answer, made: Instance) -> np.typing.NDArray[np.float64]:
    """Jobs x workers: the share of the job's batch that the worker computes, 0 where it does not serve the job."""
    column = {worker.name: index for index, worker in enumerate(made.workers)}
    table = np.zeros((len(answer.placements), len(made.workers)))
    for row, placement in enumerate(answer.placements):
        for worker, share in zip(placement.workers, placement.shares, strict=True):
            table[row, column[worker]] = share / sum(placement.shares)
    return table


def checked(answer: Answer, made: Instance) -> Answer:
    """The answer, if no worker serves two jobs and every job is served; raises Broken otherwise."""
    table = occupancy(answer, made)
    for index in np.flatnonzero((table > 0).sum(axis=0) > 1)[:1]:
        raise Broken(f"jps {answer.method}", f"worker {made.workers[index].name} serves two jobs")
    if len(answer.placements) != len(made.jobs) or not np.allclose(table.sum(axis=1), 1.0):
        raise Broken(f"jps {answer.method}", "a job is not served, or not all of its batch")
    return answer


def _rng(seed: int, index: int) -> np.random.Generator:
    return np.random.default_rng((seed, index, 2))
