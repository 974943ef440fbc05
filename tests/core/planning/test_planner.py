"""A job gets a sound plan by its policy; all jobs share one timeline, in a stated order, beside what others hold."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from clusters import a_cluster
from heterosched.algorithms.base import Objective, Problem
from heterosched.algorithms.check import check
from heterosched.algorithms.heft import Heft
from heterosched.api import HeteroJob
from heterosched.model import Demand, Reservation
from heterosched.planning.planner import HELD_SECONDS, objective_of
from heterosched.planning.types import job_key
from heterosched.policy.table import BUILT_IN, PolicyRow
from manifests import a_fan, a_job
from planned import NOW, a_state, alone, gpu_job, planned, start

ONE_GPU = Demand(gpus=1)
ONE_T4 = a_cluster(t4=1, gpus=1)


def test_a_plan_is_a_sound_schedule_of_the_whole_graph() -> None:
    cluster = a_cluster(cpu=2, t4=3, v100=1)
    found = alone(a_state(a_fan("fan", width=20, tasks=30)), cluster)
    assert found.error is None
    assert found.graph is not None
    assert set(found.schedule.assignments) == set(found.graph.tasks)
    assert check(Problem(found.graph, cluster, NOW), found.schedule) == []
    assert found.critical_path[-9:] == (
        "step-000",
        "step-001",
        "step-002",
        "step-003",
        "step-004",
        "step-005",
        "step-006",
        "step-007",
        "step-008",
    )


@pytest.mark.parametrize(
    ("policy", "strategy", "device"),
    [
        ("Performance", "Auto", "nvidia-v100"),
        ("Energy", "Auto", "nvidia-t4"),
        ("Energy", "heft", "nvidia-v100"),
        ("Energy", "energy_heft", "nvidia-t4"),
    ],
)
def test_policy_and_strategy_decide_the_device(policy: str, strategy: str, device: str) -> None:
    job = a_job().policy(policy).strategy(strategy).task("t").gpus(1, "nvidia-t4", "nvidia-v100")
    found = alone(a_state(job.runtime({"nvidia-t4": 20, "nvidia-v100": 8})), a_cluster(t4=1, v100=1))
    assert found.schedule.assignments["t"].option.device == device


def test_heft_by_name_is_the_exact_algorithm_and_auto_is_never_behind_it() -> None:
    cluster = a_cluster(cpu=1, t4=2, v100=1)
    named, auto = (alone(a_state(a_job_with_fan("Performance", strategy)), cluster) for strategy in ("heft", "Auto"))
    assert named.graph is not None
    assert named.schedule == Heft().schedule(Problem(named.graph, cluster, NOW))
    assert auto.strategy == "portfolio"
    assert auto.schedule.finish <= named.schedule.finish


def a_job_with_fan(policy: str, strategy: str = "Auto") -> dict[str, Any]:
    manifest = a_fan("fan", width=10, tasks=15)
    manifest["spec"]["strategy"] = strategy
    manifest["spec"]["policy"] = policy
    return manifest


def test_launching_is_counted_for_every_task() -> None:
    job = a_job().task("a").cpus(1).runtime({"cpu": 10}).task("b").after("a").cpus(1).runtime({"cpu": 5})
    found = alone(a_state(job), a_cluster(cpu=1), launch_seconds=2.0)
    assert found.schedule.finish - NOW == 19.0


def test_the_baseline_is_made_where_it_is_asked_for() -> None:
    states = [a_state(gpu_job("a")), a_state(gpu_job("b"))]
    found = planned(*states, cluster=a_cluster(t4=2), baselines={"a"})
    assert found["a"].baseline is not None
    assert found["a"].baseline.finish == NOW + 10
    assert found["b"].baseline is None


def test_without_any_estimate_order_and_fit_still_count() -> None:
    job = a_job().task("a").cpus(1).task("b").after("a").cpus(1).runtime({"cpu": 5})
    found = alone(a_state(job), a_cluster(cpu=1))
    assert found.missing == ("a",)
    assert found.verdict == ""
    assert start(found, "b") > start(found, "a") == 0.0


def test_a_policy_that_weighs_neither_time_nor_energy_plans_by_time() -> None:
    assert objective_of(PolicyRow("data", {"data": 10})) == Objective(1.0, 0.0)
    assert objective_of(BUILT_IN["Energy"]) == Objective(0, 50)


def test_a_job_without_uid_is_known_by_its_name() -> None:
    job = msgspec.convert(a_job("x", "ns").task("t").manifest(), HeteroJob)
    assert job_key(job) == "ns/x"


def test_jobs_take_turns_by_priority_then_age_then_name() -> None:
    states = [
        a_state(gpu_job("young"), age=1.0),
        a_state(gpu_job("old-b"), age=50.0),
        a_state(gpu_job("old-a"), age=50.0),
        a_state(gpu_job("urgent"), age=1.0, priority=1000),
    ]
    found = planned(*states, cluster=ONE_T4)
    assert sorted(found, key=lambda name: start(found[name])) == ["urgent", "old-a", "old-b", "young"]
    assert sorted(start(own) for own in found.values()) == [0.0, 10.0, 20.0, 30.0]


def test_jobs_together_never_overbook_a_node() -> None:
    states = [a_state(gpu_job(f"j{number}", 5.0 + number)) for number in range(12)]
    found = planned(*states, cluster=a_cluster(t4=2, gpus=2))
    spans = [own.schedule.assignments["t"] for own in found.values()]
    for moment in (own.start for own in spans):
        for node in ("t4-0", "t4-1"):
            assert sum(own.start <= moment < own.finish and own.nodes == (node,) for own in spans) <= 2


def test_a_later_job_fills_a_gap_without_delaying_an_earlier_one() -> None:
    chain = (
        a_job("chain")
        .task("a")
        .cpus(1)
        .runtime({"cpu": 30})
        .task("t")
        .after("a")
        .gpus(1, "nvidia-t4")
        .runtime({"nvidia-t4": 5})
    )
    found = planned(a_state(chain, age=50), a_state(gpu_job("short", 20), age=1), cluster=ONE_T4)
    assert (start(found["chain"]), start(found["short"])) == (30.0, 0.0)


def test_a_suspended_job_is_told_what_would_be_and_holds_nothing() -> None:
    found = planned(a_state(gpu_job("off").suspended(), age=500), a_state(gpu_job("on")), cluster=ONE_T4)
    assert (start(found["on"]), start(found["off"])) == (0.0, 10.0)
    alone = planned(a_state(gpu_job("off-a").suspended()), a_state(gpu_job("off-b").suspended()), cluster=ONE_T4)
    assert (start(alone["off-a"]), start(alone["off-b"])) == (0.0, 0.0)


def test_a_refused_job_is_told_what_would_be_and_holds_nothing() -> None:
    refused = replace(a_state(gpu_job("refused"), age=500), holds=False)
    found = planned(refused, a_state(gpu_job("on")), cluster=ONE_T4)
    assert (start(found["on"]), start(found["refused"])) == (0.0, 10.0)


def test_two_hundred_jobs_at_once_are_all_planned() -> None:
    states = [a_state(gpu_job(f"j{number:03d}")) for number in range(200)]
    found = planned(*states, cluster=a_cluster(t4=5, gpus=2))
    assert sorted(start(own) for own in found.values()) == [10.0 * (number // 10) for number in range(200)]


def test_what_others_hold_is_respected() -> None:
    cluster = a_cluster(Reservation("t4-0", ONE_GPU, NOW - 50, NOW + 25), t4=1, gpus=1)
    assert start(alone(a_state(gpu_job("a")), cluster)) == 25.0


def test_nodes_held_until_further_notice_do_not_stop_the_rest_of_a_job() -> None:
    cluster = a_cluster(Reservation("t4-0", ONE_GPU, NOW - 50, math.inf), t4=1, cpu=1, gpus=1)
    job = (
        a_job("a")
        .task("first")
        .cpus(1)
        .runtime({"cpu": 3})
        .task("t")
        .after("first")
        .gpus(1, "nvidia-t4")
        .runtime({"nvidia-t4": 5})
    )
    found = alone(a_state(job), cluster)
    assert found.held == ("t",)
    assert (start(found, "first"), start(found)) == (0.0, HELD_SECONDS)


def test_an_energy_policy_does_not_wait_for_a_node_that_is_held_until_further_notice() -> None:
    cluster = a_cluster(Reservation("t4-0", ONE_GPU, NOW - 50, math.inf), t4=1, v100=1, gpus=1)
    job = (
        a_job("a")
        .policy("Energy")
        .task("t")
        .gpus(1, "nvidia-t4", "nvidia-v100")
        .runtime({"nvidia-t4": 5, "nvidia-v100": 5})
    )
    found = alone(a_state(job), cluster)
    assert found.held == ()
    assert found.schedule.assignments["t"].nodes == ("v100-0",)
