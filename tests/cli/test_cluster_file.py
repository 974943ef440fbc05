"""A cluster file gives the nodes that it describes, or an error that names the fault; nothing is left out silently."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from heterosched.api import PlanNote, encode_note
from heterosched.constants import ANNOTATION_PLAN
from heterosched.errors import InvalidInput
from heterosched.model import Cluster, Demand
from heterosched_cli.cluster_file import read_cluster

NOW = 1_800_000_000.0


def cluster_of(tmp_path: Path, content: Any) -> Cluster:
    path = tmp_path / "nodes.yaml"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return read_cluster(path, NOW)


def a_node(name: str = "t4-0", **status: Any) -> dict[str, Any]:
    allocatable = {"cpu": "16", "memory": "64Gi", "nvidia.com/gpu": "2"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"nvidia.com/gpu.product": "Tesla-T4"}},
        "status": {"allocatable": allocatable, "conditions": [{"type": "Ready", "status": "True"}], **status},
    }


def a_pod(name: str, node: str, **fields: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "x", "resources": {"requests": {"cpu": "2"}, "limits": {"nvidia.com/gpu": 1}}}
    spec = {"nodeName": node, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "team"}, "spec": spec, **fields}


def test_nodes_as_kubectl_writes_them(tmp_path: Path) -> None:
    cordoned = {**a_node("t4-1"), "spec": {"unschedulable": True, "taints": [{"key": "k", "effect": "NoSchedule"}]}}
    cluster = cluster_of(tmp_path, {"apiVersion": "v1", "kind": "List", "items": [a_node(), cordoned]})
    first, second = cluster.nodes
    assert (first.name, first.device, first.ready) == ("t4-0", "nvidia-t4", True)
    assert first.allocatable == Demand(16.0, 64 * 2.0**30, 2.0)
    assert not second.ready
    assert second.taints[0].key == "k"


def test_a_node_by_hand_may_have_numbers_and_no_conditions(tmp_path: Path) -> None:
    text = "kind: Node\nmetadata: {name: big}\nstatus: {capacity: {cpu: 8, memory: 16Gi}}\n"
    (node,) = cluster_of(tmp_path, text).nodes
    assert (node.device, node.ready, node.allocatable.cpu) == ("cpu", True, 8.0)


def test_bound_pods_hold_their_resources(tmp_path: Path) -> None:
    done = a_pod("done", "t4-0", status={"phase": "Succeeded"})
    pods = [a_pod("busy", "t4-0"), done, a_pod("waiting", ""), a_pod("elsewhere", "other")]
    (reservation,) = cluster_of(tmp_path, {"kind": "List", "items": [a_node(), *pods]}).reservations
    assert (reservation.node, reservation.start, reservation.finish) == ("t4-0", NOW, math.inf)
    assert (reservation.demand.cpu, reservation.demand.gpus) == (2.0, 1.0)


def test_a_pod_of_ours_ends_when_its_plan_says(tmp_path: Path) -> None:
    pod = a_pod("ours", "t4-0", status={"phase": "Running", "startTime": "2027-01-15T07:59:00Z"})
    note = encode_note(PlanNote(job="j", task="t", device="nvidia-t4", nodes=("t4-0",), seconds={"nvidia-t4": 90.0}))
    pod["metadata"]["annotations"] = {ANNOTATION_PLAN: note}
    (reservation,) = cluster_of(tmp_path, {"kind": "List", "items": [a_node(), pod]}).reservations
    assert reservation.finish == NOW + 30.0


def test_a_topology_gives_its_node_numa_zones(tmp_path: Path) -> None:
    gpus = {"name": "nvidia.com/gpu", "capacity": 2, "allocatable": 2, "available": 0}
    zone = {"name": "node-0", "type": "Node", "resources": [gpus]}
    topology = {"kind": "NodeResourceTopology", "metadata": {"name": "t4-0"}, "zones": [zone]}
    known = cluster_of(tmp_path, {"kind": "List", "items": [a_node(), a_node("t4-1"), topology]}).topologies
    assert {node: own.zones[0].size for node, own in known.items()} == {"t4-0": {"nvidia.com/gpu": 2.0}}


def test_the_short_form_counts_nodes_out(tmp_path: Path) -> None:
    text = """
        nodes:
        - {name: v100, count: 2, device: nvidia-v100, gpus: 4, cpu: 32, memory: 128Gi, labels: {zone: a}}
        - {name: cpu, cpu: "64", memory: 256Gi}
        link: {bytesPerSecond: 10M, latencySeconds: 1m}
    """
    cluster = cluster_of(tmp_path, text)
    assert [node.name for node in cluster.nodes] == ["v100-0", "v100-1", "cpu-0"]
    assert cluster.nodes[0].allocatable == Demand(32.0, 128 * 2.0**30, 4.0)
    assert cluster.nodes[0].labels == {"zone": "a"}
    assert cluster.nodes[2].device == "cpu"
    assert (cluster.link.bytes_per_second, cluster.link.latency_seconds) == (1e7, 0.001)


def test_the_example_is_readable(examples: Path) -> None:
    assert {node.device for node in read_cluster(examples / "clusters/small.yaml", NOW).nodes} == {
        "cpu",
        "nvidia-t4",
        "nvidia-v100",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nodes: [{name: a, cpu: 1}]", "missing required field `memory`"),
        ("nodes: [{name: a, cpu: 1, memory: 1Gi, gpu: 2}]", "unknown field `gpu`"),
        ("nodes: [{name: a, cpu: many, memory: 1Gi}]", r"nodes\[a\]\.cpu: 'many' is no quantity"),
        ("nodes: [{name: a, cpu: 1, memory: 1Gi, gpus: 2}]", r"nodes\[a\]\.gpus: 2 on device 'cpu'"),
        ("nodes: [{name: a, cpu: 1, memory: 1Gi, count: 0}]", r"nodes\[a\]\.count: is 0"),
        (
            "nodes: [{name: a, cpu: 1, memory: 1}, {name: a, cpu: 1, memory: 1}]",
            r"nodes\[a-0\]: the name stands 2 times",
        ),
        ("nodes: [{name: a, cpu: 1, memory: 1}]\n---\nkind: Node\n", "the short form stands alone"),
        (
            "link: {bytesPerSecond: 0}\nnodes: [{name: a, cpu: 1, memory: 1}]",
            "link.bytesPerSecond: 0 is not above zero",
        ),
        ({"kind": "NodeList", "items": [a_node(), a_node()]}, r"nodes\[t4-0\]: the name stands 2 times"),
        ({"kind": "NodeList", "items": [{"metadata": {"name": "a"}}]}, "status.allocatable: is not there"),
        ({"kind": "NodeList", "items": []}, "there is no object in it"),
        ({"kind": "List", "items": [a_pod("p", "t4-0")]}, "there is no node in it"),
        ({"kind": "Deployment"}, "an object Deployment is no part of a cluster"),
        (
            a_node("t4-0", allocatable={"cpu": "lots", "memory": "1Gi"}),
            r"status\.allocatable\.cpu: 'lots' is no quantity",
        ),
        ({**a_node(), "metadata": {}}, "metadata.name: is not there"),
        ({**a_node(), "metadata": {"name": 3}}, r"metadata\.name: Expected `str`"),
    ],
)
def test_a_bad_cluster_file_is_named_with_its_fault(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        cluster_of(tmp_path, content)
    assert "nodes.yaml" in caught.value.object
