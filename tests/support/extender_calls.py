"""Builders for tests of the extender: manifests of nodes and pods, worlds and snapshots of them, and calls.

``a_snapshot(t4=2, v100=1)`` has the nodes t4-0, t4-1, v100-0; ``a_pod_manifest("p", plan=PlanNote(...))`` is a pod of
ours as the scheduler sends it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from heterosched.api import PlanNote, encode_note
from heterosched.constants import ANNOTATION_PLAN, LABEL_COMPLETION_INDEX
from heterosched.kube.objects import NodeObject, PodObject
from heterosched.model import Telemetry
from heterosched_extender.snapshot import Snapshot
from heterosched_extender.world import World

NOW = 1_700_000_000.0
"""The time at which the snapshots of tests are taken, epoch seconds."""

PRODUCTS = {"t4": "Tesla-T4", "v100": "Tesla-V100-SXM2-16GB", "k80": "Tesla-K80", "p100": "Tesla-P100-PCIE-16GB"}


def a_node(name: str, *, gpus: int = 4, cores: int = 32, **metadata: Any) -> dict[str, Any]:
    """A v1 Node; its device type follows from the part of its name before the last dash, ``cpu-...`` has none."""
    product = PRODUCTS.get(name.rpartition("-")[0])
    labels = {"kubernetes.io/hostname": name, **({} if product is None else {"nvidia.com/gpu.product": product})}
    allocatable = {"cpu": str(cores), "memory": "128Gi", **({} if product is None else {"nvidia.com/gpu": str(gpus)})}
    return {
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, **metadata},
        "status": {"allocatable": allocatable, "conditions": [{"type": "Ready", "status": "True"}]},
    }


def a_pod_manifest(
    name: str,
    *,
    node: str = "",
    gpus: int = 1,
    cores: str = "2",
    plan: PlanNote | None = None,
    index: int | None = None,
    scheduler: str = "heterosched",
    phase: str = "Pending",
    annotations: Mapping[str, str] | None = None,
    **metadata: Any,
) -> dict[str, Any]:
    """A v1 Pod with one container; ``uid-NAME`` is its UID."""
    noted = {} if plan is None else {ANNOTATION_PLAN: encode_note(plan)}
    labels = {} if index is None else {LABEL_COMPLETION_INDEX: str(index)}
    limits = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-{name}",
            "labels": labels,
            "annotations": {**noted, **(annotations or {})},
            **metadata,
        },
        "spec": {
            "schedulerName": scheduler,
            **({"nodeName": node} if node else {}),
            "containers": [{"name": "main", "resources": {"requests": {"cpu": cores}, "limits": limits}}],
        },
        "status": {"phase": phase},
    }


def node_object(manifest: Mapping[str, Any]) -> NodeObject:
    """The manifest as the watch delivers it."""
    return msgspec.json.decode(json.dumps(manifest), type=NodeObject)


def pod_object(manifest: Mapping[str, Any]) -> PodObject:
    """The manifest as the watch delivers it."""
    return msgspec.json.decode(json.dumps(manifest), type=PodObject)


def a_world(*names: str, pods: tuple[Mapping[str, Any], ...] = (), telemetry: Telemetry | None = None) -> World:
    """A world of nodes by name, with bound pods and telemetry."""
    world = World()
    for name in names:
        world.put_node(node_object(a_node(name)))
    for pod in pods:
        world.put_pod(pod_object(pod))
    if telemetry is not None:
        world.set_telemetry(telemetry)
    return world


def a_snapshot(telemetry: Telemetry | None = None, pods: tuple[Mapping[str, Any], ...] = (), **counts: int) -> Snapshot:
    """A snapshot with so many nodes of each kind, numbered from 0: ``a_snapshot(t4=2, cpu=1)``."""
    names = [f"{kind}-{number}" for kind, count in counts.items() for number in range(count)]
    return a_world(*names, pods=pods, telemetry=telemetry).snapshot(NOW)


def telemetry_of(sampled: float = NOW, /, **metrics: Mapping[str, float]) -> Telemetry:
    """Telemetry by metric and node, all sampled at the same time: ``telemetry_of(gpu_temperature={"t4-0": 91})``."""
    nodes = tuple(sorted({name for values in metrics.values() for name in values}))
    values = {
        metric: np.array([figures.get(name, np.nan) for name in nodes], dtype=np.float64)
        for metric, figures in metrics.items()
    }
    times = {metric: np.full(len(nodes), sampled) for metric in metrics}
    return Telemetry(nodes, values, times, collected_at=sampled)


def a_call(pod: Mapping[str, Any] | None, names: list[str] | None, nodes: list[dict[str, Any]] | None = None) -> bytes:
    """A call's body in the very form in which kube-scheduler sends it: capitalised, without blanks, in this order."""
    listed = None if nodes is None else {"metadata": {}, "items": nodes}
    return json.dumps({"Pod": pod, "Nodes": listed, "NodeNames": names}, separators=(",", ":")).encode()
