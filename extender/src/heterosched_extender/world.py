"""What the watches and the telemetry have told so far, and the snapshots made of it, off the request path.

The world is written by one event loop only. A change touches the rows of the nodes concerned; the roster is numbered
afresh only when a node comes or goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from heterosched.kube.convert import Problems, demand_of, to_node
from heterosched.kube.objects import NodeObject, PodObject
from heterosched.model import DEVICE_TYPES, NO_TELEMETRY, Demand, Node, Telemetry
from heterosched.model.devices import socket_watts
from heterosched.policy.hooks import known_rows
from heterosched.policy.nodes import Floats, NodeArrays, Roster, Sensor, Shape
from heterosched.policy.table import PolicyRow
from heterosched_extender.snapshot import Figures, Snapshot, sensors_of

MOST_SHAPES = 64
"""Shapes of pods that a snapshot holds: as many as a policy may ask for (`scoring.typicalShapes`)."""

_NOTHING = Demand()

_DAEMON_OWNERS = ("DaemonSet", "Node")
"""Owners of pods that run on every node: they do not keep a node awake."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What a bound pod takes of `node`; `work` is False for the node's own daemons."""

    node: str
    demand: Demand
    work: bool


class World:
    """Mutable; `snapshot(now)` gives an immutable picture, the same one until something has changed."""

    def __init__(self, problems: Problems | None = None) -> None:
        self.problems = problems or Problems()
        self._nodes: dict[str, Node] = {}
        self._held: dict[str, _Held] = {}
        self._taken: dict[str, Demand] = {}
        self._work: dict[str, int] = {}
        self._shapes: Counter[Demand] = Counter()
        self._policies: dict[str, PolicyRow] = dict(known_rows())
        self._profiles: dict[tuple[str, str], Figures] = {}
        self._telemetry: Telemetry = NO_TELEMETRY
        self._sensors: Mapping[str, Sensor] = {}
        self._stale: set[str] = set()
        self._rostered = False
        self._changed = True
        self._last: Snapshot | None = None

    # --- what is told -------------------------------------------------------------------------------------------------

    def put_node(self, found: NodeObject) -> None:
        """A node came or changed; changes that no term reads (heartbeats, conditions) cost nothing further."""
        node = to_node(found, self.problems)
        old = self._nodes.get(node.name)
        self._nodes[node.name] = node
        if old is None:
            self._rostered = False
        elif (old.device, old.allocatable) != (node.device, node.allocatable):
            self._stale.add(node.name)

    def drop_node(self, name: str) -> None:
        """A node went."""
        if self._nodes.pop(name, None) is not None:
            self._rostered = False

    def put_pod(self, pod: PodObject) -> None:
        """A pod came or changed: what it holds is counted from its binding until it is terminal."""
        if not pod.spec.node_name or pod.finished:
            self.drop_pod(pod.metadata.uid)
            return
        owners = pod.metadata.owner_references or ()
        work = not any(owner.controller and owner.kind in _DAEMON_OWNERS for owner in owners)
        held = _Held(pod.spec.node_name, demand_of(pod, self.problems), work)
        if self._held.get(pod.metadata.uid) != held:
            self.drop_pod(pod.metadata.uid)
            self._held[pod.metadata.uid] = held
            self._count(held, 1)

    def drop_pod(self, uid: str) -> None:
        """A pod went, or holds nothing any more."""
        held = self._held.pop(uid, None)
        if held is not None:
            self._count(held, -1)

    def _count(self, held: _Held, sign: int) -> None:
        self._taken[held.node] = self._taken.get(held.node, _NOTHING) + held.demand.times(sign)
        self._work[held.node] = self._work.get(held.node, 0) + sign * held.work
        if held.work and held.demand.gpus > 0:
            self._shapes[held.demand] += sign
            if not self._shapes[held.demand]:
                del self._shapes[held.demand]
        self._stale.add(held.node)

    def set_policies(self, rows: Iterable[PolicyRow]) -> None:
        """The policies that objects of the cluster add to the built-in ones."""
        self._policies = {**known_rows(), **{row.name: row for row in rows}}
        self._changed = True

    def set_profiles(self, profiles: Mapping[tuple[str, str], Figures]) -> None:
        """All ThroughputProfiles by (namespace, name)."""
        self._profiles = dict(profiles)
        self._changed = True

    def set_telemetry(self, telemetry: Telemetry) -> None:
        """The latest collection; a failed one still carries the values of the last good one."""
        self._telemetry = telemetry
        self._sensors = sensors_of(telemetry, self._roster)
        self._changed = True

    # --- what is made of it -------------------------------------------------------------------------------------------

    @property
    def _roster(self) -> Roster:
        return self._last.roster if self._last is not None else Roster.of(0, ())

    @property
    def stale(self) -> bool:
        """Whether the last snapshot no longer shows what is known."""
        return self._last is None or self._changed or not self._rostered or bool(self._stale)

    def snapshot(self, now: float) -> Snapshot:
        """The picture as of `now` (epoch seconds)."""
        if self._last is not None and not self.stale:
            return self._last
        last = self._last
        if last is None or not self._rostered:
            roster = Roster.of(self._roster.key + 1, sorted(self._nodes))
            nodes = self._all_nodes(roster)
            self._sensors = sensors_of(self._telemetry, roster)
        else:
            roster = last.roster
            nodes = self._patched(last.nodes, roster) if self._stale else last.nodes
        if last is not None and nodes is not last.nodes:
            last.nodes.memo.clear()  # decision records keep old arrays alive, they need not keep this
        self._last = Snapshot(
            version=1 if last is None else last.version + 1,
            taken_at=now,
            roster=roster,
            nodes=nodes,
            sensors=self._sensors,
            telemetry_error=self._telemetry.error,
            policies=self._policies,
            profiles=self._profiles,
        )
        self._stale.clear()
        self._rostered, self._changed = True, False
        return self._last

    def _all_nodes(self, roster: Roster) -> NodeArrays:
        found = [self._nodes[name] for name in roster.names]
        devices = tuple(sorted({node.device for node in found}))
        number = {device: place for place, device in enumerate(devices)}
        left = [self._free(node) for node in found]
        return NodeArrays(
            devices=devices,
            device=np.array([number[node.device] for node in found], dtype=np.int64),
            cores=_floats(node.allocatable.cpu for node in found),
            memory=_floats(node.allocatable.memory for node in found),
            gpus=_floats(node.allocatable.gpus for node in found),
            free_cores=_floats(free.cpu for free in left),
            free_memory=_floats(free.memory for free in left),
            free_gpus=_floats(free.gpus for free in left),
            asleep=np.array([self._asleep(node.name) for node in found], dtype=np.bool_),
            idle_watts=_floats(idle_watts(node) for node in found),
            shapes=self._typical(),
        )

    def _patched(self, old: NodeArrays, roster: Roster) -> NodeArrays:
        rows = {name: row for name in self._stale if (row := roster.index.get(name)) is not None}
        if any(not _same_hardware(old, row, self._nodes[name]) for name, row in rows.items()):
            return self._all_nodes(roster)
        cores, memory, gpus = old.free_cores.copy(), old.free_memory.copy(), old.free_gpus.copy()
        asleep = old.asleep.copy()
        for name, row in rows.items():
            free = self._free(self._nodes[name])
            cores[row], memory[row], gpus[row] = free.cpu, free.memory, free.gpus
            asleep[row] = self._asleep(name)
        return replace(old, free_cores=cores, free_memory=memory, free_gpus=gpus, asleep=asleep, shapes=self._typical())

    def _free(self, node: Node) -> Demand:
        left = node.allocatable - self._taken.get(node.name, _NOTHING)
        return Demand(max(0.0, left.cpu), max(0.0, left.memory), max(0.0, left.gpus))

    def _typical(self) -> tuple[Shape, ...]:
        """The shapes of bound pods with GPUs, most frequent first; equally frequent ones from the largest on."""
        order = sorted(self._shapes.items(), key=lambda item: (item[1], item[0].gpus, item[0].cpu, item[0].memory))
        frequent = order[-MOST_SHAPES:][::-1]
        return tuple(Shape(demand.gpus, demand.cpu, demand.memory, count) for demand, count in frequent)

    def _asleep(self, name: str) -> bool:
        return self._work.get(name, 0) <= 0


def idle_watts(node: Node) -> float:
    """Watts of a node with nothing to do: its sockets and its GPUs at idle (figures of `heterosched.model.devices`)."""
    device = DEVICE_TYPES.get(node.device)
    gpus = device.idle_watts * node.allocatable.gpus if device is not None else 0.0
    return socket_watts(node.allocatable.cpu, 0.0) + gpus


def _same_hardware(old: NodeArrays, row: int, node: Node) -> bool:
    size = node.allocatable
    was = (old.devices[old.device[row]], float(old.cores[row]), float(old.memory[row]), float(old.gpus[row]))
    return was == (node.device, size.cpu, size.memory, size.gpus)


def _floats(values: Iterable[float]) -> Floats:
    return np.fromiter(values, dtype=np.float64)
