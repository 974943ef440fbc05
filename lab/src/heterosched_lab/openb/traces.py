"""The openb data: Alibaba's GPU cluster of 2023 (nodes and pods) and the published results of Weng et al.

hkust-adsl/kubernetes-scheduler-simulator, Apache-2.0. What G2 and G3 are is not told; the power model of Lettich et al.
(CCGrid 2025) counts them as A10 and A100, and so do we.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from heterosched.algorithms.packing.fleet import MILLI, Ask, Fleet, Floats, Ints
from heterosched.algorithms.packing.watts import WattTable
from heterosched.errors import InvalidInput
from heterosched.model.devices import DEVICE_TYPES
from heterosched.model.power import PowerModel
from heterosched_lab.readers.openb import MIB, read_nodes, read_pods

FOLDER: Final = "openb"
NODES: Final = "openb_node_list_gpu_node.csv"
PUBLISHED: Final = "published_allocation_ratio.csv"
TRACES: Final = ("default", "gpuspec10", "multigpu20", "gpushare40")

DEVICES: Final[Mapping[str, str]] = {
    "T4": "nvidia-t4",
    "A10": "nvidia-a10",
    "G2": "nvidia-a10",
    "P100": "nvidia-p100",
    "V100M16": "nvidia-v100",
    "V100M32": "nvidia-v100",
    "G3": "nvidia-a100",
}
"""Device type of the table in `heterosched.model.devices` by openb's model."""

CURVE: Final = ((0.1, 127.0), (0.5, 301.0))
CURVE_ENDS: Final = (46.0, 407.0)
"""Measured watts of an A100 by utilisation (Teads' EC2 data set, eight GPUs divided by eight): idle and full."""

PEERS: Final[Mapping[str, str]] = {
    "random": "01-Random",
    "dot_product": "02-DotProd",
    "gpu_clustering": "03-GpuClustering",
    "gpu_packing": "04-GpuPacking",
    "best_fit": "05-BestFit",
    "fgd": "06-FGD",
}
"""Names in the published file by ours."""


@dataclass(frozen=True, eq=False)
class Machines:
    """The nodes as listed; `fleet` makes an idle fleet of them in a given order."""

    model: tuple[str, ...]
    cores: Ints
    memory: Ints
    gpus: Ints

    @property
    def milli(self) -> int:
        """Thousandths of GPUs of all nodes."""
        return int(self.gpus.sum()) * MILLI

    def fleet(self, order: Ints) -> Fleet:
        """All nodes idle, in this order."""
        names = [self.model[node] for node in order]
        return Fleet.idle(tuple(DEVICES), names, self.cores[order], self.memory[order], self.gpus[order])


@dataclass(frozen=True, eq=False)
class Trace:
    """A pod list: the distinct asks, and for each pod the number of its ask."""

    name: str
    asks: tuple[Ask, ...]
    pods: Ints

    def milli(self) -> Ints:
        """Thousandths of GPUs that each ask wants in all."""
        return np.array([ask.gpus * ask.milli for ask in self.asks], dtype=np.int64)


def machines(data: Path) -> Machines:
    """The nodes. Raises InvalidInput with file and line."""
    nodes = read_nodes(data / FOLDER / NODES).rows
    for node in nodes:
        if node.model not in DEVICES:
            raise InvalidInput(f"{NODES}: {node.name}", "model", f"unknown GPU {node.model!r}", "name a model of openb")
    cores, gpus = ([getattr(node, name) for node in nodes] for name in ("cpu_milli", "gpus"))
    memory = [int(node.memory // MIB) for node in nodes]
    return Machines(tuple(node.model for node in nodes), np.array(cores), np.array(memory), np.array(gpus))


def trace(data: Path, name: str) -> Trace:
    """A pod list by its short name. Raises InvalidInput with file and line."""
    pods = read_pods(data / FOLDER / f"openb_pod_list_{name}.csv").rows
    found = [
        Ask(
            pod.cpu_milli,
            pod.gpu_milli,
            pod.gpus,
            tuple(sorted(pod.models)) if pod.gpus else (),
            int(pod.memory // MIB),
        )
        for pod in pods
    ]
    asks = tuple(sorted(set(found)))
    number = {ask: place for place, ask in enumerate(asks)}
    return Trace(name, asks, np.array([number[ask] for ask in found], dtype=np.int64))


def published(data: Path, name: str) -> dict[str, Floats]:
    """Published allocation in percent by policy (our names): seeds x demand of 0..130 %."""
    workload, ours = f"openb_pod_list_{name}", {theirs: own for own, theirs in PEERS.items()}
    found: dict[str, list[list[float]]] = {}
    with (data / FOLDER / PUBLISHED).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["workload"] == workload and row["sc_policy"] in ours:
                values = [float(row[str(demand)]) for demand in range(131)]
                found.setdefault(ours[row["sc_policy"]], []).append(values)
    return {policy: np.array(rows) for policy, rows in found.items()}


def power_models() -> list[PowerModel]:
    """Idle and board power of each model of `DEVICES`: those of PWR, which are also in the product's device table."""
    return [DEVICE_TYPES[device].power for device in DEVICES.values()]


def step_watts() -> WattTable:
    """PWR's model: a GPU draws its board power as soon as anything uses it."""
    return WattTable.of(power_models())
