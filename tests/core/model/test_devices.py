"""Product labels name the right device type, and a slice of a device is never taken for the device."""

from __future__ import annotations

import pytest

from heterosched.constants import LABEL_GPU_PRODUCT
from heterosched.model import CPU, DEVICE_TYPES, device_of_node, device_of_product
from heterosched.model.devices import socket_watts


@pytest.mark.parametrize(
    ("product", "device"),
    [
        ("Tesla-K80", "nvidia-k80"),
        ("Tesla-P100-PCIE-16GB", "nvidia-p100"),
        ("Tesla-T4", "nvidia-t4"),
        ("Tesla-V100-SXM2-16GB", "nvidia-v100"),
        ("V100M32", "nvidia-v100"),
        ("NVIDIA-A10", "nvidia-a10"),
        ("NVIDIA-A10G", "nvidia-a10"),
        ("NVIDIA-A100-SXM4-40GB", "nvidia-a100"),
        ("NVIDIA-L4", "nvidia-l4"),
        ("NVIDIA-H100-80GB-HBM3", "nvidia-h100"),
        ("Quadro-RTX-6000", "nvidia-rtx6000"),
        (" tesla-t4 ", "nvidia-t4"),
    ],
)
def test_known_products_are_their_device_type(product: str, device: str) -> None:
    assert device_of_product(product) == device


@pytest.mark.parametrize(
    "product",
    [
        "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb",
        "Tesla-P100-PCIE-16GB-SHARED",
        "NVIDIA-H100-80GB-HBM3-SHARED",
        "NVIDIA-L40S",
        "Tesla-P40",
        "Some-New-GPU",
    ],
)
def test_slices_and_unknown_products_keep_their_own_name(product: str) -> None:
    assert device_of_product(product) == product.lower()
    assert device_of_product(product) not in DEVICE_TYPES


def test_a_node_without_gpu_offers_cpu_whatever_its_label() -> None:
    assert device_of_node({LABEL_GPU_PRODUCT: "Tesla-T4"}, 0) == CPU


def test_a_gpu_node_is_known_by_its_label() -> None:
    assert device_of_node({LABEL_GPU_PRODUCT: "Tesla-T4"}, 2) == "nvidia-t4"
    assert device_of_node({}, 2) == "unknown-gpu"


@pytest.mark.parametrize("name", sorted(DEVICE_TYPES))
def test_the_table_holds_sensible_figures(name: str) -> None:
    device = DEVICE_TYPES[name]
    assert device.name == name
    assert 0 < device.idle_watts < device.busy_watts
    assert device.relative_speed > 0
    assert device.memory_bytes >= 2**30


def test_speeds_are_relative_to_a_v100() -> None:
    assert DEVICE_TYPES["nvidia-v100"].relative_speed == 1.0


@pytest.mark.parametrize(
    ("cores", "busy", "watts"),
    [(16, 0, 15), (16, 1, 120), (32, 1, 135), (32, 17, 240), (96, 0, 90), (4, 4, 120), (16, 40, 120)],
)
def test_a_socket_is_busy_with_its_first_busy_core(cores: float, busy: float, watts: float) -> None:
    assert socket_watts(cores, busy) == watts
