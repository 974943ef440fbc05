"""Small jobs in a test's namespace: where their tasks run, since when, and why they wait."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from manifests import JobBuilder, a_job
from processes import wait_until
from spaces import Space, lasting

Json = dict[str, Any]


def alone_on(name: str, device: str, gpus: int = 4, seconds: float = 3.0) -> JobBuilder:
    """A job of one task `t` that takes so many GPUs of one type."""
    job = a_job(name).template(lasting(seconds)).task("t").gpus(gpus, f"nvidia-{device}")
    return job.runtime({f"nvidia-{device}": seconds})


def task_nodes(space: Space, job: str) -> dict[str, Counter[str]]:
    """Nodes of the pods of each task, one for each pod."""
    found: dict[str, Counter[str]] = {}
    for pod in space.pods(job):
        if "nodeName" in pod["spec"]:
            found.setdefault(pod["metadata"]["labels"]["heterosched.io/task"], Counter())[pod["spec"]["nodeName"]] += 1
    return found


def started(space: Space, job: str, task: str = "t") -> str:
    """When a task has started, as its status says."""
    return str(space.tasks(job)[task]["actual"]["start"])


def reason(space: Space, job: str, task: str = "t") -> str:
    """Why a task waits; empty where it does not."""
    return str(space.tasks(job).get(task, {}).get("reason", ""))


def until_reason(space: Space, job: str, wanted: str, task: str = "t") -> str:
    """Wait until the task waits for this reason; returns the message."""
    assert wait_until(lambda: reason(space, job, task) == wanted, 30.0, 0.2), space.status(job)
    return str(space.tasks(job)[task]["message"])


def events(space: Space, job: str, reason: str) -> list[str]:
    """Messages of the job's Events with this reason."""
    found = [one for one in space.get("events") if one["reason"] == reason and one["involvedObject"]["name"] == job]
    return [str(one["message"]) for one in found]


def put(space: Space, policy: Json) -> None:
    """Apply an object that belongs to no namespace."""
    space.plane.kubectl("apply", "--filename=-", stdin=json.dumps(policy))
