"""Suspended by an uninstallation, a job's bound attempts run on, the others are taken back; by its owner, all stop."""

from __future__ import annotations

import pytest

from heterosched.constants import ANNOTATION_SUSPENDED_BY
from heterosched_operator.actions import CreateJob, DeleteJob
from manifests import JobBuilder, a_job
from simulated import SimulatedCluster

BY = "Helm release heterosched in namespace heterosched-system"


def two_tasks() -> JobBuilder:
    return a_job("j").task("one").runtime({"cpu": 60}).task("two").runtime({"cpu": 60})


def suspend(cluster: SimulatedCluster, by: str = BY) -> None:
    if by:
        cluster.manifest["metadata"]["annotations"] = {ANNOTATION_SUSPENDED_BY: by}
    cluster.edit(suspend=True)


def deleted(cluster: SimulatedCluster) -> int:
    """Jobs that the next two decisions delete: the reason is persisted first."""
    found = 0
    for _ in range(2):
        actions = cluster.decide().actions
        found += sum(isinstance(action, DeleteJob) for action in actions)
        assert not any(isinstance(action, CreateJob) for action in actions)
        cluster.obey(actions)
    return found


def started(job: JobBuilder) -> SimulatedCluster:
    cluster = SimulatedCluster(job.manifest())
    for _ in range(4):
        cluster.obey(cluster.decide().actions)
        cluster.control()
    assert cluster.pods
    return cluster


def test_what_is_bound_runs_on_and_the_rest_is_taken_back() -> None:
    cluster = started(two_tasks())
    first = sorted(cluster.pods)[0]
    cluster.bind(cluster.pods[first])
    suspend(cluster)
    assert deleted(cluster) == 1
    assert first in cluster.pods
    suspended = cluster.status.condition("Suspended")
    assert suspended is not None
    assert (suspended.status, suspended.reason) == ("False", "Suspending")
    assert suspended.message.startswith(f"suspended by {BY}; 1 tasks that have begun run to their end")


@pytest.mark.parametrize("by", [BY, ""])
def test_an_owner_who_suspends_stops_what_is_bound(by: str) -> None:
    cluster = started(a_job("j").task("one").runtime({"cpu": 60}))
    cluster.bind(next(iter(cluster.pods.values())))
    suspend(cluster, by)
    assert deleted(cluster) == (0 if by else 1)


def test_a_gang_that_is_bound_in_part_is_taken_back() -> None:
    gang = a_job("j").task("t").gpus(1, "nvidia-v100").workers(2, 2, gang=True)
    cluster = started(gang)
    cluster.bind(next(iter(cluster.pods.values())))
    suspend(cluster)
    assert deleted(cluster) == 1


def test_once_nothing_runs_the_condition_names_who_did_it() -> None:
    cluster = SimulatedCluster(two_tasks().manifest())
    suspend(cluster)
    cluster.obey(cluster.decide().actions)
    suspended = cluster.status.condition("Suspended")
    assert suspended is not None
    assert (suspended.status, suspended.reason) == ("True", "Uninstalled")
    assert BY in suspended.message
    assert f"the job is suspended by {BY}" in {record.message for record in cluster.status.tasks}
