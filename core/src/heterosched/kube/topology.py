"""NodeResourceTopology objects, and what of a pod's requests a kubelet aligns to NUMA zones.

`topology.node.k8s.io/v1alpha2` (k8stopologyawareschedwg/noderesourcetopology-api): cluster-scoped, named as the node,
without spec and status. Policy and scope stand among the attributes; older exporters write both into one word of the
deprecated `topologyPolicies`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field

from heterosched.kube.convert import Problems, moment, number
from heterosched.kube.objects import Container, KubeObject, Metadata, PodSpec
from heterosched.model.topology import NOTHING, POLICIES, Need, Requests, Topology, Zone
from heterosched.model.topology import aligned_need as need_of
from heterosched.units import Quantity

TOPOLOGIES_PATH: Final = "/apis/topology.node.k8s.io/v1alpha2/noderesourcetopologies"

_OLD_POLICIES: Final = {
    "BestEffort": ("best-effort", "container"),
    "BestEffortContainerLevel": ("best-effort", "container"),
    "BestEffortPodLevel": ("best-effort", "pod"),
    "None": ("none", "container"),
    "Restricted": ("restricted", "container"),
    "RestrictedContainerLevel": ("restricted", "container"),
    "RestrictedPodLevel": ("restricted", "pod"),
    "SingleNUMANodeContainerLevel": ("single-numa-node", "container"),
    "SingleNUMANodePodLevel": ("single-numa-node", "pod"),
}
"""Words of `topologyPolicies` (noderesourcetopology-api, pkg/apis/topology/v1alpha2/types.go) as policy and scope."""


class _Part(Struct, frozen=True, gc=False, rename="camel"):
    """Camel-case JSON names, as in `heterosched.kube.objects`."""


class NamedValue(_Part, frozen=True, gc=False):
    """An attribute, or a distance to the zone `name`; exporters write distances as numbers, attributes as texts."""

    name: str = ""
    value: str | int | float = ""


class ZoneResource(_Part, frozen=True, gc=False):
    """Quantities of one resource of a zone."""

    name: str = ""
    capacity: str | int | float = 0
    allocatable: str | int | float = 0
    available: str | int | float = 0


class ZoneObject(_Part, frozen=True, gc=False):
    """A zone; only those of the type Node are NUMA nodes."""

    name: str = ""
    type: str = ""
    costs: tuple[NamedValue, ...] | None = None
    resources: tuple[ZoneResource, ...] | None = None


class Owned(_Part, frozen=True, gc=False):
    """Something that is there, whatever it is."""


class OwnedFields(_Part, frozen=True, gc=False):
    """Of `metav1.FieldsV1` the one field that tells who looked at the node."""

    zones: Owned | None = field(default=None, name="f:zones")


class ManagedField(_Part, frozen=True, gc=False):
    """`metav1.ManagedFieldsEntry`: when a manager last changed one of its fields, and which these are."""

    time: str | None = None
    fields: OwnedFields | None = field(default=None, name="fieldsV1")


class TopologyMetadata(Metadata, frozen=True, gc=False, rename="camel"):
    """With what says when the object was last written; nobody else reads that, so no other object decodes it."""

    managed_fields: tuple[ManagedField, ...] | None = None


class TopologyObject(KubeObject, frozen=True, gc=False):
    """A NodeResourceTopology."""

    metadata: TopologyMetadata = TopologyMetadata()
    zones: tuple[ZoneObject, ...] | None = None
    attributes: tuple[NamedValue, ...] | None = None
    topology_policies: tuple[str, ...] | None = None


def to_topology(found: TopologyObject, problems: Problems, heard: float) -> Topology | None:
    """The object as the model knows it; None where it names no NUMA zone.

    It was written when the server last noted that a writer of its zones changed something: a label or an annotation
    that somebody else adds says nothing of the node. Where nothing says so (a file), when it was `heard` (epoch
    seconds).
    """
    name = found.metadata.name
    label = f"NodeResourceTopology {name}"
    zones = tuple(_zone(zone, label, problems) for zone in found.zones or () if zone.type in ("Node", ""))
    if not zones:
        problems.add(label, "zones: there is none of the type Node; the topology counts as not known")
        return None
    policy, scope = _policy(found)
    if policy not in POLICIES:
        problems.add(label, f"topologyManagerPolicy: {policy} is none of {', '.join(POLICIES)}; taken as none")
        policy = "none"
    entries = found.metadata.managed_fields or ()
    writers = [entry for entry in entries if entry.fields is not None and entry.fields.zones is not None]
    written = [moment(entry.time, label, problems) for entry in writers or entries]
    created = moment(found.metadata.creation_timestamp, label, problems)
    known = [at for at in (*written, created) if at is not None]
    return Topology(name, zones, policy, scope, max(known, default=heard))


def _zone(zone: ZoneObject, label: str, problems: Problems) -> Zone:
    size, free = {}, {}
    for resource in zone.resources or ():
        where = f"zones[{zone.name}].resources[{resource.name}]"
        size[resource.name] = number(resource.allocatable, label, f"{where}.allocatable", problems)
        free[resource.name] = number(resource.available, label, f"{where}.available", problems)
    costs = {
        cost.name: number(cost.value, label, f"zones[{zone.name}].costs[{cost.name}]", problems)
        for cost in zone.costs or ()
    }
    return Zone(zone.name, size, free, costs)


def _policy(found: TopologyObject) -> tuple[str, str]:
    given = {entry.name: str(entry.value) for entry in found.attributes or ()}
    old = next(iter(found.topology_policies or ()), "")
    policy, scope = _OLD_POLICIES.get(old, (old or "none", "container"))
    return given.get("topologyManagerPolicy", policy), given.get("topologyManagerScope", scope)


def aligned_need(spec: PodSpec, object: str, problems: Problems | None = None) -> Need:
    """What of the pod's requests a kubelet may tie to NUMA zones: see `heterosched.model.topology.aligned_need`."""
    starting = spec.init_containers or ()
    containers = [_requests(own, own.restart_policy != "Always", object, problems) for own in starting]
    containers += [_requests(own, False, object, problems) for own in spec.containers or ()]
    return need_of(containers, whole_pod=spec.resources is not None)


def _requests(container: Container, finishes: bool, object: str, problems: Problems | None) -> Requests:
    resources = container.resources
    requests = _amounts(resources.requests, container, object, problems) if resources.requests else NOTHING
    limits = _amounts(resources.limits, container, object, problems) if resources.limits else NOTHING
    return Requests(requests, limits, finishes)


def _amounts(
    given: Mapping[str, Quantity], container: Container, object: str, problems: Problems | None
) -> dict[str, float]:
    where = f"containers[{container.name}].resources."
    return {resource: number(quantity, object, where + resource, problems) for resource, quantity in given.items()}
