"""A collection never fails: what could not be read keeps its last figures, and their age shows it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heterosched.errors import InvalidInput, Unavailable
from heterosched.model.telemetry import GPU_TEMPERATURE, GPU_WATTS, HOST_LOAD, METRICS, Telemetry
from heterosched.telemetry import wire
from heterosched.telemetry.queries import NODE_NAMES, table
from heterosched.telemetry.settings import Inventory, TelemetrySettings
from heterosched.telemetry.source import FORGET_AFTER, BadQuery, Source

INVENTORY = Inventory.of([("t4-0", [], 16.0), ("t4-1", [], 16.0)])
QUERIES = table()


class Prometheus:
    """Temperatures by node, sampled `lag` seconds before `now`."""

    def __init__(self) -> None:
        self.now, self.lag = 1_764_000_000.0, 2.0
        self.celsius = {"t4-0": 40.0, "t4-1": 50.0}
        self.failing: dict[str, Exception] = {}

    def __call__(self, promql: str) -> list[Any]:
        for part, error in self.failing.items():
            if part in promql:
                raise error
        query = QUERIES[GPU_TEMPERATURE]
        if promql not in (query.value, query.sampled):
            return []
        figures = self.celsius if promql == query.value else dict.fromkeys(self.celsius, self.now - self.lag)
        return [{"metric": {"Hostname": node}, "value": [self.now, str(value)]} for node, value in figures.items()]


def source(prometheus: Prometheus, skew: float = 0.0) -> Source:
    return Source(TelemetrySettings(), prometheus, clock=lambda: prometheus.now + skew)


def celsius(telemetry: Telemetry, prometheus: Prometheus, max_age: float = 60.0) -> list[float]:
    values, _ = telemetry.aligned(GPU_TEMPERATURE, ("t4-0", "t4-1"), prometheus.now, max_age)
    return [float(value) for value in values]


def test_figures_come_with_the_time_of_their_sample() -> None:
    prometheus = Prometheus()
    found = source(prometheus).collect(INVENTORY)
    assert found.nodes == ("t4-0", "t4-1")
    assert found.error == ""
    assert celsius(found, prometheus) == [40.0, 50.0]
    assert found.sampled[GPU_TEMPERATURE][0] == pytest.approx(prometheus.now - 2.0)
    assert np.isnan(found.values[GPU_WATTS]).all()


def test_a_clock_that_differs_from_prometheus_makes_nothing_older() -> None:
    prometheus = Prometheus()
    found = source(prometheus, skew=300.0).collect(INVENTORY)
    assert found.collected_at - found.sampled[GPU_TEMPERATURE][0] == pytest.approx(2.0)


def test_an_exporter_that_died_ages_out_although_prometheus_still_shows_its_last_sample() -> None:
    prometheus = Prometheus()
    prometheus.lag = 200.0
    assert np.isnan(celsius(source(prometheus).collect(INVENTORY), prometheus)).all()


def test_prometheus_away_leaves_the_last_figures_with_an_error_and_recovers_by_itself() -> None:
    prometheus = Prometheus()
    collecting = source(prometheus)
    collecting.collect(INVENTORY)
    prometheus.failing = {"": Unavailable("connection refused")}
    prometheus.now += 30.0
    away = collecting.collect(INVENTORY)
    assert "connection refused" in away.error
    assert celsius(away, prometheus) == [40.0, 50.0]
    prometheus.now += 40.0
    assert np.isnan(celsius(away, prometheus)).all()
    prometheus.failing = {}
    back = collecting.collect(INVENTORY)
    assert back.error == ""
    assert celsius(back, prometheus) == [40.0, 50.0]


def test_prometheus_away_from_the_start_is_an_error_without_figures() -> None:
    prometheus = Prometheus()
    prometheus.failing = {"": Unavailable("connection refused")}
    found = source(prometheus).collect(INVENTORY)
    assert (found.nodes, found.error) == ((), "connection refused")


def test_a_refused_query_costs_its_own_metric_only() -> None:
    prometheus = Prometheus()
    prometheus.failing = {"node_load1": BadQuery("parse error"), "node_uname_info": BadQuery("parse error")}
    found = source(prometheus).collect(INVENTORY)
    assert celsius(found, prometheus) == [40.0, 50.0]
    assert HOST_LOAD in found.error
    assert NODE_NAMES in found.error


def test_a_series_that_vanished_keeps_its_last_figure_at_its_true_age_until_it_is_forgotten() -> None:
    prometheus = Prometheus()
    collecting = source(prometheus)
    collecting.collect(INVENTORY)
    del prometheus.celsius["t4-1"]
    prometheus.now += 30.0
    found = collecting.collect(INVENTORY)
    assert celsius(found, prometheus) == [40.0, 50.0]
    assert found.sampled[GPU_TEMPERATURE][1] == pytest.approx(prometheus.now - 32.0)
    prometheus.now += FORGET_AFTER
    collecting.collect(INVENTORY)
    assert collecting.collect(INVENTORY).nodes == ("t4-0",)


def test_overrides_replace_queries_and_unknown_ones_are_named() -> None:
    chosen = table("host", {GPU_TEMPERATURE: "max by (host) (t)", f"{HOST_LOAD}.sampled": "x"})
    assert (chosen[GPU_TEMPERATURE].value, chosen[GPU_TEMPERATURE].sampled) == ("max by (host) (t)", "")
    assert chosen[HOST_LOAD].sampled == "x"
    assert "host" in chosen[GPU_WATTS].value
    with pytest.raises(InvalidInput, match=r"queries\[gpu_heat\].*gpu_temperature"):
        table("", {"gpu_heat": "x"})


def test_the_table_has_a_row_for_each_metric() -> None:
    assert set(table()) == {*METRICS, NODE_NAMES}


def test_telemetry_survives_the_wire_unchanged() -> None:
    found = source(Prometheus()).collect(INVENTORY)
    frame = wire.encode(found)
    back = wire.decode(frame[wire.HEADER_BYTES :])
    assert int.from_bytes(frame[: wire.HEADER_BYTES], "big") == len(frame) - wire.HEADER_BYTES
    assert (back.nodes, back.collected_at, back.error) == (found.nodes, found.collected_at, found.error)
    for metric in METRICS:
        np.testing.assert_array_equal(back.values[metric], found.values[metric])
        np.testing.assert_array_equal(back.sampled[metric], found.sampled[metric])
