"""Slices name their devices whatever the driver, claims say what they ask for and hold."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from heterosched.kube.convert import Problems
from heterosched.kube.dra import ClaimObject, SliceObject, asked_by, claims_of, taken_by, to_devices
from heterosched.kube.objects import PodObject
from heterosched.model import DEVICE_TYPES
from heterosched.model.claims import ClaimedDevice, Device

DRIVER = "gpu.nvidia.com"


def a_slice(*devices: dict[str, Any], node: str | None = "n") -> SliceObject:
    spec = {"driver": DRIVER, "pool": {"name": "p"}, "devices": devices, **({"nodeName": node} if node else {})}
    return msgspec.json.decode(json.dumps({"metadata": {"name": "s"}, "spec": spec}), type=SliceObject)


def a_device(name: str = "gpu-0", memory: str = "80Gi", **attributes: Any) -> dict[str, Any]:
    return {"name": name, "attributes": attributes, "capacity": {"memory": {"value": memory}}}


@pytest.mark.parametrize(
    ("attributes", "numa"),
    [
        ({"productName": {"string": "NVIDIA H100 80GB HBM3"}}, None),
        ({f"{DRIVER}/productName": {"string": "NVIDIA H100 80GB HBM3"}, "numa": {"int": 1}}, 1),
        ({"productName": {"string": "NVIDIA H100 80GB HBM3"}, "resource.kubernetes.io/numaNode": {"int": 0}}, 0),
    ],
)
def test_a_device_has_product_memory_and_numa_node(attributes: dict[str, Any], numa: int | None) -> None:
    (device,) = to_devices(a_slice(a_device(**attributes)), Problems())
    assert device == Device(DRIVER, "p", "gpu-0", "n", "NVIDIA H100 80GB HBM3", 80 * 2.0**30, numa)
    assert device.type(DEVICE_TYPES) == "nvidia-h100"
    assert device.id == ClaimedDevice(DRIVER, "p", "gpu-0")


def test_other_devices_and_other_peoples_slices_are_passed_over() -> None:
    named = a_device(productName={"string": "NVIDIA L4"})
    assert to_devices(a_slice(a_device(speed={"string": "fast"}), {"name": "bare"}), Problems()) == ()
    assert to_devices(a_slice(named, node=None), Problems()) == ()
    problems = Problems()
    (device,) = to_devices(a_slice(a_device(memory="much", productName={"string": "NVIDIA L4"})), problems)
    assert (device.memory, problems.count) == (0.0, 1)


def a_claim(**parts: Any) -> ClaimObject:
    return msgspec.json.decode(json.dumps({"metadata": {"name": "c", "namespace": "team"}, **parts}), type=ClaimObject)


def test_a_claim_asks_for_the_first_of_alternatives() -> None:
    requests = [
        {"name": "one", "exactly": {"deviceClassName": "gpu"}},
        {"name": "two", "exactly": {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 2}},
        {"name": "either", "firstAvailable": [{"deviceClassName": "big", "count": 4}, {"deviceClassName": "small"}]},
        {"name": "nothing"},
    ]
    assert asked_by(a_claim(spec={"devices": {"requests": requests}})) == 7
    assert asked_by(a_claim()) == 0


def test_an_allocated_claim_holds_its_devices() -> None:
    result = {"request": "one", "driver": DRIVER, "pool": "p", "device": "gpu-0"}
    status = {"allocation": {"devices": {"results": [result]}}}
    assert taken_by(a_claim(status=status)) == (ClaimedDevice(DRIVER, "p", "gpu-0"),)
    assert taken_by(a_claim()) == ()


def test_claims_from_templates_are_named_by_the_status() -> None:
    claims = [
        {"name": "own", "resourceClaimName": "mine"},
        {"name": "made", "resourceClaimTemplateName": "t"},
        {"name": "not-yet", "resourceClaimTemplateName": "t"},
    ]
    statuses = [{"name": "made", "resourceClaimName": "p-made-x7"}]
    manifest = {
        "metadata": {"name": "p", "namespace": "team"},
        "spec": {"resourceClaims": claims},
        "status": {"resourceClaimStatuses": statuses},
    }
    assert claims_of(msgspec.json.decode(json.dumps(manifest), type=PodObject)) == ("team/mine", "team/p-made-x7")
