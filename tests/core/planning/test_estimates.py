"""Figures come from the nearest source with its origin, and the device table fills in the power of what has none."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from heterosched.api import ThroughputProfile
from heterosched.api.heterojob import TaskSpec
from heterosched.errors import InvalidInput
from heterosched.model import Demand, Figure
from heterosched.planning.estimates import CORE_WATTS, UNKNOWN_DEVICE_WATTS, drawn_watts, known_figures
from manifests import a_profile

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
    learned = ({"device": "nvidia-v100", "seconds": "20"}, {"device": "nvidia-t4", "seconds": "25"})
    task = a_task(profile="p", runtimeOn=[{"device": "nvidia-t4", "seconds": "10"}])
    assert known_figures(task, profile(*given, learned=learned), JOB) == {
        "nvidia-t4": Figure(10.0, None, "estimated"),
        "nvidia-v100": Figure(20.0, 70.0, "measured"),
        "cpu": Figure(30.0, 70.0, "simulated"),
    }


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
        ("acme-npu", None, Demand(4, 0, 1), UNKNOWN_DEVICE_WATTS),
    ],
)
def test_watts_are_per_device_and_the_table_fills_in(
    device: str, watts: float | None, demand: Demand, drawn: float
) -> None:
    assert drawn_watts(device, watts, demand) == drawn
