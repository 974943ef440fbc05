"""A job that is valid but hardly meant as it stands says so, task by task."""

from __future__ import annotations

from clusters import a_cluster
from heterosched.planning.doubts import doubts
from manifests import JobBuilder, a_job
from planned import a_state, gpu_job, planned


def told(job: JobBuilder) -> list[str]:
    plan = planned(job, cluster=a_cluster(t4=1, v100=1))["a"]
    return list(doubts(a_state(job).job, plan.graph))


def test_a_gpu_device_without_a_gpu_request_is_doubted() -> None:
    job = a_job("a").task("t").variant("nvidia-t4", resources={"requests": {"cpu": "1"}}).runtime({"nvidia-t4": 5})
    assert told(job) == ["task t may run on nvidia-t4 but requests no nvidia.com/gpu: it gets no GPU there; add it"]


def test_a_run_time_on_a_device_that_the_task_may_not_use_is_doubted() -> None:
    job = a_job("a").task("t").gpus(1, "nvidia-t4").runtime({"nvida-t4": 5})
    assert told(job) == ["task t: work.runtimeOn names nvida-t4, but the task may use nvidia-t4"]


def test_nothing_else_is() -> None:
    assert told(gpu_job("a")) == []
