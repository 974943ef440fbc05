"""Uniform Monte Carlo: pi by the share of random points that lie in the quarter circle.

Every chunk costs the same, so that a distribution of the work has nothing to gain: the control run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from heterosched_lab.workloads.types import Answer, at_least, spans

BLOCK = 1 << 15
"""Points that are drawn at once: four arrays of this length stay in a core's own cache."""


@dataclass(frozen=True)
class MonteCarlo:
    """Points in the unit square, in chunks of equal size."""

    name: ClassVar[str] = "montecarlo"
    title: ClassVar[str] = "Monte Carlo, uniform (pi)"
    unit: ClassVar[str] = "samples"

    samples: int = field(default=100_000_000, metadata={"help": "points to draw"})
    chunk: int = field(default=3_125_000, metadata={"help": "points per chunk"})

    def __post_init__(self) -> None:
        at_least(self.name, samples=(self.samples, 1), chunk=(self.chunk, 1))

    @property
    def chunks(self) -> int:
        """Chunks of `chunk` points."""
        return spans(self.samples, self.chunk)

    @property
    def units(self) -> float:
        """Points."""
        return float(self.samples)

    def part(self, chunk: int, seed: int) -> tuple[int, int]:
        """How many of the chunk's points lie in the quarter circle, and how many there are."""
        generator = np.random.default_rng((seed, chunk))
        drawn = left = min(self.chunk, self.samples - chunk * self.chunk)
        x, y, inside = np.empty(BLOCK), np.empty(BLOCK), 0
        while left > 0:
            count = min(BLOCK, left)
            across, up = x[:count], y[:count]
            generator.random(out=across)
            generator.random(out=up)
            np.multiply(across, across, out=across)
            np.multiply(up, up, out=up)
            np.add(across, up, out=across)
            inside += int(np.count_nonzero(across < 1.0))
            left -= count
        return inside, drawn

    def joined(self, parts: Sequence[tuple[int, int]], seed: int) -> Answer:
        """Pi and how far it is off."""
        pi = 4 * sum(inside for inside, _ in parts) / sum(drawn for _, drawn in parts)
        return {"pi": pi, "error": abs(pi - math.pi)}
