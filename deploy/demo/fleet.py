"""The demo's fleet: sixty nodes shaped after rows of the openb trace, as manifests for kwok's fake nodes.

The trace anonymises two models; as in the published power model G3 stands for an A100, and G2 for a GPU of the A10/A40
generation: A40 here, because measured training figures exist for it.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from heterosched.model import DEVICE_TYPES


class Model(NamedTuple):
    """How a GPU model of the trace appears on a node."""

    device: str
    product: str


MODELS = {
    "T4": Model("nvidia-t4", "Tesla-T4"),
    "P100": Model("nvidia-p100", "Tesla-P100-PCIE-16GB"),
    "V100M16": Model("nvidia-v100", "Tesla-V100-SXM2-16GB"),
    "V100M32": Model("nvidia-v100", "Tesla-V100-SXM2-32GB"),
    "G2": Model("nvidia-a40", "NVIDIA-A40"),
    "G3": Model("nvidia-a100", "NVIDIA-A100-SXM4-40GB"),
}


BUSY_NODES = 9

HOT_NODE = "a40-0"
HOT_CELSIUS = 93
"""An idle node of the fastest kind whose cooling has failed: were it cool, the job that wants speed would go there."""


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of an openb node list; lines that start with # are comments."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def short_name(device: str) -> str:
    """`nvidia-v100` -> `v100`: the prefix of the node names of this device."""
    return device.removeprefix("nvidia-")


def build_nodes(rows: Iterable[dict[str, str]]) -> list[dict[str, Any]]:
    """One Node manifest per row, named `<device>-<n>`."""
    counts: Counter[str] = Counter()
    nodes = []
    for row in rows:
        model = MODELS[row["model"]]
        short = short_name(model.device)
        nodes.append(build_node(f"{short}-{counts[short]}", model, row))
        counts[short] += 1
    return nodes


def build_node(name: str, model: Model, row: dict[str, str]) -> dict[str, Any]:
    """A fake node with the row's CPUs, memory and GPUs, labelled as NVIDIA's GPU feature discovery would."""
    gpus = row["gpu"]
    memory_mib = int(DEVICE_TYPES[model.device].memory_bytes / 2**20)
    resources = {
        "cpu": f"{row['cpu_milli']}m",
        "memory": f"{row['memory_mib']}Mi",
        "pods": "110",
        "nvidia.com/gpu": gpus,
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/os": "linux",
                "type": "kwok",
                "nvidia.com/gpu.product": model.product,
                "nvidia.com/gpu.present": "true",
                "nvidia.com/gpu.count": gpus,
                "nvidia.com/gpu.memory": str(memory_mib),
            },
            "annotations": {
                "kwok.x-k8s.io/node": "fake",
                "sim.heterosched.io/idle-watts": f"{DEVICE_TYPES[model.device].idle_watts * int(gpus):g}",
            },
        },
        "spec": {},
        "status": {"capacity": resources, "allocatable": resources},
    }


def overheat(nodes: list[dict[str, Any]], name: str, celsius: int) -> None:
    """Let the exporter of the node `name` say that its hottest GPU is at `celsius`."""
    (node,) = [node for node in nodes if node["metadata"]["name"] == name]
    node["metadata"]["annotations"]["sim.heterosched.io/gpu-temp"] = str(celsius)


def build_busy_pods(nodes: list[dict[str, Any]], namespace: str) -> list[dict[str, Any]]:
    """Pods of the default scheduler that hold all GPUs of every few nodes: others use this cluster too."""
    chosen = nodes[:: len(nodes) // BUSY_NODES][:BUSY_NODES]
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"busy-{index}", "namespace": namespace},
            "spec": {
                "nodeSelector": {"kubernetes.io/hostname": node["metadata"]["name"]},
                "containers": [
                    {
                        "name": "main",
                        "image": "example.com/busy:1",
                        "resources": {
                            "requests": {"cpu": "4"},
                            "limits": {"nvidia.com/gpu": node["status"]["capacity"]["nvidia.com/gpu"]},
                        },
                    }
                ],
            },
        }
        for index, node in enumerate(chosen)
    ]
