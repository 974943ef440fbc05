"""Whatever is wrong with one job, it gets a typed error that names object, field and remedy, and the others a plan."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from clusters import a_cluster
from heterosched.algorithms.base import Problem, strategies, strategy
from heterosched.algorithms.check import check
from heterosched.api import ThroughputProfile
from heterosched.errors import HeteroSchedError, InvalidGraph, InvalidInput, Unplaceable
from heterosched.model import Cluster, Demand, Edge, Option, Task, TaskGraph
from heterosched.planning import planner
from heterosched.planning.types import JobState
from manifests import JobBuilder, a_job, a_profile, a_template
from planned import NOW, a_state, a_training, gpu_job, planned, start

T4 = a_cluster(t4=1)
ONE_T4 = a_cluster(t4=1, gpus=1)


def two(job: JobBuilder, cluster: Cluster = T4) -> HeteroSchedError:
    found = planned(job, gpu_job("good"), cluster=cluster)
    assert found["good"].error is None
    assert start(found["good"]) == 0.0
    error = found["bad"].error
    assert error is not None
    assert found["bad"].schedule.assignments == {}
    return error


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, 0, -1, "abc", "1e400"])
def test_a_time_that_is_none_is_refused(seconds: float | str) -> None:
    error = two(a_job("bad").task("t").gpus(1, "nvidia-t4").runtime({"nvidia-t4": seconds}))
    assert isinstance(error, InvalidInput)
    assert str(error).startswith("HeteroJob ns/bad: spec.tasks[t].work.runtimeOn[nvidia-t4].seconds: ")
    assert error.remedy


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"globalBatch": 0}, "spec.tasks[t].work.training"),
        ({"iterations": 0}, "spec.tasks[t].work.training"),
        ({"globalBatch": 1}, "spec.tasks[t].work.training.globalBatch"),
        ({"gradientBytes": "-1"}, "spec.tasks[t].work.training.gradientBytes"),
        ({"throughputOn": [{"device": "nvidia-t4", "samplesPerSecond": "0"}]}, "throughputOn[nvidia-t4]"),
        ({"throughputOn": [{"device": "nvidia-t4", "samplesPerSecond": "nan"}]}, "throughputOn[nvidia-t4]"),
    ],
)
def test_training_figures_that_mean_nothing_are_refused(fields: dict[str, object], field: str) -> None:
    error = two(a_training("bad", 2, 4, "nvidia-t4", **fields))
    assert isinstance(error, InvalidInput)
    assert field in error.field


def test_a_task_that_its_figures_confine_is_told_that_they_do() -> None:
    error = two(a_job("bad").task("t").runtime({"nvidia-z9000": 5}))
    assert str(error) == (
        "task t of HeteroJob ns/bad: no node offers nvidia-z9000 (the cluster has nvidia-t4); without variants and "
        "devices.allow the task is planned only where it has figures (spec.tasks[t].work.runtimeOn): give one for "
        "another device, list in devices.allow what it may use, or add such a node"
    )


def test_a_profile_that_confines_a_task_is_named() -> None:
    profile = msgspec.convert(
        a_profile("p", "ns", devices=[{"device": "nvidia-a100", "seconds": 5}]), ThroughputProfile
    )
    job = a_job("bad").task("t", work={"profile": "p"})
    found = planned(job, cluster=T4, profiles={("ns", "p"): profile})["bad"]
    assert "the task is planned only where it has figures (ThroughputProfile ns/p): give one for" in str(found.error)


def test_an_allowed_device_without_a_figure_asks_for_one() -> None:
    error = two(a_job("bad").task("t").gpus(1, "nvidia-t4", "nvidia-z9000").runtime({"nvidia-z9000": 5}))
    assert "; give a figure for nvidia-t4, which is allowed and of which nothing is known, or add such" in str(error)


def test_an_empty_graph_is_refused() -> None:
    job = a_job("bad").task("t")
    job._manifest["spec"]["tasks"] = []

    class Empty(JobBuilder):
        def manifest(self) -> dict[str, object]:
            return job._manifest

    error = two(Empty("bad"))
    assert isinstance(error, InvalidGraph)
    assert "there is no task; add at least one task" in str(error)


def test_a_task_that_waits_for_itself_is_refused() -> None:
    error = two(a_job("bad").task("t").after("t").cpus(1))
    assert isinstance(error, InvalidGraph)
    assert "task 't' depends on itself; remove it" in str(error)


def test_a_cycle_is_spelled_out() -> None:
    error = two(a_job("bad").task("x").after("y").cpus(1).task("y").after("x").cpus(1))
    assert isinstance(error, InvalidGraph)
    assert "the dependencies form a cycle: " in str(error)


def test_a_cluster_of_no_nodes_has_a_place_for_nothing() -> None:
    for job in (gpu_job("a"), a_training("a"), a_job("a").task("t").cpus(1)):
        found = planned(job, cluster=Cluster(()))["a"]
        assert isinstance(found.error, Unplaceable)
        assert "the cluster has no node; add one" in str(found.error)
        assert found.verdict.startswith("NeedsDevice: ")


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (a_job("bad").task("t").gpus(9, "nvidia-t4").runtime({"nvidia-t4": 1}), "it needs 9 GPUs on nvidia-t4"),
        (
            a_job("bad").task("t").gpus(1, "nvidia-t4").workers(50, 50, gang=True).runtime({"nvidia-t4": 1}),
            "50 workers on nvidia-t4 are too many, 2 fit at once; lower workers.min",
        ),
        (a_training("bad", 50, 60, "nvidia-t4"), "50 workers on nvidia-t4 are too many, 2 fit at once"),
    ],
)
def test_a_job_larger_than_the_cluster_says_what_is_missing(job: JobBuilder, message: str) -> None:
    error = two(job)
    assert isinstance(error, Unplaceable)
    assert message in str(error)


def test_a_graph_of_parts_that_do_not_hang_together_is_planned() -> None:
    job = a_job("a")
    for number in range(6):
        job.task(f"t{number}").cpus(1).runtime({"cpu": 5})
    found = planned(job, cluster=a_cluster(cpu=1))["a"]
    assert len(found.schedule.assignments) == 6


def test_a_fan_out_of_ten_thousand_is_planned_soundly() -> None:
    way = Option("nvidia-t4", 10.0, Demand(gpus=1), 70.0)
    names = [f"leaf-{number}" for number in range(10_000)]
    edges = [Edge("root", name, 1e6) for name in names]
    graph = TaskGraph.build([Task("root", (way,)), *(Task(name, (way,)) for name in names)], edges)
    problem = Problem(graph, a_cluster(t4=100), NOW)
    found = strategy("energy_heft").schedule(problem)
    assert len(found.assignments) == 10_001
    assert found.finish - NOW == pytest.approx(10 + 500 / 10 * 10, rel=0.02)


def test_a_small_fan_out_is_checked_in_full() -> None:
    way = Option("nvidia-t4", 10.0, Demand(gpus=1), 70.0)
    names = [f"leaf-{number}" for number in range(200)]
    graph = TaskGraph.build(
        [Task("root", (way,)), *(Task(name, (way,)) for name in names)], [Edge("root", name) for name in names]
    )
    problem = Problem(graph, a_cluster(t4=5), NOW)
    assert check(problem, strategy("energy_heft").schedule(problem)) == []


def test_a_device_of_which_nothing_is_known_is_estimated_or_left_out() -> None:
    named = a_job("a").task("t").gpus(1, "nvidia-t4", "nvidia-v100").runtime({"nvidia-v100": 10})
    plan = planned(named, cluster=T4)["a"]
    option = plan.schedule.assignments["t"].option
    assert (option.device, option.origin, option.confidence) == ("nvidia-t4", "estimated", "low")
    assert "low confidence: scaled from nvidia-v100" in plan.because["t"]
    strange = a_job("a").task("t").gpus(1, "nvidia-t4", "some-new-gpu").runtime({"nvidia-t4": 10})
    found = planned(strange, cluster=T4)["a"]
    assert found.graph is not None
    assert {option.device for option in found.graph.tasks["t"].options} == {"nvidia-t4"}
    assert found.because["t"].endswith("; not on some-new-gpu, where no run time is known")


@pytest.mark.parametrize(
    ("job", "kind", "message"),
    [
        (
            gpu_job("bad").policy("Fast"),
            InvalidInput,
            "HeteroJob ns/bad: spec.policy: unknown policy 'Fast'; use one of Balanced",
        ),
        (
            gpu_job("bad").strategy("magic"),
            InvalidInput,
            "HeteroJob ns/bad: spec.strategy: unknown strategy 'magic'; use one of Auto",
        ),
        (gpu_job("bad").after("t"), InvalidGraph, "depends on itself"),
        (gpu_job("bad", device="nvidia-h100"), Unplaceable, "task t of HeteroJob ns/bad: no node offers nvidia-h100"),
        (gpu_job("bad").deadline(at="soon"), InvalidInput, "HeteroJob ns/bad: spec.deadline.at: 'soon'"),
        (gpu_job("bad").spec(energyBudgetJoules="-5"), InvalidInput, "HeteroJob ns/bad: spec.energyBudgetJoules"),
        (gpu_job("bad", math.nan), InvalidInput, "seconds: 'nan' is no quantity"),
    ],
)
def test_a_bad_job_has_an_error_and_the_others_a_plan(job: JobBuilder, kind: type[Exception], message: str) -> None:
    found = planned(a_state(job, age=200), a_state(gpu_job("good")), cluster=ONE_T4)
    assert isinstance(found["bad"].error, kind)
    assert message in str(found["bad"].error)
    assert found["bad"].schedule.assignments == {}
    assert found["good"].error is None
    assert start(found["good"]) == 0.0


def test_a_bad_creation_time_only_costs_the_job_its_turn() -> None:
    bad = a_state(gpu_job("bad"))
    metadata = msgspec.structs.replace(bad.job.metadata, creation_timestamp="never")
    bad = JobState(msgspec.structs.replace(bad.job, metadata=metadata))
    found = planned(bad, a_state(gpu_job("good")), cluster=ONE_T4)
    assert (start(found["good"]), start(found["bad"])) == (0.0, 10.0)


def test_a_job_that_nobody_foresaw_stops_no_other() -> None:
    template = a_template()
    template["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": ["2"]}}
    strange = a_job("strange").template(template).task("t").gpus(1, "nvidia-t4").variant("cpu").runtime({"cpu": 1})
    found = planned(a_state(strange), a_state(gpu_job("b")), cluster=a_cluster(t4=1, cpu=1, gpus=1))
    assert isinstance(found["strange"].error, InvalidInput)
    assert "HeteroJob ns/strange" in str(found["strange"].error)
    assert "cpu" in str(found["strange"].error)
    assert found["b"].error is None


@pytest.mark.parametrize("step", ["build_graph", "fixed_assignments", "deadline_of"])
def test_an_unexpected_failure_of_one_preparation_names_its_job(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = getattr(planner, step)

    def failing(*arguments: Any) -> Any:
        if "bad" in repr(arguments):
            raise KeyError("oops")
        return sound(*arguments)

    monkeypatch.setattr(planner, step, failing)
    found = planned(a_state(gpu_job("bad").task("bad")), a_state(gpu_job("b")), cluster=ONE_T4)
    assert isinstance(found["bad"].error, InvalidInput)
    assert "HeteroJob ns/bad: spec: " in str(found["bad"].error)
    assert start(found["b"]) == 0.0


def test_an_unexpected_failure_of_a_strategy_names_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def schedule(self, problem: Problem) -> None:
            raise ZeroDivisionError("oops")

    monkeypatch.setattr(planner, "strategies", lambda: {**strategies(), "broken": Broken})
    found = planned(a_state(gpu_job("bad").strategy("broken")), a_state(gpu_job("b")), cluster=ONE_T4)
    assert "HeteroJob ns/bad: strategy broken failed: ZeroDivisionError: oops" in str(found["bad"].error)
    assert start(found["b"]) == 0.0
