"""A template may use the nodes that kube-scheduler would allow it: selector, required affinity, tolerated taints."""

from __future__ import annotations

from typing import Any

import pytest

from clusters import a_node
from heterosched.errors import InvalidInput
from heterosched.model import Taint
from heterosched.planning.selection import Selection, selected

ZONED = (
    a_node("t4-0", labels={"zone": "a", "cores": "32"}),
    a_node("t4-1", labels={"zone": "b", "cores": "64", "fast": ""}),
    a_node("cpu-0"),
)


def chosen(**spec: Any) -> set[str]:
    names = selected({"spec": spec}, ZONED, "HeteroJob ns/a", "spec.templates[main].template")
    return {node.name for node in ZONED} if names is None else set(names)


def required(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def test_without_restrictions_every_node_will_do() -> None:
    assert selected({"spec": {"containers": []}}, ZONED, "o", "f") is None


def test_a_node_selector_must_match_whole() -> None:
    assert chosen(nodeSelector={"zone": "a"}) == {"t4-0"}
    assert chosen(nodeSelector={"zone": "a", "fast": ""}) == set()


@pytest.mark.parametrize(
    ("term", "names"),
    [
        (expression("zone", "In", "a", "b"), {"t4-0", "t4-1"}),
        (expression("zone", "NotIn", "a"), {"t4-1", "cpu-0"}),
        (expression("fast", "Exists"), {"t4-1"}),
        (expression("zone", "DoesNotExist"), {"cpu-0"}),
        (expression("cores", "Gt", "32"), {"t4-1"}),
        (expression("cores", "Lt", "64"), {"t4-0"}),
        ({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["cpu-0"]}]}, {"cpu-0"}),
        ({}, set()),
    ],
)
def test_operators_of_required_affinity(term: dict[str, Any], names: set[str]) -> None:
    assert chosen(affinity=required(term)) == names


def test_terms_are_alternatives_and_requirements_add_up() -> None:
    assert chosen(affinity=required(expression("zone", "In", "a"), expression("fast", "Exists"))) == {"t4-0", "t4-1"}
    both = {
        "matchExpressions": [
            *expression("zone", "Exists")["matchExpressions"],
            *expression("cores", "Gt", "40")["matchExpressions"],
        ]
    }
    assert chosen(affinity=required(both)) == {"t4-1"}


def test_preferences_exclude_nothing() -> None:
    affinity = {
        "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "preference": expression("zone", "In", "z")}
            ]
        }
    }
    assert chosen(affinity=affinity) == {"t4-0", "t4-1", "cpu-0"}


TAINTED = (
    a_node("t4-0", taints=[Taint("dedicated", "ml", "NoSchedule")]),
    a_node("t4-1", taints=[Taint("dedicated", "ml", "NoExecute")]),
    a_node("t4-2", taints=[Taint("dedicated", "ml", "PreferNoSchedule")]),
    a_node("t4-3"),
)


@pytest.mark.parametrize(
    ("tolerations", "names"),
    [
        ([], {"t4-2", "t4-3"}),
        ([{"key": "dedicated", "value": "ml"}], {"t4-0", "t4-1", "t4-2", "t4-3"}),
        ([{"key": "dedicated", "value": "ml", "operator": "Equal", "effect": "NoSchedule"}], {"t4-0", "t4-2", "t4-3"}),
        ([{"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}], {"t4-1", "t4-2", "t4-3"}),
        ([{"operator": "Exists"}], {"t4-0", "t4-1", "t4-2", "t4-3"}),
        ([{"key": "dedicated", "value": "web"}], {"t4-2", "t4-3"}),
        ([{"value": "ml"}], {"t4-2", "t4-3"}),
    ],
)
def test_taints_exclude_unless_tolerated(tolerations: list[dict[str, str]], names: set[str]) -> None:
    found = selected({"spec": {"tolerations": tolerations}}, TAINTED, "o", "f")
    assert (found or {node.name for node in TAINTED}) == names


@pytest.mark.parametrize(
    "spec",
    [
        {"nodeSelector": ["zone"]},
        {"affinity": required(expression("zone", "Like", "a"))},
        {"affinity": required(expression("cores", "Gt"))},
        {"affinity": required({"matchExpressions": [{"operator": "Exists"}]})},
        {"affinity": {"nodeAffinity": 3}},
    ],
)
def test_what_cannot_be_read_is_named(spec: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=r"HeteroJob ns/a: spec.templates\[main\].template.spec: "):
        chosen(**spec)


def test_a_policys_labels_come_on_top_of_the_templates() -> None:
    own = [a_node("n-0", labels={"rack": "a", "disk": "ssd"}), a_node("n-1", labels={"rack": "a"}), a_node("n-2")]
    template = {"spec": {"nodeSelector": {"disk": "ssd"}}}
    select = Selection(own)
    assert select({"spec": {}}, "Job j", "t", {"rack": "a"}) == frozenset({"n-0", "n-1"})
    assert select(template, "Job j", "t", {"rack": "a"}) == frozenset({"n-0"})
    assert select(template, "Job j", "t", {"disk": "hdd"}) == frozenset()
    assert select({"spec": {}}, "Job j", "t") is None
