"""A pod that names a TASPolicy is filtered and ordered by it; whatever is missing is told and bars nobody."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from extender_calls import NOW, a_call, a_node, a_pod_manifest, a_world, telemetry_of
from heterosched.errors import InvalidInput
from heterosched.model import Telemetry
from heterosched.policy.explain import explain
from heterosched.settings import load
from heterosched_extender.decisions import Decisions
from heterosched_extender.files import world_of
from heterosched_extender.metrics import ExtenderCollector, registry_of
from heterosched_extender.objects import TasObject, tas_policies
from heterosched_extender.service import Service
from heterosched_extender.settings import Settings
from heterosched_extender.tas import tas_report
from heterosched_extender.world import World

NODES = ["t4-0", "t4-1", "t4-2"]
HEALTH = {"t4-0": 90.0, "t4-1": 20.0, "t4-2": 50.0}
HOT = {"metricname": "health", "operator": "GreaterThan", "target": 80}
LOW = {"metricname": "health", "operator": "LessThan"}


def a_tas_policy(namespace: str = "default", **strategies: Any) -> dict[str, Any]:
    return {
        "apiVersion": "telemetry.intel.com/v1alpha1",
        "kind": "TASPolicy",
        "metadata": {"name": "careful", "namespace": namespace},
        "spec": {"strategies": strategies},
    }


def a_careful_pod(name: str = "p") -> dict[str, Any]:
    return a_pod_manifest(name, labels={"telemetry-policy": "careful"})


def world(*policies: dict[str, Any], sampled: float = NOW - 1, health: dict[str, float] | None = None) -> World:
    found = a_world(*NODES, telemetry=telemetry_of(sampled, **{"tas/health": HEALTH if health is None else health}))
    objects = [msgspec.json.decode(json.dumps(policy), type=TasObject) for policy in policies]
    found.set_tas(tas_policies(objects, found.problems))
    return found


def service(known: World) -> Service:
    made = Service(Decisions(2**20, 3600), clock=lambda: NOW)
    made.snapshot = known.snapshot(NOW)
    return made


def filtered(made: Service, strict: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(made.filter(a_call(a_careful_pod(), NODES), strict))
    return found


def remarks(made: Service) -> str:
    record = made.decisions.of_pod("p")
    assert record is not None
    return " ".join(explain(record.case()).remarks)


@pytest.mark.parametrize("strict", [False, True])
def test_dontschedule_turns_nodes_down_whoever_is_evicted_in_both_entries(strict: bool) -> None:
    answer = filtered(service(world(a_tas_policy(dontschedule={"rules": [HOT]}))), strict)
    why = "TASPolicy default/careful says dontschedule: health GreaterThan 80"
    assert answer["FailedAndUnresolvableNodes"] == {"t4-0": why}
    assert answer["NodeNames"] == ["t4-1", "t4-2"]


def test_scheduleonmetric_puts_the_first_of_the_order_first() -> None:
    made = service(world(a_tas_policy(scheduleonmetric={"rules": [LOW]})))
    answer = json.loads(made.prioritize(a_call(a_careful_pod(), NODES)))
    scores = {each["Host"]: each["Score"] for each in answer}
    assert scores["t4-1"] == 10
    assert scores["t4-1"] > scores["t4-2"] > scores["t4-0"]


@pytest.mark.parametrize(
    ("known", "remark"),
    [
        (lambda: world(), "there is no such TASPolicy in the cluster, nor any other"),
        (lambda: world(a_tas_policy("other", dontschedule={"rules": [HOT]})), "no such TASPolicy in namespace default"),
        (
            lambda: world(a_tas_policy(dontschedule={"rules": [HOT]}), sampled=NOW - 100),
            "3 candidate(s) have no sample",
        ),
        (lambda: world(a_tas_policy(dontschedule={"rules": [HOT]}), health={}), "3 candidate(s) have no sample"),
    ],
)
def test_no_policy_no_metric_or_an_old_one_is_told_and_turns_nobody_down(known: Any, remark: str) -> None:
    made = service(known())
    assert filtered(made, strict=True)["NodeNames"] == NODES
    assert remark in remarks(made)


def test_a_pod_without_the_label_is_left_alone() -> None:
    made = service(world(a_tas_policy(dontschedule={"rules": [HOT]})))
    answer = json.loads(made.filter(a_call(a_pod_manifest("p"), NODES)))
    assert answer["NodeNames"] == NODES


def test_what_would_be_marked_is_reported_with_reasons_and_counted() -> None:
    level = {**HOT, "labels": ["level=high"]}
    made = service(
        world(
            a_tas_policy(deschedule={"rules": [HOT]}, labeling={"rules": [level]}, scheduleonmetric={"rules": [LOW]}),
            health={"t4-0": 90.0, "t4-1": 20.0},
        )
    )
    assert made.snapshot is not None
    (found,) = tas_report(made.snapshot, NOW).policies
    assert found.order == "health LessThan"
    deschedule, labeling = found.strategies
    assert (deschedule.nodes, deschedule.examples) == (1, {"t4-0": "health GreaterThan 80"})
    assert deschedule.labels == {"t4-0": ["careful=violating"]}
    assert deschedule.unknown == {"health": 1}
    assert labeling.labels == {"t4-0": ["telemetry.aware.scheduling.careful/level=high"]}
    registry = registry_of(ExtenderCollector(made, clock=lambda: NOW))
    labels = {"namespace": "default", "policy": "careful", "strategy": "deschedule"}
    assert registry.get_sample_value("heterosched_extender_tas_violating_nodes", labels) == 1.0
    assert registry.get_sample_value("heterosched_extender_tas_policies") == 1.0


@pytest.mark.parametrize(
    ("operator", "target", "first", "second", "label"),
    [
        ("GreaterThan", 80, 90.0, 95.0, "level=b"),
        ("GreaterThan", 80, 95.0, 90.0, "level=a"),
        ("LessThan", 99, 95.0, 90.0, "level=b"),
    ],
)
def test_of_rules_for_one_label_the_most_extreme_figure_counts(
    operator: str, target: int, first: float, second: float, label: str
) -> None:
    rule = {"operator": operator, "target": target}
    rules = [
        {**rule, "metricname": "health", "labels": ["level=a"]},
        {**rule, "metricname": "heat", "labels": ["level=b"]},
    ]
    known = a_world(
        "t4-0", telemetry=telemetry_of(NOW, **{"tas/health": {"t4-0": first}, "tas/heat": {"t4-0": second}})
    )
    policy = msgspec.json.decode(json.dumps(a_tas_policy(labeling={"rules": rules})), type=TasObject)
    known.set_tas(tas_policies([policy], known.problems))
    (found,) = tas_report(known.snapshot(NOW), NOW).policies
    assert found.strategies[0].labels == {"t4-0": [f"telemetry.aware.scheduling.careful/{label}"]}


def test_a_broken_rule_is_counted_and_the_policy_keeps_the_others() -> None:
    known = world(a_tas_policy(dontschedule={"rules": [{"metricname": "x y", "operator": "Equals"}, HOT]}))
    assert known.problems.count == 1
    assert known.tas_metrics() == ("health",)
    assert list(filtered(service(known))["FailedAndUnresolvableNodes"]) == ["t4-0"]


def test_a_file_may_hold_policies_too(tmp_path: Any) -> None:
    path = tmp_path / "cluster.json"
    items = [a_node("t4-0"), a_tas_policy(dontschedule={"rules": [HOT]})]
    path.write_text(json.dumps({"kind": "List", "items": items}))
    assert list(world_of(path).snapshot(NOW).tas) == [("default", "careful")]


@pytest.mark.parametrize("given", ['{"health": "up == 0"}', {"health": "up == 0"}])
def test_queries_may_come_from_the_environment(given: Any) -> None:
    assert load(Settings, {}, None, {"tas_metrics": given}).tas_metrics == {"health": "up == 0"}
    with pytest.raises(InvalidInput, match=r"tas_metrics.*no JSON object"):
        load(Settings, {"HETEROSCHED_EXTENDER_TAS_METRICS": "health=up"})


def test_a_metric_whose_query_is_refused_is_told_in_the_report() -> None:
    known = world(a_tas_policy(dontschedule={"rules": [HOT]}))
    known.set_telemetry(Telemetry(collected_at=NOW, refused={"tas/health": "parse error", "price/green": "no series"}))
    assert tas_report(known.snapshot(NOW), NOW).telemetry_error == "tas/health: parse error"
