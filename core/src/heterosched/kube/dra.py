"""ResourceSlices and ResourceClaims (`resource.k8s.io/v1`): which devices nodes offer, which of them are taken, and how
many a pod asks for by its claims.

A driver's own attributes may carry its name (`gpu.nvidia.com/productName`) or not. The NUMA node is
`resource.kubernetes.io/numaNode` (standard from Kubernetes 1.37) or the driver's `numa`, `numaNode`.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from heterosched.kube.convert import Problems, number
from heterosched.kube.objects import KubeObject, PodObject
from heterosched.model.claims import ClaimedDevice, Device

SLICES_PATH: Final = "/apis/resource.k8s.io/v1/resourceslices"
CLAIMS_PATH: Final = "/apis/resource.k8s.io/v1/resourceclaims"

_PRODUCT: Final = ("productName", "product", "model")
_NUMA: Final = ("resource.kubernetes.io/numaNode", "numaNode", "numa")


class _Part(Struct, frozen=True, gc=False, rename="camel"):
    """Camel-case JSON names, as in `heterosched.kube.objects`."""


class Capacity(_Part, frozen=True, gc=False):
    """`resource/v1.DeviceCapacity`."""

    value: str | int | float = 0


class SliceDevice(_Part, frozen=True, gc=False):
    """`resource/v1.Device`."""

    name: str = ""
    attributes: dict[str, dict[str, str | int | bool]] | None = None
    capacity: dict[str, Capacity] | None = None


class Pool(_Part, frozen=True, gc=False):
    """`resource/v1.ResourcePool`."""

    name: str = ""


class SliceSpec(_Part, frozen=True, gc=False):
    """`resource/v1.ResourceSliceSpec` of a slice that belongs to one node; others have no `node_name`."""

    driver: str = ""
    node_name: str = ""
    pool: Pool = Pool()
    devices: tuple[SliceDevice, ...] | None = None


class SliceObject(KubeObject, frozen=True, gc=False):
    """A ResourceSlice."""

    spec: SliceSpec = SliceSpec()


class ExactRequest(_Part, frozen=True, gc=False):
    """`resource/v1.ExactDeviceRequest`; `count` counts for the allocation mode ExactCount only."""

    device_class_name: str = ""
    count: int = 1


class DeviceRequest(_Part, frozen=True, gc=False):
    """`resource/v1.DeviceRequest`: exactly one of the two."""

    exactly: ExactRequest | None = None
    first_available: tuple[ExactRequest, ...] | None = None


class ClaimDevices(_Part, frozen=True, gc=False):
    """`resource/v1.DeviceClaim`."""

    requests: tuple[DeviceRequest, ...] | None = None


class ClaimSpec(_Part, frozen=True, gc=False):
    """`resource/v1.ResourceClaimSpec`."""

    devices: ClaimDevices = ClaimDevices()


class Result(_Part, frozen=True, gc=False):
    """`resource/v1.DeviceRequestAllocationResult`."""

    driver: str = ""
    pool: str = ""
    device: str = ""


class Results(_Part, frozen=True, gc=False):
    """`resource/v1.DeviceAllocationResult`."""

    results: tuple[Result, ...] | None = None


class Allocation(_Part, frozen=True, gc=False):
    """`resource/v1.AllocationResult`."""

    devices: Results = Results()


class ClaimStatus(_Part, frozen=True, gc=False):
    """`resource/v1.ResourceClaimStatus`."""

    allocation: Allocation | None = None


class ClaimObject(KubeObject, frozen=True, gc=False):
    """A ResourceClaim."""

    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus = ClaimStatus()


def to_devices(found: SliceObject, problems: Problems) -> tuple[Device, ...]:
    """The accelerators of a slice: its devices that name a product; others (network cards) are not ours to judge."""
    spec = found.spec
    if not spec.node_name:
        return ()
    devices = []
    for device in spec.devices or ():
        attributes = {name.removeprefix(f"{spec.driver}/"): value for name, value in (device.attributes or {}).items()}
        product = next((text for name in _PRODUCT if (text := _value(attributes, name, "string"))), "")
        if not product:
            continue
        memory = (device.capacity or {}).get("memory") or (device.capacity or {}).get(f"{spec.driver}/memory")
        field = f"spec.devices[{device.name}].capacity.memory"
        size = number(memory.value, f"ResourceSlice {found.key}", field, problems) if memory is not None else 0.0
        zone = next((text for name in _NUMA if (text := _value(attributes, name, "int"))), "")
        numa = int(zone) if zone else None
        devices.append(Device(spec.driver, spec.pool.name, device.name, spec.node_name, product, size, numa))
    return tuple(devices)


def _value(attributes: dict[str, dict[str, str | int | bool]], name: str, kind: str) -> str:
    value = attributes.get(name, {}).get(kind)
    return "" if value is None else str(value)


def taken_by(claim: ClaimObject) -> tuple[ClaimedDevice, ...]:
    """The devices that are allocated to a claim."""
    allocation = claim.status.allocation
    results = () if allocation is None else allocation.devices.results or ()
    return tuple(ClaimedDevice(result.driver, result.pool, result.device) for result in results)


def asked_by(claim: ClaimObject) -> int:
    """How many devices the claim asks for, of the first of alternatives each."""
    wanted = [(one.exactly, *(one.first_available or ()))[:2] for one in claim.spec.devices.requests or ()]
    return sum(next((each.count for each in alternatives if each is not None), 0) for alternatives in wanted)


def claims_of(pod: PodObject) -> tuple[str, ...]:
    """Keys of the pod's claims, those made from templates included once they are made."""
    made = {entry.name: entry.resource_claim_name for entry in pod.status.resource_claim_statuses or ()}
    names = [entry.resource_claim_name or made.get(entry.name) for entry in pod.spec.resource_claims or ()]
    return tuple(f"{pod.metadata.namespace}/{name}" for name in names if name)
