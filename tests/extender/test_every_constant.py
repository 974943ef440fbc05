"""Every column of the policy table that moves a score stands in its explanation, and nothing else moves a score."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from extender_calls import NOW, a_call, a_pod_manifest, a_world, telemetry_of
from heterosched.api import PlanNote
from heterosched.jps.parameters import Parameters
from heterosched.policy.decision import Decision
from heterosched.policy.explain import explain
from heterosched.policy.inputs import camel
from heterosched.policy.table import CONSTANTS, TERMS, PolicyRow, PowerCap
from heterosched_extender.decisions import Decisions
from heterosched_extender.service import Service

NODES = ["cpu-0", "t4-0", "t4-1", "t4-2", "v100-0"]
OWN = PolicyRow("Own", dict.fromkeys(TERMS, 10))
OTHER_VALUES: dict[str, Any] = {
    "price_per_kwh": 9.0,
    "currency": "EUR",
    "warn_celsius": 70.0,
    "limit_celsius": 99.0,
    "max_age_seconds": 3.0,
    "xid_headroom": 0.3,
    "unreachable_headroom": 0.2,
    "plan_same_device": 0.25,
    "plan_headroom": 0.5,
    "hint_seconds": 10.0,
    "typical_shapes": 1,
    "any_size_pods": 0.0,
    "hook": "not-installed",
    "caps": (PowerCap(1.0),),
    "urgent_seconds": 1.0,
    "keep_share": 0.9,
    "autoscaled": ("nvidia-h100",),
    "node_selector": {"rack": "a"},
    "jps": Parameters(samples=1, energy_weight=1.0),
    "idle": ("spec.preemption",),
    "price_query": "price",
    "carbon_query": "co2",
    "weigh_energy_by": "Cost",
    "exclusion": "Required",
}
"""For each column of the table another value; that of `weights` is tried term by term."""

NO_SCORE = {"price_per_kwh", "currency", "hook", "caps", "urgent_seconds", "keep_share", "jps", "idle"}
NO_SCORE |= {"name", "autoscaled", "node_selector", "price_query", "carbon_query", "exclusion"}
"""Columns that move no score of a node: money is for reports unless energy is weighed by it, of queries telemetry has
the answers, a hook acts by the weights alone, and the others decide about plans, whose explanation names them
(tests/core/test_every_plan_constant.py).
"""

NO_NUMBER = {"weigh_energy_by"}
"""Columns that explanations tell by what stands among the inputs."""

NOTE = PlanNote(
    job="team/train",
    task="fit",
    policy="Own",
    device="nvidia-t4",
    nodes=("t4-1",),
    seconds={"nvidia-t4": 20.0, "nvidia-v100": 10.0, "cpu": 200.0},
    watts={"nvidia-t4": 70.0, "nvidia-v100": 300.0, "cpu": 30.0},
    input_nodes=("v100-0",),
)
TELEMETRY = telemetry_of(
    NOW - 5,
    gpu_temperature={"t4-0": 84.0, "t4-1": 75.0, "t4-2": 50.0, "v100-0": 50.0},
    gpu_xid={"t4-0": 0.0, "t4-1": 0.0, "t4-2": 79.0, "v100-0": 0.0},
    exporters_down={"t4-0": 0.0, "t4-1": 1.0, "t4-2": 0.0, "v100-0": 0.0},
    host_load={"t4-0": 0.2, "t4-1": 0.3, "v100-0": 0.1},
    **{"price/Own": {"t4-0": 0.3, "v100-0": 0.1}},
)


def bound(name: str, node: str, gpus: int) -> dict[str, Any]:
    return a_pod_manifest(name, node=node, gpus=gpus, phase="Running")


def decisions_by(row: PolicyRow) -> dict[str, Decision]:
    """By node the explanation of one and the same decision, made by this row through the extender's verbs."""
    pods = (bound("a", "t4-0", 1), bound("b", "v100-0", 1), bound("c", "t4-2", 3))
    world = a_world(*NODES, pods=pods, telemetry=TELEMETRY)
    world.set_policies([row])
    now = [NOW - 20]
    service = Service(Decisions(2**20, 3600), clock=lambda: now[0])
    service.snapshot = world.snapshot(NOW)
    service.prioritize(a_call(a_pod_manifest("earlier", gpus=0, cores="8"), ["t4-0"]))
    now[0] = NOW
    service.prioritize(a_call(a_pod_manifest("p", plan=NOTE), NODES))
    record = service.decisions.of_pod("p")
    assert record is not None
    return {node: explain(record.case(), node) for node in NODES}


