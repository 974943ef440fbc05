"""The production planner runs a simulation on estimates alone and follows its policy; what it refuses ends the run."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from heterosched.policy.table import BUILT_IN
from heterosched_lab.planning.product import PlannerScheduler
from heterosched_lab.simulate.check import check
from heterosched_lab.simulate.engine import simulate
from heterosched_lab.simulate.log import Broken
from heterosched_lab.simulate.types import Conditions, NodeLoss, SimJob, SimNode

NODES = [SimNode(f"{device}-{i}", device, 2) for device in ("nvidia-v100", "nvidia-t4") for i in range(2)]
NODES.append(SimNode("slots", "cpu", 2))


def job(name: str, arrival: float = 0.0, seconds: float = 100.0, workers: int = 1, due: float = math.inf) -> SimJob:
    times = {"nvidia-v100": seconds, "nvidia-t4": 1.6 * seconds}
    return SimJob(name, arrival, times, {"nvidia-v100": 250.0, "nvidia-t4": 60.0}, workers, deadline=due)


def trace() -> list[SimJob]:
    return [job(f"j{i:02d}", 15.0 * i, 60.0 + 37.0 * (i % 5), 1 + i % 3) for i in range(20)]


@pytest.mark.parametrize("rounds", [0.0, 60.0])
def test_a_trace_with_noise_and_losses_is_finished(rounds: float) -> None:
    conditions = Conditions(noise=0.3, switch_seconds=5, checkpoint_seconds=30, losses=(NodeLoss(0, 70.0, 400.0),))
    log = simulate(trace(), NODES, PlannerScheduler(round_seconds=rounds), conditions, 3)
    metrics = check(log, trace(), NODES, conditions)
    assert metrics.finished == len(trace())
    assert metrics.lost_seconds > 0


def test_policies_choose_between_time_and_energy() -> None:
    found = {}
    for policy in ("Performance", "Energy"):
        log = simulate([job("a")], NODES, PlannerScheduler(policy))
        metrics = check(log, [job("a")], NODES, Conditions())
        found[policy] = (metrics.makespan, metrics.busy_joules)
    assert found == {"Performance": (100.0, 25_000.0), "Energy": (160.0, 9_600.0)}


def test_a_row_of_ones_own_is_a_policy() -> None:
    row = replace(
        BUILT_IN["Performance"].weighing({**BUILT_IN["Performance"].weights, "speed": 0, "energy": 9}), name="x"
    )
    log = simulate([job("a")], NODES, PlannerScheduler("x", policies={"x": row}))
    assert check(log, [job("a")], NODES, Conditions()).busy_joules == 9_600.0


def test_estimates_decide_and_not_the_truth() -> None:
    """Both devices are as fast; whatever the noise makes look faster is taken."""
    own = SimJob("a", 0.0, {"nvidia-v100": 100.0, "nvidia-t4": 100.0})
    conditions = Conditions(noise=0.5)
    taken = set()
    for seed in range(12):
        log = simulate([own], NODES, PlannerScheduler(), conditions, seed)
        taken.add(NODES[int(log.devices[0]) // 2].device)
    assert taken == {"nvidia-v100", "nvidia-t4"}


def test_a_near_deadline_goes_first() -> None:
    nodes = [SimNode("n", "nvidia-v100", 1)]
    jobs = [job("now"), job("patient", 1.0), job("urgent", 2.0, due=250.0)]
    log = simulate(jobs, nodes, PlannerScheduler())
    assert log.job.tolist() == [0, 2, 1]


def test_a_cpu_job_takes_a_slot() -> None:
    jobs = [SimJob(f"c{i}", 0.0, {"cpu": 10.0}) for i in range(3)]
    log = simulate(jobs, NODES, PlannerScheduler())
    assert sorted(log.finish.tolist()) == [10, 10, 20]


def test_what_the_planner_refuses_ends_the_run() -> None:
    with pytest.raises(Broken, match=r"scheduler planner_nobody_auto.*no plan for a: .*policy"):
        simulate([job("a")], NODES, PlannerScheduler("Nobody"))
