"""Product labels name the right device type, and a slice of a device is never taken for the device."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from heterosched.model import DEVICE_TYPES, DeviceType, PowerModel
from heterosched.model.devices import DeviceTable, is_device_name, socket_watts


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
    assert DEVICE_TYPES.of_product(product) == device


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
    assert DEVICE_TYPES.of_product(product) == product.lower()
    assert DEVICE_TYPES.of_product(product) not in DEVICE_TYPES


OWN_T4 = DeviceType("nvidia-t4", ("tesla-t4",), PowerModel(9.0, 70.0), 16 * 2.0**30, 0.6)
L40S = DeviceType("nvidia-l40s", ("nvidia-l40s",), PowerModel(35.0, 900.0), 48 * 2.0**30, 5.83)


def test_a_users_rows_come_before_the_built_in_ones_and_those_stay_as_they_are() -> None:
    own = DEVICE_TYPES.with_rows([OWN_T4, L40S])
    assert own.of_product("NVIDIA-L40S") == "nvidia-l40s"
    assert list(own)[:2] == ["nvidia-t4", "nvidia-l40s"]
    assert (own["nvidia-t4"], own["nvidia-v100"]) == (OWN_T4, DEVICE_TYPES["nvidia-v100"])
    assert len(own) == len(DEVICE_TYPES) + 1
    assert "nvidia-l40s" not in DEVICE_TYPES
    assert DEVICE_TYPES["nvidia-t4"] != OWN_T4


def test_of_several_own_rows_of_a_name_the_last_one_counts() -> None:
    assert DeviceTable(()).with_rows([DEVICE_TYPES["nvidia-t4"], OWN_T4]).rows == (OWN_T4,)


def test_the_device_that_slices_are_cut_from_is_known_and_mig_slices_are_devices_of_their_own() -> None:
    assert DEVICE_TYPES.whole("tesla-t4-shared") == DEVICE_TYPES["nvidia-t4"]
    assert DEVICE_TYPES.whole("nvidia-t4") == DEVICE_TYPES["nvidia-t4"]
    assert DEVICE_TYPES.whole("nvidia-a100-sxm4-40gb-mig-1g.5gb") is None
    assert DEVICE_TYPES.whole("acme-npu") is None


def test_an_unknown_device_draws_as_much_as_the_hungriest_known_one() -> None:
    assert DEVICE_TYPES.most_watts == 750.0
    assert DEVICE_TYPES.with_rows([L40S]).most_watts == 900.0
    assert DeviceTable(()).most_watts == 0.0


def test_a_table_is_a_value() -> None:
    assert DEVICE_TYPES.with_rows([]) == DEVICE_TYPES
    assert hash(DEVICE_TYPES.with_rows([L40S])) == hash(DEVICE_TYPES.with_rows([L40S]))
    with pytest.raises(FrozenInstanceError):
        DEVICE_TYPES.rows = ()  # type: ignore[misc]


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


@pytest.mark.parametrize(
    ("product", "device"),
    [
        ("Acme(R) Data Center GPU / 170", "acme-r-data-center-gpu-170"),
        ("NVIDIA-" + "X" * 80 + "-MIG-1g.5gb", "x" * 52 + "-mig-1g.5gb"),
        ("(?)", "unknown-gpu"),
    ],
)
def test_a_product_of_any_name_is_a_device_that_a_status_can_hold(product: str, device: str) -> None:
    assert DEVICE_TYPES.of_product(product) == device
    assert is_device_name(device)
