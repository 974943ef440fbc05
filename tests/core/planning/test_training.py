"""Training tasks of a turn are sized together by JPS over the free GPUs, and learn their shares of the batch."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from clusters import a_cluster, a_node
from heterosched.errors import InvalidInput
from heterosched.jps import Links, Parameters, Speed, TrainingJob, Worker, build_instance, solve
from heterosched.model import Cluster, Demand, Reservation, Taint
from heterosched.planning.due import due, reasons
from heterosched.planning.planner import AUTO_STRATEGY
from heterosched.planning.types import JobState, TaskProgress
from heterosched.policy.table import BUILT_IN
from manifests import a_job
from planned import NOW, a_state, a_training, gpu_job, nodes, planned, start

TWO_TYPES = a_cluster(t4=2, v100=2)


def test_two_jobs_share_eight_gpus_of_two_types_as_jps_says() -> None:
    jobs = [a_training("a", iterations=900), a_training("b", iterations=5000, gradientBytes="40Mi")]
    found = planned(*(job.policy("Performance") for job in jobs), cluster=TWO_TYPES)
    workers = [
        Worker(f"{node}/{slot}", node, f"nvidia-{node[:-2]}")
        for node in ("t4-0", "t4-1", "v100-0", "v100-1")
        for slot in (0, 1)
    ]
    mib = 2.0**20
    asked = [
        TrainingJob("a", 64, 900, 10 * mib, 1, 8, age=100),
        TrainingJob("b", 64, 5000, 40 * mib, 1, 8, age=100),
    ]
    speeds = {"nvidia-t4": Speed(100, 70), "nvidia-v100": Speed(200, 300)}
    links = Links.by_node([worker.node for worker in workers], math.inf, 1.25e9)
    instance = build_instance(asked, workers, {"a": speeds, "b": speeds}, links=links)
    answer = solve(instance, Parameters(), np.random.default_rng(0))
    for placement in answer.placements:
        own = found[placement.job].schedule.assignments["t"]
        assert own.nodes == tuple(worker.rpartition("/")[0] for worker in placement.workers)
        assert own.option.seconds == placement.rounded_seconds
        assert found[placement.job].shares["t"] == placement.shares
        assert start(found[placement.job]) == 0.0
        assert found[placement.job].strategy == "jps"
        assert found[placement.job].gap_percent == 0.0
    assert sum(len(nodes(own)) for own in found.values()) == 8


def test_the_batch_is_split_by_the_speed_of_unlike_workers() -> None:
    found = planned(a_training("a", 3, 3), cluster=a_cluster(t4=1, v100=1, gpus=2))["a"]
    share = dict(zip(nodes(found), found.shares["t"], strict=True))
    assert sum(found.shares["t"]) == 64
    assert share["v100-0"] in (25, 26)
    mixed = found.schedule.assignments["t"].option
    assert mixed.joules == pytest.approx(mixed.seconds * sum({"t4-0": 70, "v100-0": 300}[n] for n in nodes(found)))


def test_workers_that_exchange_much_are_taken_from_one_node_where_the_network_would_cost() -> None:
    heavy = [a_training(name, 2, 2, iterations=1000, gradientBytes="4Gi") for name in ("a", "b")]
    found = planned(*heavy, cluster=a_cluster(v100=2, gpus=2))
    assert sorted(len(set(nodes(own))) for own in found.values()) == [1, 1]
    assert {own.schedule.assignments["t"].option.seconds for own in found.values()} == {1000 * 64 / 400}


def test_a_job_whose_figures_cannot_be_leaves_the_others_to_be_sized() -> None:
    wild = a_training("wild", 1, 2, gradientBytes="9" * 18 + "E")
    found = planned(wild, a_training("tame"), cluster=TWO_TYPES)
    assert found["tame"].strategy == "jps"
    assert found["wild"].error is not None


def test_a_variant_of_one_device_type_is_not_mixed_with_another() -> None:
    job = a_job("a").task("t").gpus(1, "nvidia-t4").gpus(1, "nvidia-v100").workers(1, 8)
    job.training({"nvidia-t4": 100, "nvidia-v100": 200}, globalBatch=64, iterations=1000, gradientBytes="1Mi")
    assert {node[:-2] for node in nodes(planned(job, cluster=TWO_TYPES)["a"])} == {"v100"}


def test_what_others_hold_or_will_hold_is_not_free() -> None:
    later = Reservation("v100-0", Demand(gpus=1), NOW + 5, NOW + 50)
    cluster = a_cluster(Reservation("t4-0", Demand(gpus=2), NOW - 5, NOW + 50), later, t4=1, v100=1)
    assert nodes(planned(a_training("a"), cluster=cluster)["a"]) == ("v100-0",)


def test_cores_and_memory_bound_the_workers_of_a_node() -> None:
    job = a_training("a")
    job.task("x").cpus(1).runtime({"cpu": 1})
    manifest = job.manifest()
    manifest["spec"]["tasks"] = manifest["spec"]["tasks"][:1]
    variant = manifest["spec"]["tasks"][0]["variants"][0]
    variant["resources"]["requests"] = {"cpu": "12"}
    cluster = Cluster((a_node("v100-0", cores=32, gpus=8),))

    class Given:
        def manifest(self) -> dict[str, object]:
            return manifest

    assert nodes(planned(a_state(Given()), cluster=cluster)["a"]) == ("v100-0", "v100-0")  # type: ignore[arg-type]


def test_nodes_that_the_template_does_not_tolerate_get_no_worker() -> None:
    tainted = a_node("v100-1", taints=[Taint("only", "others", "NoSchedule")])
    found = planned(a_training("a"), cluster=Cluster((a_node("v100-0"), tainted)))["a"]
    assert set(nodes(found)) == {"v100-0"}


def test_training_that_only_fits_on_several_types_waits_for_them_and_holds_nothing_else_back() -> None:
    job = a_training("a", 6, 8)
    job.task("other").cpus(1).runtime({"cpu": 5})
    free = planned(job, cluster=TWO_TYPES)["a"]
    assert {node[:-2] for node in nodes(free)} == {"t4", "v100"}
    busy = a_cluster(Reservation("v100-0", Demand(gpus=2), NOW, NOW + 40), t4=2, v100=1)
    found = planned(job.deadline(within="1h"), cluster=busy, baselines={"a"})["a"]
    assert (found.error, found.verdict, found.baseline) == (None, "", None)
    assert set(found.schedule.assignments) == {"other"}
    assert reasons(found, {}, NOW) == {"t": "WaitingForDevice", "other": ""}


def test_jobs_that_do_not_fit_wait_behind_those_that_do() -> None:
    jobs = [a_state(a_training(f"j{n}", 4, 4), age=100 - n) for n in range(3)]
    found = planned(*jobs, cluster=TWO_TYPES)
    assert [start(found[f"j{n}"]) > 0 for n in range(3)] == [False, False, True]
    assert found["j2"].shares["t"] == (16, 16, 16, 16)
    assert found["j2"].strategy == AUTO_STRATEGY


def test_graphs_and_training_stand_side_by_side() -> None:
    graph = a_state(gpu_job("graph", 30, "nvidia-v100"), age=200)
    found = planned(graph, a_state(a_training("train")), cluster=TWO_TYPES)
    assert start(found["graph"]) == start(found["train"]) == 0.0
    assert len(nodes(found["train"])) == 7


def test_a_near_deadline_is_sized_before_the_others() -> None:
    late = a_state(a_training("late", 8, 8).deadline(within="1h"), age=1)
    found = planned(a_state(a_training("old", 1, 8), age=900), late, cluster=TWO_TYPES)
    assert start(found["late"]) == 0.0
    assert start(found["old"]) > 0.0


def test_what_runs_keeps_its_size() -> None:
    running = TaskProgress("Running", "nvidia-t4", "nvidia-t4,nvidia-v100", ("t4-0", "t4-1"), 2, NOW - 4)
    found = planned(a_state(a_training("a"), {"t": running}), a_state(a_training("b")), cluster=TWO_TYPES)
    assert nodes(found["a"]) == ("t4-0", "t4-1")
    assert len(nodes(found["b"])) == 6


def running(least: int, most: int, *places: str, restarts: bool = True, since: float = 4.0) -> JobState:
    own = TaskProgress("Running", "nvidia-t4", "nvidia-t4,nvidia-v100", places, len(places), NOW - since)
    return a_state(a_training("a", least, most, allowRestarts=restarts, iterations=20_000), {"t": own})


def test_a_larger_size_that_gains_more_than_its_restart_is_offered_to_a_task_that_allows_it() -> None:
    found = planned(running(1, 8, "t4-0"), cluster=TWO_TYPES, may_restart=True)["a"]
    assert nodes(found) == ("t4-0",)
    restart = found.restarts["t"]
    assert len(restart.assignment.nodes) > 4
    assert restart.gain_seconds > restart.cost_seconds == 60.0
    left = found.schedule.assignments["t"].finish - NOW
    assert restart.assignment.option.seconds == pytest.approx(left - restart.gain_seconds, rel=0.01)


@pytest.mark.parametrize(
    ("state", "fields"),
    [
        (running(1, 8, "t4-0", restarts=False), {"may_restart": True}),
        (running(1, 8, "t4-0"), {"may_restart": False}),
        (running(1, 8, "t4-0"), {"may_restart": True, "restart_seconds": 1e6}),
        (running(1, 8, "t4-0", since=12_780.0), {"may_restart": True, "restart_seconds": 60.0}),
        (running(1, 1, "v100-0"), {"may_restart": True}),
    ],
)
def test_no_restart_without_leave_or_gain(state: JobState, fields: dict[str, float]) -> None:
    assert planned(state, cluster=TWO_TYPES, **fields)["a"].restarts == {}


def test_training_behind_other_tasks_is_sized_when_its_turn_comes() -> None:
    job = a_training("a")
    job.task("prepare").cpus(1).runtime({"cpu": 5})
    job._manifest["spec"]["tasks"][0]["dependsOn"] = ["prepare"]
    before = planned(job, cluster=TWO_TYPES)["a"]
    assert before.strategy == AUTO_STRATEGY
    done = TaskProgress("Succeeded", "cpu", "cpu", ("t4-0",), 1, NOW - 6, NOW - 1)
    after = planned(a_state(job, {"prepare": done}), cluster=TWO_TYPES)["a"]
    assert after.strategy == "jps"
    assert due(after, {"prepare": done}, NOW) == ("t",)


@pytest.mark.parametrize("strategy", ["heft", "fifo"])
def test_a_strategy_by_name_sizes_by_itself(strategy: str) -> None:
    found = planned(a_training("a").strategy(strategy), cluster=TWO_TYPES)["a"]
    assert found.strategy == strategy
    assert len({node[:-2] for node in nodes(found)}) == 1
    assert sum(found.shares["t"]) == 64


def test_jps_by_name_wants_training() -> None:
    assert planned(a_training("a").strategy("jps"), cluster=TWO_TYPES)["a"].strategy == "jps"
    error = planned(gpu_job("a").strategy("jps"), cluster=TWO_TYPES)["a"].error
    assert isinstance(error, InvalidInput)
    assert "no task has work.training; use Auto" in str(error)


def test_without_any_throughput_the_first_place_is_taken_and_said_so() -> None:
    job = a_job("a").task("t").gpus(1, "nvidia-t4").workers(2, 4).training({}, globalBatch=64, iterations=10)
    found = planned(job, cluster=TWO_TYPES)["a"]
    assert found.missing == ("t",)
    assert "no run time is known" in found.because["t"]


def test_a_device_without_throughput_is_estimated_and_marked() -> None:
    job = a_job("a").task("t").gpus(1, "nvidia-t4", "nvidia-v100").workers(1, 2)
    job.training({"nvidia-v100": 200}, globalBatch=64, iterations=1000)
    found = planned(job, cluster=a_cluster(t4=1))["a"]
    option = found.schedule.assignments["t"].option
    assert (option.device, option.origin) == ("nvidia-t4", "estimated")


def test_energy_counts_as_the_policy_weighs_it() -> None:
    fast = planned(a_training("a", 1, 4).policy("Performance"), cluster=a_cluster(t4=2, v100=2))["a"]
    cheap = planned(a_training("a", 1, 4).policy("Energy"), cluster=a_cluster(t4=2, v100=2))["a"]
    assert cheap.schedule.joules < fast.schedule.joules
    assert cheap.schedule.finish > fast.schedule.finish


def test_the_gap_is_told_where_it_is_proven() -> None:
    assert planned(a_training("a").policy("Performance"), cluster=TWO_TYPES)["a"].gap_percent == 0.0
    assert planned(a_training("a").policy("Balanced"), cluster=TWO_TYPES)["a"].gap_percent == 0.0
    frugal = planned(a_training("a").policy("Energy"), cluster=TWO_TYPES)["a"].gap_percent
    assert frugal is not None and 0.0 <= frugal < 5.0
    assert planned(gpu_job("a"), cluster=TWO_TYPES)["a"].gap_percent is None


def test_sizes_that_pass_the_energy_budget_are_left_to_cheaper_ways() -> None:
    job = a_training("a").policy("Performance").spec(energyBudgetJoules=60_000)
    found = planned(job, cluster=TWO_TYPES)["a"]
    assert found.verdict == "Feasible"
    assert found.schedule.joules <= 60_000


def test_training_is_the_same_for_the_same_question() -> None:
    jobs = [a_training(f"j{n}", iterations=500 + 100 * n) for n in range(4)]
    assert planned(*jobs, cluster=TWO_TYPES) == planned(*jobs, cluster=TWO_TYPES)


def test_workers_of_several_gpus_take_whole_slots() -> None:
    job = a_job("a").task("t").gpus(2, "nvidia-v100").workers(1, 8)
    job.training({"nvidia-v100": 200}, globalBatch=64, iterations=1000)
    found = planned(job, a_training("b", 1, 8, "nvidia-v100"), cluster=a_cluster(v100=2, gpus=3))
    assert sorted(nodes(found["a"])) == ["v100-0", "v100-1"]
    assert sorted(nodes(found["b"])) == ["v100-0", "v100-1"]


def test_parameters_of_the_policy_reach_jps() -> None:
    rows = {**BUILT_IN, "Balanced": replace(BUILT_IN["Balanced"], jps=Parameters(samples=1, mode="uniform"))}
    found = planned(a_training("a"), a_training("b"), cluster=TWO_TYPES, policies=rows)["a"]
    assert "by uniform" in found.because["t"]
