"""The outcome hides no waiting, says where its energy comes from, and compares beside the same holdings of others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from heterosched.api.policy import SchedulingPolicy
from heterosched.kube.objects import PodObject
from heterosched.model import Cluster
from heterosched.planning.graph import build_graph
from heterosched.planning.types import JobPlan
from heterosched.policy.table import BUILT_IN, PolicyRow, row_of
from heterosched.units import format_time
from heterosched_operator.closing import outcome_of, settle_energies
from heterosched_operator.sight import Observation, Sight
from heterosched_operator.world import Rules, TelemetryState, World
from manifests import JobBuilder, a_job
from simulated import START, SimulatedCluster, nodes


def a_run(job: JobBuilder, created: float = START, **fields: Any) -> SimulatedCluster:
    """A job that has completed."""
    manifest = job.manifest()
    manifest["metadata"]["creationTimestamp"] = format_time(created)
    cluster = SimulatedCluster(manifest, **fields)
    cluster.to_the_end()
    assert cluster.reason("Completed")[0] == "True"
    return cluster


def test_seconds_count_from_the_creation_of_the_job_planned_and_actual_alike() -> None:
    soon, late = (a_run(a_job("j").task("t").runtime({"cpu": 10}), START - waited) for waited in (0.0, 100.0))
    for field in ("seconds", "planned_seconds"):
        waited = float(getattr(late.status.outcome, field)) - float(getattr(soon.status.outcome, field))
        assert waited == pytest.approx(100.0), field
    assert soon.task("t").actual.seconds == late.task("t").actual.seconds
    assert float(soon.status.outcome.planned_seconds) >= float(soon.status.plan.makespan_seconds)


@pytest.mark.parametrize("source", ["measured", "simulated"])
def test_energy_from_prometheus_is_called_what_the_operator_was_told(source: str) -> None:
    rules = Rules(launch_seconds=0.0, energy_source=source)
    job = a_job("j").task("a").runtime({"cpu": 10}).task("b").after("a").runtime({"cpu": 10})
    cluster = a_run(job, rules=rules, telemetry=TelemetryState(True, True))
    assert {task.energy_source for task in cluster.status.tasks} == {source}
    assert cluster.status.outcome.energy_source == source


def a_pod(phase: str, start: float, finish: float, **metadata: Any) -> PodObject:
    ended = {"startedAt": format_time(start), "finishedAt": format_time(finish), "exitCode": int(phase == "Failed")}
    raw = {
        "metadata": {"name": "p", "namespace": "ns", "uid": f"u-{start}", **metadata},
        "spec": {"nodeName": "cpu-0"},
        "status": {"phase": phase, "containerStatuses": [{"name": "main", "state": {"terminated": ended}}]},
    }
    return msgspec.convert(raw, PodObject)


def test_what_a_drained_pod_ran_in_vain_is_no_run_time_of_the_task() -> None:
    cluster = a_run(a_job("j").task("t").runtime({"cpu": 10}))
    pods = (a_pod("Failed", START, START + 70), a_pod("Succeeded", START + 90, START + 100))
    whole = msgspec.structs.replace(cluster.task("t"), energy_source="")
    observation = Observation(cluster.job, cluster.status, {"t": Sight(whole, pods=pods)})
    assert settle_energies(observation, World(now=START))["t"].actual.seconds == "10"


def a_foreign_pod(node: str, since: float, gpus: int) -> PodObject:
    raw = {
        "metadata": {"name": "busy", "namespace": "others", "uid": "busy"},
        "spec": {
            "nodeName": node,
            "containers": [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": str(gpus)}}}],
        },
        "status": {"phase": "Running", "startTime": format_time(since)},
    }
    return msgspec.convert(raw, PodObject)


@pytest.mark.parametrize(("since", "verdict"), [(START - 50.0, "Neutral"), (START + 5000.0, "Better")])
def test_the_comparison_stands_beside_pods_of_others_that_were_there_all_the_time(since: float, verdict: str) -> None:
    """A pod that held the slow node before our start left FIFO the fast one only; a later one was in nobody's way."""
    job = a_job("j").policy("Performance").task("t").gpus(1, "nvidia-t4", "nvidia-v100")
    cluster = a_run(job.runtime({"nvidia-t4": 40, "nvidia-v100": 10}), nodes=nodes(t4=1, v100=1, cpu=0))
    assert cluster.task("t").planned.device == "nvidia-v100"
    plan = JobPlan("heft", build_graph(cluster.job, Cluster(cluster.nodes), {}))
    world = replace(cluster.world(), foreign=(a_foreign_pod("t4-0", since, 4),))
    assert outcome_of(cluster.status, plan, cluster.job, world).verdict == verdict


def test_a_hook_that_is_not_installed_is_named_in_accepted() -> None:
    job = a_job("j").policy("green").task("t").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 4})
    policies = {**BUILT_IN, "green": PolicyRow("green", {"speed": 1}, hook="night-saver")}
    cluster = SimulatedCluster(job.manifest(), policies=policies)
    cluster.operate(3)
    accepted = cluster.status.condition("Accepted")
    assert accepted is not None
    told = "the plug-in night-saver (spec.hook of SchedulingPolicy green) is not installed here"
    assert (accepted.status, told in accepted.message) == ("True", True)


@pytest.mark.parametrize("warned", [False, True])
def test_a_field_that_nothing_acts_on_is_named_in_accepted(warned: bool) -> None:
    manifest = a_job("j").spec(powerCapWatts=900).task("t").runtime({"cpu": 10}).manifest()
    if warned:
        manifest["spec"]["tasks"][0]["work"]["features"] = {"intensityPercent": 50}
    cluster = SimulatedCluster(manifest)
    cluster.operate(3)
    accepted = cluster.status.condition("Accepted")
    assert accepted is not None and accepted.status == "True"
    assert ("not in force yet: spec.tasks[].work.features" in accepted.message) is warned
    assert "powerCapWatts" not in accepted.message
    cluster.operate(2)
    assert not [action for action in cluster.decide().actions if type(action).__name__ == "PatchStatus"]


@pytest.mark.parametrize(
    ("more", "idle"),
    [
        ({}, ()),
        ({"preemption": {"mode": "Never", "maxPerTask": 2}}, ()),
        ({"powerCaps": {"clusterWatts": "12k"}, "preemption": {"mode": "LowerPriority"}}, ("spec.preemption",)),
        ({"priceQuery": "p", "carbonQuery": "c"}, ()),
    ],
)
def test_a_policy_names_the_fields_that_nothing_acts_on_unless_they_were_filled_in(
    more: dict[str, Any], idle: tuple[str, ...]
) -> None:
    raw = {"metadata": {"name": "mine"}, "spec": {"weights": {"speed": 1}, **more}}
    assert row_of(msgspec.convert(raw, SchedulingPolicy)).idle == idle
