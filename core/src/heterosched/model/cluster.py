"""Nodes and what fits on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from heterosched.model.devices import CPU

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
    """A node as the planner sees it: allocatable resources, the device type it offers, whether it takes pods."""

    name: str
    device: str
    allocatable: Demand
    ready: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()

    def offers(self, device: str) -> bool:
        """Whether a task for `device` may run here: its own device type, and CPU everywhere."""
        return device in (self.device, CPU)


@dataclass(frozen=True, slots=True)
class Link:
    """The network between two different nodes; within a node data moves at no cost."""

    latency_seconds: float = 0.0001
    bytes_per_second: float = 1.25e9

    def seconds(self, size_bytes: float) -> float:
        """Time to move `size_bytes`; nothing to move takes no time."""
        return self.latency_seconds + size_bytes / self.bytes_per_second if size_bytes > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Reservation:
    """Resources of a node that are taken from `start` to `finish` (infinity: until further notice). Seconds."""

    node: str
    demand: Demand
    start: float
    finish: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """The nodes and what others hold on them."""

    nodes: tuple[Node, ...]
    reservations: tuple[Reservation, ...] = ()
    link: Link = Link()

    def node(self, name: str) -> Node | None:
        """The node of this name, if the cluster has it."""
        return next((node for node in self.nodes if node.name == name), None)

    def with_reservations(self, more: Iterable[Reservation]) -> Cluster:
        """The same cluster with more of it taken."""
        return Cluster(self.nodes, (*self.reservations, *more), self.link)
