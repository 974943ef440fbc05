"""A figure that nobody gave is scaled from the nearest known GPU and marked; where nothing is known none is made up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.model import DEVICE_TYPES, Demand, Figure, Option, Origin, ThroughputModel

GPUS = sorted(DEVICE_TYPES)


def test_a_named_gpu_is_estimated_from_the_nearest_known_one() -> None:
    known = {"nvidia-v100": Figure(10.0, 250.0, "measured"), "nvidia-k80": Figure(30.0, None, "measured")}
    found = ThroughputModel(known).over(["nvidia-v100", "nvidia-a100", "nvidia-p4"]).figures
    assert found["nvidia-v100"] == known["nvidia-v100"]
    assert found["nvidia-a100"] == Figure(pytest.approx(10 / 1.24), None, "estimated", "nvidia-v100")  # type: ignore[arg-type]
    assert found["nvidia-p4"] == Figure(pytest.approx(30 * 0.28 / 0.35), None, "estimated", "nvidia-k80")  # type: ignore[arg-type]


def test_throughputs_scale_the_other_way() -> None:
    model = ThroughputModel({"nvidia-v100": Figure(100.0, None, "measured")}, training=True)
    assert model.over(["nvidia-a100"]).figures["nvidia-a100"].value == pytest.approx(124.0)


@pytest.mark.parametrize(
    ("known", "wanted"),
    [({"nvidia-v100"}, ["cpu", "acme-npu"]), ({"cpu"}, ["nvidia-t4"]), (set(), ["nvidia-t4"])],
)
def test_nothing_is_concluded_for_cpus_unknown_devices_or_from_nothing(known: set[str], wanted: list[str]) -> None:
    model = ThroughputModel({device: Figure(10.0, None, "measured") for device in known})
    assert model.over(wanted).figures == {}


@pytest.mark.parametrize(
    ("origin", "scaled_from", "confidence"),
    [
        ("measured", "", "high"),
        ("estimated", "", "medium"),
        ("simulated", "", "medium"),
        ("estimated", "nvidia-t4", "low"),
        ("measured", "nvidia-t4", "low"),
    ],
)
def test_confidence_is_high_for_what_was_measured_and_low_for_what_was_concluded(
    origin: Origin, scaled_from: str, confidence: str
) -> None:
    assert Figure(1.0, None, origin, scaled_from).confidence == confidence
    assert Option("cpu", 1.0, Demand(), origin=origin, scaled_from=scaled_from).confidence == confidence


@given(st.sampled_from(GPUS), st.floats(0.1, 1e6), st.booleans())
def test_every_scaled_figure_is_marked_and_faster_devices_are_faster(device: str, value: float, training: bool) -> None:
    found = ThroughputModel({device: Figure(value, 1.0, "measured")}, training).over(GPUS).figures
    assert {name for name, figure in found.items() if figure.confidence == "low"} == set(GPUS) - {device}
    by_speed = sorted(GPUS, key=lambda name: DEVICE_TYPES[name].relative_speed, reverse=not training)
    values = [found[name].value for name in by_speed]
    assert values == pytest.approx(sorted(values))
