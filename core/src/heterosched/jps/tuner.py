"""Tunes how hard JPS looks (samples, alpha, explore), and nothing of what is wanted: beta, energy and fairness stay.

Random search with successive halving on instances of one size class; every candidate sees the same instances with the
same random numbers. The cheapest one whose gap is small enough on the training set is adopted if the instances that it
has not seen bear it out. The clock comes in as a function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from heterosched.jps.instance import Instance
from heterosched.jps.links import Floats
from heterosched.jps.parameters import Parameters
from heterosched.jps.solver import solve

CANDIDATES = 32
RUNGS = (8, 16, 64)
"""Training instances that the candidates see; after each rung the better half goes on."""
TARGET_PERCENT, LIMIT_PERCENT = 2.04, 3.0
"""Largest 95th percentile of the gap: to be chosen on the training set, and to be adopted on the held-out set."""
RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate on `instances` training instances: gap to the optimum (percent), Jain index, decision seconds."""

    samples: int
    alpha: float
    explore: float
    instances: int
    gap_mean: float
    gap_p95: float
    jain: float
    seconds_p95: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """The parameters to use (the old ones unless `adopted`), and the held-out gap with its bootstrap 95 % interval."""

    parameters: Parameters
    adopted: bool
    held_out_mean: float
    held_out_interval: tuple[float, float]
    held_out_p95: float
    history: tuple[Trial, ...]


def tune(
    training: Sequence[Instance],
    held_out: Sequence[Instance],
    parameters: Parameters,
    rng: np.random.Generator,
    clock: Callable[[], float],
) -> Tuned:
    """Choose samples, alpha and explore for instances such as these, which the exact method must be able to solve.

    `clock` tells CPU seconds. Both sets need at least one instance.
    """
    neutral = replace(parameters, mode="guided", beta=1.0, energy_weight=0.0, fairness_floor=0.0)
    optima = [_optimum(own, neutral) for own in training]
    field = [parameters] + [_drawn(parameters, rng) for _ in range(CANDIDATES - 1)]
    history: list[Trial] = []
    for rung in sorted({min(rung, len(training)) for rung in RUNGS}):
        trials = [_trial(own, neutral, training[:rung], optima[:rung], clock) for own in field]
        history += trials
        ranked = sorted(zip(trials, field, strict=True), key=lambda pair: _merit(pair[0]))
        field = [own for _, own in ranked[: max(1, len(ranked) // 2)]]
        best = ranked[0][1]
    gaps = _gaps(best, neutral, held_out, [_optimum(own, neutral) for own in held_out])[0]
    means = rng.choice(gaps, size=(RESAMPLES, len(gaps))).mean(axis=1)
    interval = (float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5)))
    p95 = float(np.percentile(gaps, 95))
    adopted = p95 <= LIMIT_PERCENT
    return Tuned(best if adopted else parameters, adopted, float(gaps.mean()), interval, p95, tuple(history))


def _merit(trial: Trial) -> tuple[bool, float]:
    """Small is good: good enough first, then the quick ones; among those that are not good enough the better ones."""
    poor = trial.gap_p95 > TARGET_PERCENT
    return (poor, trial.gap_p95 if poor else trial.seconds_p95)


def _drawn(parameters: Parameters, rng: np.random.Generator) -> Parameters:
    return replace(
        parameters,
        samples=int(2 ** rng.uniform(3.0, 8.0)),
        alpha=float(rng.uniform(0.0, 0.8)),  # beyond it the optimum is often cut off
        explore=float(rng.uniform(0.0, 0.5)),
    )


def _optimum(instance: Instance, neutral: Parameters) -> float:
    return solve(instance, replace(neutral, mode="auto"), np.random.default_rng(0)).lower_bound_seconds


def _gaps(
    own: Parameters, neutral: Parameters, instances: Sequence[Instance], optima: Sequence[float]
) -> tuple[Floats, Floats]:
    """Gap to the optimum (percent) and Jain index on each instance."""
    chosen = replace(neutral, samples=own.samples, alpha=own.alpha, explore=own.explore)
    answers = [solve(made, chosen, np.random.default_rng(seed)) for seed, made in enumerate(instances)]
    gaps = [(answer.mean_seconds / best - 1.0) * 100.0 for answer, best in zip(answers, optima, strict=True)]
    return np.array(gaps), np.array([answer.fairness.jain for answer in answers])


def _trial(
    own: Parameters,
    neutral: Parameters,
    instances: Sequence[Instance],
    optima: Sequence[float],
    clock: Callable[[], float],
) -> Trial:
    gaps, jains, seconds = [], [], []
    for seed in range(len(instances)):
        begin = clock()
        gap, jain = _gaps(own, neutral, instances[seed : seed + 1], optima[seed : seed + 1])
        seconds.append(clock() - begin)
        gaps.append(gap[0])
        jains.append(jain[0])
    return Trial(
        own.samples,
        own.alpha,
        own.explore,
        len(instances),
        float(np.mean(gaps)),
        float(np.percentile(gaps, 95)),
        float(np.mean(jains)),
        float(np.percentile(seconds, 95)),
    )
