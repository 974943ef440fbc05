"""What is left of a ResourceQuota beside our own tasks bounds what is created, and the task says which quota it is."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from heterosched.model import Demand
from heterosched.planning.types import Quota
from heterosched_operator.advice import observe_all
from heterosched_operator.kinds import ResourceQuota
from heterosched_operator.quotas import quotas_of
from manifests import a_job
from simulated import SimulatedCluster

GPU = "requests.nvidia.com/gpu"
NONE = math.inf


def a_quota(hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> ResourceQuota:
    raw = {
        "metadata": {"name": "q", "namespace": "ns"},
        "spec": {"hard": hard, **spec},
        "status": {"hard": hard, "used": used or {}},
    }
    return msgspec.convert(raw, ResourceQuota)


def two_tasks(**fields: Any) -> SimulatedCluster:
    job = a_job("two")
    for name in ("a", "b"):
        job.task(name).gpus(2, "nvidia-t4").runtime({"nvidia-t4": 30})
    return SimulatedCluster(job.manifest(), **fields)


def test_limits_are_read_under_all_their_names() -> None:
    hard = {"cpu": "8", "requests.cpu": "4500m", "memory": "1Gi", GPU: "4", "pods": "10", "services": "3"}
    (own,) = quotas_of([a_quota(hard, {"cpu": "2", GPU: "1", "pods": "3"})], [])["ns"]
    assert own == Quota("q", Demand(4.5, 2.0**30, 4.0), Demand(2.0, 0.0, 1.0), 10.0, 3.0)


def test_what_is_not_limited_is_infinite_and_nonsense_limits_nothing() -> None:
    (own,) = quotas_of([a_quota({GPU: "4", "cpu": "lots"})], [])["ns"]
    assert (own.hard, own.pods) == (Demand(NONE, NONE, 4.0), NONE)


@pytest.mark.parametrize(
    ("spec", "counts"),
    [
        ({}, True),
        ({"scopes": ["NotTerminating"]}, True),
        ({"scopes": ["BestEffort"]}, False),
        ({"scopes": ["Terminating"]}, False),
        ({"scopeSelector": {"matchExpressions": []}}, False),
    ],
)
def test_a_quota_counts_where_our_pods_are_in_its_scope(spec: dict[str, Any], counts: bool) -> None:
    assert bool(quotas_of([a_quota({GPU: "4"}, **spec)], [])) is counts


def test_a_quota_that_nobody_has_worked_out_yet_says_nothing() -> None:
    raw = {"metadata": {"name": "q", "namespace": "ns"}, "spec": {"hard": {GPU: "1"}}}
    assert quotas_of([msgspec.convert(raw, ResourceQuota)], []) == {}


def test_pods_of_our_own_attempts_are_not_counted_twice() -> None:
    cluster = two_tasks()
    cluster.operate(2)
    cluster.control()
    observations, _ = observe_all(cluster.world())
    quota = a_quota({GPU: "9", "pods": "9"}, {GPU: "5", "pods": "3"})
    (own,) = quotas_of([quota], observations.values())["ns"]
    assert (own.used.gpus, own.used_pods) == (1.0, 1.0)


def test_a_task_over_quota_is_not_created_and_names_the_quota() -> None:
    cluster = two_tasks(quotas=(a_quota({GPU: "3"}),))
    cluster.operate(3)
    assert [task for task, _, _ in cluster.attempted] == ["a"]
    held = cluster.task("b")
    assert (held.state, held.reason) == ("Ready", "QuotaExceeded")
    assert (
        "ResourceQuota q of the namespace leaves no room for it (GPUs: asked 2, used 2 of 3); in about" in held.message
    )
    planned = cluster.status.condition("Planned")
    assert planned is not None
    assert planned.message.endswith("b: QuotaExceeded (ResourceQuota q) (GPUs: asked 2, used 2 of 3)")
    cluster.to_the_end()
    assert [task for task, _, _ in cluster.attempted] == ["a", "b"]


def test_what_no_quota_can_ever_hold_waits_and_says_so() -> None:
    cluster = two_tasks(quotas=(a_quota({GPU: "1"}),))
    cluster.operate(3)
    assert cluster.attempted == []
    assert cluster.task("a").message == "ResourceQuota q of the namespace does not hold it (GPUs: asked 2, used 0 of 1)"
