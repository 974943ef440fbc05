"""What the benchmark `workloads` found, before it becomes figures and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heterosched_lab.workloads.catalogue import Sizes
from heterosched_lab.workloads.compare import Compared
from heterosched_lab.workloads.resnet import ResNet
from heterosched_lab.workloads.types import Run

Sides = tuple[Sequence[Run], Sequence[Run]]
Same = Sequence[Mapping[str, Compared]]
ALLOWANCE = 1.25
"""The deadline of the non-uniform workload, over the time in which an even distribution would have done the work."""


@dataclass(frozen=True)
class Found:
    """All that was run: `series` by workload, `same` the repeats of a distribution against itself."""

    sizes: Sizes
    workers: int
    series: Mapping[str, Sides]
    comparisons: Sequence[Compared]
    same: Same
    model: ResNet
    simulated: Mapping[str, Mapping[str, Run]]

    def program(self, name: str) -> Any:
        """The program of this name, in the size that was run."""
        return next(one for one in self.sizes.programs if one.name == name)


def deadline(static: Sequence[Run]) -> float:
    """Seconds until the chunks of the non-uniform workload have to be done: what an even share takes, and a quarter."""
    even = sum(run.cpu_seconds / len(run.worker_cpu) for run in static) / len(static)
    return ALLOWANCE * even


def by_seed(sides: Sides) -> list[tuple[Run, Run]]:
    """The two runs of each seed: static and dynamic."""
    first, second = (sorted(side, key=lambda run: run.seed) for side in sides)
    return list(zip(first, second, strict=True))
