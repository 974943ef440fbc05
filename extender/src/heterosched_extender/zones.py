"""NUMA zones as their exporters last told, less what bound pods hold that no exporter has shown yet.

A topology is a photograph. A pod is on it for certain once it was written `settle_seconds` after the kubelet had
started the pod: an exporter that takes no longer than that to write what it saw has seen the pod. One written sooner
after the start may show the pod, or not; if it does not, the next look corrects it. An exporter that sees nothing new
writes nothing: so after `quiet_seconds` without a correction it does show the pod, provided that its zones account for
all that pods hold. A pod that has not started is never on it.

Until then the pod counts in every zone of its node: which one its kubelet took is not known. The last pod that found
room beside all of these has a zone that holds them all, so its kubelet admits them in whatever order it takes them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np

from heterosched.model.topology import CLAIMED, POLICIES, PROMISING, Need, Topology
from heterosched.policy.nodes import Floats, Roster
from heterosched.policy.zone_arrays import ZoneArrays
from heterosched.policy.zones import UNKNOWN


@dataclass(frozen=True, slots=True)
class _Placed:
    """What a pod bound to `node` needs of zones, and when its kubelet started it (epoch seconds; None: not yet)."""

    node: str
    need: Need
    started: float | None


@dataclass(slots=True)
class _Site:
    """A node: its topology and the pods bound to it by UID."""

    topology: Topology | None = None
    pods: dict[str, _Placed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Column:
    """What the arrays hold of one node. `due`: when time alone may change it (epoch seconds)."""

    size: Floats
    free: Floats
    unshown: int
    old: bool
    every: bool
    due: float


class Zones:
    """Mutable; `arrays` gives an immutable picture, the same one until something has changed.

    `settle_seconds`: the longest an exporter takes from looking to writing, with the difference of clocks and a second
    for times that are written in whole ones; `quiet_seconds`: the longest it takes from one look to the next.
    """

    def __init__(self, settle_seconds: float = 5.0, quiet_seconds: float = 90.0) -> None:
        self._settle, self._quiet = settle_seconds, quiet_seconds
        self._sites: dict[str, _Site] = {}
        self._placed: dict[str, _Placed] = {}
        self._due: dict[str, float] = {}
        self._devices: dict[str, dict[int, tuple[float, float]]] = {}
        self._stale: set[str] = set()
        self._reshape = False
        self._known = 0
        self._roster = Roster.of(0, ())
        self._last: ZoneArrays | None = None

    @property
    def known(self) -> int:
        """Nodes whose topology is known."""
        return self._known

    # --- what is told -------------------------------------------------------------------------------------------------

    def put_topology(self, topology: Topology) -> None:
        """A node's topology came or changed."""
        if not self._known:
            self._place_all()
        site = self._sites.setdefault(topology.node, _Site())
        old, site.topology = site.topology, topology
        if old is None:
            self._known += 1
        if self._last is None or not _fits_in(self._last, topology):
            self._reshape = True
        self._stale.add(topology.node)

    def drop_topology(self, node: str) -> None:
        """A node's topology went."""
        site = self._sites.get(node)
        if site is not None and site.topology is not None:
            site.topology = None
            self._known -= 1
            self._stale.add(node)
            if not self._known:
                self._sites.clear()

    def put_devices(self, node: str, by_zone: Mapping[int, tuple[float, float]]) -> None:
        """The devices that the node hands out by claim: how many, and how many free, by number of their zone."""
        if self._devices.get(node, {}) == by_zone:
            return
        self._devices.pop(node, None)
        if by_zone:
            self._devices[node] = dict(by_zone)
        self._reshape = self._reshape or (self._last is not None and CLAIMED not in self._last.resources)
        self._stale.add(node)

    def _claimed(self) -> set[str]:
        return {CLAIMED} if any(self._devices.values()) else set()

    def put_pod(self, uid: str, node: str, need: Need, started: float | None) -> None:
        """A pod is bound to `node`, started there at `started` (epoch seconds; None: not yet)."""
        placed = _Placed(node, need, started)
        if self._placed.get(uid) == placed:
            return
        self.drop_pod(uid)
        if need:
            self._placed[uid] = placed
            if self._known:
                self._sites.setdefault(node, _Site()).pods[uid] = placed
                self._stale.add(node)

    def drop_pod(self, uid: str) -> None:
        """A pod went, or holds nothing any more."""
        placed = self._placed.pop(uid, None)
        if placed is None or not self._known:
            return
        site = self._sites[placed.node]
        del site.pods[uid]
        if not site.pods and site.topology is None:
            del self._sites[placed.node]
        self._stale.add(placed.node)

    def _place_all(self) -> None:
        """Pods by node are of use, and take memory, only where there is a topology."""
        self._sites.clear()
        for uid, placed in self._placed.items():
            self._sites.setdefault(placed.node, _Site()).pods[uid] = placed

    def pass_time(self, now: float) -> None:
        """Look again at the nodes for which time alone may have changed something."""
        for node, due in list(self._due.items()):
            if due <= now:
                del self._due[node]
                self._stale.add(node)

    # --- what is made of it -------------------------------------------------------------------------------------------

    @property
    def stale(self) -> bool:
        """Whether the last picture no longer shows what is known."""
        return self._reshape or bool(self._stale)

    def arrays(self, roster: Roster, now: float) -> ZoneArrays | None:
        """The picture in the order of the roster; None where no topology is known."""
        if not self._known:
            self._stale.clear()
            self._last, self._reshape = None, False
            return None
        if self._last is None or self._reshape:
            last = self._empty(roster)
            self._fill(last, roster, set(self._sites), now)
        elif roster is not self._roster:
            last = self._last.moved(np.array(self._roster.rows(roster.names), dtype=np.int64))
            self._fill(last, roster, self._stale | (self._sites.keys() - self._roster.index.keys()), now)
        elif self._stale:
            last = _copied(self._last)
            self._fill(last, roster, self._stale, now)
            if np.array_equal(last.size, self._last.size):
                last = replace(last, size=self._last.size)  # whoever has summed up by size need not do so again
        else:
            return self._last
        self._roster, self._last, self._reshape = roster, last, False
        self._stale.clear()
        return last

    def _empty(self, roster: Roster) -> ZoneArrays:
        known = [site.topology for site in self._sites.values() if site.topology is not None]
        names = sorted({resource for topology in known for resource in topology.listed} | self._claimed())
        most = max(len(topology.zones) for topology in known)
        return ZoneArrays.blank(names, most, len(roster.names))

    def _fill(self, arrays: ZoneArrays, roster: Roster, names: set[str], now: float) -> None:
        for name in names:
            row = roster.index.get(name)
            if row is None:
                continue
            site = self._sites.get(name)
            topology = None if site is None else site.topology
            self._due.pop(name, None)
            arrays.count[row] = 0 if topology is None else len(topology.zones)
            arrays.policy[row] = UNKNOWN if topology is None else POLICIES.index(topology.policy)
            if site is None or topology is None:
                continue
            column = self._column(topology, site.pods, arrays, now)
            arrays.size[:, :, row], arrays.free[:, :, row] = column.size, column.free
            arrays.unshown[row], arrays.old[row], arrays.every[row] = column.unshown, column.old, column.every
            arrays.near[row], arrays.updated[row] = topology.nearness, topology.updated_at
            if column.due < np.inf:
                self._due[name] = column.due

    def _column(self, topology: Topology, pods: Mapping[str, _Placed], arrays: ZoneArrays, now: float) -> _Column:
        size, free = _amounts(topology, arrays)
        _add_claimed(size, free, topology, self._devices.get(topology.node, {}), arrays)
        accounted = self._accounted(topology, pods)
        unshown = [pod for pod in pods.values() if not self._shown(pod, topology, accounted, now)]
        for pod in unshown:
            for resource, amount in pod.need.amounts.items():
                if resource in arrays.resources:
                    free[arrays.resources[resource]] -= amount
        if topology.policy in PROMISING:
            _close_groups(size, free, pods, arrays)
        waits = [pod.started + self._quiet for pod in unshown if pod.started is not None]
        late = [due for due in waits if due <= now]
        due = min((due for due in waits if due > now), default=np.inf)
        every = any(pod.need.roams for pod in unshown)
        return _Column(size, free, len(unshown), bool(late), every, due)

    def _accounted(self, topology: Topology, pods: Mapping[str, _Placed]) -> bool:
        """Whether the zones show at least as much in use as the started pods hold.

        CPUs or memory of which nothing is in use do not count: without a static manager nobody accounts for them.
        """
        listed = topology.listed
        held: dict[str, float] = {}
        for pod in pods.values():
            for resource, amount in pod.need.amounts.items():
                if pod.started is not None and resource in listed:
                    held[resource] = held.get(resource, 0.0) + amount
        for resource, amount in held.items():
            used = sum(zone.size.get(resource, 0.0) - zone.free.get(resource, 0.0) for zone in topology.zones)
            if used < amount and (used > 0 or "/" in resource):
                return False
        return True

    def _shown(self, pod: _Placed, topology: Topology, accounted: bool, now: float) -> bool:
        if pod.started is None:
            return False
        if topology.updated_at >= pod.started + self._settle:
            return True
        return accounted and topology.updated_at >= pod.started and now >= pod.started + self._quiet


