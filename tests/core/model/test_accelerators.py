"""Whatever names its accelerators, by whichever maker's labels, is counted, and slices are told from devices."""

from __future__ import annotations

import json

import pytest

from heterosched.model.accelerators import HAMI, Offer, is_accelerator, offer_of
from heterosched.model.devices import DEVICE_TYPES

NVIDIA = "nvidia.com/gpu"
SHARED = {"nvidia.com/gpu.product": "Tesla-T4-SHARED", "nvidia.com/gpu.count": "2", "nvidia.com/gpu.replicas": "4"}
A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}


@pytest.mark.parametrize(
    ("labels", "amounts", "offer"),
    [
        ({}, {"cpu": 8.0}, Offer()),
        ({"nvidia.com/gpu.product": "Tesla-T4"}, {NVIDIA: 0.0}, Offer()),
        ({"nvidia.com/gpu.product": "Tesla-T4"}, {NVIDIA: 4.0}, Offer("nvidia-t4", 4.0)),
        ({}, {NVIDIA: 4.0}, Offer("unknown-gpu", 4.0)),
        (SHARED, {NVIDIA: 8.0}, Offer("tesla-t4-shared", 8.0, 4.0)),
        (
            {"nvidia.com/gpu.product": "Tesla-T4", "nvidia.com/gpu.replicas": "4"},
            {"nvidia.com/gpu.shared": 8.0},
            Offer("tesla-t4-shared", 8.0, 4.0),
        ),
        ({**SHARED, "nvidia.com/gpu.replicas": "many"}, {NVIDIA: 8.0}, Offer("tesla-t4-shared", 8.0)),
        ({**A100, "nvidia.com/gpu.replicas": "1"}, {NVIDIA: 8.0}, Offer("nvidia-a100", 8.0)),
        (
            {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"},
            {NVIDIA: 7.0},
            Offer("nvidia-a100-sxm4-40gb-mig-1g.5gb", 7.0),
        ),
        (A100, {"nvidia.com/mig-1g.5gb": 14.0}, Offer("nvidia-a100-sxm4-40gb-mig-1g.5gb", 14.0)),
        (A100, {"nvidia.com/mig-1g.5gb": 2.0, NVIDIA: 6.0}, Offer("nvidia-a100", 8.0)),
        ({}, {"nvidia.com/mig-3g.20gb": 2.0}, Offer("mig-3g.20gb", 2.0)),
        ({"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM"}, {"amd.com/gpu": 8.0}, Offer("amd-mi300x", 8.0)),
        ({"beta.amd.com/gpu.product-name.MI210": "4"}, {"amd.com/gpu": 4.0}, Offer("amd-mi210", 4.0)),
        ({}, {"amd.com/gpu": 4.0}, Offer("unknown-gpu", 4.0)),
        ({"gpu.intel.com/product": "Max_1550"}, {"gpu.intel.com/i915": 4.0}, Offer("intel-max-1550", 4.0)),
        ({"gpu.intel.com/product": "Flex_170"}, {"gpu.intel.com/xe": 1.0}, Offer("intel-flex-170", 1.0)),
        ({"gpu.intel.com/product": "Arc_B580"}, {"gpu.intel.com/xe": 1.0}, Offer("intel-arc_b580", 1.0)),
    ],
)
def test_labels_and_resources_name_the_device(labels: dict[str, str], amounts: dict[str, float], offer: Offer) -> None:
    assert offer_of(labels, {}, amounts, DEVICE_TYPES) == offer


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([{"id": "GPU-1", "count": 10, "devmem": 16384, "type": "NVIDIA-Tesla V100-SXM2-16GB", "numa": 0}]),
        "GPU-1,10,16384,100,NVIDIA-Tesla V100-SXM2-16GB,0,true:GPU-2,10,16384,100,NVIDIA-Tesla V100-SXM2-16GB,1,true:",
    ],
)
def test_hami_says_how_many_pods_share_a_device(text: str) -> None:
    found = offer_of({}, {HAMI: text}, {NVIDIA: 20.0}, DEVICE_TYPES)
    assert found == Offer("tesla-v100-sxm2-16gb-shared", 20.0, 10.0)
    assert found.whole == 2.0
    row = DEVICE_TYPES.whole(found.device)
    assert row is not None and row.name == "nvidia-v100"


@pytest.mark.parametrize("text", ["", "[]", "{}", "[1]", "::", "null", '[{"count": "x"}]'])
def test_an_annotation_that_says_nothing_changes_nothing(text: str) -> None:
    assert offer_of(A100, {HAMI: text}, {NVIDIA: 2.0}, DEVICE_TYPES) == Offer("nvidia-a100", 2.0)


def test_other_resources_are_no_accelerators() -> None:
    named = ["cpu", "memory", "heterosched.io/strict", "nvidia.com/hostdev", "rdma/hca", "gpu.intel.com/millicores"]
    assert not any(map(is_accelerator, named))


@pytest.mark.parametrize(
    "text",
    [
        '[{"count": 1e999, "type": "NVIDIA-A100"}]',
        '[{"count": ' + "9" * 400 + "}]",
        '[{"count": -4}]',
        '[{"count": NaN}]',
        "[" * 100_000,
        "a,\u00b2,c,d,NVIDIA-A100:",
        "5",
    ],
)
def test_a_split_that_cannot_be_says_nothing(text: str) -> None:
    assert offer_of(A100, {HAMI: text}, {NVIDIA: 2.0}, DEVICE_TYPES) == Offer("nvidia-a100", 2.0)
