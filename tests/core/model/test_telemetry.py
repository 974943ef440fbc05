"""Telemetry aligns to any list of nodes, and a value that is unknown or too old is absent, never zero."""

from __future__ import annotations

import numpy as np

from heterosched.model import NO_TELEMETRY, Telemetry
from heterosched.model.telemetry import GPU_TEMPERATURE, HOST_CPU

COLLECTED = Telemetry(
    nodes=("a", "b"),
    values={GPU_TEMPERATURE: np.array([60.0, 70.0])},
    sampled={GPU_TEMPERATURE: np.array([100.0, 40.0])},
    collected_at=101.0,
)


def test_values_follow_the_order_that_is_asked_for() -> None:
    values, ages = COLLECTED.aligned(GPU_TEMPERATURE, ("b", "a"), now=110.0, max_age=100.0)
    assert values.tolist() == [70.0, 60.0]
    assert ages.tolist() == [70.0, 10.0]


def test_a_stale_value_is_absent_but_its_age_is_told() -> None:
    values, ages = COLLECTED.aligned(GPU_TEMPERATURE, ("a", "b"), now=110.0, max_age=60.0)
    assert values[0] == 60.0
    assert np.isnan(values[1])
    assert ages[1] == 70.0


def test_unknown_nodes_and_metrics_are_absent() -> None:
    values, ages = COLLECTED.aligned(GPU_TEMPERATURE, ("c", "a"), now=110.0, max_age=60.0)
    assert np.isnan(values[0])
    assert np.isnan(ages[0])
    assert values[1] == 60.0
    assert np.isnan(COLLECTED.aligned(HOST_CPU, ("a",), now=110.0, max_age=60.0)[0]).all()


def test_without_a_source_everything_is_absent_and_the_reason_is_told() -> None:
    values, _ = NO_TELEMETRY.aligned(GPU_TEMPERATURE, ("a",), now=0.0, max_age=60.0)
    assert np.isnan(values).all()
    assert NO_TELEMETRY.error
