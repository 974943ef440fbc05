"""Sparsified sampling of categories (Liu et al. 2024, Algorithm 3), guided or uniform.

Guided: mostly step to a neighbour of one of the best categories known so far, now and then draw at random.
Uniform: draw at random only. A space no larger than the number of samples is enumerated.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from heterosched.jps.categories import Categories, Category
from heterosched.jps.grouped import Grouped
from heterosched.jps.links import Ints
from heterosched.jps.parameters import Parameters
from heterosched.jps.place import place, resize
from heterosched.jps.score import Judge, Sample

TRIES = 20
"""Draws per sample after which a neighbourhood that yields nothing new is taken to be exhausted."""


def categories_of(grouped: Grouped) -> Categories:
    """The categories of an instance."""
    least = tuple(int(size) for size in grouped.least)
    return Categories(least, tuple(int(size) for size in grouped.most), grouped.workers)


class Sampler:
    """Categories that were placed so far, and how the next one is chosen."""

    def __init__(self, judge: Judge, parameters: Parameters, rng: np.random.Generator) -> None:
        self.judge, self.parameters, self.rng = judge, parameters, rng
        self.space = categories_of(judge.grouped)
        self.seen: dict[Category, Sample] = {}
        self._elite: list[Sample] = []

    @property
    def best(self) -> Sample | None:
        """The best sample so far, if any."""
        return self._elite[0] if self._elite else None

    def take(self, sample: Sample) -> None:
        """Count a plan among the samples; of one category the better plan stays."""
        known = self.seen.get(sample.category)
        if known is not None and known.key <= sample.key:
            return
        self.seen[sample.category] = sample
        self._elite = sorted([own for own in self._elite if own is not known] + [sample], key=lambda own: own.key)
        del self._elite[self.parameters.elite :]

    def visit(self, category: Category, near: Ints | None = None) -> None:
        """Place a category, starting from a plan of a neighbour where one is given."""
        grouped, objective = self.judge.grouped, self.judge.objective
        sizes = np.array(category, dtype=np.int64)
        start = None if near is None else resize(grouped, objective, near, sizes)
        self.take(self.judge.sample(place(grouped, objective, sizes, start).table))

    def run(self, enough: float) -> None:
        """Sample until `samples` categories were placed, none is left, or a plan's mean time (s) is down to `enough`.

        What was taken before counts.
        """
        wanted = self.parameters.samples
        if self.space.count <= wanted:
            for category in self.space:
                self._unless_seen(category, None)
            return
        tries = 0
        while len(self.seen) < wanted and tries < TRIES * wanted:
            if self.best is not None and self.best.unfair <= 0 and self.best.mean_seconds <= enough:
                return
            tries += 1
            self._unless_seen(*self._next())

    def _unless_seen(self, category: Category, near: Ints | None) -> None:
        if category not in self.seen:
            self.visit(category, near)

    def _next(self) -> tuple[Category, Ints | None]:
        """The category to look at, and the plan of the sample that it was derived from."""
        explore = 1.0 if self.parameters.mode == "uniform" else self.parameters.explore
        finite = [own for own in self._elite if np.isfinite(own.score)]
        if not finite or self.rng.random() < explore:
            return self.space.draw(self.rng, self.parameters.alpha), None
        parent = finite[int(self.rng.integers(len(finite)))]
        for category in self._steps(parent.category):
            if category in self.space:
                return category, parent.table
        return parent.category, parent.table

    def _steps(self, category: Category) -> Iterator[Category]:
        """A few random steps from a category; idle workers count as one more part. Some may leave the space."""
        chosen, rng = self.parameters, self.rng
        parts = [*category, self.space.workers - sum(category)]
        floor = [*self.space.least, 0]
        for _ in range(TRIES):
            giver, taker = (int(part) for part in rng.choice(len(parts), size=2, replace=False))
            spare = parts[giver] - floor[giver]
            draw = rng.random()
            following = parts.copy()
            if draw < chosen.collapse + chosen.spread:
                amount = spare if draw < chosen.collapse else int(rng.integers(1, max(spare, 1) + 1))
            elif draw < chosen.collapse + chosen.spread + chosen.exchange:
                amount = parts[giver] - parts[taker]
            else:
                amount = int(rng.geometric(chosen.stride))
            if taker < len(category):  # what does not fit goes as far as it does
                amount = min(amount, self.space.most[taker] - parts[taker])
            if not 0 < amount <= spare:
                continue
            following[giver] -= amount
            following[taker] += amount
            yield tuple(following[:-1])
