"""A collection never fails: what could not be read keeps its last figures, and their age shows it."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from heterosched.errors import InvalidInput, Unavailable
from heterosched.model.telemetry import GPU_TEMPERATURE, GPU_WATTS, HOST_LOAD, METRICS, Telemetry
from heterosched.telemetry import wire
from heterosched.telemetry.arrays import FORGET_AFTER
from heterosched.telemetry.queries import NODE_NAMES, OWN, POD_NODES, table
from heterosched.telemetry.settings import Inventory, TelemetrySettings
from heterosched.telemetry.source import BadQuery, Source

INVENTORY = Inventory.of([("t4-0", [], 16.0), ("t4-1", [], 16.0)])
QUERIES = table()
CELSIUS = QUERIES[GPU_TEMPERATURE][0]


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
        if promql not in (CELSIUS.value, CELSIUS.sampled):
            return []
        figures = self.celsius if promql == CELSIUS.value else dict.fromkeys(self.celsius, self.now - self.lag)
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


def test_a_refused_query_costs_its_own_metric_only_and_is_no_error_of_the_source() -> None:
    prometheus = Prometheus()
    collecting = source(prometheus)
    prometheus.failing = {"node_load1": BadQuery("parse error"), "node_uname_info": BadQuery("parse error")}
    found = collecting.collect(INVENTORY)
    assert celsius(found, prometheus) == [40.0, 50.0]
    assert found.error == ""
    assert found.refused == {HOST_LOAD: "parse error", NODE_NAMES: "parse error"}
    prometheus.failing = {"": Unavailable("connection refused")}
    assert set(collecting.collect(INVENTORY).refused) == {HOST_LOAD, NODE_NAMES}
    prometheus.failing = {}
    assert collecting.collect(INVENTORY).refused == {}


def test_where_every_query_is_refused_the_source_says_so_with_one_of_the_reasons() -> None:
    prometheus = Prometheus()
    prometheus.failing = {"": BadQuery("no such tenant")}
    found = source(prometheus).collect(INVENTORY)
    assert found.error == f"no query is answered; {NODE_NAMES}: no such tenant"
    assert set(found.refused) == {*METRICS, NODE_NAMES, POD_NODES}


def test_a_reason_that_several_queries_have_is_told_once() -> None:
    prometheus = Prometheus()
    lost = Unavailable("Prometheus at http://p:1 does not answer: timed out after 5 s")
    prometheus.failing = {"node_uname_info": lost, "kube_pod_info": lost}
    found = source(prometheus).collect(INVENTORY)
    assert found.error == f"{NODE_NAMES}, {POD_NODES}: {lost}"


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


def test_each_figure_says_where_it_came_from_also_when_it_is_carried_over() -> None:
    prometheus = Prometheus()
    collecting = source(prometheus)
    assert collecting.collect(INVENTORY).origin_of(GPU_TEMPERATURE, "t4-1") == "dcgm-exporter"
    del prometheus.celsius["t4-1"]
    found = collecting.collect(INVENTORY)
    assert found.origin_of(GPU_TEMPERATURE, "t4-1") == "dcgm-exporter"
    assert (found.origin_of(GPU_WATTS, "t4-1"), found.origin_of(GPU_WATTS, "nobody")) == ("", "")


def test_a_prometheus_that_answers_every_other_query_still_tells_everything_in_turn() -> None:
    prometheus = Prometheus()
    collecting, chance = source(prometheus), random.Random(5)
    asked: list[str] = []

    def flapping(promql: str) -> list[Any]:
        asked.append(promql)
        if chance.random() < 0.5:
            raise Unavailable("HTTP Status Code 500")
        return prometheus(promql)

    collecting._query = flapping
    for _ in range(40):
        found = collecting.collect(INVENTORY)
    rows = table()
    assert set(asked) >= {rows[metric][0].value for metric in METRICS}
    assert celsius(found, prometheus) == [40.0, 50.0]


def test_a_slow_prometheus_is_asked_for_the_rest_the_next_time() -> None:
    prometheus, spent = Prometheus(), [0.0]

    def slow(promql: str) -> list[Any]:
        spent[0] += 4.0
        asked.append(promql)
        return prometheus(promql)

    asked: list[str] = []
    settings = TelemetrySettings(interval=5.0, timeout=5.0)
    collecting = Source(settings, slow, clock=lambda: prometheus.now, ticks=lambda: spent[0])
    rows, rounds = table(), 0
    while not {rows[metric][0].value for metric in METRICS} <= set(asked):
        before = spent[0]
        found = collecting.collect(INVENTORY)
        assert spent[0] - before <= settings.budget + settings.timeout
        assert "slow" in found.error
        rounds += 1
        assert rounds < 40
    assert celsius(found, prometheus) == [40.0, 50.0]


def test_a_slow_prometheus_fills_every_metric_in_turn_with_the_times_of_its_samples() -> None:
    prometheus, spent = Prometheus(), [0.0]
    figures = {rows[0].sampled: prometheus.now - 2.0 for rows in table().values()}
    figures.update({rows[0].value: rows[0].low for rows in table().values()})

    def slow(promql: str) -> list[Any]:
        spent[0] += 4.0
        value = figures.get(promql)
        return [] if value is None else [{"metric": {"node": "t4-0"}, "value": [prometheus.now, str(value)]}]

    collecting = Source(TelemetrySettings(timeout=5.0), slow, lambda: prometheus.now, lambda: spent[0])
    found = [collecting.collect(INVENTORY) for _ in range(2 * len(METRICS))][-1]
    assert {metric for metric in METRICS if not np.isnan(found.values[metric]).all()} == set(METRICS)


def test_only_what_is_wanted_is_asked_for() -> None:
    asked: list[str] = []

    def listening(promql: str) -> list[Any]:
        asked.append(promql)
        return []

    Source(TelemetrySettings(metrics=(GPU_TEMPERATURE,)), listening).collect(INVENTORY)
    assert asked == [QUERIES[NODE_NAMES][0].value, QUERIES[POD_NODES][0].value, CELSIUS.value]


def test_names_that_cannot_be_asked_for_are_those_of_the_last_time() -> None:
    prometheus = Prometheus()
    name = [{"metric": {"instance": "10.9.9.9:9400", "nodename": "t4-0"}, "value": [prometheus.now, "1"]}]
    celsius_at: list[Any] = [{"metric": {"instance": "10.9.9.9:9400"}, "value": [prometheus.now, "44"]}]
    times = [{"metric": {"instance": "10.9.9.9:9400"}, "value": [prometheus.now, str(prometheus.now)]}]
    answers = {QUERIES[NODE_NAMES][0].value: name, CELSIUS.value: celsius_at, CELSIUS.sampled: times}
    collecting = Source(TelemetrySettings(), lambda promql: answers.get(promql, []), clock=lambda: prometheus.now)
    collecting.collect(INVENTORY)

    def nameless(promql: str) -> list[Any]:
        if "uname" in promql:
            raise Unavailable("timeout")
        return answers.get(promql, [])

    collecting._query = nameless
    celsius_at[0]["value"][1] = "55"
    found = collecting.collect(INVENTORY)
    assert celsius(found, prometheus)[0] == 55.0
    assert NODE_NAMES in found.error


def test_overrides_replace_queries_and_unknown_ones_are_named() -> None:
    chosen = table("host", {GPU_TEMPERATURE: "max by (host) (t)", f"{HOST_LOAD}.sampled": "x"})
    (celsius,) = chosen[GPU_TEMPERATURE]
    assert (celsius.value, celsius.sampled, celsius.origin) == ("max by (host) (t)", "", OWN)
    assert chosen[HOST_LOAD][0].sampled == "x"
    assert all("by (host, " in query.value for query in chosen[GPU_WATTS])
    with pytest.raises(InvalidInput, match=r"queries\[gpu_heat\].*gpu_temperature"):
        table("", {"gpu_heat": "x"})


def test_the_hottest_gpu_counts_whatever_labels_the_exporter_of_another_maker_has() -> None:
    def answer(promql: str) -> list[Any]:
        cards = {"0": "41", "1": "93", "2": "50"} if promql == "amd_gpu_junction_temperature" else {}
        return [{"metric": {"node": "t4-0", "gpu_id": card}, "value": [1.0, value]} for card, value in cards.items()]

    settings = TelemetrySettings(queries={GPU_TEMPERATURE: "amd_gpu_junction_temperature"})
    found = Source(settings, answer).collect(INVENTORY)
    assert (found.values[GPU_TEMPERATURE].tolist(), found.rejected) == ([93.0], 0)


def test_the_table_has_a_row_for_each_metric() -> None:
    assert set(table()) == {*METRICS, NODE_NAMES, POD_NODES}


def test_telemetry_survives_the_wire_unchanged() -> None:
    found = source(Prometheus()).collect(INVENTORY)
    frame = wire.encode(found)
    back = wire.decode(frame[wire.HEADER_BYTES :])
    assert int.from_bytes(frame[: wire.HEADER_BYTES], "big") == len(frame) - wire.HEADER_BYTES
    assert (back.nodes, back.collected_at, back.error) == (found.nodes, found.collected_at, found.error)
    for metric in METRICS:
        np.testing.assert_array_equal(back.values[metric], found.values[metric])
        np.testing.assert_array_equal(back.sampled[metric], found.sampled[metric])
        np.testing.assert_array_equal(back.origin[metric], found.origin[metric])
    assert (back.origins, back.rejects, back.examples) == (found.origins, found.rejects, found.examples)