def _close_groups(size: Floats, free: Floats, pods: Mapping[str, _Placed], arrays: ZoneArrays) -> None:
    """Close all zones to memory while a pod runs whose memory no single zone holds.

    The memory manager lets nobody else into a group of zones but pods of the same group, which no exporter tells.
    """
    for resource, number in arrays.resources.items():
        if resource != "memory" and not resource.startswith("hugepages-"):
            continue
        if any(pod.need.amounts.get(resource, 0.0) > size[number].max() for pod in pods.values()):
            free[number] = 0.0


def _fits_in(arrays: ZoneArrays, topology: Topology) -> bool:
    return len(topology.zones) <= arrays.size.shape[1] and topology.listed <= arrays.resources.keys()


def _amounts(topology: Topology, arrays: ZoneArrays) -> tuple[Floats, Floats]:
    shape = arrays.size.shape[:2]
    size, free, listed = np.full(shape, -1.0), np.full(shape, -1.0), topology.listed
    for place, zone in enumerate(topology.zones):
        for resource, number in arrays.resources.items():
            known = resource in listed
            size[number, place] = zone.size.get(resource, 0.0) if known else np.inf
            free[number, place] = zone.free.get(resource, 0.0) if known else np.inf
    return size, free


def _add_claimed(
    size: Floats, free: Floats, topology: Topology, devices: Mapping[int, tuple[float, float]], arrays: ZoneArrays
) -> None:
    """Devices by claim stand beside the resources of a zone; exporters end its name with its number (`node-1`)."""
    number = arrays.resources.get(CLAIMED)
    if number is None or not devices:
        return
    for place, zone in enumerate(topology.zones):
        digits = re.search(r"\d+$", zone.name)
        size[number, place], free[number, place] = devices.get(int(digits[0]), (0, 0)) if digits else (np.inf, np.inf)


def _copied(old: ZoneArrays) -> ZoneArrays:
    arrays = {own.name: getattr(old, own.name) for own in fields(old) if own.name != "resources"}
    return replace(old, **{name: array.copy() for name, array in arrays.items()})
