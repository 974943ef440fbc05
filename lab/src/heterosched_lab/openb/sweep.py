"""All runs of the benchmark: traces x policies x seeds, each run checked in the process that made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from heterosched.algorithms.packing import packing, typical
from heterosched.algorithms.packing.base import Packing
from heterosched.algorithms.packing.frugal import Frugal
from heterosched_lab.openb.check import Course, check
from heterosched_lab.openb.run import DEMAND, arrivals, place
from heterosched_lab.openb.traces import TRACES, machines, trace
from heterosched_lab.runs.types import Context
from heterosched_lab.spread import spread

OURS: Final = "frugal"
BASE: Final = "fgd"
MIX: Final = "pwr_fgd"
POLICIES: Final = ("fgd", "pwr", "pwr_fgd", "best_fit", "dot_product", "gpu_packing", "gpu_clustering", "random", OURS)
PRICES: Final = (0.0, 50.0, 200.0, 300.0, 400.0)
"""Other prices of a lost GPU in watts, for the frontier between saving and allocation."""
SHORT_DEMAND: Final = 0.2


@dataclass(frozen=True, slots=True)
class Task:
    """One run; `policy` may carry a price of a lost GPU ("frugal@300")."""

    trace: str
    policy: str
    seed: int


@dataclass(frozen=True)
class Run:
    """Carries a task out on the data of a folder."""

    data: Path
    demand: float

    def __call__(self, task: Task) -> Course:
        """Place, then check."""
        fleet, pods = machines(self.data), trace(self.data, task.trace)
        drawn = arrivals(fleet, pods, task.seed, self.demand)
        placed = place(fleet, pods, policy_of(task.policy), drawn, task.seed)
        return check(fleet, pods, placed, typical(pods.asks[ask] for ask in pods.pods.tolist()))


def policy_of(label: str) -> Packing:
    """A policy by its label."""
    name, _, price = label.partition("@")
    return Frugal(float(price)) if price else packing(name)


def priced(price: float) -> str:
    """The label of our policy with another price of a lost GPU."""
    return f"{OURS}@{price:g}"


def tasks(seeds: tuple[int, ...], short: bool) -> list[Task]:
    """All runs; the frontier on the first trace alone. Short: the three that matter, on one trace."""
    if short:
        return [Task(TRACES[0], policy, seed) for policy in (BASE, MIX, OURS) for seed in seeds]
    found = [Task(name, policy, seed) for name in TRACES for policy in POLICIES for seed in seeds]
    return found + [Task(TRACES[0], priced(price), seed) for price in PRICES for seed in seeds]


def sweep(context: Context) -> Mapping[Task, Course]:
    """Carry out all runs."""
    asked = tasks(context.seeds, context.short)
    context.progress.start("placements", len(asked))
    run = Run(context.data, SHORT_DEMAND if context.short else DEMAND)
    workers = 1 if context.short else None
    answers = spread(run, asked, scheduler=context.scheduler, workers=workers, progress=context.progress)
    return dict(zip(asked, answers, strict=True))
