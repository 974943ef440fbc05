"""What the watches and the telemetry have told so far, and the snapshots made of it, off the request path.

The world is written by one event loop only. A change touches the rows of the nodes concerned; the roster is numbered
afresh only when a node comes or goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from heterosched.kube.convert import Problems, moment, to_node
from heterosched.kube.dra import ClaimObject, SliceObject
from heterosched.kube.objects import NodeObject, PodObject
from heterosched.model import DEVICE_TYPES, NO_TELEMETRY, Demand, DeviceTable, Node, Telemetry
from heterosched.policy.fragmentation import carry_over
from heterosched.policy.hooks import known_rows
from heterosched.policy.nodes import Floats, NodeArrays, Roster, Sensor, Shape
from heterosched.policy.rates import queries_of
from heterosched.policy.table import PolicyRow
from heterosched.policy.tas import TasPolicy
from heterosched_extender.claims import Claims
from heterosched_extender.kinds import Kinds
from heterosched_extender.snapshot import Figures, Snapshot, sensors_of
from heterosched_extender.zones import Zones

MOST_SHAPES = 64
"""Shapes of pods that a snapshot holds: as many as a policy may ask for (`scoring.typicalShapes`)."""

SHAPES_SECONDS = 1.0
"""Least time between two counts of the typical pods: they are what the term `fit` of every node is measured against, so
each count means working all of them out again, for a picture that a few pods among thousands do not change.
"""

_UNUSED = (Demand(), 0, 0)
"""Of a node: what its pods hold, how many of them are work, and how many there are."""

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

    def __init__(
        self, problems: Problems | None = None, zones: Zones | None = None, devices: DeviceTable = DEVICE_TYPES
    ) -> None:
        self.problems = problems or Problems()
        self.zones = zones or Zones()
        self._devices = devices
        self._claims = Claims(self.problems, devices)
        self._plain: dict[str, Node] = {}
        self._nodes: dict[str, Node] = {}
        self._held: dict[str, _Held] = {}
        self._kinds = Kinds(self.problems)
        self._use: dict[str, tuple[Demand, int, int]] = {}
        self._shapes: Counter[Demand] = Counter()
        self._policies: dict[str, PolicyRow] = dict(known_rows())
        self._profiles: dict[tuple[str, str], Figures] = {}
        self._tas: Mapping[tuple[str, str], TasPolicy] = {}
        self._telemetry: Telemetry = NO_TELEMETRY
        self._sensors: Mapping[str, Sensor] = {}
        self._stale: set[str] = set()
        self._shaped_at = float("-inf")
        self._rostered = False
        self._changed = True
        self._last: Snapshot | None = None

    # --- what is told -------------------------------------------------------------------------------------------------

    def put_node(self, found: NodeObject) -> None:
        """A node came or changed; changes that no term reads (heartbeats, conditions) cost nothing further."""
        plain = to_node(found, self.problems, self._devices)
        self._plain[plain.name] = plain
        node = self._claims.completed(plain)
        old = self._nodes.get(node.name)
        self._nodes[node.name] = node
        if old is None:
            self._rostered = False
        elif (old.device, old.allocatable) != (node.device, node.allocatable):
            self._stale.add(node.name)

    def drop_node(self, name: str) -> None:
        """A node went."""
        self._plain.pop(name, None)
        if self._nodes.pop(name, None) is not None:
            self._rostered = False

    def put_slice(self, key: str, found: SliceObject | None) -> None:
        """A ResourceSlice came, changed or (None) went."""
        for name in self._claims.put_slice(key, found):
            self.zones.put_devices(name, self._claims.by_zone(name))
            if name in self._plain:
                self._nodes[name] = self._claims.completed(self._plain[name])
                self._stale.add(name)

    def put_claim(self, key: str, found: ClaimObject | None) -> None:
        """A ResourceClaim came, changed or (None) went."""
        before = self._claims.changes
        for name in self._claims.put_claim(key, found):
            self.zones.put_devices(name, self._claims.by_zone(name))
            self._stale.add(name)
        self._changed = self._changed or self._claims.changes != before

    def put_pod(self, pod: PodObject) -> None:
        """A pod came or changed: what it holds is counted from its binding until it is terminal."""
        if not pod.spec.node_name or pod.finished:
            self.drop_pod(pod.metadata.uid)
            return
        owners = pod.metadata.owner_references or ()
        work = not any(owner.controller and owner.kind in _DAEMON_OWNERS for owner in owners)
        kind = self._kinds.of(pod)
        held = _Held(pod.spec.node_name, kind.demand, work)
        if self._held.get(pod.metadata.uid) != held:
            self.drop_pod(pod.metadata.uid)
            self._held[pod.metadata.uid] = held
            self._count(held, 1)
        started = moment(pod.status.start_time, f"Pod {pod.key}", self.problems)
        self.zones.put_pod(pod.metadata.uid, pod.spec.node_name, kind.need, started)

    def drop_pod(self, uid: str) -> None:
        """A pod went, or holds nothing any more."""
        self.zones.drop_pod(uid)
        held = self._held.pop(uid, None)
        if held is not None:
            self._count(held, -1)

    def _count(self, held: _Held, sign: int) -> None:
        taken, work, pods = self._use.get(held.node, _UNUSED)
        self._use[held.node] = taken + held.demand.times(sign), work + sign * held.work, pods + sign
        if not pods + sign:
            del self._use[held.node]  # nodes come and go for ever
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

    def put_profiles(self, changes: Mapping[tuple[str, str], Figures | None]) -> None:
        """ThroughputProfiles that came, changed or (None) went; a snapshot keeps the table that it was made with."""
        if self._last is not None and self._last.profiles is self._profiles:
            self._profiles = dict(self._profiles)
        for key, figures in changes.items():
            if figures is None:
                self._profiles.pop(key, None)
            else:
                self._profiles[key] = figures
        self._changed = True

    def set_tas(self, policies: Mapping[tuple[str, str], TasPolicy]) -> None:
        """All TASPolicies by namespace and name."""
        self._tas = dict(policies)
        self._changed = True

    def tas_metrics(self) -> tuple[str, ...]:
        """The metrics that TASPolicies name, each once, in order."""
        return tuple(sorted({metric for policy in self._tas.values() for metric in policy.metrics()}))

    def queries(self) -> dict[str, str]:
        """The PromQL of SchedulingPolicies, by the name under which telemetry keeps the answer."""
        return queries_of(self._policies.values())

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
        told = self._changed or not self._rostered or bool(self._stale)
        return self._last is None or told or self.zones.stale

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
            nodes = self._patched(last.nodes, roster, now) if self._stale else last.nodes
        if last is not None and nodes is not last.nodes:
            last.nodes.memo.clear()  # decision records keep old arrays alive, they need not keep this
        self._last = Snapshot(
            version=1 if last is None else last.version + 1,
            taken_at=now,
            roster=roster,
            nodes=nodes,
            zones=self.zones.arrays(roster, now),
            sensors=self._sensors,
            telemetry_error=self._telemetry.error,
            refused=self._telemetry.refused,
            telemetry_rejects=self._telemetry.rejects,
            policies=self._policies,
            profiles=self._profiles,
            claims=self._claims.wanted,
            devices=self._devices,
            tas=self._tas,
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
            idle_watts=_floats(self._idle_watts(node) for node in found),
            shapes=self._typical(),
        )

    def _patched(self, old: NodeArrays, roster: Roster, now: float) -> NodeArrays:
        rows = {name: row for name in self._stale if (row := roster.index.get(name)) is not None}
        if any(not _same_hardware(old, row, self._nodes[name]) for name, row in rows.items()):
            return self._all_nodes(roster)
        cores, memory, gpus = old.free_cores.copy(), old.free_memory.copy(), old.free_gpus.copy()
        asleep = old.asleep.copy()
        for name, row in rows.items():
            free = self._free(self._nodes[name])
            cores[row], memory[row], gpus[row] = free.cpu, free.memory, free.gpus
            asleep[row] = self._asleep(name)
        if not 0.0 <= now - self._shaped_at < SHAPES_SECONDS:
            self._shaped_at, shapes = now, self._typical()
        else:
            shapes = old.shapes
        new = replace(old, free_cores=cores, free_memory=memory, free_gpus=gpus, asleep=asleep, shapes=shapes)
        carry_over(old, new, np.array(sorted(rows.values()), dtype=np.int64))
        return new

    def _free(self, node: Node) -> Demand:
        size, taken = node.allocatable, self._use.get(node.name, _UNUSED)[0]
        gpus = max(taken.gpus, self._claims.taken(node.name))
        return Demand(max(0.0, size.cpu - taken.cpu), max(0.0, size.memory - taken.memory), max(0.0, size.gpus - gpus))

    def _typical(self) -> tuple[Shape, ...]:
        """The shapes of bound pods with GPUs, most frequent first; equally frequent ones from the largest on."""
        order = sorted(self._shapes.items(), key=lambda item: (item[1], item[0].gpus, item[0].cpu, item[0].memory))
        frequent = order[-MOST_SHAPES:][::-1]
        return tuple(Shape(demand.gpus, demand.cpu, demand.memory, count) for demand, count in frequent)

    def _asleep(self, name: str) -> bool:
        return self._use.get(name, _UNUSED)[1] <= 0

    def _idle_watts(self, node: Node) -> float:
        size = node.allocatable
        return self._devices.idle_watts(node.device, size.cpu, size.gpus / node.shares)


def _same_hardware(old: NodeArrays, row: int, node: Node) -> bool:
    size = node.allocatable
    was = (old.devices[old.device[row]], float(old.cores[row]), float(old.memory[row]), float(old.gpus[row]))
    return was == (node.device, size.cpu, size.memory, size.gpus)


def _floats(values: Iterable[float]) -> Floats:
    return np.fromiter(values, dtype=np.float64)
