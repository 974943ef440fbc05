"""Sweeps over JPS's parameters, category by category: how its search behaves, apart from the proof's own plans.

`alone` runs the production sampler without the plans that the proof finds on its way, because the solver as shipped is
so close to the optimum that alpha and N could not be told apart in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from heterosched.jps import Instance, Parameters, solve
from heterosched.jps.admission import admit, admitted
from heterosched.jps.grouped import group
from heterosched.jps.parameters import Mode
from heterosched.jps.sampler import Sampler
from heterosched.jps.score import judge
from heterosched.jps.solver import demand
from heterosched.jps.timing import table_seconds
from heterosched_lab.jps_experiment.strategies import TIME_ONLY, gap

COUNTS = (8, 16, 32, 64, 128)
ALPHAS = (0.0, 0.25, 0.5, 0.7, 0.8, 0.9)
GRID_COUNTS = (10, 20, 40, 80)
BETAS = (1.0, 0.8, 0.6, 0.2, 0.0)


@dataclass(frozen=True, slots=True)
class Swept:
    """What the sweeps find on one instance; see the functions of the same names."""

    by_samples: dict[str, tuple[float, ...]]
    grid: dict[str, tuple[tuple[float, ...], ...]]
    front: tuple[tuple[float, float, float], ...]
    visited: tuple[tuple[int, float, float, float], ...]


def swept(made: Instance, seed: int, index: int, count: int) -> Swept:
    """All sweeps over one instance, `count` categories visited; its optimum is worked out once."""
    best = optimum(made)
    return Swept(
        by_samples(made, best, seed, index),
        grid(made, best, seed, index),
        front(made, best, seed, index),
        visited(made, best, seed, index, count),
    )


def optimum(made: Instance) -> float:
    """Mean completion time (s) of the best plan, or its proven lower bound."""
    return solve(made, TIME_ONLY, np.random.default_rng(0)).lower_bound_seconds


def alone(made: Instance, parameters: Parameters, rng: np.random.Generator) -> Sampler:
    """The production sampler on an instance, with the equal split as its only start (none in mode uniform)."""
    whole = group(made)
    rows, _ = admit(made, whole)
    rows = rows[np.argsort(-demand(admitted(whole, rows)), kind="stable")]
    arbiter = judge(admitted(whole, rows), parameters)
    sampler = Sampler(arbiter, parameters, rng)
    if parameters.mode != "uniform":
        sampler.take(arbiter.sample(arbiter.equal))
    return sampler


def gaps_alone(
    made: Instance, best: float, mode: Mode, counts: Sequence[int], rng: np.random.Generator, alpha: float = 0.0
) -> tuple[float, ...]:
    """Gap (percent) of the sampler alone after each number of samples in `counts`, which ascend."""
    sampler = alone(made, replace(TIME_ONLY, mode=mode, alpha=alpha), rng)
    found = []
    for count in counts:
        sampler.parameters = replace(sampler.parameters, samples=count)
        sampler.run(enough=-np.inf)
        assert sampler.best is not None  # at least one category was drawn
        found.append(gap(sampler.best.mean_seconds, best))
    return tuple(found)


def by_samples(made: Instance, best: float, seed: int, index: int) -> dict[str, tuple[float, ...]]:
    """Gap (percent) by COUNTS: uniform and guided sampling alone, and the solver as shipped."""
    shipped = [
        solve(made, replace(TIME_ONLY, mode="guided", samples=count), _rng(seed, index)).mean_seconds
        for count in COUNTS
    ]
    return {
        "uniform": gaps_alone(made, best, "uniform", COUNTS, _rng(seed, index)),
        "guided": gaps_alone(made, best, "guided", COUNTS, _rng(seed, index)),
        "shipped": tuple(gap(seconds, best) for seconds in shipped),
    }


def grid(made: Instance, best: float, seed: int, index: int) -> dict[str, tuple[tuple[float, ...], ...]]:
    """Gap (percent) by ALPHAS and GRID_COUNTS, uniform and guided alone; the same random numbers for every alpha."""
    modes: tuple[Mode, ...] = ("uniform", "guided")
    return {
        mode: tuple(gaps_alone(made, best, mode, GRID_COUNTS, _rng(seed, index), alpha) for alpha in ALPHAS)
        for mode in modes
    }


def front(made: Instance, best: float, seed: int, index: int) -> tuple[tuple[float, float, float], ...]:
    """(gap in percent, Jain index, worst J/J(equal)) by BETAS, without a fairness floor."""
    found = []
    for beta in BETAS:
        answer = solve(made, replace(TIME_ONLY, mode="guided", beta=beta), _rng(seed, index))
        found.append((gap(answer.mean_seconds, best), answer.fairness.jain, answer.fairness.worst_ratio))
    return tuple(found)


def visited(
    made: Instance, best: float, seed: int, index: int, count: int
) -> tuple[tuple[int, float, float, float], ...]:
    """Random categories, placed: (largest part, entropy in bits, variance of J over its squared mean, gap in percent).

    The variance is taken relative to the mean, because instances differ in length.
    """
    sampler = alone(made, replace(TIME_ONLY, mode="uniform", samples=count), _rng(seed, index))
    sampler.run(enough=-np.inf)
    found = []
    for sample in sampler.seen.values():
        seconds = table_seconds(sampler.judge.grouped, sample.table)
        share = np.array(sample.category) / sum(sample.category)
        entropy = float(-(share * np.log2(share)).sum())
        spread = float(seconds.var() / seconds.mean() ** 2)
        found.append((max(sample.category), entropy, spread, gap(sample.mean_seconds, best)))
    return tuple(found)


def _rng(seed: int, index: int) -> np.random.Generator:
    return np.random.default_rng((seed, index, 3))
