"""Devices that are handed out by claim (Dynamic Resource Allocation), as nodes' drivers publish them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from heterosched.model.devices import DeviceTable


@dataclass(frozen=True, slots=True)
class ClaimedDevice:
    """What names a device in the whole cluster."""

    driver: str
    pool: str
    name: str


@dataclass(frozen=True, slots=True)
class Device:
    """A device of a node; `memory` in bytes, 0 where not told; `numa`: its NUMA node, where the driver tells it."""

    driver: str
    pool: str
    name: str
    node: str
    product: str
    memory: float = 0.0
    numa: int | None = None

    @property
    def id(self) -> ClaimedDevice:
        """Its name in the whole cluster."""
        return ClaimedDevice(self.driver, self.pool, self.name)

    def type(self, table: DeviceTable) -> str:
        """Its device type; drivers write product names with blanks where labels have dashes."""
        return table.of_product(self.product.replace(" ", "-"))


def commonest(devices: Iterable[Device], table: DeviceTable) -> str:
    """The device type that most of the devices have; the first by name of several."""
    types = sorted(device.type(table) for device in devices)
    return max(types, key=types.count)
