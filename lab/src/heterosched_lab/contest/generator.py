"""The contest's tasks: the generator of the Hybrid ML Scheduler, in plain ranges or in its realistic mode.

Plain: size, intensity and memory uniform over their ranges. Realistic: sizes of a Pareto distribution (shape 1.5) from
the least size on, intensity 30 % around 0.2 and 70 % around 0.8 (deviation 0.1 each), memory in proportion to the size
with 10 % noise, every fifth task waits for one to three of the 50 before it. Values beyond a range are set to its end.
Gaps between arrivals are exponential.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from heterosched.algorithms.fractions import SplitTask, estimated_seconds
from heterosched_lab.contest.settings import Settings

PARETO_SHAPE = 1.5
LOW, HIGH, SPREAD, LOW_SHARE = 0.2, 0.8, 0.1, 0.3
MEMORY_NOISE = 0.1
DEPENDENT_SHARE, MOST_PARENTS, LOOK_BACK = 0.2, 3, 50


@dataclass(frozen=True, slots=True)
class ContestTask:
    """A task that arrives `arrival` seconds after the start and waits for its `parents` (their numbers)."""

    split: SplitTask
    arrival: float
    parents: tuple[int, ...] = ()

    @property
    def number(self) -> int:
        """Its id, which no other task of the stream has."""
        return self.split.number


def stream(settings: Settings, rng: np.random.Generator, first: int = 0) -> Iterator[ContestTask]:
    """Tasks without end, numbered from `first` on. The same generator state gives the same tasks."""
    draw = _realistic if settings.mode == "realistic" else _plain
    now, number = 0.0, first
    while True:
        now += float(rng.exponential(1.0 / settings.arrival_rate))
        size, intensity, memory = draw(settings, rng)
        parents: tuple[int, ...] = ()
        if settings.mode == "realistic" and settings.ordered:
            parents = _parents(rng, first, number)
        task = SplitTask(number, size, intensity, memory, estimated_seconds(size, intensity))
        yield ContestTask(task, now, parents)
        number += 1


def generate(settings: Settings, seed: int, count: int, first: int = 0) -> list[ContestTask]:
    """`count` tasks. Another `first` draws other tasks too, so that a history that goes on repeats nothing."""
    rng = np.random.default_rng([seed, first])
    return list(islice(stream(settings, rng, first), count))


def _plain(settings: Settings, rng: np.random.Generator) -> tuple[float, float, float]:
    size = float(rng.integers(int(settings.size_range[0]), int(settings.size_range[1]) + 1))
    intensity = float(rng.uniform(*settings.intensity_range))
    memory = float(rng.integers(int(settings.memory_range[0]), int(settings.memory_range[1]) + 1))
    return size, intensity, memory


def _realistic(settings: Settings, rng: np.random.Generator) -> tuple[float, float, float]:
    least, most = settings.size_range
    size = float(np.floor(min((rng.pareto(PARETO_SHAPE) + 1.0) * least, most)))
    centre = LOW if rng.random() < LOW_SHARE else HIGH
    intensity = float(np.clip(rng.normal(centre, SPREAD), *settings.intensity_range))
    largest = settings.memory_range[1]
    memory = size / most * largest + rng.normal(0.0, largest * MEMORY_NOISE)
    return size, intensity, float(np.floor(np.clip(memory, *settings.memory_range)))


def _parents(rng: np.random.Generator, first: int, number: int) -> tuple[int, ...]:
    before = min(number - first, LOOK_BACK)
    if before == 0 or rng.random() >= DEPENDENT_SHARE:
        return ()
    count = int(rng.integers(1, min(before, MOST_PARENTS) + 1))
    return tuple(sorted(int(number - back) for back in rng.choice(before, count, replace=False) + 1))
