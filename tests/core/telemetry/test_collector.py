"""A refused query is logged when it begins to be refused, with whose it is and the setting or field that mends it."""

from __future__ import annotations

import logging

import pytest

from heterosched.model import Telemetry
from heterosched.telemetry.collector import Collector
from heterosched.telemetry.settings import TelemetrySettings

GIVEN = TelemetrySettings(
    queries={"gpu_watts": "x", "host_load.sampled": "y"}, tas_metrics={"heat": "z", "dust.sampled": "z"}
)


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        ("gpu_watts", "gpu_watts: why; correct prometheus_queries"),
        ("host_load", "host_load: why; correct prometheus_queries"),
        ("host_cpu", "host_cpu: why; give other PromQL in prometheus_queries"),
        ("tas/heat", "TASPolicy metric heat: why; correct tas_metrics"),
        ("tas/dust", "TASPolicy metric dust: why; correct tas_metrics"),
        ("tas/noise", "TASPolicy metric noise: why; give its PromQL in tas_metrics"),
        ("carbon/green", "SchedulingPolicy green: spec.carbonQuery: why; correct the PromQL, or remove the field"),
    ],
)
def test_it_is_told_once_for_each_time_it_begins(metric: str, told: str, caplog: pytest.LogCaptureFixture) -> None:
    collector = Collector(GIVEN)
    broken, mended = Telemetry(collected_at=1.0, refused={metric: "why"}), Telemetry(collected_at=2.0)
    with caplog.at_level(logging.WARNING):
        for telemetry in (broken, broken, mended, broken):
            collector._offer(telemetry)
    assert [record.getMessage() for record in caplog.records] == [told, told]
