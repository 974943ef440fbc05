"""A gang starts together or not at all; a member lost later costs neither the others' work nor their time."""

from __future__ import annotations

from typing import Any

import pytest

from heterosched_operator.actions import ReleaseGang
from manifests import a_job
from simulated import SimulatedCluster
from simulated_jobs import running, with_job


def test_a_gang_is_released_together_and_only_when_complete() -> None:
    cluster = with_job(a_job("j").task("g").cpus(1).workers(2, 2, gang=True).runtime({"cpu": 5}))
    cluster.operate(2)
    cluster.control()
    pods = list(cluster.pods.values())
    held = cluster.pods.pop(pods[1]["metadata"]["name"])
    assert not [action for action in cluster.decide().actions if isinstance(action, ReleaseGang)]
    cluster.pods[held["metadata"]["name"]] = held
    release = next(action for action in cluster.decide().actions if isinstance(action, ReleaseGang))
    assert len(release.pods) == 2
    cluster.to_the_end()
    assert cluster.reason("Completed")[0] == "True"


def test_a_gang_that_does_not_bind_in_time_is_taken_back() -> None:
    cluster = with_job(a_job("j").task("g").cpus(1).workers(2, 2, gang=True).runtime({"cpu": 5}))
    cluster.operate(2)
    cluster.control()
    cluster.operate()
    cluster.bind(next(iter(cluster.pods.values())))
    cluster.operate()
    cluster.now += 61
    cluster.operate()
    assert cluster.task("g").reason == "GangTimedOut"
    assert all("deletionTimestamp" in job["metadata"] for job in cluster.jobs.values())
    cluster.control()
    cluster.operate(2)
    cluster.now += 20
    cluster.operate()
    assert cluster.attempted[-1][:2] == ("g", 1)


def a_gang(workers: int = 2) -> SimulatedCluster:
    """A gang that has been released and runs."""
    cluster = with_job(a_job("j").task("g").cpus(1).workers(workers, workers, gang=True).runtime({"cpu": 5}))
    cluster.operate(2)
    cluster.control()
    running(cluster)
    assert cluster.task("g").state == "Running"
    return cluster


def by_index(cluster: SimulatedCluster) -> list[dict[str, Any]]:
    return sorted(cluster.pods.values(), key=lambda pod: str(pod["metadata"]["name"]))


def gates(cluster: SimulatedCluster) -> list[bool]:
    return [
        bool(pod["spec"].get("schedulingGates")) for pod in cluster.pods.values() if pod["status"]["phase"] == "Pending"
    ]


@pytest.mark.parametrize("restart", [False, True])
def test_an_evicted_worker_is_released_again_when_the_other_has_finished(restart: bool) -> None:
    cluster = a_gang()
    finished, evicted = by_index(cluster)
    cluster.now += 300
    cluster.end(finished)
    cluster.end(evicted, disrupted=True)
    cluster.control()
    if restart:
        cluster.restart()
    assert gates(cluster) == [True]
    cluster.operate(2)
    assert gates(cluster) == [False]
    cluster.now += 300
    cluster.operate(2)
    assert cluster.task("g").reason == "PodsRunning"
    cluster.to_the_end()
    assert cluster.reason("Completed")[0] == "True"
    assert len(cluster.attempted) == 1, "the finished worker has run again"


@pytest.mark.parametrize("restart", [False, True])
def test_a_drain_gives_a_gang_its_whole_time_to_bind_again(restart: bool) -> None:
    cluster = a_gang()
    cluster.operate()
    cluster.now += 300
    cluster.end(by_index(cluster)[0], disrupted=True)
    cluster.operate()
    cluster.control()
    if restart:
        cluster.restart()
    cluster.operate(2)
    assert (gates(cluster), cluster.task("g").reason) == ([False], "PodsRunning")
    cluster.now += 59
    cluster.operate()
    assert cluster.task("g").reason == "PodsRunning"
    cluster.now += 2
    cluster.operate()
    assert cluster.task("g").reason == "GangTimedOut"


@pytest.mark.parametrize("gone", [False, True])
def test_a_member_that_ends_or_is_not_back_yet_stops_the_clock_of_its_gang(gone: bool) -> None:
    cluster = a_gang()
    pod = by_index(cluster)[0]
    pod["metadata"]["deletionTimestamp"] = "2023-11-14T22:13:20Z"
    cluster.operate()
    if gone:
        del cluster.pods[pod["metadata"]["name"]]
        cluster.operate()
    cluster.now += 300
    cluster.operate()
    assert cluster.task("g").reason == "PodsRunning"


def two_gangs() -> SimulatedCluster:
    """A cluster whose gangs both have pods, none of which is bound."""
    job = a_job("j")
    for name in ("g1", "g2"):
        job.task(name).cpus(1).workers(2, 2, gang=True).runtime({"cpu": 5})
    cluster = with_job(job)
    cluster.operate(2)
    cluster.control()
    return cluster


def test_a_replacement_behind_a_finished_worker_holds_up_no_other_gang() -> None:
    cluster = two_gangs()
    cluster.operate()
    ours = [pod for pod in by_index(cluster) if not pod["spec"]["schedulingGates"]]
    for pod in ours:
        cluster.bind(pod)
    cluster.end(ours[0])
    cluster.end(ours[1], disrupted=True)
    cluster.control()
    cluster.operate(2)
    assert gates(cluster) == [False, False, False]


def test_one_gang_per_device_type_at_a_time() -> None:
    cluster = two_gangs()
    assert len([action for action in cluster.decide().actions if isinstance(action, ReleaseGang)]) == 1