def means(decisions: dict[str, Decision]) -> list[float]:
    return [decision.asked.mean or 0.0 for decision in decisions.values() if decision.asked is not None]


def shown(decisions: dict[str, Decision]) -> dict[str, set[float]]:
    """All constants that any explanation names, with their values."""
    found: dict[str, set[float]] = {}
    for decision in decisions.values():
        assert decision.asked is not None
        for share in decision.asked.terms:
            for name, value in share.constants.items():
                found.setdefault(name, set()).add(value)
    return found


BASE = decisions_by(OWN)


def test_every_column_of_the_table_is_tried() -> None:
    assert {field.name for field in fields(PolicyRow)} - {"name", "weights"} == set(OTHER_VALUES)


@pytest.mark.parametrize("column", OTHER_VALUES)
def test_a_column_moves_scores_exactly_if_the_explanation_names_it(column: str) -> None:
    other = decisions_by(replace(OWN, **{column: OTHER_VALUES[column]}))
    moved = means(other) != means(BASE)
    assert moved == (column not in NO_SCORE)
    named = shown(other).get(camel(column), set())
    assert named == ({OTHER_VALUES[column]} if moved and column not in NO_NUMBER else set())


def test_the_price_that_stands_in_moves_scores_where_energy_is_weighed_by_cost_and_is_named() -> None:
    by_cost = replace(OWN, weigh_energy_by="Cost")
    one, other = decisions_by(by_cost), decisions_by(replace(by_cost, price_per_kwh=9.0))
    assert means(one) != means(other)
    assert (shown(one)["pricePerKWh"], shown(other)["pricePerKWh"]) == ({0.15}, {9.0})
    assert "pricePerKWh" not in shown(BASE)


@pytest.mark.parametrize("term", TERMS)
def test_a_weight_moves_scores_where_its_term_has_data_and_is_named(term: str) -> None:
    other = decisions_by(replace(OWN, weights={**OWN.weights, term: 17}))
    assert (means(other) != means(BASE)) == (term not in ("numa", "metric"))  # no topology is known, no TASPolicy named
    for decision in other.values():
        assert decision.asked is not None
        assert {share.term: share.policy_weight for share in decision.asked.terms} == {**OWN.weights, term: 17}


def test_explanations_name_no_constant_that_moves_nothing() -> None:
    columns = {column for columns in CONSTANTS.values() for column in columns}
    assert columns == set(OTHER_VALUES) - NO_SCORE - NO_NUMBER
    assert set(shown(BASE)) == {camel(column) for column in columns}


def test_a_hook_that_is_not_there_changes_nothing_and_is_named() -> None:
    decision = decisions_by(replace(OWN, hook="not-installed"))["t4-0"]
    assert decision.hook is not None
    assert decision.hook.before == decision.hook.after
    assert "plug-in not-installed is not installed" in " ".join(decision.remarks)


def test_a_hook_that_gives_no_weights_is_counted() -> None:
    world = a_world(*NODES)
    world.set_policies([replace(OWN, hook="not-installed")])
    service = Service(Decisions(2**20, 3600), clock=lambda: NOW)
    service.snapshot = world.snapshot(NOW)
    service.prioritize(a_call(a_pod_manifest("p", plan=NOTE), NODES))
    assert dict(service.stats.hook_failures) == {"not-installed": 1}
