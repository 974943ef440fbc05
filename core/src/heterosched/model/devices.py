"""Device types: what the planner and the score terms know of a device before anything is measured.

Power figures are board power (TDP) and idle draw as published with the openb fleet's power model (T4 10/70, A10 30/150,
P100 25/250, V100 30/300, A100 50/400 W; a CPU socket of 16 cores 15/120 W) and the makers' data sheets for the others.
AMD and Intel publish no idle draw: a tenth of board power stands for it.
`relative_speed` is peak FP32 throughput against a V100 (15.7 TFLOPS), from the data sheets; it is used only where
neither a runtime nor a profile is given for a device, and is then marked `estimated`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from heterosched.constants import RESOURCE_NVIDIA_GPU
from heterosched.model.power import PowerModel

CPU = "cpu"
"""Device type of a task that uses no accelerator; every node offers it."""

CORES_PER_SOCKET = 16
SOCKET_IDLE_WATTS = 15.0
SOCKET_BUSY_WATTS = 120.0


@dataclass(frozen=True, slots=True)
class DeviceType:
    """A kind of accelerator. `power`: of one device; `products` match the product label, case-insensitively."""

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

_AMD, _INTEL = "amd.com/gpu", "gpu.intel.com/i915"

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
    DeviceType("amd-mi210", (r"(amd[-_ ]?)?(instinct[-_ ])?mi210.*",), PowerModel(30.0, 300.0), 64 * _GIB, 1.44, _AMD),
    DeviceType(
        "amd-mi250x", (r"(amd[-_ ]?)?(instinct[-_ ])?mi250x.*",), PowerModel(56.0, 560.0), 128 * _GIB, 3.05, _AMD
    ),
    DeviceType(
        "amd-mi300x", (r"(amd[-_ ]?)?(instinct[-_ ])?mi300x.*",), PowerModel(75.0, 750.0), 192 * _GIB, 10.41, _AMD
    ),
    DeviceType("intel-flex-170", (r"intel-flex[-_]170",), PowerModel(15.0, 150.0), 16 * _GIB, 1.02, _INTEL),
    DeviceType("intel-max-1100", (r"intel-max[-_]1100",), PowerModel(30.0, 300.0), 48 * _GIB, 1.41, _INTEL),
    DeviceType("intel-max-1550", (r"intel-max[-_]1550",), PowerModel(60.0, 600.0), 128 * _GIB, 3.34, _INTEL),
)

_SLICE = re.compile(r"-shared$|-mig-")


_SLICE_END = re.compile(r"-shared$|-mig-.*$")
_NO_NAME = re.compile(r"[^-._a-z0-9]+")
_LONGEST_NAME = 63


def is_device_name(text: str) -> bool:
    """Whether a device type may be called so: as the CRDs have it."""
    return len(text) <= _LONGEST_NAME and re.fullmatch(r"[a-z0-9]([-._a-z0-9]*[a-z0-9])?", text) is not None


def _name(product: str) -> str:
    """The end is what tells slices apart, so too long a name loses its beginning."""
    return _NO_NAME.sub("-", product)[-_LONGEST_NAME:].strip("-._") or "unknown-gpu"


def socket_watts(cores: float, busy_cores: float) -> float:
    """Watts of a node's CPUs: 16-core sockets, 120 W each with any busy core, else 15 W (openb power model)."""
    sockets = max(1, -(-int(cores) // CORES_PER_SOCKET))
    busy = min(sockets, -(-busy_cores // CORES_PER_SOCKET))
    return busy * SOCKET_BUSY_WATTS + (sockets - busy) * SOCKET_IDLE_WATTS


@dataclass(frozen=True)
class DeviceTable(Mapping[str, DeviceType]):
    """Device types by name. Where several match a product, the first does."""

    rows: tuple[DeviceType, ...]

    @cached_property
    def _by_name(self) -> Mapping[str, DeviceType]:
        return {row.name: row for row in self.rows}

    def __getitem__(self, name: str) -> DeviceType:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def with_rows(self, own: Iterable[DeviceType]) -> DeviceTable:
        """The table with a user's rows before its own; a row of a known name replaces that."""
        first = {row.name: row for row in own}
        return DeviceTable((*first.values(), *(row for row in self.rows if row.name not in first)))

    def of_product(self, product: str) -> str:
        """Device type name of a GFD product label; an unknown product keeps its own name, lower-cased, with dashes for
        what no device type may have in its name (jobs and their status refuse it).

        A `-SHARED` or `-MIG-...` suffix is part of the product: a slice of a device is not the device.
        """
        lowered = product.strip().lower()
        if _SLICE.search(lowered):
            return _name(lowered)
        for row in self.rows:
            if any(re.fullmatch(pattern, lowered, re.IGNORECASE) for pattern in row.products):
                return row.name
        return _name(lowered)

    def whole(self, device: str) -> DeviceType | None:
        """The row of a device, or of the one that time slices (`-shared`) are cut from; None where it is not known."""
        known = self._by_name.get(device)
        return known if known is not None else self._by_name.get(self.of_product(device.removesuffix("-shared")))

    def cut_from(self, device: str) -> DeviceType | None:
        """The row of a device or, of a slice of any kind, of what it is a part of: it draws no more than that."""
        if device not in self._wholes:
            self._wholes[device] = self._by_name.get(device) or self._by_name.get(
                self.of_product(_SLICE_END.sub("", device))
            )
        return self._wholes[device]

    @cached_property
    def _wholes(self) -> dict[str, DeviceType | None]:
        """What has been looked up: pods by the thousand ask for the same few."""
        return {}

    @cached_property
    def most_watts(self) -> float:
        """The largest power of a device under full load."""
        return max((row.busy_watts for row in self.rows), default=0.0)

    def idle_watts(self, device: str, cores: float, devices: float) -> float:
        """Watts of a node that is on and runs nothing: its CPU sockets and devices; an unknown device counts nothing.

        `devices`: whole ones, however many shares they are cut into.
        """
        known = self.whole(device)
        return socket_watts(cores, 0.0) + (devices * known.idle_watts if known is not None else 0.0)


DEVICE_TYPES: Final = DeviceTable(_KNOWN)
"""The built-in rows. A program with rows of its own hands its table to whatever looks devices up."""
