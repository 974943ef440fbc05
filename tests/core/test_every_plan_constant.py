"""Every column of the policy table that can move a plan stands in the plan's explanation, and no other column does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from clusters import a_cluster
from heterosched.jps import Parameters
from heterosched.model import Cluster, Telemetry
from heterosched.model.telemetry import GPU_TEMPERATURE
from heterosched.planning.types import JobPlan, JobState
from heterosched.policy.inputs import camel
from heterosched.policy.table import TERMS, PolicyRow, PowerCap
from manifests import a_job
from planned import NOW, a_state, a_training, gpu_job, nodes, planned, start

OWN = PolicyRow(
    "Own",
    {**dict.fromkeys(TERMS, 0), "speed": 10, "energy": 10},
    caps=(PowerCap(5000.0), PowerCap(4000.0, "a", {})),
    autoscaled=("nvidia-h100",),
    node_selector={"fleet": "x"},
)
PLAIN = a_cluster(cpu=1, t4=2, v100=2, gpus=2)
CLUSTER = Cluster(tuple(replace(node, labels={"fleet": "x"}) for node in PLAIN.nodes))
HOT = Telemetry(
    ("t4-0",), {GPU_TEMPERATURE: np.array([84.0])}, {GPU_TEMPERATURE: np.array([NOW - 50.0])}, collected_at=NOW
)
SEARCH: dict[str, Any] = {
    "samples": 3,
    "alpha": 0.5,
    "beta": 0.1,
    "energy_weight": 0.9,
    "explore": 0.9,
    "fairness_floor": 0.1,
    "mode": "uniform",
    "exact_cells": 1.0,
    "elite": 1,
    "collapse": 0.2,
    "spread": 0.2,
    "exchange": 0.2,
    "stride": 0.2,
    "price_rounds": 3,
    "enough_percent": 5.0,
}
"""For each parameter of JPS another value."""

NAMED: dict[str, tuple[PolicyRow, Mapping[str, object]]] = {
    "weights.speed": (replace(OWN, weights={**OWN.weights, "speed": 99}), {"weights.speed": 99}),
    "weights.energy": (replace(OWN, weights={**OWN.weights, "energy": 99}), {"weights.energy": 99}),
    "urgent_seconds": (replace(OWN, urgent_seconds=1.0), {"urgentSeconds": 1.0}),
    "keep_share": (replace(OWN, keep_share=0.7), {"keepShare": 0.7}),
    "max_age_seconds": (replace(OWN, max_age_seconds=7.0), {"maxAgeSeconds": 7.0}),
    "limit_celsius": (replace(OWN, limit_celsius=77.0), {"limitCelsius": 77.0}),
    "xid_headroom": (replace(OWN, xid_headroom=0.5), {"xidHeadroom": 0.5}),
    "unreachable_headroom": (replace(OWN, unreachable_headroom=0.0), {"unreachableHeadroom": 0.0}),
    "caps": (replace(OWN, caps=(PowerCap(4500.0), OWN.caps[1])), {"powerCaps.clusterWatts": 4500.0}),
    "group": (
        replace(OWN, caps=(OWN.caps[0], replace(OWN.caps[1], watts=3000.0))),
        {"powerCaps.groups[a].watts": 3000.0},
    ),
    "node_selector": (replace(OWN, node_selector={}), {"nodeSelector": None}),
    "autoscaled": (replace(OWN, autoscaled=("nvidia-l4",)), {"autoscaledDevices": "nvidia-l4"}),
    "weigh_energy_by": (replace(OWN, weigh_energy_by="Cost"), {"weighEnergyBy": "Cost", "pricePerKWh": 0.15}),
    **{
        f"jps.{name}": (replace(OWN, jps=replace(OWN.jps, **{name: value})), {f"jps.{camel(name)}": value})
        for name, value in SEARCH.items()
    },
}
"""By column a row in which it alone is different, and what an explanation is to say of it."""

SILENT: dict[str, Any] = {
    "price_per_kwh": 9.0,
    "currency": "EUR",
    "warn_celsius": 70.0,
    "plan_same_device": 0.25,
    "plan_headroom": 0.5,
    "hint_seconds": 10.0,
    "typical_shapes": 1,
    "any_size_pods": 0.0,
    "idle": ("spec.preemption",),
    "price_query": "price",
    "carbon_query": "co2",
    "exclusion": "Required",
}
"""Columns that move no plan: pods are held to exclusion at the strict entry, money is for reports unless energy is
weighed by it, telemetry has the queries' answers, and the others act on scores of nodes.
"""


def a_scene(row: PolicyRow) -> dict[str, JobPlan]:
    """A training, a graph with a deadline and a plain task, planned a second time with a hot node."""
    graph = a_job("graph").policy("Own").deadline(within="1h")
    graph.task("a").gpus(1, "nvidia-t4", "nvidia-v100").runtime({"nvidia-t4": 20, "nvidia-v100": 12})
    graph.task("b").cpus(1).runtime({"cpu": 9}).after("a")
    plain = gpu_job("plain").policy("Own")
    return twice(row, a_state(a_training("train", 1, 3).policy("Own")), a_state(graph), a_state(plain))


def twice(row: PolicyRow, *states: JobState) -> dict[str, JobPlan]:
    given: dict[str, Any] = {"cluster": CLUSTER, "policies": {"Own": row}, "telemetry": HOT}
    return planned(*states, previous=planned(*states, **given), **given)


BASE = a_scene(OWN)


def changed(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, object]:
    return {name: after.get(name) for name in {*before, *after} if before.get(name) != after.get(name)}


def test_every_column_and_every_parameter_is_tried() -> None:
    tried = {name for name in NAMED if "." not in name} - {"group"}
    assert {own.name for own in fields(PolicyRow)} >= {*SILENT, *tried}
    acting = {own.name for own in fields(PolicyRow)} - {"name", "weights", "hook", "jps"}
    assert acting <= {*SILENT, *tried}
    assert {own.name for own in fields(Parameters)} == set(SEARCH)


@pytest.mark.parametrize("column", NAMED)
def test_a_column_that_is_changed_is_the_only_change_of_the_explanation(column: str) -> None:
    row, said = NAMED[column]
    assert changed(said_of(BASE), said_of(a_scene(row))) == said


def said_of(plans: Mapping[str, JobPlan]) -> dict[str, object]:
    """All constants that the plans name; no two of them disagree."""
    found: dict[str, object] = {}
    for plan in plans.values():
        assert changed(found, {**found, **plan.constants}).keys().isdisjoint(found)
        found.update(plan.constants)
    return found


@pytest.mark.parametrize("column", SILENT)
def test_a_column_that_no_explanation_names_moves_no_plan(column: str) -> None:
    assert a_scene(replace(OWN, **{column: SILENT[column]})) == BASE


@pytest.mark.parametrize("term", sorted({*TERMS} - {"speed", "energy"}))
def test_weights_of_terms_that_only_nodes_have_move_no_plan(term: str) -> None:
    assert a_scene(replace(OWN, weights={**OWN.weights, term: 50})) == BASE


def test_explanations_name_what_could_matter_to_the_job_and_no_more() -> None:
    rows = {"powerCaps.clusterWatts", "powerCaps.groups[a].watts", "nodeSelector", "autoscaledDevices"}
    common = {"weights.speed", "weights.energy", "keepShare", "maxAgeSeconds", "limitCelsius", *rows}
    common |= {"xidHeadroom", "unreachableHeadroom"}
    assert set(BASE["plain"].constants) == common
    assert set(BASE["graph"].constants) == common | {"urgentSeconds"}
    assert set(BASE["train"].constants) == common | {f"jps.{camel(name)}" for name in SEARCH}
    bare = planned(gpu_job("plain").policy("Own"), cluster=CLUSTER, policies={"Own": BARE})
    assert set(bare["plain"].constants) == {"weights.speed", "weights.energy"}


BARE = PolicyRow("Own", OWN.weights)


def _device(row: PolicyRow) -> object:
    """Where a task goes that a V100 does sooner and a T4 with fewer joules."""
    job = a_job("a").policy("Own").task("t").gpus(1, "nvidia-t4", "nvidia-v100")
    return nodes(planned(job.runtime({"nvidia-t4": 20, "nvidia-v100": 12}), cluster=PLAIN, policies={"Own": row})["a"])


def _cooler(row: PolicyRow) -> object:
    """Which T4 a task gets while one of them has 84 degrees Celsius, measured 50 s ago."""
    given: dict[str, Any] = {"cluster": PLAIN, "policies": {"Own": row}, "telemetry": HOT}
    return nodes(planned(gpu_job("a").policy("Own"), **given)["a"])


def _turn(row: PolicyRow) -> object:
    """When a young job with a deadline in 39 s starts beside an old one on one GPU."""
    young = a_state(gpu_job("young").policy("Own").deadline(within="40s"), age=1)
    old = a_state(gpu_job("old").policy("Own"), age=50)
    return start(planned(young, old, cluster=a_cluster(t4=1, gpus=1), policies={"Own": row})["young"])


def _kept(row: PolicyRow) -> object:
    """Where a task is planned once a node comes on which it would take half the time."""
    job = a_job("a").policy("Own").task("t").gpus(1, "nvidia-t4", "nvidia-v100")
    state = a_state(job.runtime({"nvidia-t4": 20, "nvidia-v100": 8}))
    first = planned(state, cluster=a_cluster(t4=1), policies={"Own": row})
    return nodes(planned(state, cluster=PLAIN, policies={"Own": row}, previous=first)["a"])


def _sound(metric: str, figure: float) -> Callable[[PolicyRow], tuple[str, ...]]:
    """Where a task goes when its best node has a fault."""
    fault = Telemetry(("t4-0",), {metric: np.array([figure])}, {metric: np.array([NOW])}, collected_at=NOW)

    def outcome(row: PolicyRow) -> tuple[str, ...]:
        state = gpu_job("a").policy("Own")
        return nodes(planned(state, cluster=PLAIN, policies={"Own": row}, telemetry=fault)["a"])

    return outcome


def _priced(row: PolicyRow) -> object:
    """Where a task goes when the price is known of one of two like nodes."""
    price = Telemetry(("t4-1",), {"price/Own": np.array([0.1])}, {"price/Own": np.array([NOW])}, collected_at=NOW)
    given: dict[str, Any] = {"cluster": a_cluster(t4=2), "policies": {"Own": row}, "telemetry": price}
    return nodes(planned(gpu_job("a").policy("Own"), **given)["a"])


def _weights(speed: int, energy: int) -> PolicyRow:
    return replace(BARE, weights={"speed": speed, "energy": energy})


@pytest.mark.parametrize(
    ("one", "other", "outcome"),
    [
        (_weights(10, 10), _weights(99, 10), _device),
        (_weights(99, 10), _weights(99, 99), _device),
        (replace(BARE, limit_celsius=80.0), replace(BARE, limit_celsius=90.0), _cooler),
        (
            replace(BARE, limit_celsius=80.0, max_age_seconds=60.0),
            replace(BARE, limit_celsius=80.0, max_age_seconds=7.0),
            _cooler,
        ),
        (replace(BARE, xid_headroom=0.0), replace(BARE, xid_headroom=0.5), _sound("gpu_xid", 79.0)),
        (replace(BARE, unreachable_headroom=0.0), BARE, _sound("exporters_down", 1.0)),
        (replace(BARE, urgent_seconds=3600.0), replace(BARE, urgent_seconds=1.0), _turn),
        (replace(_weights(1, 0), keep_share=0.1), replace(_weights(1, 0), keep_share=2.0), _kept),
        (_weights(1, 9), replace(_weights(1, 9), weigh_energy_by="Cost"), _priced),
        (
            replace(_weights(1, 9), weigh_energy_by="Cost"),
            replace(_weights(1, 9), weigh_energy_by="Cost", price_per_kwh=0.05),
            _priced,
        ),
    ],
)
def test_the_named_columns_do_decide(one: PolicyRow, other: PolicyRow, outcome: Callable[[PolicyRow], object]) -> None:
    assert outcome(one) != outcome(other)
