"""Every graph strategy of the product schedules a simulation soundly, and a bad plug-in ends the run by its name."""

from __future__ import annotations

import numpy as np
import pytest

from heterosched.algorithms.base import Objective, Problem, strategies, strategy
from heterosched.errors import InvalidInput
from heterosched.model import Assignment, Schedule
from heterosched_lab.planning.strategies import StrategyScheduler
from heterosched_lab.simulate.check import check
from heterosched_lab.simulate.engine import simulate
from heterosched_lab.simulate.log import Broken
from heterosched_lab.simulate.types import Conditions, NodeLoss, SimJob, SimNode

NODES = [SimNode(f"{device}-{i}", device, 2, 10.0) for device in ("nvidia-v100", "nvidia-t4") for i in range(3)]
NODES.append(SimNode("slots", "cpu", 4))


def trace(count: int = 24, seed: int = 1) -> list[SimJob]:
    draws = np.random.default_rng(seed)
    jobs = []
    for index, at in enumerate(np.cumsum(draws.exponential(20.0, count))):
        seconds = float(draws.uniform(20, 300))
        times = {"nvidia-v100": seconds, "nvidia-t4": 2 * seconds, "cpu": 9 * seconds}
        watts = {"nvidia-v100": 250.0, "nvidia-t4": 60.0, "cpu": 90.0}
        jobs.append(SimJob(f"job-{index}", float(at), times, watts, int(draws.choice((1, 1, 2, 3)))))
    return jobs


@pytest.mark.parametrize("name", sorted(strategies()))
def test_every_strategy_finishes_a_trace(name: str) -> None:
    jobs, conditions = trace(), Conditions(noise=0.3)
    log = simulate(jobs, NODES, StrategyScheduler(name), conditions, 5)
    assert check(log, jobs, NODES, conditions).finished == len(jobs)
    assert log.scheduler == name


def test_a_plan_may_be_followed_for_a_while() -> None:
    jobs, conditions = trace(60), Conditions(noise=0.3, losses=(NodeLoss(0, 100.0, 900.0),), switch_seconds=5)
    asked = []

    class Counting:
        name = "counting"

        def schedule(self, problem: Problem) -> Schedule:
            asked.append(problem.now)
            return strategy("heft").schedule(problem)

    log = simulate(jobs, NODES, StrategyScheduler(Counting(), every=300.0, most=20), conditions, 5)
    metrics = check(log, jobs, NODES, conditions)
    assert metrics.finished == len(jobs)
    assert len(asked) < len(log.decisions) / 3


def test_energy_may_be_weighed() -> None:
    jobs = [SimJob("a", 0.0, {"nvidia-v100": 100.0, "nvidia-t4": 150.0}, {"nvidia-v100": 250.0, "nvidia-t4": 60.0})]
    for objective, joules in ((Objective(1, 0), 25_000), (Objective(0, 1), 9_000)):
        log = simulate(jobs, NODES, StrategyScheduler("energy_heft", objective=objective))
        assert check(log, jobs, NODES, Conditions()).busy_joules == joules


def test_power_caps_are_ways_to_run() -> None:
    own = SimJob("a", 0.0, {"nvidia-t4": 100.0}, {"nvidia-t4": 70.0}, caps={"nvidia-t4": ((50.0, 120.0, 45.0),)})
    log = simulate([own], NODES, StrategyScheduler("energy_heft", objective=Objective(0, 1)))
    assert log.cap.tolist() == [50.0]
    assert check(log, [own], NODES, Conditions()).busy_joules == 120 * 45


def test_a_running_job_is_expected_to_end_as_its_cap_makes_it() -> None:
    capped = {"nvidia-t4": ((50.0, 120.0, 45.0),)}
    jobs = [
        SimJob(name, at, {"nvidia-t4": 100.0}, {"nvidia-t4": 70.0}, caps=capped) for name, at in (("a", 0), ("b", 30))
    ]
    seen = []

    class Looking:
        name = "looking"

        def schedule(self, problem: Problem) -> Schedule:
            seen.append([held.finish for held in problem.cluster.reservations])
            return strategy("energy_heft").schedule(problem)

    simulate(jobs, [SimNode("n", "nvidia-t4", 2)], StrategyScheduler(Looking(), objective=Objective(0, 1)))
    assert seen == [[], [pytest.approx(120.0)]]


class _Greedy:
    name = "all_at_once"

    def schedule(self, problem: Problem) -> Schedule:
        """Everything now, on the first node that offers a device: far more than it has."""
        found = {}
        for name, task in problem.graph.tasks.items():
            option = task.options[0]
            place = next(node.name for node in problem.cluster.nodes if node.device == option.device)
            places = (place,) * option.workers
            found[name] = Assignment(name, option, places, problem.now, problem.now + option.seconds)
        return Schedule(found)


class _Raising:
    name = "raising"

    def schedule(self, problem: Problem) -> Schedule:
        raise RuntimeError("no idea")


class _Forgetful:
    name = "forgetful"

    def schedule(self, problem: Problem) -> Schedule:
        return Schedule({})


@pytest.mark.parametrize(
    ("plugin", "problem"),
    [
        (_Greedy(), "scheduler all_at_once.*not sound.*holds more than it has"),
        (_Raising(), "scheduler raising.*RuntimeError: no idea"),
        (_Forgetful(), "scheduler forgetful.*not placed"),
    ],
)
def test_a_bad_plug_in_ends_the_run_by_its_name(plugin: object, problem: str) -> None:
    jobs = [SimJob(f"j{i}", 0.0, {"nvidia-t4": 50.0}) for i in range(9)]
    with pytest.raises(Broken, match=problem):
        simulate(jobs, NODES, StrategyScheduler(plugin))  # type: ignore[arg-type]


def test_shared_devices_are_refused() -> None:
    with pytest.raises(Broken, match=r"job half: share: uses 0\.5 of a device"):
        simulate([SimJob("half", 0.0, {"nvidia-t4": 5.0}, share=0.5)], NODES, StrategyScheduler("heft"))


def test_unknown_strategies_are_refused() -> None:
    with pytest.raises(InvalidInput, match="unknown strategy 'nobody'"):
        StrategyScheduler("nobody")
