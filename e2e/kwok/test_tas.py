"""Objects and pods made for Intel's Telemetry Aware Scheduling work as they are, on what node exporters say."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from processes import wait_until
from spaces import Json, Space, a_pod
from stack import Stack

NODES = ("cpu-0", "cpu-1", "cpu-2")
CRD = Path(__file__).resolve().parents[1] / "crds" / "taspolicies.yaml"
A_WHILE_S = 4.0
"""How long a pod has to stay unbound to count as waiting; a pod with a place is bound within a second."""

BUSY = {"metricname": "load1", "operator": "GreaterThan", "target": 20}
"""By the name that the Prometheus adapter gives to `node_load1`."""

_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open  # loopback: never by a proxy


def a_tas_policy(**strategies: Any) -> Json:
    kind = {"apiVersion": "telemetry.intel.com/v1alpha1", "kind": "TASPolicy", "metadata": {"name": "careful"}}
    return {**kind, "spec": {"strategies": strategies}}


def a_tas_pod(name: str, strict: bool = False) -> Json:
    """A pod as the guide of Telemetry Aware Scheduling has it; the resource is what calls the extender there."""
    pod = a_pod(name, seconds=600)
    pod["metadata"]["labels"] = {"telemetry-policy": "careful"}
    if strict:
        pod["spec"]["containers"][0]["resources"]["limits"] = {"telemetry/scheduling": "1"}
    return pod


def set_loads(stack: Stack, *loads: float) -> None:
    for node, load in zip(NODES, loads, strict=True):
        stack.plane.kubectl("annotate", "node", node, "--overwrite", f"sim.heterosched.io/host-load={load}")


def poke(space: Space, pod: str) -> None:
    """A pod that an extender turned down is tried again when it changes."""
    space.plane.kubectl("annotate", "pod", pod, f"--namespace={space.name}", "--overwrite", f"poked={time.time()}")


def report(stack: Stack, space: Space) -> dict[str, Json]:
    """Strategies of the space's policy by name; empty before the extender has heard of it."""
    with _open(f"{stack.decisions_url}/v1/tas", timeout=10) as answer:
        policies = json.loads(answer.read())["policies"]
    return {
        found["strategy"]: found
        for policy in policies
        if policy["namespace"] == space.name
        for found in policy["strategies"]
    }


def until_busy(stack: Stack, space: Space, *nodes: str, strategy: str = "dontschedule") -> None:
    """Until the extender has heard of the policy, and of the loads."""

    def seen() -> bool:
        found = report(stack, space).get(strategy)
        return found is not None and not found["unknown"] and set(found["examples"]) == set(nodes)

    assert wait_until(seen, 60.0, 0.5), report(stack, space)


@pytest.fixture(autouse=True)
def alone(space: Space) -> Iterator[None]:
    """No pod of one test may take anything from the next."""
    yield
    space.plane.kubectl("delete", "pods", "--all", f"--namespace={space.name}", "--force")


@pytest.fixture
def crd(stack: Stack) -> None:
    """What an installation of Telemetry Aware Scheduling leaves behind."""
    stack.plane.kubectl("apply", f"--filename={CRD}")
    stack.plane.kubectl("wait", "--for=condition=Established", f"--filename={CRD}", "--timeout=30s")


def test_without_the_crd_the_label_is_told_and_stands_in_nobodys_way(stack: Stack, space: Space) -> None:
    space.apply(a_tas_pod("plain"), a_tas_pod("strict", strict=True))
    space.until_bound("plain", "strict")
    decision = stack.decision(space.name, "strict")
    assert decision is not None
    assert any("there is no such TASPolicy in the cluster" in remark for remark in decision["remarks"])


