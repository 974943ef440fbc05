"""A user's device file adds to the table, and one that is wrong is refused with the row and the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from heterosched.device_file import read_device_file
from heterosched.errors import InvalidInput
from heterosched.model.devices import DEVICE_TYPES

AMOUNTS = "memory: 48Gi, idleWatts: 35, busyWatts: '350', relativeSpeed: '5.8'"
ROW = f"- {{name: nvidia-l40s, products: [NVIDIA-L40S], {AMOUNTS}}}"


def test_a_row_is_used_and_its_product_recognised(tmp_path: Path) -> None:
    file = tmp_path / "devices.yaml"
    file.write_text(f"devices:\n{ROW}\n")
    table = read_device_file(file)
    assert table.of_product("NVIDIA-L40S") == "nvidia-l40s"
    assert table["nvidia-l40s"].memory_bytes == 48 * 2.0**30
    assert len(table) == len(DEVICE_TYPES) + 1


def test_a_curve_and_a_cap_are_part_of_the_row_and_the_cap_slows_it_down(tmp_path: Path) -> None:
    file = tmp_path / "devices.yaml"
    file.write_text(f"devices:\n{ROW[:-1]}, curve: {{0.6: 250, '0.3': '180'}}, capWatts: 300}}\n")
    own = read_device_file(file)["nvidia-l40s"]
    assert own.power.curve == ((0.3, 180.0), (0.6, 250.0))
    assert own.busy_watts == 300.0
    assert own.relative_speed == pytest.approx(5.8 * (265.0 / 315.0) ** (1 / 3))


def test_a_pattern_means_what_it_says_without_regard_to_case(tmp_path: Path) -> None:
    file = tmp_path / "devices.yaml"
    row = ROW.replace("[NVIDIA-L40S]", r"['NVIDIA-L40S?-\D+']")
    file.write_text(f"devices:\n{row}\n")
    table = read_device_file(file)
    assert table.of_product("nvidia-l40-PCIE") == "nvidia-l40s"
    assert table.of_product("nvidia-l40-48") == "nvidia-l40-48"


def test_without_a_file_the_built_in_rows_count() -> None:
    assert read_device_file(None) is DEVICE_TYPES


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "no mapping"),
        ("rows: []", "devices"),
        ("devices: 3", "devices"),
        ("devices: [3]", r"devices\[0\]"),
        ("devices: [{name: a}]", "missing keys"),
        (f"devices:\n{ROW[:-1]}, colour: red}}", "unknown keys.*colour"),
        (f"devices:\n{ROW.replace('35,', '-1,')}", "idleWatts"),
        (f"devices:\n{ROW.replace('48Gi', 'much')}", "memory"),
        (f"devices:\n{ROW.replace('[NVIDIA-L40S]', 'x')}", "no list of texts"),
        (f"devices:\n{ROW.replace('nvidia-l40s', 'NVIDIA-L40S')}", r"devices\[0\].name.*'NVIDIA-L40S'"),
        (f"devices:\n{ROW.replace('[NVIDIA-L40S]', '[(]')}", "products"),
        (f"devices:\n{ROW.replace('nvidia-l40s', '7')}", "name"),
        (f"devices:\n{ROW[:-1]}, curve: 3}}", r"devices\[0\].curve"),
        (f"devices:\n{ROW[:-1]}, curve: {{0.5: 900}}}}", r"devices\[0\]: curve"),
        (f"devices:\n{ROW[:-1]}, capWatts: 20}}", r"devices\[0\]: cap"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "devices.yaml"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=words):
        read_device_file(file)
