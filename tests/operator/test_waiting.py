"""Whatever keeps a task from being created, its status says what it is, and in the planner's words where it decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest

from heterosched.kube.objects import PodObject
from heterosched.policy.table import BUILT_IN, PolicyRow, PowerCap
from heterosched_operator.advice import planned
from heterosched_operator.kinds import ResourceQuota
from heterosched_operator.reconcile import reconcile
from manifests import JobBuilder, a_job
from simulated import SimulatedCluster, nodes


def pods_of_others(*taken: tuple[str, int]) -> tuple[PodObject, ...]:
    """Pods that somebody else has put on these nodes with so many GPUs each."""
    return tuple(
        msgspec.convert(
            {
                "metadata": {"name": node, "namespace": "else", "uid": node},
                "spec": {
                    "nodeName": node,
                    "containers": [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": str(gpus)}}}],
                },
                "status": {"phase": "Running"},
            },
            PodObject,
        )
        for node, gpus in taken
    )


SPLIT = "4 workers need one device type; of nvidia-t4, nvidia-v100 only several together have room for all now"


@dataclass(frozen=True)
class Scene:
    """A job on one T4 and one V100 node of four GPUs each, its task `t`, and what is in its way."""

    reason: str
    job: Callable[[JobBuilder], JobBuilder]
    message: str
    taken: tuple[tuple[str, int], ...] = ()
    quotas: tuple[ResourceQuota, ...] = ()
    row: PolicyRow = BUILT_IN["Balanced"]


def one(job: JobBuilder, *devices: str) -> JobBuilder:
    names = devices or ("nvidia-t4",)
    return job.task("t").gpus(1, *names).runtime(dict.fromkeys(names, 30))


def behind(job: JobBuilder) -> JobBuilder:
    return one(job.task("first").runtime({"cpu": 9})).after("first")


def beside(job: JobBuilder) -> JobBuilder:
    """Two tasks of which a cap lets one go at a time; `t` is the one that waits."""
    return one(job.task("first").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 90}))


def a_gang(job: JobBuilder) -> JobBuilder:
    return job.task("t").gpus(1, "nvidia-t4").workers(4, 4, gang=True).runtime({"nvidia-t4": 30})


def a_gang_of_either(job: JobBuilder) -> JobBuilder:
    times = {"nvidia-t4": 30, "nvidia-v100": 30}
    return job.task("t").gpus(1, *times).workers(4, 4, gang=True).runtime(times)


HARD = {"requests.nvidia.com/gpu": "0"}
NO_GPUS = msgspec.convert({"metadata": {"name": "q", "namespace": "ns"}, "status": {"hard": HARD}}, ResourceQuota)
CAPPED = replace(BUILT_IN["Balanced"], caps=(PowerCap(100.0),))

SCENES = [
    Scene("WaitingForDependency", behind, "waits for first"),
    Scene("WaitingForDevice", one, "every node that it could use is held by others", taken=(("t4-0", 4),)),
    Scene("WaitingForPower", beside, "it would pass a power cap (spec.powerCaps.clusterWatts of", row=CAPPED),
    Scene(
        "WaitingForGang",
        a_gang,
        "not all of its workers fit at once; the rest is held by others until further notice",
        taken=(("t4-0", 1),),
    ),
    Scene(
        "WaitingForGang",
        a_gang_of_either,
        f"{SPLIT}; the rest is held by others",
        taken=(("t4-0", 1), ("v100-0", 3)),
    ),
    Scene(
        "WaitingForGang",
        a_gang_of_either,
        "not all of its workers fit at once",
        taken=(("t4-0", 2), ("v100-0", 3)),
    ),
    Scene("QuotaExceeded", one, "ResourceQuota q of the namespace does not hold it", quotas=(NO_GPUS,)),
]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: str(scene.reason))
def test_the_planners_reason_reaches_the_status(scene: Scene) -> None:
    fields: dict[str, Any] = {"quotas": scene.quotas, "policies": {**BUILT_IN, "Balanced": scene.row}}
    cluster = SimulatedCluster(scene.job(a_job("j")).manifest(), nodes=nodes(t4=1, v100=1, cpu=0), **fields)
    for _ in range(3):
        world = replace(cluster.world(), foreign=pods_of_others(*scene.taken))
        observations, advices, _ = planned(world)
        cluster.obey(reconcile(observations["uid-job"], world, advices["uid-job"]).actions)
    held = cluster.task("t")
    assert (held.state in ("Waiting", "Ready"), held.reason, held.job_name) == (True, scene.reason, "")
    assert scene.message in held.message
    assert "t" not in [task for task, _, _ in cluster.attempted]


def with_the_gate_passed(job: JobBuilder) -> SimulatedCluster:
    """All that may begin runs, and task `gate` has ended."""
    cluster = SimulatedCluster(job.manifest(), nodes=nodes(t4=1, v100=1, cpu=1))
    cluster.operate(3)
    cluster.control()
    for pod in cluster.pods.values():
        cluster.bind(pod)
    cluster.operate()
    cluster.end(next(pod for pod in cluster.pods.values() if "gate" in pod["metadata"]["name"]))
    cluster.control()
    cluster.operate(2)
    return cluster


def test_waiting_for_the_device_that_the_policy_prefers_is_told() -> None:
    """`t` could run on the V100 at once, but the energy policy has it wait for the T4s, which `first` holds."""
    job = a_job("j").policy("Energy").deadline(within="1h").task("gate").runtime({"cpu": 20})
    job.task("first").gpus(4, "nvidia-t4").runtime({"nvidia-t4": 10})
    job.task("t").after("gate").gpus(1, "nvidia-t4", "nvidia-v100").runtime({"nvidia-t4": 30, "nvidia-v100": 29})
    cluster = with_the_gate_passed(job)
    held = cluster.task("t")
    assert (held.state, held.reason) == ("Ready", "WaitingForDeadlineSlack")
    assert "waits for t4-0, which its policy prefers; the deadline leaves the time" in held.message
    assert cluster.status.deadline.verdict == "Feasible"


def test_a_gang_that_two_device_types_would_hold_together_waits_for_one_and_says_so() -> None:
    job = a_job("j").task("gate").runtime({"cpu": 20})
    for device in ("nvidia-t4", "nvidia-v100"):
        job.task(f"on-{device}").gpus(1, device).runtime({device: 300})
    a_gang_of_either(job).after("gate")
    cluster = with_the_gate_passed(job)
    held = cluster.task("t")
    assert (held.state, held.reason) == ("Ready", "WaitingForGang")
    assert held.message.startswith(f"{SPLIT}; planned on ") and "; in about " in held.message
