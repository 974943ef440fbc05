"""NUMA zones of a node, and what its kubelet's Topology Manager promises about them.

Amounts are by resource name as Kubernetes writes it (`cpu` in cores, `memory` in bytes, devices in pieces). What a pod
needs is the part of its requests that the kubelet aligns; a resource that no zone lists (a device without a NUMA node)
binds the pod to no zone. Source: kubernetes.io, "Control Topology Management Policies on a node".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from heterosched.constants import STRICT_RESOURCE, TAS_RESOURCE

POLICIES: Final = ("none", "best-effort", "restricted", "single-numa-node")
"""Topology Manager policies, from the one that aligns nothing to the one that admits nothing unaligned."""

PROMISING: Final = ("restricted", "single-numa-node")
"""Policies under which the kubelet refuses a pod that fits into one zone by size but finds no zone with room for it.

`best-effort` aligns too while there is room, but admits the pod all the same when there is none.
"""

Amounts = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Need:
    """What a kubelet aligns of a pod, as one sum. `roams`: some of it is for init containers, which finish.

    Their kubelet may start those in any zone with room for them, and then ties the other containers to that zone; so
    only a node of which every zone holds the whole pod is sure to admit it.
    """

    amounts: Amounts = field(default_factory=dict)
    roams: bool = False

    def __bool__(self) -> bool:
        return bool(self.amounts)

    def by_kubelet(self) -> Need:
        """Without what kubelets do not align."""
        return Need({name: amount for name, amount in self.amounts.items() if name != CLAIMED}, self.roams)

    def claiming(self, devices: float) -> Need:
        """With so many devices by claim."""
        return Need({**self.amounts, CLAIMED: devices}, self.roams) if devices else self


NO_NEED: Final = Need()


NOTHING: Final[Amounts] = MappingProxyType({})


class Requests(NamedTuple):
    """What a container asks for. `finishes`: it is an init container, and no sidecar."""

    requests: Amounts = NOTHING
    limits: Amounts = NOTHING
    finishes: bool = False

    @property
    def guaranteed(self) -> bool:
        """Limits for CPU and memory, and requests equal to them (or not given, then they are the limits)."""
        limits, requests = self.limits, self.requests
        if "cpu" not in limits or "memory" not in limits:
            return False
        cpu, memory = limits["cpu"], limits["memory"]
        return requests.get("cpu", cpu) == cpu and requests.get("memory", memory) == memory


def aligned_need(containers: Iterable[Requests], whole_pod: bool = False) -> Need:
    """What of a pod's requests a kubelet may tie to NUMA zones, summed over all its containers.

    Devices always; CPUs where the pod is Guaranteed and the container asks for whole ones (static CPU manager), memory
    and huge pages where it is Guaranteed (static memory manager). Init containers count beside the others: they hold
    their zone while those are admitted. `whole_pod`: it has resources for the pod as a whole, which are not aligned (as
    of Kubernetes 1.36).
    """
    every = tuple(containers)
    guaranteed = not whole_pod and all(container.guaranteed for container in every)
    need: dict[str, float] = {}
    roams = False
    for container in every:
        for resource, amount in {**container.limits, **container.requests}.items():
            if _aligned(resource, amount, guaranteed):
                need[resource] = need.get(resource, 0.0) + amount
                roams = roams or container.finishes
    return Need(need, roams) if need else NO_NEED


def _aligned(resource: str, amount: float, guaranteed: bool) -> bool:
    if amount <= 0:
        return False
    if resource == "cpu":
        return guaranteed and amount.is_integer()
    if resource == "memory" or resource.startswith("hugepages-"):
        return guaranteed
    return "/" in resource and resource not in (STRICT_RESOURCE, TAS_RESOURCE)


CLAIMED: Final = "devices by claim"
"""Stands among the resources for devices that are handed out by claim. Their allocator knows no zones, and kubelets
align none of them (as of Kubernetes 1.36).
"""

CLAIMS_UNALIGNED: Final = "NUMA alignment is required, and no kubelet aligns devices that are handed out by claim"

NOT_KNOWN: Final = "NUMA alignment is required and the node's topology is not known"


@dataclass(frozen=True, slots=True)
class Zone:
    """A NUMA node: what pods may use of it (`size`), what of that is left (`free`), distances to the zones by name."""

    name: str
    size: Amounts
    free: Amounts
    costs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Topology:
    """The zones of `node` as its exporter last wrote them, at `updated_at` (epoch seconds).

    `scope` (`container` or `pod`) says what the kubelet aligns as one. Whoever keeps a whole pod within a zone is right
    under both: a zone that holds all of it holds each container beside those admitted before it.
    """

    node: str
    zones: tuple[Zone, ...]
    policy: str = "none"
    scope: str = "container"
    updated_at: float = 0.0

    @property
    def promises(self) -> bool:
        """Whether the kubelet keeps out what it cannot align."""
        return self.policy in PROMISING

    @property
    def listed(self) -> frozenset[str]:
        """Resources that belong to zones on this node."""
        return frozenset(resource for zone in self.zones for resource in zone.size)

    @property
    def nearness(self) -> float:
        """Mean of (distance to a zone itself / distance to another), 0..1; 1 for a single zone, 0 where not known."""
        if len(self.zones) == 1:
            return 1.0
        pairs = [
            zone.costs[zone.name] / cost
            for zone in self.zones
            for other, cost in zone.costs.items()
            if other != zone.name and zone.name in zone.costs and cost > 0
        ]
        return min(1.0, sum(pairs) / len(pairs)) if pairs else 0.0


def show(need: Amounts) -> str:
    """An amount by resource for people: `4 nvidia.com/gpu, 16 cpu, 64 GiB memory`."""
    sized = {"memory": (2.0**30, " GiB")}
    parts = []
    for resource, amount in sorted(need.items(), key=lambda item: (item[0] in ("cpu", "memory"), item[0])):
        unit, suffix = sized.get(resource, (1.0, ""))
        parts.append(f"{amount / unit:g}{suffix} {resource}")
    return ", ".join(parts)


def holds(amounts: Amounts, need: Amounts, listed: frozenset[str]) -> bool:
    """Whether a zone with these amounts holds the need; what no zone of its node lists does not count."""
    return all(amounts.get(resource, 0.0) >= amount for resource, amount in need.items() if resource in listed)


def why_never_aligned(topology: Topology | None, need: Need) -> str:
    """Why a node with this topology (None: not known) can never run a worker with this need within one zone, however
    empty it is; "" where it can.

    For planners: a node that passes may still be full today.
    """
    if not need:
        return UNALIGNED
    if CLAIMED in need.amounts:
        return CLAIMS_UNALIGNED
    if topology is None:
        return NOT_KNOWN
    if not topology.promises:
        return no_promise(topology.policy)
    listed = topology.listed
    large = [holds(zone.size, need.amounts, listed) for zone in topology.zones]
    if not (all(large) if need.roams else any(large)):
        return too_small(need)
    return ""


def no_promise(policy: str) -> str:
    """Why a node with this Topology Manager policy is no place for a pod that must be aligned."""
    return f"NUMA alignment is required, the kubelet's topology manager policy {policy} does not promise it"


def too_small(need: Need) -> str:
    """Why a node is too small, however empty it is."""
    if need.roams:
        return f"not every NUMA zone is large enough for {show(need.amounts)}, and init containers may start in any"
    return f"no NUMA zone is large enough for {show(need.amounts)}"


def too_full(need: Need, unshown: int) -> str:
    """Why a node that is large enough has no room; `unshown`: pods bound there that its topology does not show yet."""
    zones = "not every NUMA zone has" if need.roams else "no NUMA zone has"
    counted = f"; {unshown} pod(s) that the topology does not show yet count in every zone" if unshown else ""
    return f"{zones} {show(need.amounts)} free{counted}"


UNALIGNED: Final = (
    "no kubelet aligns anything of the pod: let it ask for devices, or for whole CPUs with requests equal to limits"
)
