"""Plans of jobs in the making: `planned(gpu_job("a"), gpu_job("b"), cluster=a_cluster(t4=1))` by name of the job.

All times are told in seconds after NOW.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from heterosched.api import HeteroJob
from heterosched.model import Cluster
from heterosched.planning.planner import plan
from heterosched.planning.types import JobPlan, JobState, PlanRequest, TaskProgress
from heterosched.policy.table import BUILT_IN
from heterosched.units import format_time
from manifests import JobBuilder, a_job

NOW = 1_790_000_000.0


def a_state(
    job: JobBuilder | dict[str, Any],
    progress: Mapping[str, TaskProgress] | None = None,
    *,
    priority: int = 0,
    age: float = 100.0,
    namespace: str = "ns",
) -> JobState:
    """The job as if created `age` seconds ago; its UID is its name."""
    manifest = job if isinstance(job, dict) else job.manifest()
    manifest["metadata"] |= {
        "namespace": namespace,
        "uid": manifest["metadata"]["name"],
        "creationTimestamp": format_time(NOW - age),
    }
    return JobState(msgspec.convert(manifest, HeteroJob), progress or {}, priority)


def a_request(*states: JobState | JobBuilder, cluster: Cluster, **fields: Any) -> PlanRequest:
    """A request at NOW with the built-in policies; `fields` replace its defaults."""
    found = [own if isinstance(own, JobState) else a_state(own) for own in states]
    return PlanRequest(**{"jobs": found, "cluster": cluster, "now": NOW, "policies": BUILT_IN, **fields})


def planned(*states: JobState | JobBuilder, cluster: Cluster, **fields: Any) -> dict[str, JobPlan]:
    """The plans by name of the job."""
    return plan(a_request(*states, cluster=cluster, **fields))


def alone(state: JobState, cluster: Cluster, **fields: Any) -> JobPlan:
    """The plan of the only job."""
    return planned(state, cluster=cluster, **fields)[state.job.metadata.uid]


def gpu_job(name: str, seconds: float = 10.0, device: str = "nvidia-t4") -> JobBuilder:
    """A job of one task `t` of one GPU."""
    return a_job(name).task("t").gpus(1, device).runtime({device: seconds})


def a_training(name: str, least: int = 1, most: int = 8, *devices: str, **fields: Any) -> JobBuilder:
    """A job of one training task `t`: a V100 makes 200 samples/s, a T4 100."""
    speeds = {"nvidia-t4": "100", "nvidia-v100": "200"}
    names = devices or tuple(speeds)
    defaults = {"globalBatch": 64, "iterations": 1000, "gradientBytes": "10Mi"}
    job = a_job(name).task("t").gpus(1, *names).workers(least, most, gang=True)
    return job.training({device: speeds[device] for device in names}, **{**defaults, **fields})


def start(plan: JobPlan, task: str = "t") -> float:
    """Seconds from NOW to the task's planned start."""
    return plan.schedule.assignments[task].start - NOW


def nodes(plan: JobPlan, task: str = "t") -> tuple[str, ...]:
    """The task's planned nodes."""
    return plan.schedule.assignments[task].nodes
