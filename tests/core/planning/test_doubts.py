"""A job that is valid but hardly meant as it stands says so, task by task."""

from __future__ import annotations

from dataclasses import replace

from clusters import a_cluster
from heterosched.planning.doubts import doubts, policy_doubts
from heterosched.policy.table import BUILT_IN
from manifests import JobBuilder, a_job
from planned import a_state, gpu_job, planned


def told(job: JobBuilder) -> list[str]:
    cluster = a_cluster(t4=1, v100=1)
    plan = planned(job, cluster=cluster)["a"]
    return list(doubts(a_state(job).job, plan.graph, cluster))


def test_a_gpu_device_without_a_gpu_request_is_doubted() -> None:
    job = a_job("a").task("t").variant("nvidia-t4", resources={"requests": {"cpu": "1"}}).runtime({"nvidia-t4": 5})
    assert told(job) == ["task t may run on nvidia-t4 but requests no nvidia.com/gpu: it gets no GPU there; add it"]


def test_a_run_time_on_a_device_that_the_task_may_not_use_is_doubted() -> None:
    job = a_job("a").task("t").gpus(1, "nvidia-t4").runtime({"nvida-t4": 5})
    assert told(job) == ["task t: work.runtimeOn names nvida-t4, but the task may use nvidia-t4"]


def test_a_device_type_that_nobody_knows_is_doubted_beside_one_that_is_known() -> None:
    job = a_job("a").task("t").cpus(1).gpus(1, "nvidia-t4", "nvidia-v1000")
    assert told(job.runtime({"cpu": 9, "nvidia-t4": 5, "nvidia-v1000": 1})) == [
        "task t names device type nvidia-v1000, which neither the device table nor any node knows: "
        "did you mean nvidia-v100?"
    ]


def test_a_device_type_of_a_node_is_known_whatever_the_table_says() -> None:
    cluster = a_cluster(t4=1)
    own = replace(cluster, nodes=tuple(replace(node, device="acme-npu") for node in cluster.nodes))
    job = a_state(a_job("a").task("t").gpus(1, "acme-npu").runtime({"acme-npu": 5})).job
    assert list(doubts(job, None, own)) == []
    (doubt,) = doubts(job, None, cluster)
    assert doubt.endswith("knows: correct it, or describe it in the device file")


def test_a_policy_that_waits_for_an_autoscaler_of_an_unknown_device_type_is_doubted() -> None:
    sliced = "nvidia-a100-sxm4-40gb-mig-1g.5gb"
    row = replace(BUILT_IN["Energy"], autoscaled=("nvidia-b2000x", "nvidia-a100", sliced))
    (doubt,) = policy_doubts(row, a_cluster(t4=1))
    assert doubt.startswith("spec.waiting.autoscaledDevices names device type nvidia-b2000x, which neither")


def test_a_profile_that_is_not_there_is_named_once_with_field_and_remedy() -> None:
    job = a_job("a").task("t", work={"profile": "nosuch"}).cpus(1).task("u", work={"profile": "nosuch"}).cpus(1)
    assert told(job) == [
        "there is no ThroughputProfile nosuch in the job's namespace (spec.tasks[t].work.profile and 1 more): "
        "correct the name or create it"
    ]
    given = a_job("a").task("t", work={"profile": "nosuch", "runtimeOn": [{"device": "cpu", "seconds": 5}]}).cpus(1)
    assert "there is no ThroughputProfile nosuch" in told(given)[0]


def test_nothing_else_is() -> None:
    assert told(gpu_job("a")) == []
