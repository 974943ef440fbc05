"""Devices that nodes offer by ResourceSlices, what claims have taken of them, and what a pod's claims ask for.

A device may be told twice: as an extended resource and in a slice (with DRAExtendedResource a pod asks for the one and
is served by the other). So the two are reconciled by the larger, never added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from heterosched.kube.convert import Problems
from heterosched.kube.dra import ClaimObject, SliceObject, asked_by, taken_by, to_devices
from heterosched.model import CPU, DEVICE_TYPES, DeviceTable, Node
from heterosched.model.claims import ClaimedDevice, Device, commonest


class Claims:
    """Mutable; each change returns the nodes whose picture changes. `changes` counts those of `wanted`."""

    def __init__(self, problems: Problems, table: DeviceTable = DEVICE_TYPES) -> None:
        self._problems, self._table = problems, table
        self._slices: dict[str, tuple[Device, ...]] = {}
        self._devices: dict[str, dict[str, tuple[Device, ...]]] = {}
        self._home: dict[ClaimedDevice, str] = {}
        self._held: dict[str, tuple[ClaimedDevice, ...]] = {}
        self._taken: Counter[ClaimedDevice] = Counter()
        self._wanted: dict[str, int] = {}
        self._shown: Mapping[str, int] | None = None
        self.changes = 0

    def put_slice(self, key: str, found: SliceObject | None) -> set[str]:
        """A slice came, changed or (None) went."""
        old = self._slices.pop(key, ())
        new = () if found is None else to_devices(found, self._problems)
        if new:
            self._slices[key] = new
        touched = {device.node for device in (*old, *new)}
        for device in old:
            self._home.pop(device.id, None)
            parts = self._devices.get(device.node, {})
            parts.pop(key, None)
            if not parts:
                self._devices.pop(device.node, None)
        for node in {device.node for device in new}:
            self._devices.setdefault(node, {})[key] = tuple(device for device in new if device.node == node)
        # A driver that deals its devices anew writes the new slices before it removes the old ones.
        self._home.update({device.id: node for node in touched for device in self._of(node)})
        return touched

    def put_claim(self, key: str, found: ClaimObject | None) -> set[str]:
        """A claim came, changed or (None) went."""
        old, new = self._held.pop(key, ()), () if found is None else taken_by(found)
        if new:
            self._held[key] = new
        self._taken.subtract(old)
        self._taken.update(new)
        for device in old:
            if not self._taken[device]:
                del self._taken[device]
        wanted = 0 if found is None else asked_by(found)
        if self._wanted.get(key, 0) != wanted:
            self._wanted.pop(key, None)
            if wanted:
                self._wanted[key] = wanted
            self._shown, self.changes = None, self.changes + 1
        return {node for device in (*old, *new) if (node := self._home.get(device)) is not None}

    @property
    def wanted(self) -> Mapping[str, int]:
        """How many devices each claim asks for, as of now; the same table until that changes."""
        if self._shown is None:
            self._shown = dict(self._wanted)
        return self._shown

    def completed(self, node: Node) -> Node:
        """The node with the devices that it offers by slices only."""
        devices = self._of(node.name)
        if not devices:
            return node
        size = node.allocatable
        device = commonest(devices, self._table) if node.device in (CPU, "unknown-gpu") else node.device
        return replace(node, device=device, allocatable=replace(size, gpus=max(size.gpus, float(len(devices)))))

    def taken(self, node: str) -> float:
        """How many of the node's devices are allocated to claims."""
        return float(sum(self._taken[device.id] > 0 for device in self._of(node)))

    def by_zone(self, node: str) -> dict[int, tuple[float, float]]:
        """How many devices, and how many free ones, by number of their NUMA node; empty unless all tell theirs."""
        found: dict[int, tuple[float, float]] = {}
        for device in self._of(node):
            if device.numa is None:
                return {}
            size, free = found.get(device.numa, (0.0, 0.0))
            found[device.numa] = size + 1.0, free + (self._taken[device.id] <= 0)
        return found

    def _of(self, node: str) -> list[Device]:
        """Each device once, also while two slices tell of it."""
        found = {device.id: device for part in self._devices.get(node, {}).values() for device in part}
        return list(found.values())


def asked_for(claims: Iterable[str], wanted: Mapping[str, int]) -> float:
    """Devices that the claims of these keys ask for together; one that does not exist yet asks for none."""
    return float(sum(wanted.get(key, 0) for key in claims))
