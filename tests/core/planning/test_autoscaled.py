"""Where the policy says that an autoscaler brings a device type, what waits for it is to be created without a place."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from clusters import a_cluster
from heterosched.errors import Unplaceable
from heterosched.model import DEVICE_TYPES, Demand, Reservation
from heterosched.planning.due import due, reasons
from heterosched.planning.estimates import drawn_watts
from heterosched.planning.types import Quota, TaskProgress
from heterosched.policy.table import BUILT_IN, PowerCap
from manifests import JobBuilder, a_job
from planned import NOW, a_state, gpu_job, planned, start

ROWS = {**BUILT_IN, "Balanced": replace(BUILT_IN["Balanced"], autoscaled=("nvidia-a100", "nvidia-t4"))}
FULL = Reservation("t4-0", Demand(gpus=4), NOW - 5, NOW + 300)


def a_graph() -> JobBuilder:
    """`t` needs a device that no node has, `after` comes after it, `beside` runs anywhere."""
    job = gpu_job("g", device="nvidia-a100")
    job.task("after").after("t").runtime({"cpu": 5})
    return job.task("beside").runtime({"cpu": 5})


def test_a_missing_device_is_asked_for_while_the_rest_of_the_job_goes_on() -> None:
    found = planned(a_graph(), cluster=a_cluster(t4=1), policies=ROWS)["g"]
    assert found.error is None
    assert {name: option.device for name, option in found.pending.items()} == {"t": "nvidia-a100"}
    assert set(found.schedule.assignments) == {"beside"}
    assert reasons(found, {}, NOW) == {"t": "WaitingForDevice", "after": "WaitingForDependency", "beside": ""}
    assert due(found, {}, NOW) == ("beside",)
    assert found.verdict.startswith("NeedsDevice: task t: ")


def test_without_an_autoscaler_a_missing_device_is_an_error() -> None:
    found = planned(a_graph(), cluster=a_cluster(t4=1))["g"]
    assert isinstance(found.error, Unplaceable)
    assert found.pending == {}


@pytest.mark.parametrize(("policies", "pending"), [(ROWS, {"t"}), (BUILT_IN, set())])
def test_a_busy_device_that_can_be_brought_is_asked_for(policies: object, pending: set[str]) -> None:
    found = planned(gpu_job("a"), cluster=a_cluster(FULL, t4=1), policies=policies)["a"]
    assert start(found) == 300.0
    assert set(found.pending) == pending


def test_what_may_start_or_waits_for_something_else_is_not_asked_for() -> None:
    free = planned(gpu_job("a"), cluster=a_cluster(t4=1), policies=ROWS)["a"]
    assert (start(free), free.pending) == (0.0, {})
    other = planned(gpu_job("a", device="nvidia-v100"), cluster=a_cluster(t4=1, v100=1), policies=ROWS)["a"]
    assert other.pending == {}
    gang = a_job("a").task("t").gpus(1, "nvidia-a100").workers(2, 2, gang=True).runtime({"nvidia-a100": 5})
    assert planned(gang, cluster=a_cluster(t4=1), policies=ROWS)["a"].pending == {}
    held = replace(ROWS["Balanced"], caps=())
    suspended = planned(gpu_job("a").suspended(), cluster=a_cluster(FULL, t4=1), policies={"Balanced": held})["a"]
    assert suspended.pending == {}


def test_a_device_for_ever_held_is_asked_for_too() -> None:
    taken = replace(FULL, finish=math.inf)
    found = planned(gpu_job("a"), cluster=a_cluster(taken, t4=1), policies=ROWS)["a"]
    assert (found.held, set(found.pending)) == (("t",), {"t"})


A100_WATTS = drawn_watts("nvidia-a100", None, Demand(gpus=1), DEVICE_TYPES)
TWO_GPUS = {"ns": (Quota("q", Demand(1e9, 1e15, 2.0)),)}


def capped(watts: float) -> dict[str, object]:
    return {"policies": {**ROWS, "Balanced": replace(ROWS["Balanced"], caps=(PowerCap(watts),))}}


CAP = "spec.powerCaps.clusterWatts of SchedulingPolicy Balanced"


@pytest.mark.parametrize(
    ("device", "fields", "reason", "limit"),
    [
        ("nvidia-t4", {"policies": ROWS, "quotas": TWO_GPUS}, "QuotaExceeded", "ResourceQuota q"),
        ("nvidia-a100", {"policies": ROWS, "quotas": TWO_GPUS}, "QuotaExceeded", "ResourceQuota q"),
        ("nvidia-t4", capped(4 * 70 + 150), "WaitingForPower", CAP),
        ("nvidia-a100", capped(4 * 70 + 2 * A100_WATTS + 10), "WaitingForPower", CAP),
    ],
)
def test_no_more_is_asked_for_than_limits_leave_room_for(
    device: str, fields: dict[str, object], reason: str, limit: str
) -> None:
    jobs = [gpu_job(f"j{n}", device=device) for n in range(4)]
    found = planned(*jobs, cluster=a_cluster(FULL, t4=1), **fields)
    assert len([own for own in found.values() if own.pending]) == 2
    for own in found.values():
        if not own.pending:
            assert own.waiting["t"] == reason
            assert own.limits["t"].split(" (")[0] == limit


def test_tasks_of_one_job_share_its_power_cap() -> None:
    job = gpu_job("a").spec(powerCapWatts=150)
    for name in ("u", "v"):
        job.task(name).gpus(1, "nvidia-t4").runtime({"nvidia-t4": 10.0})
    found = planned(job, cluster=a_cluster(FULL, t4=1), policies=ROWS)["a"]
    assert set(found.pending) == {"t", "u"}
    assert found.waiting["v"] == "WaitingForPower"


def test_what_has_been_created_without_a_place_takes_its_quota_at_once() -> None:
    created = TaskProgress("Created", "nvidia-t4", "nvidia-t4", start=NOW - 5)
    states = [a_state(gpu_job("a"), {"t": created}, age=200), a_state(gpu_job("b", device="nvidia-v100"))]
    one = {"ns": (Quota("q", Demand(1e9, 1e15, 1.0)),)}
    found = planned(*states, cluster=a_cluster(FULL, t4=1, v100=1), policies=ROWS, quotas=one)
    assert start(found["b"]) > 0.0
    assert found["b"].waiting == {"t": "QuotaExceeded"}
    free = planned(*states, cluster=a_cluster(FULL, t4=1, v100=1), policies=ROWS)
    assert start(free["b"]) == 0.0