@pytest.mark.usefixtures("crd")
def test_dontschedule_keeps_a_pod_waiting_until_a_node_calms_down(stack: Stack, space: Space) -> None:
    set_loads(stack, 48, 48, 48)
    space.apply(a_tas_policy(dontschedule={"rules": [BUSY]}))
    until_busy(stack, space, *NODES)
    space.apply(a_tas_pod("careful", strict=True), a_pod("careless", seconds=600))
    space.until_bound("careless")
    assert not wait_until(lambda: "careful" in space.places(), A_WHILE_S, 0.3)
    decision = stack.decision(space.name, "careful")
    assert decision is not None
    (rejection,) = decision["rejected"]
    assert rejection["reason"] == f"TASPolicy {space.name}/careful says dontschedule: load1 GreaterThan 20"
    set_loads(stack, 48, 2, 48)
    until_busy(stack, space, "cpu-0", "cpu-2")
    assert space.until_bound("careful", seconds=90.0) == {"careful": "cpu-1"}  # the operator wakes it


@pytest.mark.usefixtures("crd")
def test_while_the_extender_is_dead_a_pod_that_asks_for_the_resource_waits(stack: Stack, space: Space) -> None:
    set_loads(stack, 48, 48, 2)
    space.apply(a_tas_policy(dontschedule={"rules": [BUSY]}))
    until_busy(stack, space, "cpu-0", "cpu-1")
    stack.extender.stop()
    space.apply(a_tas_pod("must", strict=True), a_pod("may", seconds=600))
    space.until_bound("may")
    assert "must" not in space.places()
    stack.recover()

    def bound() -> bool:
        poke(space, "must")
        return "must" in space.places()

    assert wait_until(bound, 60.0, 1.0)
    assert space.places()["must"] == "cpu-2"


@pytest.mark.usefixtures("crd")
def test_scheduleonmetric_prefers_the_first_of_its_order(stack: Stack, space: Space) -> None:
    space.apply(
        a_tas_policy(
            scheduleonmetric={"rules": [{"metricname": "load1", "operator": "GreaterThan"}]},
            dontschedule={"rules": [{**BUSY, "target": 40}]},
        )
    )

    def of_metric(pod: str, node: str) -> dict[str, Any]:
        decision = stack.decision(space.name, pod, node)
        assert decision is not None
        (metric,) = [term for term in decision["asked"]["terms"] if term["term"] == "metric"]
        return dict(metric)

    for number, loads in enumerate(((48, 3, 9), (48, 9, 3))):
        set_loads(stack, *loads)
        until_busy(stack, space, "cpu-0")
        best = NODES[loads.index(9)]
        pod = f"ordered-{number}"

        def chosen(pod: str = pod, best: str = best) -> bool:
            space.apply(a_tas_pod(pod))
            node = space.until_bound(pod)[pod]
            if (node, of_metric(pod, best)["inputs"]) == (best, {"value": 9.0}):
                return True
            # A scrape or a collection may be under way.
            space.plane.kubectl("delete", "pod", pod, f"--namespace={space.name}", "--force")
            return False

        assert wait_until(chosen, 60.0, 1.0)
        metric = of_metric(pod, best)
        assert metric["value"] == 1.0
        assert metric["ageSeconds"] < 60
        assert f"TASPolicy {space.name}/careful prefers high load1" in metric["origin"]


@pytest.mark.usefixtures("crd")
def test_deschedule_and_labeling_are_reported_and_nothing_is_written(stack: Stack, space: Space) -> None:
    set_loads(stack, 48, 2, 2)
    labelling = {**BUSY, "labels": ["busy=true"]}
    space.apply(a_tas_policy(deschedule={"rules": [BUSY]}, labeling={"rules": [labelling]}))
    until_busy(stack, space, "cpu-0", strategy="deschedule")
    found = report(stack, space)
    assert found["deschedule"]["examples"] == {"cpu-0": "load1 GreaterThan 20"}
    assert found["deschedule"]["labels"] == {"cpu-0": ["careful=violating"]}
    assert found["labeling"]["labels"] == {"cpu-0": ["telemetry.aware.scheduling.careful/busy=true"]}
    labels = json.loads(stack.plane.kubectl("get", "node", "cpu-0", "--output=json"))["metadata"]["labels"]
    assert not {"careful", "telemetry.aware.scheduling.careful/busy"} & labels.keys()
    series = f'namespace="{space.name}",policy="careful",strategy="deschedule"'
    assert stack.metric(f"heterosched_extender_tas_violating_nodes{{{series}}}") == 1.0
