"""What a TASPolicy names is read beside our own metrics, comes and goes with it, and never spoils them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from heterosched.model.telemetry import METRICS
from heterosched.telemetry import wire
from heterosched.telemetry.settings import Inventory, TelemetrySettings
from heterosched.telemetry.source import BadQuery, Source
from heterosched.telemetry.tas import tas_query

NOW = 1_764_000_000.0
PLAIN = Inventory.of([("a", ["10.0.0.1"], 16.0), ("b", ["10.0.0.2"], 16.0)])
INVENTORY = replace(PLAIN, metrics=("health",))
QUERY = tas_query("health", {})


class Prometheus:
    """Answers by the text of the query; `refused` ones raise."""

    def __init__(self, **answers: dict[str, float]) -> None:
        self.answers = {getattr(QUERY, part): figures for part, figures in answers.items()}
        self.refused: set[str] = set()

    def __call__(self, promql: str) -> list[Any]:
        if promql in self.refused:
            raise BadQuery("refused")
        figures = self.answers.get(promql, {})
        return [{"metric": {"instance": at}, "value": [NOW, str(value)]} for at, value in figures.items()]


def source(prometheus: Prometheus, **given: str) -> Source:
    return Source(TelemetrySettings(tas_metrics=given), prometheus, clock=lambda: NOW)


def answering() -> Prometheus:
    at = {"10.0.0.1:9100": 90.0, "10.0.0.2:9100": -5.0}
    return Prometheus(value=at, sampled={instance: NOW - 7 for instance in at})


def test_the_default_is_the_series_of_the_name_or_of_the_name_after_node() -> None:
    assert QUERY.value == '{__name__="health"} or {__name__="node_health"}'
    assert QUERY.sampled == 'timestamp({__name__="health"}) or timestamp({__name__="node_health"})'


def test_a_given_query_is_used_as_it_is_with_sample_times_if_they_are_given_too() -> None:
    assert tas_query("health", {"health": "up"}).value == "up"
    assert tas_query("health", {"health": "up"}).sampled == ""
    assert tas_query("health", {"health": "up", "health.sampled": "timestamp(up)"}).sampled == "timestamp(up)"


def test_figures_come_by_node_with_their_age_and_over_the_wire() -> None:
    found = source(answering()).collect(INVENTORY)
    again = wire.decode(wire.encode(found)[wire.HEADER_BYTES :])
    values, ages = again.aligned("tas/health", ("a", "b", "c"), NOW, 60.0)
    assert values[:2].tolist() == [90.0, -5.0]
    assert ages[:2].tolist() == [7.0, 7.0]
    assert np.isnan(values[2])


def test_nothing_is_asked_for_that_no_policy_names() -> None:
    assert set(source(answering()).collect(PLAIN).values) == set(METRICS)


def test_a_query_that_is_refused_is_named_and_costs_nothing_else() -> None:
    prometheus = answering()
    reading = source(prometheus)
    reading.collect(INVENTORY)
    prometheus.refused = {QUERY.value}
    found = reading.collect(INVENTORY)
    assert (found.error, set(found.refused)) == ("", {"tas/health"})
    assert found.aligned("tas/health", ("a",), NOW, 60.0)[0].tolist() == [90.0]
    assert set(METRICS) <= set(found.values)


def test_a_metric_of_a_policy_that_is_gone_is_forgotten() -> None:
    clock = [NOW]
    reading = Source(TelemetrySettings(), answering(), clock=lambda: clock[0])
    assert "tas/health" in reading.collect(INVENTORY).values
    clock[0] = NOW + 2_000
    assert "tas/health" not in reading.collect(PLAIN).values


@pytest.mark.parametrize("value", [1e300, 9.2e18, float("inf")])
def test_what_no_target_can_be_is_rejected_and_counted(value: float) -> None:
    prometheus = Prometheus(value={"10.0.0.1": value}, sampled={"10.0.0.1": NOW})
    found = source(prometheus).collect(INVENTORY)
    assert found.rejected == 1
    assert np.isnan(found.aligned("tas/health", ("a",), NOW, 60.0)[0]).all()


@pytest.mark.parametrize("given", [{}, {"health": "disk_io_now", "health.sampled": "timestamp(disk_io_now)"}])
def test_of_several_series_about_a_node_the_highest_counts(given: dict[str, str]) -> None:
    disks = {"sda": 1.0, "sdb": 9.0, "sdc": 3.0}
    query = tas_query("health", given)

    def answer(promql: str) -> list[Any]:
        figures = {query.value: disks, query.sampled: dict.fromkeys(disks, NOW - 7)}.get(promql, {})
        return [
            {"metric": {"instance": "10.0.0.1:9100", "device": disk}, "value": [NOW, str(value)]}
            for disk, value in figures.items()
        ]

    found = Source(TelemetrySettings(tas_metrics=given), answer, clock=lambda: NOW).collect(INVENTORY)
    values, ages = found.aligned("tas/health", ("a",), NOW, 60.0)
    assert (values.tolist(), ages.tolist(), found.rejects.get("tas/health")) == ([9.0], [7.0], None)
