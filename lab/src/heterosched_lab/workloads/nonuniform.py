"""Non-uniform Monte Carlo: what a sample costs depends on where it lies, and samples come ordered by place.

The costs are those of AutoScheduler's benchmark: next to nothing within a radius of 0.5, 300 square roots up to the
circle of radius 1, 8,000 logarithms in the corner outside it. That benchmark draws all of its points everywhere in each
chunk, so that sums over many points are alike and no worker is late. Here the square is cut into upright strips, one
per chunk, as a field is cut among those who work on it: the corner lies in the last strips alone, and equal shares by
number are unequal shares of the work.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from heterosched_lab.workloads.types import Answer, at_least, spans

NEAR, RIM = 0.25, 1.0
"""Squared radii at which the cost of a sample changes."""
ROOTS, LOGARITHMS = 300, 8000
ROWS = 64
"""Samples of the middle region that are worked on at once."""


@dataclass(frozen=True, slots=True)
class Strip:
    """What a chunk found: how many of its samples lie in each region, and the sum of what was computed on them."""

    near: int
    middle: int
    corner: int
    total: float

    @property
    def operations(self) -> int:
        """Square roots and logarithms that the chunk took; a sample of the near region counts as one."""
        return self.near + ROOTS * self.middle + LOGARITHMS * self.corner


@dataclass(frozen=True)
class NonUniform:
    """Points in the unit square, strip by strip from left to right."""

    name: ClassVar[str] = "nonuniform"
    title: ClassVar[str] = "Monte Carlo, non-uniform"
    unit: ClassVar[str] = "samples"

    samples: int = field(default=3_000_000, metadata={"help": "points to draw"})
    chunk: int = field(default=2_000, metadata={"help": "points per chunk, which is a strip of the square"})

    def __post_init__(self) -> None:
        at_least(self.name, samples=(self.samples, 1), chunk=(self.chunk, 1))

    @property
    def chunks(self) -> int:
        """Strips."""
        return spans(self.samples, self.chunk)

    @property
    def units(self) -> float:
        """Points."""
        return float(self.samples)

    def squares(self, chunk: int, seed: int) -> NDArray[np.float64]:
        """The squared radii of the strip's points."""
        generator = np.random.default_rng((seed, chunk))
        first = chunk * self.chunk
        count = min(self.chunk, self.samples - first)
        x = (first + count * generator.random(count)) / self.samples
        y = generator.random(count)
        found: NDArray[np.float64] = x * x + y * y
        return found

    def part(self, chunk: int, seed: int) -> Strip:
        """Work off a strip."""
        squares = self.squares(chunk, seed)
        near, corner = squares < NEAR, squares >= RIM
        total = float(squares[near].sum())
        total += _middle(squares[~near & ~corner]) + _corner(squares[corner])
        counts = int(near.sum()), int(corner.sum())
        return Strip(counts[0], len(squares) - sum(counts), counts[1], total)

    def joined(self, parts: Sequence[Strip], seed: int) -> Answer:
        """Pi by the points outside of the corner, and the checksum of the work."""
        seen = sum(strip.near + strip.middle + strip.corner for strip in parts)
        pi = 4 * (seen - sum(strip.corner for strip in parts)) / seen
        total = math.fsum(strip.total for strip in parts)
        return {"pi": pi, "error": abs(pi - math.pi), "checksum": total}

    def counted_imbalance(self, workers: int, seed: int) -> float:
        """Work of the busiest worker over the mean when each gets the same number of strips, by counted operations."""
        share = np.zeros(workers)
        for chunk in range(self.chunks):
            squares = self.squares(chunk, seed)
            near, corner = int((squares < NEAR).sum()), int((squares >= RIM).sum())
            strip = Strip(near, len(squares) - near - corner, corner, 0.0)
            share[chunk * workers // self.chunks] += strip.operations
        return float(share.max() / share.mean())


def _middle(squares: NDArray[np.float64]) -> float:
    steps = np.arange(1, ROOTS + 1, dtype=np.float64)
    total = 0.0
    for begin in range(0, len(squares), ROWS):
        total += float(np.sqrt(squares[begin : begin + ROWS, None] * steps).sum())
    return total


def _corner(squares: NDArray[np.float64]) -> float:
    steps, room = 1.0 / np.arange(1, LOGARITHMS + 1), np.empty(LOGARITHMS)
    total = 0.0
    for square in squares:
        np.multiply(steps, square, out=room)
        np.log1p(room, out=room)
        total += float(room.sum())
    return total
