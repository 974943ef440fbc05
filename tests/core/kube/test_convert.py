"""Nodes and demands come out as the scheduler itself would count them, and a quantity gone wrong harms only itself."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.kube.convert import Problems, addresses_of, cores_of, demand_of, held_by_node, run_span, to_node
from heterosched.kube.objects import NodeObject, PodObject
from heterosched.model import Demand, Taint


def node_of(**fields: Any) -> NodeObject:
    return msgspec.convert({"metadata": {"name": "v100-0"}, **fields}, NodeObject)


def pod_of(spec: dict[str, Any], status: dict[str, Any] | None = None) -> PodObject:
    metadata = {"name": "p", "namespace": "default"}
    return msgspec.convert({"metadata": metadata, "spec": spec, "status": status or {}}, PodObject)


def container(cpu: str | None = None, gpus: int | None = None, **more: Any) -> dict[str, Any]:
    requests = {"cpu": cpu} if cpu else {}
    limits = {"nvidia.com/gpu": gpus} if gpus else {}
    return {"name": "c", "resources": {"requests": requests, "limits": limits}, **more}


READY = [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}]


def test_a_gpu_node_has_its_device_resources_and_taints() -> None:
    node = to_node(
        msgspec.convert(
            {
                "metadata": {"name": "v100-0", "labels": {"nvidia.com/gpu.product": "Tesla-V100-SXM2-32GB"}},
                "spec": {"taints": [{"key": "dedicated", "value": "ml", "effect": "NoSchedule"}]},
                "status": {
                    "allocatable": {"cpu": "95500m", "memory": "384Gi", "nvidia.com/gpu": "8", "pods": "110"},
                    "conditions": READY,
                },
            },
            NodeObject,
        )
    )
    assert (node.name, node.device, node.ready) == ("v100-0", "nvidia-v100", True)
    assert node.allocatable == Demand(95.5, 384 * 2.0**30, 8.0)
    assert node.taints == (Taint("dedicated", "ml", "NoSchedule"),)


@pytest.mark.parametrize(
    ("spec", "conditions", "ready"),
    [
        ({}, READY, True),
        ({"unschedulable": True}, READY, False),
        ({}, [{"type": "Ready", "status": "Unknown"}], False),
        ({}, [], False),
    ],
)
def test_a_node_takes_pods_only_when_ready_and_not_cordoned(
    spec: dict[str, Any], conditions: list[dict[str, str]], ready: bool
) -> None:
    assert to_node(node_of(spec=spec, status={"conditions": conditions})).ready is ready


def test_addresses_and_cores_are_those_of_the_host() -> None:
    addresses = [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": "t4-0"}]
    node = node_of(status={"capacity": {"cpu": "16"}, "allocatable": {"cpu": "15500m"}, "addresses": addresses})
    assert addresses_of(node) == ("10.0.0.1", "t4-0")
    assert cores_of(node) == 16.0


def test_a_node_without_gpus_or_labels_offers_its_cpu() -> None:
    node = to_node(node_of(status={"allocatable": {"cpu": "4"}}))
    assert (node.device, node.allocatable.gpus) == ("cpu", 0.0)


def test_a_bad_quantity_counts_as_zero_and_its_object_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    problems = Problems()
    bad = node_of(status={"allocatable": {"cpu": "many", "memory": "-1", "nvidia.com/gpu": "4"}, "conditions": READY})
    node = to_node(bad, problems)
    to_node(bad, problems)
    assert node.allocatable == Demand(0.0, 0.0, 4.0)
    assert problems.count == 4
    assert len(caplog.records) == 1
    assert "Node v100-0" in caplog.text
    assert "'many'" in caplog.text


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        ({"containers": [container("1"), container("500m")]}, 1.5),
        ({"containers": [container("1")], "initContainers": [container("3"), container("2")]}, 3.0),
        ({"containers": [container("4")], "initContainers": [container("3")]}, 4.0),
        # A sidecar runs beside the containers, and beside the init containers that start after it.
        ({"containers": [container("1")], "initContainers": [container("2", restartPolicy="Always")]}, 3.0),
        (
            {
                "containers": [container("1")],
                "initContainers": [container("5"), container("2", restartPolicy="Always"), container("4")],
            },
            6.0,
        ),
        ({"containers": [container("1")], "overhead": {"cpu": "250m"}}, 1.25),
        ({"containers": [container("1")], "resources": {"requests": {"cpu": "7"}}}, 7.0),
        ({"containers": None}, 0.0),
    ],
)
def test_effective_requests_follow_the_schedulers_rule(spec: dict[str, Any], cpu: float) -> None:
    assert demand_of(pod_of(spec)).cpu == pytest.approx(cpu)


def test_a_missing_request_is_the_limit() -> None:
    assert demand_of(pod_of({"containers": [container("1", gpus=2)]})) == Demand(1.0, 0.0, 2.0)


cores = st.integers(min_value=0, max_value=64)


@given(st.lists(cores, min_size=1, max_size=4), st.lists(st.tuples(cores, st.booleans()), max_size=4))
def test_the_effective_request_is_the_peak_over_the_pods_life(main: list[int], init: list[tuple[int, bool]]) -> None:
    sidecars, peak = 0, 0
    for need, sidecar in init:
        peak = max(peak, sidecars + need)
        sidecars += need if sidecar else 0
    peak = max(peak, sidecars + sum(main))
    spec = {
        "containers": [container(str(need)) for need in main],
        "initContainers": [container(str(n), restartPolicy="Always" if side else None) for n, side in init],
    }
    assert demand_of(pod_of(spec)).cpu == float(peak)


def test_a_node_is_held_by_what_is_bound_and_has_not_ended() -> None:
    one = {"containers": [container("1", gpus=2)]}
    there = {**one, "nodeName": "v100-0"}
    pods = [
        pod_of(one),
        pod_of(there),
        pod_of(there),
        *(pod_of(there, {"phase": own}) for own in ("Succeeded", "Failed")),
    ]
    assert held_by_node(pods) == {"v100-0": Demand(2.0, 0.0, 4.0)}


def ended(start: str, finish: str) -> dict[str, Any]:
    state = {"terminated": {"exitCode": 0, "startedAt": start, "finishedAt": finish}}
    return {"name": "c", "state": state}


def test_the_run_span_reaches_from_the_first_start_to_the_last_finish() -> None:
    first = ended("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z")
    second = ended("2026-01-01T00:00:10Z", "2026-01-01T00:02:00Z")
    span = run_span(pod_of({}, {"containerStatuses": [first, second]}))
    assert span is not None
    assert span[1] - span[0] == 120.0


@pytest.mark.parametrize(
    "statuses",
    [
        [],
        [{"name": "c", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}],
        [ended("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"), {"name": "d", "state": {"running": {}}}],
        [ended("yesterday", "2026-01-01T00:01:00Z")],
        [{"name": "c", "state": {"terminated": {"exitCode": 137, "startedAt": None, "finishedAt": None}}}],
    ],
)
def test_there_is_no_run_span_before_all_containers_ended_at_known_times(statuses: list[dict[str, Any]]) -> None:
    assert run_span(pod_of({}, {"containerStatuses": statuses})) is None
