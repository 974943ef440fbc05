"""Watts, quotas, heat, deadlines, devices that are not there: a limit is named, and holds no longer than it lasts."""

from __future__ import annotations

import json
from collections import Counter
from itertools import count
from typing import Any

import pytest

from live_jobs import alone_on, events, put, reason, started, task_nodes, until_reason
from manifests import a_job, a_policy
from processes import wait_until
from spaces import Space, a_fake_node, a_pod, lasting
from stack import Stack, fetch

NODES = ("t4-0", "v100-0", "k80-0", "cpu-0")
OPERATOR = {
    "HETEROSCHED_OPERATOR_TELEMETRY_SECONDS": "1",
    "HETEROSCHED_OPERATOR_REPLAN_SECONDS": "5",
}
Json = dict[str, Any]
pytestmark = pytest.mark.usefixtures("quiet")


def operator_metric(stack: Stack, name: str) -> float:
    lines = fetch(stack.metrics_url).decode().splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), 0.0)


def test_a_power_cap_holds_a_job_back_and_lets_it_go(space: Space) -> None:
    policy = a_policy("capped", weights={"speed": 50, "energy": 50, "plan": 50}, powerCaps={"clusterWatts": "100"})
    put(space, policy)
    jobs = [alone_on(name, "t4", gpus=1, seconds=8.0).policy("capped") for name in ("one", "two")]
    space.apply(jobs[0])
    space.until("one", "Running")
    space.apply(jobs[1])
    message = until_reason(space, "two", "WaitingForPower")
    assert "it would pass a power cap (spec.powerCaps.clusterWatts of SchedulingPolicy capped)" in message
    assert space.pods("two") == []
    for job in ("one", "two"):
        space.until_completed(job)
    assert started(space, "two") > started(space, "one")
    space.plane.kubectl("delete", "schedulingpolicy", "capped")


def test_a_cap_that_nothing_fits_under_is_refused_with_the_remedy(space: Space) -> None:
    space.apply(alone_on("never", "t4", gpus=1).spec(powerCapWatts="20"))
    refused = space.until("never", "Accepted", "False")
    assert "spec.powerCapWatts: 20 W is less than the 70 W that task t draws at least" in refused["message"]


def test_a_used_up_quota_holds_a_task_back_and_is_named(space: Space) -> None:
    hard = {"requests.nvidia.com/gpu": "4"}
    space.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "gpus"}, "spec": {"hard": hard}})
    assert wait_until(lambda: "hard" in space.get("resourcequotas")[0].get("status", {}), 30.0, 0.2)
    space.apply(alone_on("first", "k80", gpus=3, seconds=8.0))
    space.until("first", "Running")
    space.apply(alone_on("second", "v100", gpus=2))
    assert "ResourceQuota gpus of the namespace leaves no room for it" in until_reason(space, "second", "QuotaExceeded")
    assert "t: QuotaExceeded (ResourceQuota gpus)" in space.condition("second", "Planned")["message"]
    for job in ("first", "second"):
        space.until_completed(job)
    assert started(space, "second") > started(space, "first")
    refused = [one["message"] for one in space.get("events") if one["reason"] == "FailedCreate"]
    assert refused == [], "nothing was created to be refused"


def test_a_missed_deadline_is_foretold_then_told_once_and_counted(space: Space, stack: Stack) -> None:
    counter = "heterosched_operator_deadlines_missed_total"
    before = operator_metric(stack, counter)
    job = a_job("late").template(lasting(9.0)).deadline(within="5s").spec(energyBudgetJoules="1k")
    space.apply(job.task("t").gpus(1, "nvidia-t4", "nvidia-v100").runtime({"nvidia-t4": 20, "nvidia-v100": 9}))
    assert wait_until(lambda: space.status("late").get("deadline", {}).get("verdict"), 30.0, 0.2)
    verdict = space.status("late")["deadline"]
    assert verdict["verdict"] == "LateBy"
    assert "OverBudget by" in verdict["message"]
    assert "possible: 10 s for 2700 J, 21 s for 1400 J" in verdict["message"]
    assert "LateBy" in space.plane.kubectl("describe", "heterojob", "late", f"--namespace={space.name}")
    space.until_completed("late")
    (told,) = events(space, "late", "DeadlineMissed")
    assert "has passed, 1 of 1 tasks unfinished" in told
    assert space.condition("late", "DeadlineAtRisk")["reason"] == "DeadlineMissed"
    assert operator_metric(stack, counter) == before + 1


def until_one_waits(space: Space) -> str:
    """Apply job after job until the operator has heard of the heat; the name of the job that waits for a device."""
    names = (f"cool-{number}" for number in count())
    waiting: list[str] = []

    def waits() -> bool:
        name = next(names)
        job = a_job(name).policy("Performance").template(lasting(1.0)).task("t").gpus(1, "nvidia-t4", "nvidia-v100")
        space.apply(job.runtime({"nvidia-t4": 2, "nvidia-v100": 1}))

        def settled() -> bool:
            return (
                reason(space, name) == "WaitingForDevice" or space.condition(name, "Completed").get("status") == "True"
            )

        assert wait_until(settled, 60.0, 0.3), space.status(name)
        if reason(space, name) == "WaitingForDevice":
            waiting.append(name)
        return bool(waiting)

    assert wait_until(waits, 60.0, 0.1), "the operator never hears of the heat"
    return waiting[0]


def test_a_hot_node_gets_nothing_new_until_it_has_cooled_down(space: Space, stack: Stack) -> None:
    heat = "sim.heterosched.io/gpu-temp"
    space.apply(a_pod("other", seconds=600.0, scheduler="default-scheduler", gpus=4, device="t4"))
    space.until_bound("other")
    space.plane.kubectl("annotate", "node", "v100-0", f"{heat}=97", "--overwrite")
    try:
        cool = until_one_waits(space)
        assert "planned around v100-0 (a GPU is at its limit" in space.condition(cool, "Planned")["message"]
        assert space.pods(cool) == []
    finally:
        space.plane.kubectl("annotate", "node", "v100-0", f"{heat}-")
    space.until_completed(cool)
    assert task_nodes(space, cool) == {"t": Counter({"v100-0": 1})}


def test_what_an_autoscaler_can_bring_is_asked_for_by_a_pending_pod(space: Space) -> None:
    put(space, a_policy("elastic", weights={"speed": 50, "plan": 50}, waiting={"autoscaledDevices": ["nvidia-a100"]}))
    space.apply(alone_on("wish", "a100", gpus=1).policy("elastic"), alone_on("stuck", "a100", gpus=1))
    assert "an autoscaler sees its pods" in until_reason(space, "wish", "WaitingForDevice")
    assert wait_until(lambda: len(space.pods("wish")) == 1, 30.0, 0.3)
    assert space.tasks("wish")["t"]["state"] == "Created"
    assert space.status("wish")["deadline"]["verdict"] == "NeedsDevice"
    until_reason(space, "stuck", "Unplaceable")
    assert space.pods("stuck") == []
    space.plane.kubectl("create", "--filename=-", stdin=json.dumps(a_fake_node("a100-0")))
    try:
        for job in ("wish", "stuck"):
            space.until_completed(job)
            assert task_nodes(space, job) == {"t": Counter({"a100-0": 1})}
    finally:
        space.plane.kubectl("delete", "node", "a100-0")
        space.plane.kubectl("delete", "schedulingpolicy", "elastic")
