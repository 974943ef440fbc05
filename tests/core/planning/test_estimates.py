"""Figures come from the nearest source with its origin, and the device table fills in the power of what has none."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from heterosched.api import ThroughputProfile
from heterosched.api.heterojob import TaskSpec
from heterosched.errors import InvalidInput
from heterosched.model import DEVICE_TYPES, Cluster, Demand, DeviceType, Figure, Node, PowerModel
from heterosched.planning.estimates import CORE_WATTS, drawn_watts, known_figures
from manifests import a_profile
from planned import gpu_job, planned

JOB = "HeteroJob ns/a"


def a_task(**work: Any) -> TaskSpec:
    return msgspec.convert({"name": "t", "templateRef": "main", "work": work}, TaskSpec)


def profile(*rows: dict[str, Any], learned: tuple[dict[str, Any], ...] = ()) -> ThroughputProfile:
    manifest = a_profile("p", "ns", devices=list(rows))
    manifest["status"] = {"devices": list(learned)}
    return msgspec.convert(manifest, ThroughputProfile)


def test_run_times_of_the_job_are_taken_as_they_are() -> None:
    task = a_task(
        runtimeOn=[{"device": "cpu", "seconds": "600"}, {"device": "nvidia-t4", "seconds": "12.5", "watts": 60}]
    )
    assert known_figures(task, None, JOB) == {
        "cpu": Figure(600.0, None, "estimated"),
        "nvidia-t4": Figure(12.5, 60.0, "estimated"),
    }


def test_the_job_comes_before_what_was_learned_and_that_before_what_was_given() -> None:
    given = [
        {"device": device, "seconds": "30", "watts": "70", "origin": "simulated"}
        for device in ("nvidia-t4", "nvidia-v100", "cpu")
    ]
    learned = (
        {"device": "nvidia-v100", "seconds": "20", "samples": 3, "confidencePercent": 75},
        {"device": "nvidia-t4", "seconds": "25", "samples": 3},
    )
    task = a_task(profile="p", runtimeOn=[{"device": "nvidia-t4", "seconds": "10"}])
    assert known_figures(task, profile(*given, learned=learned), JOB) == {
        "nvidia-t4": Figure(10.0, None, "estimated"),
        "nvidia-v100": Figure(20.0, 70.0, "measured", percent=75),
        "cpu": Figure(30.0, 70.0, "simulated"),
    }


@pytest.mark.parametrize(
    ("origin", "learned", "samples", "used"),
    [
        ("estimated", "20", 1, 20.0),
        ("estimated", "300", 2, 30.0),
        ("estimated", "300", 3, 300.0),
        ("measured", "20", 2, 30.0),
        ("measured", "20", 3, 20.0),
    ],
)
def test_what_was_given_holds_until_enough_was_learned(origin: str, learned: str, samples: int, used: float) -> None:
    given = {"device": "cpu", "seconds": "30", "origin": origin}
    row = {"device": "cpu", "seconds": learned, "watts": "90", "samples": samples, "confidencePercent": 50}
    found = known_figures(a_task(profile="p"), profile(given, learned=(row,)), JOB)["cpu"]
    assert found.value == used
    assert (found.watts, found.percent) == ((90.0, 50) if used != 30.0 else (None, None))


def test_what_was_learned_on_simulated_hardware_says_so() -> None:
    rows = profile(learned=({"device": "cpu", "seconds": "5", "origin": "simulated"},))
    assert known_figures(a_task(profile="p"), rows, JOB)["cpu"].origin == "simulated"


def test_training_reads_throughputs_and_other_tasks_run_times() -> None:
    rows = profile({"device": "nvidia-t4", "samplesPerSecond": "200"}, {"device": "cpu", "seconds": "30"})
    training = {"globalBatch": 64, "iterations": 10}
    assert set(known_figures(a_task(profile="p", training=training), rows, JOB)) == {"nvidia-t4"}
    assert set(known_figures(a_task(profile="p"), rows, JOB)) == {"cpu"}


@pytest.mark.parametrize("text", ["0", "-3", "soon", "1e30"])
def test_a_bad_figure_is_named_with_its_object(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"HeteroJob ns/a: spec.tasks\[t\].work.runtimeOn\[cpu\].seconds"):
        known_figures(a_task(runtimeOn=[{"device": "cpu", "seconds": text}]), None, JOB)
    with pytest.raises(InvalidInput, match=r"ThroughputProfile ns/p: status.devices\[cpu\].seconds"):
        known_figures(a_task(profile="p"), profile(learned=({"device": "cpu", "seconds": text},)), JOB)


@pytest.mark.parametrize(
    ("device", "watts", "demand", "drawn"),
    [
        ("nvidia-t4", None, Demand(4, 0, 1), 70.0),
        ("nvidia-t4", None, Demand(4, 0, 2), 140.0),
        ("nvidia-t4", 55.0, Demand(4, 0, 2), 110.0),
        ("nvidia-t4", 55.0, Demand(4), 55.0),
        ("cpu", None, Demand(8), 8 * CORE_WATTS),
        ("cpu", None, Demand(0.1), CORE_WATTS),
        ("cpu", 33.0, Demand(8), 33.0),
        ("acme-npu", None, Demand(4, 0, 1), DEVICE_TYPES.most_watts),
        ("tesla-t4-shared", None, Demand(4, 0, 1), 70.0),
        ("nvidia-a100-sxm4-40gb-mig-1g.5gb", None, Demand(4, 0, 1), 400.0),
        ("nvidia-a100-sxm4-40gb-mig-1g.5gb", 60.0, Demand(4, 0, 1), 60.0),
        ("mig-1g.5gb", None, Demand(4, 0, 1), DEVICE_TYPES.most_watts),
    ],
)
def test_watts_are_per_device_and_the_table_fills_in(
    device: str, watts: float | None, demand: Demand, drawn: float
) -> None:
    assert drawn_watts(device, watts, demand, DEVICE_TYPES) == drawn


def test_no_device_draws_more_than_its_cap() -> None:
    capped = DeviceType("acme", ("acme",), PowerModel(20.0, 200.0, cap_watts=150.0), 2.0**30, 1.0)
    table = DEVICE_TYPES.with_rows([capped])
    assert drawn_watts("acme", None, Demand(gpus=2), table) == 300.0
    assert drawn_watts("acme", 190.0, Demand(gpus=2), table) == 300.0
    assert drawn_watts("acme", 90.0, Demand(gpus=2), table) == 180.0


def test_a_plan_rests_on_the_table_of_its_cluster() -> None:
    own = DeviceType("acme", ("acme",), PowerModel(20.0, 200.0), 2.0**30, 2.0)
    node = Node("acme-0", "acme", Demand(16, 2.0**37, 2))
    job = gpu_job("a").gpus(1, "acme")
    known = planned(job, cluster=Cluster((node,), devices=DEVICE_TYPES.with_rows([own])))["a"]
    option = known.schedule.assignments["t"].option
    assert option.seconds == pytest.approx(10.0 * 0.52 / 2.0)
    assert option.watts == 200.0
    assert planned(job, cluster=Cluster((node,)))["a"].error is not None
