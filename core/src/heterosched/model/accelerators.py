"""What a node says of its accelerators: extended resources, the makers' labels, the shares that one device is cut into.

NVIDIA: GPU feature discovery (`nvidia.com/gpu.product`, `.replicas`, `nvidia.com/mig-...`; NVIDIA/k8s-device-plugin,
docs/gpu-feature-discovery). AMD: node labeller (`amd.com/gpu.product-name`, in its older form
`beta.amd.com/gpu.product-name.NAME=COUNT`; ROCm/k8s-device-plugin). Intel: node feature rules
(`gpu.intel.com/product`; intel/intel-device-plugins-for-kubernetes). HAMi: the annotation
`hami.io/node-nvidia-register`, a list of devices each with the number of pods that may share it (Project-HAMi/HAMi).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from heterosched.constants import LABEL_GPU_PRODUCT, RESOURCE_NVIDIA_GPU
from heterosched.model.devices import CPU, DeviceTable

WHOLE: Final = (RESOURCE_NVIDIA_GPU, "amd.com/gpu", "gpu.intel.com/i915", "gpu.intel.com/xe")
SHARED: Final = ("nvidia.com/gpu.shared",)
_MIG: Final = "nvidia.com/mig-"
_LABEL_REPLICAS: Final = "nvidia.com/gpu.replicas"
_LABEL_INTEL: Final = "gpu.intel.com/product"
_LABELS_AMD: Final = ("amd.com/gpu.product-name", "beta.amd.com/gpu.product-name")
HAMI: Final = "hami.io/node-nvidia-register"
MOST_SHARES: Final = 1e6
"""Pods per device; what says more, or nothing above zero, says nothing."""
_SUFFIX: Final = re.compile(r"-shared$|-mig-[^-]+$")


@dataclass(frozen=True, slots=True)
class Offer:
    """The accelerators of a node: their device type, how many a pod may ask for, and how many pods share one device."""

    device: str = CPU
    count: float = 0.0
    shares: float = 1.0

    @property
    def whole(self) -> float:
        """Devices that this makes: 8 time slices of 4 each are 2."""
        return self.count / self.shares


NO_ACCELERATORS: Final = Offer()


def is_accelerator(resource: str) -> bool:
    """Whether one unit of this extended resource is an accelerator, or a slice of one."""
    return resource in WHOLE or resource in SHARED or resource.startswith(_MIG)


def offer_of(
    labels: Mapping[str, str], annotations: Mapping[str, str], amounts: Mapping[str, float], devices: DeviceTable
) -> Offer:
    """What a node with these allocatable `amounts` offers. Units of all its accelerators count together.

    A node that mixes whole devices and slices is taken for what it has most of: the score terms know one device type
    per node. A node that names no product offers `unknown-gpu`.
    """
    offered = {resource: amount for resource, amount in amounts.items() if amount > 0 and is_accelerator(resource)}
    if not offered:
        return NO_ACCELERATORS
    most = max(offered, key=lambda resource: (offered[resource], resource in WHOLE, resource))
    product, shares = _product(most, labels), _replicas(most, labels)
    split = _split(annotations.get(HAMI, "")) if most == RESOURCE_NVIDIA_GPU else None
    if split is not None:
        product, shares = product or split[0], split[1]
        if shares > 1 and not _SUFFIX.search(product.lower()):
            product += "-SHARED"
    return Offer(devices.of_product(product) if product else "unknown-gpu", sum(offered.values()), max(1.0, shares))


def _product(resource: str, labels: Mapping[str, str]) -> str:
    if resource.startswith(_MIG):
        whole, profile = labels.get(LABEL_GPU_PRODUCT, ""), resource.removeprefix(_MIG)
        return f"{_SUFFIX.sub('', whole.lower())}-mig-{profile}" if whole else f"mig-{profile}"
    if resource in SHARED:
        whole = labels.get(LABEL_GPU_PRODUCT, "")
        return whole if not whole or whole.lower().endswith("-shared") else f"{whole}-SHARED"
    if resource == "amd.com/gpu":
        return _amd(labels)
    if resource.startswith("gpu.intel.com/"):
        name = labels.get(_LABEL_INTEL, "")
        return f"intel-{name}" if name else ""
    return labels.get(LABEL_GPU_PRODUCT, "")


def _amd(labels: Mapping[str, str]) -> str:
    """The older form has the value in the key, because one node may have several; the first in order is taken."""
    for label in _LABELS_AMD:
        if label in labels:
            return labels[label]
        named = sorted(key for key in labels if key.startswith(f"{label}."))
        if named:
            return named[0].removeprefix(f"{label}.")
    return ""


def _replicas(resource: str, labels: Mapping[str, str]) -> float:
    """Pods per device by time slicing or MPS; MIG slices are devices of their own."""
    text = labels.get(_LABEL_REPLICAS, "")
    shared = resource in SHARED or labels.get(LABEL_GPU_PRODUCT, "").lower().endswith("-shared")
    return float(text) if shared and text.isascii() and text.isdigit() and not resource.startswith(_MIG) else 1.0


def _split(text: str) -> tuple[str, float] | None:
    """Product and pods per device of HAMi's annotation: JSON, or the older `id,count,memory,cores,type,...:` each."""
    if not text:
        return None
    try:
        found = json.loads(text)
        devices = [(str(one.get("type", "")), float(one.get("count", 1))) for one in found]
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        parts = [one.split(",") for one in text.split(":") if one]
        devices = [(part[4], float(part[1])) for part in parts if len(part) > 4 and part[1].isdecimal()]
    devices = [(product, count) for product, count in devices if 0.0 < count <= MOST_SHARES]
    if not devices:
        return None
    product = devices[0][0].removeprefix("NVIDIA-").strip().replace(" ", "-")
    return product, sum(count for _, count in devices) / len(devices)
