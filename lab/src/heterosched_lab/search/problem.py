"""What is tuned: cases with a cost each, so that two points are compared in pairs; and whether a gain is one.

Training cases choose the point; it is then compared once with the present parameters on cases that it has not seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from heterosched_lab.search.space import Dimension, Values
from heterosched_lab.search.study import FORBIDDEN, Spreading, Trial, best, search
from heterosched_lab.spread import spread
from heterosched_lab.statistics import paired_interval

HOPELESS = 1e6
"""Largest breach that is told apart: beyond it sums would lose the smaller ones."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A point on all cases. costs: one each, smaller is better. breach: how far the condition is missed, 0 if kept.

    margins: of each case what the condition is about, larger is better; none without a condition.
    """

    costs: tuple[float, ...]
    breach: float = 0.0
    margins: tuple[float, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def cost(self) -> float:
        """The mean cost; a point that breaks the condition costs more than any that keeps it."""
        if self.breach > 0:
            return FORBIDDEN * (1.0 + min(self.breach, HOPELESS))
        return float(np.mean(self.costs))


class Problem(Protocol):
    """Cases under points. Picklable, and the same sheet for the same point: random numbers belong to the case."""

    def sheet(self, point: Values) -> Sheet:
        """A point on all cases."""
        ...


@dataclass(frozen=True, slots=True)
class Objective:
    """A problem as the search wants it."""

    problem: Problem

    def __call__(self, point: Values) -> tuple[float, Mapping[str, float]]:
        """Cost and figures of a point."""
        sheet = self.problem.sheet(point)
        return sheet.cost, sheet.figures


@dataclass(frozen=True, slots=True)
class Gain:
    """What the chosen point saves against the present one on unseen cases, in percent of the present mean cost.

    lower, upper: its 95 % interval over the pairs. margin: the lower end of the interval of what the condition is
    about, chosen less present. present, chosen: their sheets.
    """

    where: str
    cases: int
    percent: float
    lower: float
    upper: float
    margin: float
    present: Sheet
    chosen: Sheet

    @property
    def mends(self) -> bool:
        """Whether the chosen point keeps a condition that the present one breaks, by more than noise."""
        return self.chosen.breach <= 0 < self.present.breach and self.margin > 0

    @property
    def claimed(self) -> bool:
        """Whether this is a gain that can be told from noise, the condition kept; or one that mends the condition."""
        return self.chosen.breach <= 0 and (self.lower > 0 or self.mends)

    @property
    def harmless(self) -> bool:
        """Whether it cannot be told to be a loss, and keeps the condition."""
        return self.chosen.breach <= 0 and (self.upper >= 0 or self.mends)

    def __str__(self) -> str:
        kept = "" if self.chosen.breach <= 0 else "; the condition is broken"
        kept = "; the condition is kept, which the present parameters break" if self.mends else kept
        span = f"95 % interval {self.lower:+.2f} .. {self.upper:+.2f} %, {self.cases} pairs"
        return f"{self.where}: {self.percent:+.2f} % ({span}){kept}"


def gain(where: str, present: Sheet, chosen: Sheet) -> Gain:
    """The gain over pairs of cases; in percent, so that problems can be compared. One case alone proves nothing."""
    scale = 100.0 / float(np.mean(present.costs)) if np.mean(present.costs) > 0 else 0.0
    mean, lower, upper = paired_interval(present.costs, chosen.costs)
    pairs = len(present.costs)
    lower, upper = (lower * scale, upper * scale) if pairs > 1 else (-np.inf, np.inf)
    margin = paired_interval(chosen.margins, present.margins)[1] if present.margins and pairs > 1 else -np.inf
    return Gain(where, pairs, mean * scale, lower, upper, margin, present, chosen)


@dataclass(frozen=True, slots=True)
class Tuned:
    """The outcome of tuning: all trials, the one chosen, and the gains on unseen cases (the first: other seeds)."""

    trials: tuple[Trial, ...]
    chosen: Trial
    gains: tuple[Gain, ...]

    @property
    def claimed(self) -> bool:
        """Whether there is a gain outside the noise on other seeds, and no loss anywhere else.

        A point that mends the condition has its price, elsewhere too: there it need only keep the condition.
        """
        first, *others = self.gains
        return first.claimed and all(own.harmless or (first.mends and own.chosen.breach <= 0) for own in others)

    @property
    def verdict(self) -> str:
        """The outcome in a sentence."""
        told = "; ".join(str(own) for own in self.gains)
        if self.chosen.number == 0:
            return "no gain: nothing that was tried beats the present parameters on the training cases"
        if self.claimed:
            return f"gain: {told}"
        return f"no gain can be claimed: {told}"


def tune(
    space: Sequence[Dimension],
    training: Problem,
    unseen: Mapping[str, Problem],
    first: Values,
    *,
    trials: int,
    seed: int,
    spreading: Spreading | None = None,
) -> Tuned:
    """Search on the training cases, then compare the best point with `first` on each unseen set, in their order."""
    where = spreading or Spreading()
    done = search(space, Objective(training), first, trials=trials, seed=seed, spreading=where)
    chosen = best(done)
    asked = [(problem, point) for problem in unseen.values() for point in (done[0].values, chosen.values)]
    sheets = spread(_sheet, asked, scheduler=where.scheduler, workers=where.workers)
    gains = [gain(name, *sheets[2 * row : 2 * row + 2]) for row, name in enumerate(unseen)]
    return Tuned(done, chosen, tuple(gains))


def _sheet(asked: tuple[Problem, Values]) -> Sheet:
    problem, point = asked
    return problem.sheet(point)
