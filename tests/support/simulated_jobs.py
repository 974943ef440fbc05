"""Simulated clusters with a job in them: `running(a_chain())` is one whose first task runs."""

from __future__ import annotations

from typing import Any

from manifests import JobBuilder, a_job
from simulated import SimulatedCluster


def with_job(job: JobBuilder, **fields: Any) -> SimulatedCluster:
    """A cluster that knows this job; `fields` as SimulatedCluster has them."""
    return SimulatedCluster(job.manifest(), **fields)


def a_chain(**fields: Any) -> SimulatedCluster:
    """A cluster with a job of two tasks, `two` after `one`."""
    job = a_job("chain").task("one").runtime({"cpu": 10}).task("two").after("one").runtime({"cpu": 10})
    return with_job(job, **fields)


def running(cluster: SimulatedCluster) -> SimulatedCluster:
    """The cluster after its first tasks have been released and bound."""
    cluster.operate(2)
    cluster.control()
    for pod in cluster.pods.values():
        cluster.bind(pod)
    cluster.operate()
    return cluster
