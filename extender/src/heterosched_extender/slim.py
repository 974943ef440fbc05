"""What the extender keeps of each node and pod: the fields that it reads, with equal parts shared.

A cluster has tens of thousands of pods of a few hundred kinds, and nodes with dozens of labels of the same names; as
they arrive they would take five times the memory of everything else.
"""

from __future__ import annotations

import sys
from functools import lru_cache

from msgspec.structs import replace

from heterosched.constants import SCHEDULER_NAME
from heterosched.kube.objects import (
    Condition,
    Container,
    Metadata,
    NodeAddress,
    NodeObject,
    NodeTaint,
    OwnerReference,
    PodObject,
    PodSpec,
    Resources,
    condition,
)
from heterosched.model.accelerators import HAMI

FEATURES = ("feature.node.kubernetes.io/cpu-", "feature.node.kubernetes.io/kernel-")
"""Labels by which Node Feature Discovery lists CPU flags and kernel options, a hundred per node."""

_Amounts = tuple[tuple[str, str | int | float], ...]
_Sizes = tuple[_Amounts | None, _Amounts | None]
_Shape = tuple[tuple[str | None, _Sizes], ...] | None


def slim_node(node: NodeObject) -> NodeObject:
    """Without labels about CPU features, annotations but for that of HAMi, and conditions but for that it is ready."""
    metadata, spec, status = node.metadata, node.spec, node.status
    labels = {
        sys.intern(key): sys.intern(value)
        for key, value in (metadata.labels or {}).items()
        if not key.startswith(FEATURES)
    }
    ready = condition(status.conditions, "Ready")
    split = (metadata.annotations or {}).get(HAMI)
    return replace(
        node,
        metadata=replace(
            metadata,
            name=sys.intern(metadata.name),
            labels=labels,
            annotations=None if split is None else {HAMI: sys.intern(split)},
            owner_references=None,
            creation_timestamp=None,
        ),
        spec=replace(spec, taints=None if spec.taints is None else tuple(map(_taint, spec.taints))),
        status=replace(
            status,
            capacity=_shared(_pairs(status.capacity)),
            allocatable=_shared(_pairs(status.allocatable)),
            conditions=None if ready is None else _ready(ready.status),
            addresses=None if status.addresses is None else tuple(map(_address, status.addresses)),
        ),
    )


def slim_pod(pod: PodObject) -> PodObject:
    """Who it is, where it is, what it takes of its node, whether it is finished; of ours also when it was bound."""
    metadata, spec, status = pod.metadata, pod.spec, pod.status
    ours = spec.scheduler_name == SCHEDULER_NAME
    bound = condition(status.conditions, "PodScheduled") if ours else None
    owners = tuple(_owner(owner.kind, owner.controller) for owner in metadata.owner_references or ())
    return replace(
        pod,
        metadata=replace(
            metadata,
            namespace=sys.intern(metadata.namespace),
            labels=None,
            annotations=None,
            owner_references=owners or None,
        ),
        spec=replace(
            spec,
            node_name=sys.intern(spec.node_name),
            scheduler_name=sys.intern(spec.scheduler_name),
            priority_class_name="",
            containers=_containers(_shape(spec.containers)),
            init_containers=_containers(_shape(spec.init_containers)),
            overhead=_shared(_pairs(spec.overhead)),
            resources=None if spec.resources is None else _resources(_sizes(spec.resources)),
            node_selector=None,
        ),
        status=replace(
            status,
            phase=sys.intern(status.phase),
            start_time=None if status.start_time is None else sys.intern(status.start_time),
            message="",
            conditions=None if bound is None else (bound,),
            container_statuses=None,
        ),
    )


def kept_pod(pod: PodObject) -> PodObject:
    """What is left of a pod once the world has been told of it: which one it is, and whether it is bound."""
    metadata = Metadata(uid=pod.metadata.uid, resource_version=pod.metadata.resource_version)
    return PodObject(metadata=metadata, spec=_BOUND if pod.spec.node_name else _UNBOUND)


_BOUND, _UNBOUND = PodSpec(node_name="(some node)"), PodSpec()


def _pairs(amounts: dict[str, str | int | float] | None) -> _Amounts | None:
    return None if amounts is None else tuple(amounts.items())


def _sizes(resources: Resources) -> _Sizes:
    return _pairs(resources.requests), _pairs(resources.limits)


def _shape(containers: tuple[Container, ...] | None) -> _Shape:
    return None if containers is None else tuple((each.restart_policy, _sizes(each.resources)) for each in containers)


@lru_cache(maxsize=4)
def _ready(status: str) -> tuple[Condition, ...]:
    return (Condition(type="Ready", status=status),)


def _taint(taint: NodeTaint) -> NodeTaint:
    return _shared_taint(taint.key, taint.value, taint.effect)


@lru_cache(maxsize=1024)
def _shared_taint(key: str, value: str, effect: str) -> NodeTaint:
    return NodeTaint(key=key, value=value, effect=effect)


def _address(address: NodeAddress) -> NodeAddress:
    return NodeAddress(type=sys.intern(address.type), address=sys.intern(address.address))


@lru_cache(maxsize=4096)
def _containers(shape: _Shape) -> tuple[Container, ...] | None:
    """Containers without their names: only trouble with a quantity would be told by them."""
    if shape is None:
        return None
    return tuple(Container(resources=_resources(sizes), restart_policy=policy) for policy, sizes in shape)


@lru_cache(maxsize=4096)
def _resources(sizes: _Sizes) -> Resources:
    return Resources(requests=_shared(sizes[0]), limits=_shared(sizes[1]))


@lru_cache(maxsize=4096)
def _shared(pairs: _Amounts | None) -> dict[str, str | int | float] | None:
    return None if pairs is None else dict(pairs)


@lru_cache(maxsize=256)
def _owner(kind: str, controller: bool) -> OwnerReference:
    return OwnerReference(kind=kind, controller=controller)


def same(old: NodeObject, new: NodeObject) -> bool:
    """Whether nothing has changed of what `slim_node` leaves of a node but its version."""
    before, after = old.metadata, new.metadata
    known = before.labels == after.labels and before.annotations == after.annotations and before.uid == after.uid
    return known and old.spec == new.spec and old.status == new.status
