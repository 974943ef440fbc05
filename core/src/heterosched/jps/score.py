"""How plans are compared: mean completion time, fairness and energy, relative to the equal split.

    score = beta A / A_ref + (1 - beta) (1 - F) + energy_weight E / E_ref,   among fair plans

A_ref and E_ref are those of the equal split, so that the terms have no unit. F is Jain's index of the speed-ups over
that split. A plan is fair where F >= fairness_floor, or where nobody is served worse than by that split: then only
gains differ, and levelling them would help none (docs/adr/0006).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from heterosched.jps.categories import Category
from heterosched.jps.fairness import fairness
from heterosched.jps.flow import equal_sizes
from heterosched.jps.grouped import Grouped
from heterosched.jps.links import Floats, Ints
from heterosched.jps.parameters import Parameters
from heterosched.jps.place import Placed, place
from heterosched.jps.timing import Objective, mean_time, table_joules, table_seconds


@dataclass(frozen=True, eq=False)
class Sample:
    """A category with its plan: mean completion time (s), Jain index, joules, the score, how far it is from fair."""

    category: Category
    table: Ints
    mean_seconds: float
    jain: float
    joules: float
    score: float
    unfair: float

    @property
    def key(self) -> tuple[float, float]:
        """Smaller is better: fair plans first."""
        return (self.unfair, self.score)


@dataclass(frozen=True, eq=False)
class Judge:
    """Scores plans of one instance. equal: plan of the equal split; equal_seconds: without restarts."""

    grouped: Grouped
    parameters: Parameters
    equal: Ints
    equal_seconds: Floats
    mean_ref: float
    joules_ref: float

    @property
    def objective(self) -> Objective:
        """The part of the score that is a sum over jobs; the mean completion time where nothing else is asked for."""
        wanted = self.parameters
        if wanted.energy_weight <= 0:
            return mean_time(self.grouped)
        energy = wanted.energy_weight / self.joules_ref if self.joules_ref > 0 else 0.0
        return Objective(wanted.beta * self.grouped.weight / self.mean_ref, energy)

    def sample(self, table: Ints) -> Sample:
        """A plan (S x M) with its figures."""
        times = table_seconds(self.grouped, table)
        wanted = self.parameters
        sizes = tuple(int(size) for size in table.sum(axis=1))
        if not np.isfinite(times).all():
            return Sample(sizes, table, np.inf, 0.0, np.inf, np.inf, np.inf)
        mean = float(self.grouped.weight @ times)
        even = fairness(times, self.equal_seconds)
        index = even.jain
        energy = table_joules(self.grouped, table)
        score = wanted.beta * mean / self.mean_ref + (1.0 - wanted.beta) * (1.0 - index)
        if wanted.energy_weight and self.joules_ref > 0:
            score += wanted.energy_weight * energy / self.joules_ref
        missed = min(wanted.fairness_floor - index, even.worst_ratio - 1.0)
        return Sample(sizes, table, mean, index, energy, score, missed if missed > 1e-9 else 0.0)


def judge(grouped: Grouped, parameters: Parameters) -> Judge:
    """The judge of an instance; places the equal split, once. Needs jobs that fit together."""
    calm = replace(grouped, restart=np.zeros(grouped.jobs))
    sizes = np.array(equal_sizes(grouped), dtype=np.int64)
    equal: Placed = place(calm, mean_time(calm), sizes)
    mean = float(grouped.weight @ equal.seconds)
    return Judge(grouped, parameters, equal.table, equal.seconds, mean, table_joules(calm, equal.table))


def front(samples: list[Sample]) -> list[Sample]:
    """The samples that no other one beats in mean completion time, fairness and energy at once; fastest first."""
    ordered = sorted((own for own in samples if np.isfinite(own.score)), key=lambda own: own.mean_seconds)
    found: list[Sample] = []
    for own in ordered:
        if not any(_covers(other, own) for other in found):
            found = [other for other in found if not _covers(own, other)] + [own]
    return found


def _covers(one: Sample, other: Sample) -> bool:
    """Whether `one` is as good as `other` in all three, up to rounding."""
    slack = 1 + 1e-12
    return (
        one.mean_seconds <= other.mean_seconds * slack
        and one.jain * slack >= other.jain
        and one.joules <= other.joules * slack
    )
