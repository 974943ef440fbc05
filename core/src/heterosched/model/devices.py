"""Device types: what the planner and the score terms know of a device before anything is measured.

Power figures are board power (TDP) and idle draw as published with the openb fleet's power model (T4 10/70, A10 30/150,
P100 25/250, V100 30/300, A100 50/400 W; a CPU socket of 16 cores 15/120 W) and the makers' data sheets for the others.
`relative_speed` is peak FP32 throughput against a V100 (15.7 TFLOPS), from the data sheets; it is used only where
neither a runtime nor a profile is given for a device, and is then marked `estimated`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from heterosched.constants import LABEL_GPU_PRODUCT, RESOURCE_NVIDIA_GPU
from heterosched.model.power import PowerModel

CPU = "cpu"
"""Device type of a task that uses no accelerator; every node offers it."""

CORES_PER_SOCKET = 16
SOCKET_IDLE_WATTS = 15.0
SOCKET_BUSY_WATTS = 120.0


@dataclass(frozen=True, slots=True)
class DeviceType:
    """A kind of accelerator. `power`: of one device; `products` match the GFD product label, case-insensitively."""

    name: str
    products: tuple[str, ...]
    power: PowerModel
    memory_bytes: float
    relative_speed: float
    resource: str = RESOURCE_NVIDIA_GPU

    @property
    def idle_watts(self) -> float:
        """Watts of one device that is on and runs nothing."""
        return self.power.watts(0.0)

    @property
    def busy_watts(self) -> float:
        """Watts of one device under full load."""
        return self.power.watts()


_GIB = 2.0**30

_KNOWN = (
    DeviceType("nvidia-k80", (r"tesla-k80",), PowerModel(25.0, 150.0), 12 * _GIB, 0.28),
    DeviceType("nvidia-p4", (r"tesla-p4",), PowerModel(10.0, 75.0), 8 * _GIB, 0.35),
    DeviceType("nvidia-p100", (r"tesla-p100.*", r"p100"), PowerModel(25.0, 250.0), 16 * _GIB, 0.59),
    DeviceType("nvidia-t4", (r"tesla-t4", r"nvidia-t4", r"t4"), PowerModel(10.0, 70.0), 16 * _GIB, 0.52),
    DeviceType(
        "nvidia-v100", (r"tesla-v100.*", r"nvidia-v100.*", r"v100m(16|32)"), PowerModel(30.0, 300.0), 16 * _GIB, 1.0
    ),
    DeviceType("nvidia-a10", (r"nvidia-a10g?",), PowerModel(30.0, 150.0), 24 * _GIB, 1.99),
    DeviceType("nvidia-a40", (r"nvidia-a40",), PowerModel(30.0, 300.0), 48 * _GIB, 2.38),
    DeviceType("nvidia-rtx6000", (r"quadro-rtx-6000",), PowerModel(20.0, 260.0), 24 * _GIB, 1.04),
    DeviceType("nvidia-l4", (r"nvidia-l4",), PowerModel(12.0, 72.0), 24 * _GIB, 1.93),
    DeviceType("nvidia-a100", (r"nvidia-a100.*", r"a100.*"), PowerModel(50.0, 400.0), 40 * _GIB, 1.24),
    DeviceType("nvidia-h100", (r"nvidia-h100.*",), PowerModel(70.0, 700.0), 80 * _GIB, 4.27),
    DeviceType("nvidia-h200", (r"nvidia-h200.*",), PowerModel(75.0, 700.0), 141 * _GIB, 4.27),
)

_SLICE = re.compile(r"-shared$|-mig-")

DEVICE_TYPES: Mapping[str, DeviceType] = {device.name: device for device in _KNOWN}


def device_of_product(product: str) -> str:
    """Device type name of a GFD product label; an unknown product keeps its own name, lower-cased.

    A `-SHARED` or `-MIG-...` suffix is part of the product: a slice of a device is not the device.
    """
    lowered = product.strip().lower()
    if _SLICE.search(lowered):
        return lowered
    for device in _KNOWN:
        if any(re.fullmatch(pattern, lowered) for pattern in device.products):
            return device.name
    return lowered


def device_of_node(labels: Mapping[str, str], gpus: float) -> str:
    """Device type that a node offers besides its CPU: by its product label; `cpu` where it has no GPU."""
    if gpus <= 0:
        return CPU
    product = labels.get(LABEL_GPU_PRODUCT, "")
    return device_of_product(product) if product else "unknown-gpu"


def socket_watts(cores: float, busy_cores: float) -> float:
    """Watts of a node's CPUs: 16-core sockets, 120 W each with any busy core, else 15 W (openb power model)."""
    sockets = max(1, -(-int(cores) // CORES_PER_SOCKET))
    busy = min(sockets, -(-busy_cores // CORES_PER_SOCKET))
    return busy * SOCKET_BUSY_WATTS + (sockets - busy) * SOCKET_IDLE_WATTS


def idle_watts(device: str, cores: float, gpus: float) -> float:
    """Watts of a node that is on and runs nothing: its CPU sockets and devices; an unknown device counts nothing."""
    known = DEVICE_TYPES.get(device)
    return socket_watts(cores, 0.0) + (gpus * known.idle_watts if known is not None else 0.0)
