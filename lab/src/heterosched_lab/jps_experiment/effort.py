"""How hard JPS should look: samples, alpha and explore, by gap and effort. What is wanted of a plan is not touched.

Effort is counted in categories that are placed, not in seconds: the time of a decision is in proportion to it, and
trials stay reproducible. beta, the weight of energy and the floor of fairness are given, never tuned here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from heterosched.jps import Instance, Links, Parameters, solve
from heterosched.jps.generate import random_instance
from heterosched_lab.jps_experiment.families import Kind, instance
from heterosched_lab.jps_experiment.strategies import TIME_ONLY, gap
from heterosched_lab.jps_experiment.sweeps import alone
from heterosched_lab.search.problem import Sheet
from heterosched_lab.search.space import Dimension, Values

SPACE = (
    Dimension("samples", 4, 256, log=True),
    Dimension("alpha", 0.0, 0.8, 0.05),
    Dimension("explore", 0.0, 0.5, 0.05),
)
"""alpha ends at 0.8: beyond, the optimum is often cut off."""
TARGET_PERCENT = 2.04
"""95th percentile of the gap that is allowed: what the authors of JPS report as their distance to the optimum."""
NODE_JOBS, NODE_WORKERS = 8, 24
NVLINK, NETWORK = 64e9, 1.25e9
"""Bytes/s inside a server and between servers."""
REFERENCE_SAMPLES = 512


@dataclass(frozen=True, eq=False)
class Case:
    """An instance with the mean time (s) of the best plan known, and the seed of its random numbers."""

    made: Instance
    best: float
    seed: int


def case(family: str, known: tuple[Kind, ...], seed: int, index: int) -> Case:
    """Case `index` of a family under a seed: `prototype`, `gavel`, or `nodes` (servers of four GPUs).

    In `nodes` the exact method does not fit and production samples; `best` is then the best of a long search.
    """
    made = node_instance(seed, index) if family == "nodes" else instance(family, known, seed, index)
    long = replace(TIME_ONLY, samples=REFERENCE_SAMPLES)
    return Case(made, solve(made, long, np.random.default_rng((seed, index, 4))).mean_seconds, index)


def node_instance(seed: int, index: int) -> Instance:
    """Jobs on servers of four GPUs each, fast links inside and a network between them; synthetic throughput."""
    rng = np.random.default_rng((seed, index, 5))
    made = random_instance(rng, NODE_JOBS, NODE_WORKERS, typed=True)
    return replace(made, links=Links.by_node([worker.node for worker in made.workers], NVLINK, NETWORK))


@dataclass(frozen=True, eq=False)
class EffortProblem:
    """Categories placed on each case, as long as the gap's 95th percentile stays within `target` (percent)."""

    cases: tuple[Case, ...]
    present: Parameters = TIME_ONLY
    target: float = TARGET_PERCENT

    def sheet(self, point: Values) -> Sheet:
        """A point on all cases; time alone counts, whatever the policy wants besides."""
        chosen = effort_of(self.present, point)
        neutral = replace(chosen, mode="guided", beta=1.0, energy_weight=0.0, fairness_floor=0.0)
        answers = [solve(own.made, neutral, np.random.default_rng(own.seed)) for own in self.cases]
        gaps = np.array([gap(answer.mean_seconds, own.best) for answer, own in zip(answers, self.cases, strict=True)])
        placed = tuple(float(answer.effort.placed) for answer in answers)
        p95 = float(np.percentile(gaps, 95))
        figures = {
            "gap_mean_percent": float(gaps.mean()),
            "gap_p95_percent": p95,
            "jain_mean": float(np.mean([answer.fairness.jain for answer in answers])),
            "placed_mean": float(np.mean(placed)),
        }
        return Sheet(placed, max(0.0, p95 - self.target), tuple((-gaps).tolist()), figures)


@dataclass(frozen=True, eq=False)
class WantedProblem:
    """The score by the policy's own beta, energy weight and fairness floor: less effort must not spoil what is wanted.

    It takes no part in the search, which is the same whatever is wanted; it can only refuse what was found.
    """

    cases: tuple[Case, ...]
    present: Parameters

    def sheet(self, point: Values) -> Sheet:
        """A point on all cases; the score as `heterosched.jps.score` defines it, and how many plans miss the floor."""
        chosen = replace(effort_of(self.present, point), mode="guided")
        costs, unfair = [], 0
        for own in self.cases:
            answer = solve(own.made, chosen, np.random.default_rng(own.seed))
            judge = alone(own.made, chosen, np.random.default_rng(0)).judge
            score = chosen.beta * answer.mean_seconds / judge.mean_ref + (1.0 - chosen.beta) * (
                1 - answer.fairness.jain
            )
            costs.append(score + chosen.energy_weight * answer.joules / judge.joules_ref)
            unfair += not answer.fair
        return Sheet(tuple(costs), figures={"score_mean": float(np.mean(costs)), "unfair_plans": float(unfair)})


def effort_of(present: Parameters, point: Values) -> Parameters:
    """The parameters with a point of the space in them."""
    return replace(present, samples=int(point["samples"]), alpha=point["alpha"], explore=point["explore"])


def point_of(present: Parameters) -> dict[str, float]:
    """The parameters as a point of the space; what lies beyond its edges is moved there."""
    given = {"samples": float(present.samples), "alpha": present.alpha, "explore": present.explore}
    return {dimension.name: min(max(given[dimension.name], dimension.low), dimension.high) for dimension in SPACE}
