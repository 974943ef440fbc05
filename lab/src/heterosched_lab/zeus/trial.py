"""One run of one policy on one stream, as a function that other processes and machines can be sent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from heterosched_lab.simulate.check import check
from heterosched_lab.simulate.engine import simulate
from heterosched_lab.simulate.types import Conditions, Scheduler
from heterosched_lab.zeus.ours import EnergyAware, Priced
from heterosched_lab.zeus.peers import BestCap, FastestFirst, LeastEnergy, ShortestFirst
from heterosched_lab.zeus.stream import stream
from heterosched_lab.zeus.tables import Tables, fleet, read_tables

PEERS = {own.name: own for own in (FastestFirst, ShortestFirst, LeastEnergy, BestCap)}
OURS = {"energy_aware": EnergyAware, "priced": Priced}


@dataclass(frozen=True, slots=True)
class Case:
    """What is run. `folder`: of the tables; `weight`: of energy, for policies that have one, else 0."""

    folder: str
    seed: int
    load: float
    jobs: int
    policy: str
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it: joules, seconds, and the share of GPU time in use; from the first arrival to the last finish."""

    case: Case
    busy_joules: float
    idle_joules: float
    mean_jct: float
    p95_jct: float
    mean_waiting: float
    makespan: float
    utilisation: float

    @property
    def joules(self) -> float:
        """Of all GPUs over the whole run."""
        return self.busy_joules + self.idle_joules


@lru_cache(maxsize=4)
def _tables(folder: str) -> Tables:
    return read_tables(Path(folder))


def scheduler(policy: str, weight: float) -> Scheduler:
    """The policy of this name."""
    return OURS[policy](weight) if policy in OURS else PEERS[policy]()


def run(case: Case) -> Trial:
    """Simulate and check. The same seed gives every policy the same jobs, and every load the same jobs closer together.

    Raises InvalidInput (tables), Broken (a policy that breaks a rule).
    """
    jobs = stream(_tables(case.folder), case.jobs, case.load, np.random.default_rng(case.seed))
    nodes, conditions = fleet(), Conditions()
    log = simulate(jobs, nodes, scheduler(case.policy, case.weight), conditions).whole()
    found = check(log, jobs, nodes, conditions)
    return Trial(
        case,
        found.busy_joules,
        found.idle_joules,
        found.mean_jct,
        found.p95_jct,
        found.mean_waiting,
        found.makespan,
        found.utilisation,
    )
