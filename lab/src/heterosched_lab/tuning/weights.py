"""Weights of the score terms: time and energy of a simulated stream, in the proportion that the user wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from heterosched.policy.table import PolicyRow
from heterosched_lab.search.problem import Sheet
from heterosched_lab.search.space import Dimension, Values
from heterosched_lab.simulate.check import check
from heterosched_lab.simulate.engine import simulate
from heterosched_lab.simulate.types import Conditions
from heterosched_lab.tuning.scored import ScoredNodes
from heterosched_lab.tuning.streams import Stream

SPACE = (
    Dimension("speed", 0, 100),
    Dimension("energy", 0, 100),
    Dimension("fit", 0, 100),
)
"""The terms that the simulated streams feed; those that need telemetry, a topology or a plan stay as they are."""
NOISE = 0.1
"""Relative standard deviation of what a scheduler knows of run times; the truth is what counts."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A run of a stream: mean completion time (s), joules in all (idle devices included)."""

    seconds: float
    joules: float


@dataclass(frozen=True)
class StreamCase:
    """A stream, the seed of its noise, and what the present policy makes of it."""

    stream: Stream
    seed: int
    present: Measured


def played(stream: Stream, seed: int, row: PolicyRow) -> Measured:
    """The stream under a policy, every figure recomputed by the checker. Raises Broken."""
    conditions = Conditions(noise=NOISE)
    log = simulate(stream.jobs, stream.nodes, ScoredNodes(row), conditions, seed).whole()
    metrics = check(log, stream.jobs, stream.nodes, conditions)
    return Measured(metrics.mean_jct, metrics.joules)


def weighted(row: PolicyRow, point: Values) -> PolicyRow:
    """The policy with these weights; with none at all, where nothing is preferred, it stays as it is."""
    weights = {**row.weights, **whole(point)}
    return replace(row, weights=weights) if sum(weights.values()) else row


def whole(point: Values) -> Mapping[str, int]:
    """The weights as integers."""
    return {name: int(value) for name, value in point.items()}


@dataclass(frozen=True)
class WeightsProblem:
    """(1 - s) x mean completion time + s x joules, each relative to what the present policy makes of the stream."""

    cases: tuple[StreamCase, ...]
    row: PolicyRow
    energy_share: float

    def sheet(self, point: Values) -> Sheet:
        """A point on all streams."""
        row = weighted(self.row, point)
        found = [played(own.stream, own.seed, row) for own in self.cases]
        time = np.array([own.seconds / case.present.seconds for own, case in zip(found, self.cases, strict=True)])
        energy = np.array([own.joules / case.present.joules for own, case in zip(found, self.cases, strict=True)])
        costs = (1.0 - self.energy_share) * time + self.energy_share * energy
        figures = {"jct_over_present": float(time.mean()), "joules_over_present": float(energy.mean())}
        return Sheet(tuple(costs.tolist()), figures=figures)
