"""What policies ask Prometheus for reaches the right nodes, is checked like all telemetry, and spoils nothing else."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heterosched.errors import Unavailable
from heterosched.model import Telemetry
from heterosched.model.telemetry import METRICS
from heterosched.telemetry import wire
from heterosched.telemetry.collector import Collector
from heterosched.telemetry.rates import zones_of
from heterosched.telemetry.settings import Inventory, TelemetrySettings
from heterosched.telemetry.source import BadQuery, Prometheus, Source
from processes import wait_until
from real_prometheus import PROGRAM, Exposition, RealPrometheus

NOW = 1_764_000_000.0
NAMES = ("a", "b", "c")
ZONE = "topology.kubernetes.io/zone"
REGION = "topology.kubernetes.io/region"
PLACES = {"a": {ZONE: "east", REGION: "land"}, "b": {ZONE: "west", REGION: "land"}, "c": {}}
PLAIN = Inventory.of([(name, [f"10.0.0.{number}"], 16.0) for number, name in enumerate(NAMES, 1)])
INVENTORY = replace(PLAIN, queries={"price/green": "p"}, zones=zones_of(PLACES.items()))

Series = tuple[dict[str, str], object]


class Answers:
    """Answers each query by its text: series of (labels, value), each sampled 7 s ago; exceptions are raised."""

    def __init__(self, **answers: object) -> None:
        self.answers: dict[str, Any] = dict(answers)
        self.asked: list[str] = []

    def __call__(self, promql: str) -> list[Any]:
        self.asked.append(promql)
        found = self.answers.get(promql, self.answers.get(promql.removeprefix("timestamp(\n").removesuffix("\n)"), []))
        if isinstance(found, Exception):
            raise found
        sampled = promql.startswith("timestamp(") and promql not in self.answers
        return [{"metric": labels, "value": [NOW, str(NOW - 7 if sampled else value)]} for labels, value in found]


def collected(*series: Series, inventory: Inventory = INVENTORY, **more: Any) -> Telemetry:
    return Source(TelemetrySettings(), Answers(p=series, **more), clock=lambda: NOW).collect(inventory)


def figures(telemetry: Telemetry, metric: str = "price/green", max_age: float = 60.0) -> dict[str, float]:
    """By node what is known and not older than a minute."""
    values, _ = telemetry.aligned(metric, NAMES, NOW, max_age)
    return {name: value for name, value in zip(NAMES, values.tolist(), strict=True) if not math.isnan(value)}


@pytest.mark.parametrize(
    ("series", "said", "origin"),
    [
        ([({}, 0.3)], {"a": 0.3, "b": 0.3, "c": 0.3}, "for all nodes"),
        ([({"instance": "10.0.0.1:9", "job": "market"}, 0.3)], {"a": 0.3, "b": 0.3, "c": 0.3}, "for all nodes"),
        ([({"node": "a"}, 0.1), ({"Hostname": "b"}, 0.2)], {"a": 0.1, "b": 0.2}, "by node"),
        ([({"instance": "10.0.0.1:9"}, 0.1), ({"instance": "10.0.0.2:9"}, 0.2)], {"a": 0.1, "b": 0.2}, "by node"),
        ([({"zone": "east"}, 0.1), ({"zone": "west"}, 0.2)], {"a": 0.1, "b": 0.2}, "by zone"),
        ([({"topology_kubernetes_io_region": "land"}, 0.1)], {"a": 0.1, "b": 0.1}, "by region"),
        ([({"zone": "east", "instance": "10.0.0.3:9"}, 0.1)], {"a": 0.1}, "by zone"),
    ],
)
def test_a_series_is_about_the_node_the_zone_or_all_nodes_as_its_labels_say(
    series: list[Series], said: dict[str, float], origin: str
) -> None:
    found = collected(*series)
    assert figures(found) == said
    assert found.origins_of("price/green") == f"SchedulingPolicy green: spec.priceQuery {origin}"
    assert found.aligned("price/green", NAMES, NOW, 60.0)[1][0] == 7.0


def test_what_is_said_of_a_node_goes_before_what_is_said_of_its_zone_and_of_all() -> None:
    found = collected(({}, 9.0), ({"region": "land"}, 3.0), ({"zone": "east"}, 2.0), ({"node": "a"}, 1.0))
    assert figures(found) == {"a": 1.0, "b": 3.0, "c": 9.0}


def test_a_price_below_zero_is_a_price_and_an_emission_below_zero_is_none() -> None:
    inventory = replace(INVENTORY, queries={"price/green": "p", "carbon/green": "c"})
    found = collected(({}, -0.2), inventory=inventory, c=[({}, -1.0)])
    assert figures(found) == dict.fromkeys(NAMES, -0.2)
    assert figures(found, "carbon/green") == {}
    assert found.rejects == {"carbon/green": {"not within 0 and 10000": 1}}


@pytest.mark.parametrize(
    ("labels", "value", "reason"),
    [
        ({"node": "a"}, "NaN", "not a finite number"),
        ({"node": "a"}, "cheap", "not a finite number"),
        ({"node": "a"}, 1e300, "blank sensor"),
        ({"node": "a"}, 2e6, "not within -1e+06 and 1e+06"),
        ({"node": "gone"}, 0.1, "no node of the cluster"),
        ({"zone": "DE"}, 0.1, "no node of the cluster"),
    ],
)
def test_what_cannot_be_is_rejected_counted_and_named(labels: dict[str, str], value: object, reason: str) -> None:
    found = collected((labels, value), ({"node": "b"}, 0.2))
    assert figures(found) == {"b": 0.2}
    assert found.rejects == {"price/green": {reason: 1}}
    assert reason in found.examples[0]


def test_samples_from_the_future_are_rejected_and_old_ones_are_as_old_as_they_are() -> None:
    future = [({"node": "a"}, NOW + 50), ({"node": "b"}, NOW - 300)]
    times: dict[str, Any] = {"timestamp(\np\n)": future}
    found = collected(({"node": "a"}, 0.1), ({"node": "b"}, 0.2), **times)
    assert found.rejects == {"price/green": {"sampled in the future": 1}}
    assert (figures(found), figures(found, max_age=400.0)) == ({}, {"b": 0.2})


def test_replicas_count_once_and_contradictions_are_named_whatever_their_order() -> None:
    replicas = [({"replica": str(number)}, 0.2) for number in range(2)]
    assert collected(*replicas).rejected == 0
    odd: list[Series] = [({"provider": "x"}, 0.2), ({"provider": "y"}, 0.5)]
    for series in (odd, odd[::-1]):
        found = collected(*series)
        assert figures(found)["a"] == 0.5
        assert found.rejects == {"price/green": {"two series contradict each other": 1}}


def test_a_scalar_is_a_figure_for_all_nodes() -> None:
    def answer(promql: str) -> list[Any]:
        assert "timestamp(\n" not in promql  # of a scalar that would be an error
        return [NOW, "0.25"] if promql == "p" else []

    found = Source(TelemetrySettings(), answer, clock=lambda: NOW).collect(INVENTORY)
    assert figures(found) == dict.fromkeys(NAMES, 0.25)


def test_it_travels_over_the_wire_with_what_was_refused() -> None:
    found = collected(({"node": "a"}, 0.1), inventory=replace(INVENTORY, queries={"price/green": "p", "price/x": "y"}))
    again = wire.decode(wire.encode(found)[wire.HEADER_BYTES :])
    assert figures(again) == {"a": 0.1}
    assert again.refused == {"price/x": "it yields no series"}


def test_a_refused_query_is_its_policys_trouble_alone_and_ends_with_it() -> None:
    asked = replace(INVENTORY, queries={"carbon/green": "p", "price/broken": "((", "price/zero": "none"})
    answers = Answers(**{"p": [({}, 400.0)], "((": BadQuery("parse error"), "none": []})
    source = Source(TelemetrySettings(), answers, clock=lambda: NOW)
    found = source.collect(asked)
    assert found.refused == {"price/broken": "parse error", "price/zero": "it yields no series"}
    assert (found.error, set(METRICS) <= set(found.values)) == ("", True)
    assert figures(found, "carbon/green") == dict.fromkeys(NAMES, 400.0)
    assert source.collect(PLAIN).refused == {}


def test_queries_that_are_not_answered_cost_one_try_a_collection_and_nobody_elses_figures() -> None:
    queries = {f"price/{name}": name for name in ("s1", "s2", "s3", "s4", "ok")}
    slow: dict[str, Any] = {name: Unavailable("timed out") for name in ("s1", "s2", "s3", "s4")}
    answers = Answers(ok=[({}, 0.1)], node_load1=[], **slow)
    source = Source(TelemetrySettings(), answers, clock=lambda: NOW)
    for _ in range(10):
        answers.asked.clear()
        found = source.collect(replace(INVENTORY, queries=queries))
        assert sum(query in slow for query in answers.asked) == 1
        assert found.error == ""
    assert figures(found, "price/ok") == dict.fromkeys(NAMES, 0.1)
    assert set(found.refused) == set(queries) - {"price/ok"}


def test_slow_answers_are_asked_for_in_turn_within_the_time_of_a_collection() -> None:
    names = ("p1", "p2", "p3", "p4")
    answers, ticks = Answers(**{name: [({}, 0.1)] for name in names}), [0.0]

    def slowly(promql: str) -> list[Any]:
        ticks[0] += 5.0 if promql in names else 0.0
        return answers(promql)

    settings = TelemetrySettings(interval=1.0, timeout=3.0)
    source = Source(settings, slowly, clock=lambda: NOW, ticks=lambda: ticks[0])
    asked = []
    for _ in range(4):
        answers.asked.clear()
        found = source.collect(replace(INVENTORY, queries={f"price/{name}": name for name in names}))
        asked.append([query for query in answers.asked if query in names])
        assert (found.error, found.refused) == ("", {})
    assert asked == [["p1", "p2"], ["p3", "p4"], ["p1", "p2"], ["p3", "p4"]]


def test_policies_that_ask_the_same_share_the_answer_and_no_policy_asks_for_nothing() -> None:
    answers = Answers(p=[({}, 0.1)])
    source = Source(TelemetrySettings(), answers, clock=lambda: NOW)
    source.collect(replace(INVENTORY, queries={"price/x": "p", "price/y": "p"}))
    assert answers.asked.count("p") == 1
    answers.asked.clear()
    source.collect(PLAIN)
    assert "p" not in answers.asked


def test_a_refused_query_is_logged_once_with_policy_field_and_remedy(caplog: pytest.LogCaptureFixture) -> None:
    collector = Collector(TelemetrySettings())
    with caplog.at_level(logging.WARNING):
        for second in range(3):
            telemetry = Telemetry(NAMES, {}, {}, NOW + second, refused={"price/green": "parse error"})
            collector._count(telemetry)
            collector._offer(telemetry)
    told = [record.message for record in caplog.records if "green" in record.message]
    assert told == ["SchedulingPolicy green: spec.priceQuery: parse error; correct the PromQL, or remove the field"]


@pytest.fixture
def market() -> Iterator[Exposition]:
    exposition = Exposition()
    yield exposition
    exposition.close()


@pytest.mark.slow
@pytest.mark.skipif(PROGRAM is None, reason="needs the Prometheus of the distribution")
def test_a_real_prometheus_answers_selectors_expressions_scalars_and_nonsense(
    market: Exposition, tmp_path: Path
) -> None:
    market.text = 'price{zone="east"} 0.1\nprice{zone="west"} -0.05\nco2{node="c"} 420\nhere 1\n'
    prometheus = RealPrometheus(tmp_path, market.port)
    prometheus.start()
    try:
        settings = TelemetrySettings(prometheus.url)
        connection = Prometheus(settings)
        assert wait_until(lambda: bool(connection.query("here")), 20.0)
        queries = {
            "price/zones": "price # by the market",
            "price/mean": "avg(price)",
            "price/scalar": "0.2 * 2",
            "price/names": '{__name__=~"price|co2|here"}',
            "price/broken": "avg(price",
            "carbon/node": "co2",
        }
        found = Source(settings, connection.query).collect(replace(INVENTORY, queries=queries))
        connection.close()
    finally:
        prometheus.kill()

    def read(metric: str) -> list[float | None]:
        values, _ = found.aligned(metric, NAMES, found.collected_at, 60.0)
        return [None if np.isnan(value) else round(float(value), 6) for value in values]

    assert read("price/zones") == [0.1, -0.05, None]
    assert read("price/mean") == [0.025] * 3
    assert read("price/scalar") == [0.4] * 3
    assert read("carbon/node") == [None, None, 420.0]
    assert read("price/names") == [0.1, -0.05, 420.0]
    assert set(found.refused) == {"price/broken"}
    assert "parse error" in found.refused["price/broken"] or "unclosed" in found.refused["price/broken"]
    assert 0.0 <= float(found.aligned("price/zones", ("a",), found.collected_at, 60.0)[1][0]) < 10.0
