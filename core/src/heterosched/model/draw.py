"""What a node draws now: measured where that is fresh, else by the device's curve at its load, else by the table.

Each part (GPUs, CPU sockets) says which of the three it is. The table's figure is a bound from above: a device that is
held counts as busy, because nothing says that it is not. A node that is not measured at all is never taken as idle.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from heterosched.model.cluster import Cluster, Demand, Node
from heterosched.model.devices import (
    CORES_PER_SOCKET,
    SOCKET_BUSY_WATTS,
    SOCKET_IDLE_WATTS,
    DeviceTable,
    socket_watts,
)
from heterosched.model.power import PowerModel
from heterosched.model.telemetry import GPU_UTILISATION, GPU_WATTS, HOST_CPU, HOST_WATTS, Telemetry

DrawOrigin = Literal["measured", "curve", "table"]
ORIGINS: Final[tuple[DrawOrigin, ...]] = ("measured", "curve", "table")

_SOCKET: Final = PowerModel(SOCKET_IDLE_WATTS, SOCKET_BUSY_WATTS)


@dataclass(frozen=True, slots=True)
class Draw:
    """Watts of a node's GPUs or of its CPU sockets, and where the figure comes from."""

    watts: float
    origin: DrawOrigin


def gpu_draw(
    node: Node, devices: DeviceTable, held: float, measured: float = math.nan, utilisation: float = math.nan
) -> Draw | None:
    """Power of a node's GPUs of which `held` are; NaN stands for what is not known or not fresh (watts; 0..1).

    None where the node has none, or its device is neither measured nor in the table.
    """
    gpus = node.allocatable.gpus / node.shares
    known = devices.whole(node.device)
    if gpus <= 0:
        return None
    if not math.isnan(measured):
        return Draw(measured, "measured")
    if known is None:
        return None
    if not math.isnan(utilisation):
        return Draw(gpus * known.power.watts(utilisation), "curve")
    busy = min(gpus, held / node.shares)
    return Draw(busy * known.busy_watts + (gpus - busy) * known.idle_watts, "table")


def host_draw(node: Node, held: float, measured: float = math.nan, utilisation: float = math.nan) -> Draw:
    """Power of a node's CPU sockets of whose cores `held` are; as `gpu_draw`."""
    if not math.isnan(measured):
        return Draw(measured, "measured")
    cores = node.allocatable.cpu
    if not math.isnan(utilisation):
        return Draw(max(1, math.ceil(cores / CORES_PER_SOCKET)) * _SOCKET.watts(utilisation), "curve")
    return Draw(socket_watts(cores, held), "table")


def drawn_by_origin(
    cluster: Cluster, held: Mapping[str, Demand], readings: Telemetry, now: float, max_age: float
) -> dict[DrawOrigin, float]:
    """Watts of all nodes by where the figures come from. `held`: what pods hold of each; `max_age` in seconds."""
    names = tuple(node.name for node in cluster.nodes)
    metrics = (GPU_WATTS, GPU_UTILISATION, HOST_WATTS, HOST_CPU)
    fresh = [readings.aligned(metric, names, now, max_age)[0].tolist() for metric in metrics]
    found: dict[DrawOrigin, float] = dict.fromkeys(ORIGINS, 0.0)
    for node, gpu_watts, gpu_load, host_watts, host_load in zip(cluster.nodes, *fresh, strict=True):
        own = held.get(node.name, Demand())
        gpus = gpu_draw(node, cluster.devices, own.gpus, gpu_watts, gpu_load)
        for part in (gpus, host_draw(node, own.cpu, host_watts, host_load)):
            if part is not None:
                found[part.origin] += part.watts
    return found
