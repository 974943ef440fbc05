"""What could never become a pod is refused with object, field and remedy, before anything is built on it."""

from __future__ import annotations

from typing import Any

import pytest

from manifests import a_job, a_template
from simulated import SimulatedCluster

SPEC = "spec.templates[main].template.spec"
ONE = f"{SPEC}.containers[0]"
TERMS = f"{SPEC}.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
POD_PARTS: list[tuple[dict[str, Any], str]] = [
    ({"schedulingGates": "hold"}, f"{SPEC}.schedulingGates: 'hold' is no list"),
    ({"schedulingGates": ["hold"]}, f"{SPEC}.schedulingGates[0]: 'hold' is no mapping"),
    ({"affinity": []}, f"{SPEC}.affinity: [] is no mapping"),
    ({"affinity": {"nodeAffinity": "x"}}, f"{SPEC}.affinity.nodeAffinity: 'x' is no mapping"),
    ({"initContainers": [{"env": "x"}]}, f"{SPEC}.initContainers[0].env: 'x' is no list"),
]
CONTAINER_PARTS: list[tuple[dict[str, Any], str]] = [
    ({"env": {"KEY": "value"}}, f"{ONE}.env: {{'KEY': 'value'}} is no list"),
    ({"env": ["A=b"]}, f"{ONE}.env[0]: 'A=b' is no mapping"),
    ({"env": [{"value": "b"}]}, f"{ONE}.env[0].name: None is no name"),
    ({"resources": ["cpu"]}, f"{ONE}.resources: ['cpu'] is no mapping"),
    ({"resources": {"limits": ["cpu"]}}, f"{ONE}.resources.limits: ['cpu'] is no mapping"),
    ({"resources": {"requests": {"cpu": ["1"]}}}, f"{ONE}.resources.cpu: ['1'] is no quantity"),
]


def refused(template: dict[str, Any]) -> str:
    """The message with which a job of this template is not accepted."""
    cluster = SimulatedCluster(a_job("j").template(template).task("t").manifest())
    cluster.operate(3)
    assert cluster.reason("Accepted") == ("False", "InvalidSpec")
    assert cluster.jobs == {}
    return cluster.status.condition("Accepted").message  # type: ignore[union-attr]


@pytest.mark.parametrize(("part", "problem"), POD_PARTS, ids=[problem for _, problem in POD_PARTS])
def test_a_pod_spec_of_another_shape_is_refused(part: dict[str, Any], problem: str) -> None:
    message = refused(a_template(**part))
    assert message.startswith(f"HeteroJob ns/j: {problem}; write ")


@pytest.mark.parametrize(("part", "problem"), CONTAINER_PARTS, ids=[problem for _, problem in CONTAINER_PARTS])
def test_a_container_of_another_shape_is_refused(part: dict[str, Any], problem: str) -> None:
    template = a_template()
    template["template"]["spec"]["containers"][0].update(part)
    message = refused(template)
    assert message.startswith(f"HeteroJob ns/j: {problem}; write ")


@pytest.mark.parametrize("terms", ["x", [["y"]], [{"matchExpressions": "z"}], [{"matchExpressions": ["z"]}]])
def test_affinity_that_nothing_can_be_added_to_is_refused(terms: Any) -> None:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    assert f"{SPEC}" in refused(a_template(affinity={"nodeAffinity": required}))


@pytest.mark.parametrize("part", ["labels", "annotations"])
def test_metadata_of_another_shape_is_refused(part: str) -> None:
    template = a_template()
    template["template"]["metadata"] = {part: ["a"]}
    assert f"template.metadata.{part}: ['a'] is no mapping" in refused(template)


def test_an_environment_of_a_variant_without_names_is_refused() -> None:
    cluster = SimulatedCluster(a_job("j").task("t").variant("cpu", env=[{"value": "b"}]).runtime({"cpu": 1}).manifest())
    cluster.operate(3)
    assert cluster.reason("Accepted") == ("False", "InvalidSpec")
    assert "spec.tasks[t].variants[cpu].env[0].name" in cluster.status.condition("Accepted").message  # type: ignore[union-attr]
