"""One run: a trace under one scheduler, simulated, checked, and what it says in figures."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from heterosched.algorithms.rounds import Floats
from heterosched_lab.gavel.entrants import entrant
from heterosched_lab.gavel.fairness import fair_seconds
from heterosched_lab.gavel.traces import DEVICES, FLEET
from heterosched_lab.simulate.check import check
from heterosched_lab.simulate.engine import simulate
from heterosched_lab.simulate.log import Log
from heterosched_lab.simulate.types import Action, Conditions, Scheduler, SimJob, View

BINS = 60
"""Of the utilisation over time."""


@dataclass(frozen=True)
class Match:
    """What is to be played: the trace's name and jobs, the scheduler's name, the seed, seconds that a switch costs."""

    trace: str
    jobs: tuple[SimJob, ...]
    scheduler: str
    seed: int
    switch_seconds: float


@dataclass(frozen=True)
class Result:
    """Hours and ratios of a match; by job: `jct` (h) and `rho`. `utilisation`: device type x time bin, share busy.

    `planning`, `longest`: CPU seconds of a round's decision, in the mean and at most (measured, unlike the rest).
    """

    match: Match
    makespan: float
    mean_jct: float
    p95_jct: float
    mean_rho: float
    worst_rho: float
    unfair_share: float
    switches: float
    jct: Floats
    rho: Floats
    utilisation: Floats
    rounds: int
    planning: float
    longest: float


class _Timed:
    """A scheduler with a stopwatch."""

    def __init__(self, inner: Scheduler) -> None:
        self._inner = inner
        self.name, self.round_seconds = inner.name, inner.round_seconds
        self.seconds: list[float] = []

    def decide(self, view: View) -> Iterable[Action]:
        """What the scheduler decides."""
        began = time.process_time()
        actions = list(self._inner.decide(view))
        self.seconds.append(time.process_time() - began)
        return actions


def play(match: Match) -> Result:
    """Simulate and check a match. Raises Broken, naming the scheduler, where it breaks a rule."""
    conditions = Conditions(switch_seconds=match.switch_seconds)
    scheduler = _Timed(entrant(match.scheduler, match.seed, match.switch_seconds))
    log = simulate(match.jobs, FLEET, scheduler, conditions, match.seed).whole()
    metrics = check(log, match.jobs, FLEET, conditions)
    arrival = np.array([job.arrival for job in match.jobs])
    width = np.array([job.workers for job in match.jobs], dtype=np.int64)
    capacity = np.array([node.gpus for node in FLEET], dtype=np.int64)
    fair = fair_seconds(arrival, metrics.finish, seconds_of(match.jobs), width, capacity)
    rho = metrics.jct / fair
    return Result(
        match,
        metrics.makespan / 3600,
        metrics.mean_jct / 3600,
        metrics.p95_jct / 3600,
        float(rho.mean()),
        float(rho.max()),
        float((rho > 1).mean()),
        metrics.switches / len(match.jobs),
        metrics.jct / 3600,
        rho,
        _utilisation(log, metrics.makespan),
        len(scheduler.seconds),
        float(np.mean(scheduler.seconds)),
        float(np.max(scheduler.seconds)),
    )


def seconds_of(jobs: Sequence[SimJob]) -> Floats:
    """Seconds of each job alone on each device type, infinite where it cannot run."""
    return np.array([[job.seconds.get(device, np.inf) for device in DEVICES] for job in jobs])


def _utilisation(log: Log, makespan: float) -> Floats:
    """Share of each type's devices at work (start-up not counted), in equal bins from the first arrival to the end."""
    owner = np.repeat(np.arange(len(FLEET)), [node.gpus for node in FLEET])
    edges = log.begin + np.linspace(0.0, makespan, BINS + 1)
    busy = np.zeros((len(FLEET), BINS))
    for row in range(len(log)):
        devices = log.devices[log.offsets[row] : log.offsets[row + 1]]
        overlap = np.minimum(edges[1:], log.finish[row]) - np.maximum(edges[:-1], min(log.work[row], log.finish[row]))
        busy[owner[devices[0]]] += len(devices) * np.maximum(0.0, overlap)
    return busy / (np.array([[node.gpus] for node in FLEET]) * makespan / BINS)
