"""Nodes and what fits on them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from heterosched.errors import InvalidInput
from heterosched.model.devices import CPU, DEVICE_TYPES, DeviceTable
from heterosched.model.topology import Topology

EPSILON = 1e-9
"""Sums of core fractions carry rounding noise; a demand that misses by less than this fits."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Resources of one worker: cores, bytes, whole GPUs."""

    cpu: float = 0.0
    memory: float = 0.0
    gpus: float = 0.0

    def __add__(self, other: Demand) -> Demand:
        return Demand(self.cpu + other.cpu, self.memory + other.memory, self.gpus + other.gpus)

    def __sub__(self, other: Demand) -> Demand:
        return Demand(self.cpu - other.cpu, self.memory - other.memory, self.gpus - other.gpus)

    def times(self, count: float) -> Demand:
        """The demand of `count` such workers."""
        return Demand(self.cpu * count, self.memory * count, self.gpus * count)

    def fits(self, free: Demand) -> bool:
        """Whether `free` holds it."""
        return (
            self.cpu <= free.cpu + EPSILON and self.memory <= free.memory + EPSILON and self.gpus <= free.gpus + EPSILON
        )


@dataclass(frozen=True, slots=True)
class Taint:
    """A node taint; `effect` is NoSchedule, PreferNoSchedule or NoExecute."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True)
class Node:
    """A node as the planner sees it: allocatable resources, the device type it offers, whether it takes pods. Raises
    InvalidInput.

    `shares`: how many of its allocatable GPUs are cut from one device (time slicing).

    `idle_watts`: what it draws while it is on and nothing runs on it; `wake_joules`: what it takes to switch it on.
    Both count only where the node could be off: zero, the default, says that they are drawn whatever is planned
    (`DeviceTable.idle_watts` reckons the former).
    """

    name: str
    device: str
    allocatable: Demand
    ready: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    idle_watts: float = 0.0
    wake_joules: float = 0.0
    shares: float = 1.0

    def __post_init__(self) -> None:
        has = self.allocatable
        if not all(0 <= amount < math.inf for amount in (has.cpu, has.memory, has.gpus)):  # false for NaN too
            raise InvalidInput(f"Node {self.name}", "allocatable", f"{has}", "give finite amounts, zero or more")
        if not (0 <= self.idle_watts < math.inf and 0 <= self.wake_joules < math.inf):
            problem = f"{self.idle_watts!r} W idle, {self.wake_joules!r} J to wake"
            raise InvalidInput(f"Node {self.name}", "power", problem, "give finite figures, zero or more")

    def offers(self, device: str) -> bool:
        """Whether a task for `device` may run here: its own device type, and CPU everywhere."""
        return device in (self.device, CPU)


@dataclass(frozen=True, slots=True)
class Link:
    """The network between two different nodes; within a node data moves at no cost. Raises InvalidInput."""

    latency_seconds: float = 0.0001
    bytes_per_second: float = 1.25e9

    def __post_init__(self) -> None:
        if not 0 <= self.latency_seconds < math.inf:
            raise InvalidInput("link", "latency", f"{self.latency_seconds!r} s", "give a finite time, zero or more")
        if not self.bytes_per_second > 0:
            raise InvalidInput("link", "rate", f"{self.bytes_per_second!r} bytes/s", "give a rate above zero")

    def seconds(self, size_bytes: float) -> float:
        """Time to move `size_bytes`; nothing to move takes no time."""
        return self.latency_seconds + size_bytes / self.bytes_per_second if size_bytes > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Reservation:
    """Resources of a node that are taken from `start` to `finish` (infinity: until further notice). Seconds.

    Raises InvalidInput.
    """

    node: str
    demand: Demand
    start: float
    finish: float

    def __post_init__(self) -> None:
        if math.isnan(self.start) or math.isnan(self.finish):
            problem = f"from {self.start!r} to {self.finish!r}"
            raise InvalidInput(f"reservation on {self.node}", "time", problem, "give two times; infinity is one")


@dataclass(frozen=True, slots=True)
class Cluster:
    """The nodes and what others hold on them. `devices`: what is known of their device types beforehand. `topologies`:
    NUMA zones by node; one without its own gets no task that requires alignment.
    """

    nodes: tuple[Node, ...]
    reservations: tuple[Reservation, ...] = ()
    link: Link = Link()
    devices: DeviceTable = field(default=DEVICE_TYPES, repr=False)
    topologies: Mapping[str, Topology] = field(default_factory=dict, repr=False)

    def node(self, name: str) -> Node | None:
        """The node of this name, if the cluster has it."""
        return next((node for node in self.nodes if node.name == name), None)

    def with_reservations(self, more: Iterable[Reservation]) -> Cluster:
        """The same cluster with more of it taken."""
        return replace(self, reservations=(*self.reservations, *more))
