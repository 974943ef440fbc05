"""What the planner decides for all jobs together reaches the status, the pods and the gangs' turns."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest

from heterosched.api import decode_note
from heterosched.api.status import Planned, TaskStatus, Worker
from heterosched.constants import ANNOTATION_SHARES, ENV_SHARES, LABEL_COMPLETION_INDEX
from heterosched.kube.objects import JobObject, PodObject
from heterosched.model import Cluster, Demand
from heterosched.planning.planner import plan
from heterosched.planning.types import JobPlan, Quota, job_key
from heterosched.policy.table import BUILT_IN, PowerCap
from heterosched_operator.advice import advise, observe_all, planned, request_for
from heterosched_operator.gangs import turns
from heterosched_operator.reconcile import reconcile
from heterosched_operator.sight import Observation, Sight
from heterosched_operator.world import World
from manifests import JobBuilder, a_job
from simulated import SimulatedCluster, nodes


def settled(job: JobBuilder, **fields: object) -> SimulatedCluster:
    """The job after its templates have been tried."""
    cluster = SimulatedCluster(job.manifest(), **fields)  # type: ignore[arg-type]
    cluster.operate(2)
    return cluster


def a_training(least: int, most: int) -> JobBuilder:
    job = a_job("train").task("t").gpus(1, "nvidia-t4", "nvidia-v100").workers(least, most, gang=True)
    return job.training({"nvidia-t4": 100, "nvidia-v100": 300}, globalBatch=64, iterations=1000, gradientBytes="1Mi")


def test_unlike_workers_learn_their_shares_by_annotation_and_environment() -> None:
    cluster = settled(a_training(6, 6), nodes=nodes(t4=1, v100=1, cpu=0))
    (job,) = cluster.jobs.values()
    template = job["spec"]["template"]
    shares = json.loads(template["metadata"]["annotations"][ANNOTATION_SHARES])
    workers = cluster.task("t").workers
    assert [worker.share for worker in workers] == shares
    assert sum(shares) == 64
    by_type = {worker.planned_node: worker.share for worker in workers}
    assert by_type["v100-0"] == pytest.approx(3 * (by_type["t4-0"] or 0), abs=3)
    variables = {own["name"]: own.get("value") for own in template["spec"]["containers"][0]["env"]}
    assert json.loads(variables[ENV_SHARES] or "") == shares


def test_the_reason_of_the_plan_travels_with_the_pods_and_stands_in_the_status() -> None:
    cluster = settled(a_training(6, 6), nodes=nodes(t4=1, v100=1, cpu=0))
    (job,) = cluster.jobs.values()
    note = decode_note(job["spec"]["template"]["metadata"]["annotations"])
    assert note is not None
    assert note.because.startswith("2 nvidia-t4 and 4 nvidia-v100: ")
    assert cluster.task("t").message == note.because
    assert set(note.seconds) == {"nvidia-t4", "nvidia-v100"}
    assert len(set(note.seconds.values())) == 1
    assert note.watts == {}
    assert cluster.status.plan.strategy == "jps"
    cluster.to_the_end()
    planned = cluster.status.condition("Planned")
    assert planned is not None
    assert planned.message == "planned by jps"


def test_training_stays_on_the_device_types_that_its_batch_is_split_for() -> None:
    cluster = settled(a_training(2, 2), nodes=nodes(t4=1, v100=1, cpu=0))
    (job,) = cluster.jobs.values()
    affinity = job["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"][-1]["values"] == ["Tesla-V100-SXM2-16GB"]
    note = decode_note(job["spec"]["template"]["metadata"]["annotations"])
    assert note is not None
    assert set(note.seconds) == {"nvidia-v100"}


@pytest.mark.parametrize(("strategy", "devices"), [("Auto", {"nvidia-t4", "nvidia-v100"}), ("heft", {"nvidia-v100"})])
def test_a_strategy_by_name_is_followed_to_the_device(strategy: str, devices: set[str]) -> None:
    job = a_job("a").strategy(strategy).task("t").gpus(1, "nvidia-t4", "nvidia-v100")
    cluster = settled(job.policy("Performance").runtime({"nvidia-t4": 20, "nvidia-v100": 10}))
    (child,) = cluster.jobs.values()
    note = decode_note(child["spec"]["template"]["metadata"]["annotations"])
    assert note is not None
    assert set(note.seconds) == set(note.watts) == devices


@pytest.mark.parametrize(
    ("limits", "devices"), [({}, {"nvidia-t4", "nvidia-v100"}), ({"energyBudgetJoules": "2k"}, {"nvidia-t4"})]
)
def test_under_an_energy_budget_the_scheduler_may_not_take_a_faster_device(
    limits: dict[str, str], devices: set[str]
) -> None:
    rows = [{"device": "nvidia-t4", "seconds": 20, "watts": 65}, {"device": "nvidia-v100", "seconds": 10, "watts": 250}]
    job = a_job("a").spec(**limits).task("t", work={"runtimeOn": rows}).gpus(1, "nvidia-t4", "nvidia-v100")
    (child,) = settled(job.policy("Performance")).jobs.values()
    note = decode_note(child["spec"]["template"]["metadata"]["annotations"])
    assert note is not None
    assert set(note.seconds) == devices


def capped(cluster: SimulatedCluster, watts: float) -> World:
    row = replace(BUILT_IN["Balanced"], caps=(PowerCap(watts),))
    return replace(cluster.world(), policies={**BUILT_IN, "Balanced": row})


def test_a_power_cap_holds_a_task_back_and_says_so() -> None:
    job = a_job("two")
    for name in ("a", "b"):
        job.task(name).gpus(1, "nvidia-t4").runtime({"nvidia-t4": 30})
    cluster = SimulatedCluster(job.manifest())
    for _ in range(3):
        world = capped(cluster, 100)
        observations, advices, _ = planned(world)
        cluster.obey(reconcile(observations["uid-job"], world, advices["uid-job"]).actions)
    assert len(cluster.jobs) == 1
    (held,) = [task for task in cluster.status.tasks if not task.job_name]
    assert held.reason == "WaitingForPower"
    assert "it would pass a power cap (spec.powerCaps.clusterWatts of SchedulingPolicy Balanced); in" in held.message


def test_contradictory_caps_are_told_in_the_jobs_status() -> None:
    cluster = SimulatedCluster(a_job("a").task("t").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 30}).manifest())
    world = capped(cluster, 50)
    observations, advices, _ = planned(world)
    cluster.obey(reconcile(observations["uid-job"], world, advices["uid-job"]).actions)
    accepted = cluster.status.condition("Accepted")
    assert accepted is not None
    assert (accepted.status, accepted.reason) == ("False", "PowerCapTooLow")
    assert "SchedulingPolicy Balanced: spec.powerCaps.clusterWatts: 50 W is less than the 70 W" in accepted.message


def test_a_limit_that_cannot_be_kept_lays_the_choice_open() -> None:
    job = a_job("a").task("t").gpus(1, "nvidia-t4", "nvidia-v100").runtime({"nvidia-t4": 100, "nvidia-v100": 40})
    cluster = settled(job.deadline(within="80s").spec(energyBudgetJoules="8k"))
    deadline = cluster.status.deadline
    assert deadline.verdict == "LateBy"
    told = "LateBy 20 s; possible: 40 s for 12000 J, 100 s for 7000 J; the energy budget comes before time: "
    assert deadline.message.startswith(told)


def test_the_last_plan_is_part_of_the_question() -> None:
    cluster = SimulatedCluster(a_job("a").task("t").runtime({"cpu": 5}).manifest())
    world = replace(cluster.world(), plans={"uid-job": JobPlan("heft")})
    observations, _ = observe_all(world)
    request = request_for(observations, world)
    assert request.previous == world.plans
    assert not request.quotas
    held = replace(request, quotas={"ns": (Quota("q", Demand(0.0, 0.0, 0.0)),)})
    advice = advise(observations, held, plan(held), world)["uid-job"]
    assert advice.due == frozenset()
    assert job_key(cluster.job) == "uid-job"


def gang(name: str, *planned_nodes: str, released: bool = False, age: str = "2026-01-01T00:00:00Z") -> Observation:
    """A job with a complete gang on these nodes."""
    manifest = a_job(name).task("t").gpus(1, "nvidia-t4", "nvidia-v100").workers(2, 2, gang=True).manifest()
    manifest["metadata"] |= {"uid": name, "namespace": "ns", "creationTimestamp": age}
    cluster = SimulatedCluster(manifest)
    workers = [Worker(index=number, planned_node=node) for number, node in enumerate(planned_nodes)]
    device = {"t": "nvidia-t4", "v": "nvidia-v100"}[planned_nodes[0][0]]
    record = TaskStatus(name="t", state="Created", job_name=name, planned=Planned(device=device), workers=workers)
    gates = [] if released else [{"name": "heterosched.io/gang"}]
    pods = tuple(
        msgspec.convert(
            {
                "metadata": {"name": f"{name}-{n}", "uid": f"{name}-{n}", "labels": {LABEL_COMPLETION_INDEX: f"{n}"}},
                "spec": {"schedulingGates": gates},
            },
            PodObject,
        )
        for n in range(2)
    )
    child = msgspec.convert({"metadata": {"name": name, "uid": f"job-{name}"}}, JobObject)
    return Observation(cluster.job, cluster.status, {"t": Sight(record, child, pods)})


NODES = {node.name: node for node in Cluster(nodes()).nodes}


def having_turn(*observations: Observation) -> set[str]:
    return {uid for uid, _ in turns(observations, {}, NODES)}


def test_gangs_on_different_device_types_are_released_side_by_side() -> None:
    assert having_turn(gang("a", "t4-0", "t4-1"), gang("b", "v100-0", "v100-1")) == {"a", "b"}


def test_a_gang_of_several_device_types_waits_for_the_turn_of_all_of_them() -> None:
    under_way = gang("a", "t4-0", "t4-1", released=True)
    mixed = gang("b", "v100-0", "t4-0", age="2025-01-01T00:00:00Z")
    assert having_turn(under_way, mixed) == {"a"}
    assert having_turn(mixed, gang("c", "v100-0", "v100-1")) == {"b"}


def test_a_gang_that_waits_for_its_turn_is_not_overtaken() -> None:
    under_way = gang("a", "t4-0", "t4-1", released=True)
    mixed, later = gang("b", "v100-0", "t4-0", age="2025-01-01T00:00:00Z"), gang("c", "v100-0", "v100-1")
    assert having_turn(under_way, mixed, later) == {"a"}
