"""Each policy picks the type and the cap that its rule says, and none of them breaks a rule of the simulator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from heterosched.algorithms.base import Objective
from heterosched_lab.simulate.check import check
from heterosched_lab.simulate.engine import simulate
from heterosched_lab.simulate.metrics import Metrics
from heterosched_lab.simulate.types import Conditions, NodeLoss, Scheduler, SimJob, SimNode
from heterosched_lab.zeus.ours import EnergyAware, Priced
from heterosched_lab.zeus.stream import stream
from heterosched_lab.zeus.tables import fleet, read_tables
from heterosched_lab.zeus.trial import OURS, PEERS, scheduler

NODES = [SimNode("fast", "fast", 1, idle_watts=20.0), SimNode("slow", "slow", 1, idle_watts=10.0)]
SECONDS = {"fast": 100.0, "slow": 140.0}
WATTS = {"fast": 300.0, "slow": 200.0}
CAPS = {"fast": ((200.0, 110.0, 200.0), (100.0, 300.0, 90.0)), "slow": ((120.0, 150.0, 110.0),)}
"""Joules: fast 30, 22 and 27 kJ; slow 28 and 16.5 kJ."""


CALM = Conditions()


def a_job(name: str, arrival: float = 0.0, scale: float = 1.0) -> SimJob:
    caps = {device: tuple((c, s * scale, w) for c, s, w in own) for device, own in CAPS.items()}
    return SimJob(name, arrival, {d: s * scale for d, s in SECONDS.items()}, WATTS, caps=caps)


def ran(own: Scheduler, *jobs: SimJob, conditions: Conditions = CALM) -> Metrics:
    return check(simulate(jobs, NODES, own, conditions), jobs, NODES, conditions)


@pytest.mark.parametrize(
    ("policy", "weight", "seconds", "joules"),
    [
        ("fastest_first", 0.0, 100.0, 30_000.0),
        ("shortest_first", 0.0, 100.0, 30_000.0),
        ("best_cap", 0.0, 110.0, 22_000.0),
        ("least_energy", 0.0, 150.0, 16_500.0),
        ("energy_aware", 0.0, 100.0, 30_000.0),
        ("energy_aware", 1.0, 150.0, 16_500.0),
        ("priced", 0.0, 100.0, 30_000.0),
        ("priced", 0.5, 150.0, 16_500.0),
        ("priced", 1.0, 150.0, 16_500.0),
    ],
)
def test_a_single_job_goes_where_the_rule_says(policy: str, weight: float, seconds: float, joules: float) -> None:
    found = ran(scheduler(policy, weight), a_job("a"))
    assert found.mean_jct == pytest.approx(seconds)
    assert found.busy_joules == pytest.approx(joules)


def test_a_peer_leaves_no_gpu_free_that_a_job_can_use() -> None:
    found = ran(scheduler("fastest_first", 0.0), a_job("a"), a_job("b"))
    assert found.waiting.tolist() == [0.0, 0.0]
    assert found.busy_joules == pytest.approx(30_000 + 28_000)


def test_ours_keeps_a_job_waiting_where_that_costs_less() -> None:
    """The slow GPU under its cap in 44 s is worth more than the fast one now; a peer takes what is free."""
    small, big = a_job("small", scale=0.3), a_job("big", 1.0)
    found = ran(Priced(0.9), small, big)
    assert found.waiting.tolist() == [0.0, pytest.approx(44.0)]
    assert ran(scheduler("least_energy", 0.0), small, big).waiting.tolist() == [0.0, 0.0]


def test_short_jobs_overtake_long_ones_by_patience_alone() -> None:
    jobs = [a_job("runs"), a_job("runs too"), a_job("long", 1.0, 20.0), a_job("short", 2.0)]
    found = ran(Priced(0.0, patience=1.0), *jobs)
    assert found.waiting[3] < found.waiting[2]
    waits = ran(Priced(0.0, patience=0.0), *jobs).waiting
    assert waits[2] < waits[3]


def test_weights_are_read_as_the_planner_reads_a_policy() -> None:
    assert EnergyAware(0.25).objective == Objective(75, 25)
    assert EnergyAware(1.0).objective == Objective(0, 100)


@pytest.mark.parametrize("policy", [*PEERS, *OURS])
def test_every_policy_lives_with_the_loss_of_a_node(policy: str) -> None:
    conditions = Conditions(losses=(NodeLoss(0, 50.0, 400.0),))
    found = ran(scheduler(policy, 0.5), *(a_job(f"j{n}", 10.0 * n) for n in range(6)), conditions=conditions)
    assert found.finished == 6


@pytest.mark.parametrize("policy", [*PEERS, *OURS])
def test_a_stream_is_worked_through_and_the_same_seed_gives_the_same_run(tables_folder: Path, policy: str) -> None:
    jobs = stream(read_tables(tables_folder), 60, 1.5, np.random.default_rng(3))

    def once() -> Mapping[str, float]:
        log = simulate(jobs, fleet(), scheduler(policy, 0.5))
        found = check(log, jobs, fleet(), Conditions())
        assert found.finished == 60
        return {"joules": found.joules, "jct": found.mean_jct}

    assert once() == once()


def test_more_weight_on_energy_takes_fewer_joules_at_work(tables_folder: Path) -> None:
    jobs = stream(read_tables(tables_folder), 60, 0.3, np.random.default_rng(3))

    def busy(own: Scheduler) -> float:
        return check(simulate(jobs, fleet(), own), jobs, fleet(), Conditions()).busy_joules

    for kind in (EnergyAware, Priced):
        assert busy(kind(0.0)) > busy(kind(0.5)) > 0
