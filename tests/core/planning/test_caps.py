"""A power cap is chosen per task as the policy weighs time and energy, within deadlines and limits, and stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from clusters import a_cluster
from heterosched.api import ThroughputProfile
from heterosched.errors import InvalidInput
from heterosched.model import DEVICE_TYPES, Cluster, OperatingPoint
from heterosched.planning.estimates import profile_figures
from heterosched.planning.types import JobPlan, TaskProgress
from manifests import JobBuilder, a_job, a_profile
from planned import NOW, a_request, a_state, planned, start

V100 = "nvidia-v100"
CAPS = [
    {"capWatts": "200", "seconds": "105", "watts": "180"},
    {"capWatts": "150", "seconds": "125", "watts": "130"},
    {"capWatts": "100", "seconds": "300", "watts": "95"},
]
"""Without a cap 100 s at 250 W: 25 kJ; under these 18.9, 16.25 and 28.5 kJ."""


def a_row(**fields: Any) -> dict[str, Any]:
    return {"device": V100, "seconds": "100", "watts": "250", "origin": "measured", "caps": CAPS, **fields}


def known(row: Mapping[str, Any], **status: Any) -> ThroughputProfile:
    return msgspec.convert({**a_profile("p", "ns", devices=[row]), "status": status}, ThroughputProfile)


def a_run(name: str = "j", policy: str = "Balanced") -> JobBuilder:
    return a_job(name).policy(policy).task("t", work={"profile": "p"}).gpus(1, V100)


def cap_of(plan: JobPlan) -> float:
    assert plan.error is None, plan.error
    return plan.schedule.assignments["t"].option.cap_watts


def plan_of(job: JobBuilder, row: Mapping[str, Any] | None = None, **fields: Any) -> JobPlan:
    profiles = {("ns", "p"): known(row or a_row())}
    return planned(job, cluster=fields.pop("cluster", a_cluster(v100=1)), profiles=profiles, **fields)["j"]


@pytest.mark.parametrize(("policy", "cap"), [("Performance", 0.0), ("Balanced", 200.0), ("Energy", 150.0)])
def test_the_policys_weights_choose_the_cap(policy: str, cap: float) -> None:
    assert cap_of(plan_of(a_run(policy=policy))) == cap


def test_the_reason_names_the_cap() -> None:
    assert plan_of(a_run(policy="Energy")).because["t"].startswith("nvidia-v100 capped at 150 W (125 s, 16250 J)")


@pytest.mark.parametrize(("within", "cap"), [("130s", 150.0), ("110s", 200.0), ("102s", 0.0)])
def test_a_deadline_takes_the_most_frugal_cap_away_that_would_miss_it(within: str, cap: float) -> None:
    job = a_run(policy="Energy").deadline(within=within)
    request = {"profiles": {("ns", "p"): known(a_row())}, "cluster": a_cluster(v100=1)}
    assert cap_of(planned(a_state(job, age=0.0), **request)["j"]) == cap  # type: ignore[arg-type]


def test_a_limit_of_the_job_caps_what_would_pass_it() -> None:
    """140 W: without a cap the task would be refused."""
    job = a_run(policy="Performance").spec(powerCapWatts=140)
    assert cap_of(plan_of(job)) == 150.0
    assert isinstance(plan_of(job, a_row(caps=[])).error, InvalidInput)


def test_points_above_the_devices_own_cap_are_no_choice() -> None:
    row = replace(DEVICE_TYPES[V100], power=DEVICE_TYPES[V100].power.capped(180.0))
    cluster = Cluster(a_cluster(v100=1).nodes, devices=DEVICE_TYPES.with_rows([row]))
    found = plan_of(a_run(policy="Energy"), cluster=cluster)
    assert found.graph is not None
    assert {option.cap_watts for option in found.graph.tasks["t"].options} == {0.0, 150.0, 100.0}


def test_what_runs_keeps_its_cap_and_its_time() -> None:
    own = TaskProgress("Running", V100, V100, ("v100-0",), 1, NOW - 5, cap_watts=150.0)
    found = planned(
        a_state(a_run("runs", "Performance"), {"t": own}),
        a_state(a_run("next", "Performance")),
        cluster=a_cluster(v100=1, gpus=1),
        profiles={("ns", "p"): known(a_row())},
    )
    assert (cap_of(found["runs"]), start(found["next"])) == (150.0, 120.0)


def test_a_plan_that_stands_keeps_its_cap() -> None:
    request = a_request(a_run(), cluster=a_cluster(v100=1), profiles={("ns", "p"): known(a_row())})
    before = plan_of(a_run(policy="Energy"))
    again = planned(*request.jobs, cluster=request.cluster, profiles=request.profiles, previous={"j": before})["j"]
    assert cap_of(again) == 150.0  # 200 W would gain less than the policy asks of a change


def test_learned_figures_scale_what_caps_make_of_them() -> None:
    learned = {"device": V100, "seconds": "200", "watts": "125", "samples": 3, "confidencePercent": 75}
    (figure,) = profile_figures(known(a_row(), devices=[learned]), False).values()
    assert figure.value == 200.0
    assert figure.caps[1] == OperatingPoint(150.0, 250.0, 65.0)


def test_a_point_that_is_no_number_is_named() -> None:
    bad = known(a_row(caps=[{"capWatts": "175", "seconds": "-3", "watts": "1"}]))
    with pytest.raises(InvalidInput, match=r"spec\.devices\[nvidia-v100\]\.caps\[175\]\.seconds"):
        profile_figures(bad, False)
