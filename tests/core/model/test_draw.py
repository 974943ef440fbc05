"""A node's power is what was measured while that is fresh, else what its curve says at its load, else the table's."""

from __future__ import annotations

import math

import numpy as np
import pytest

from heterosched.model import DEVICE_TYPES, Cluster, Demand, DeviceType, Node, PowerModel, Telemetry
from heterosched.model.draw import Draw, drawn_by_origin, gpu_draw, host_draw
from heterosched.model.telemetry import GPU_UTILISATION, GPU_WATTS, HOST_CPU

NAN = math.nan
NODE = Node("v100-0", "nvidia-v100", Demand(32, 2.0**37, 4))  # 30 W idle, 300 W busy; two sockets of 15 to 120 W


@pytest.mark.parametrize(
    ("measured", "load", "draw"),
    [
        (777.0, 0.5, Draw(777.0, "measured")),
        (0.0, 0.5, Draw(0.0, "measured")),
        (NAN, 0.5, Draw(4 * 165.0, "curve")),
        (NAN, NAN, Draw(300.0 + 3 * 30.0, "table")),
    ],
)
def test_gpus_are_measured_or_on_their_curve_or_in_the_table(measured: float, load: float, draw: Draw) -> None:
    assert gpu_draw(NODE, DEVICE_TYPES, 1.0, measured, load) == draw


@pytest.mark.parametrize(
    ("measured", "load", "draw"),
    [
        (90.0, 0.5, Draw(90.0, "measured")),
        (NAN, 0.5, Draw(135.0, "curve")),
        (NAN, NAN, Draw(135.0, "table")),
    ],
)
def test_sockets_too(measured: float, load: float, draw: Draw) -> None:
    assert host_draw(NODE, 8.0, measured, load) == draw


def test_a_users_curve_and_cap_are_followed() -> None:
    power = PowerModel(20.0, 200.0, ((0.5, 150.0),), 180.0)
    table = DEVICE_TYPES.with_rows([DeviceType("acme", ("acme",), power, 2.0**30, 1.0)])
    node = Node("a", "acme", Demand(16, 2.0**36, 2))
    assert gpu_draw(node, table, 2.0, NAN, 0.5) == Draw(300.0, "curve")
    assert gpu_draw(node, table, 2.0) == Draw(360.0, "table")
    assert gpu_draw(node, DEVICE_TYPES, 2.0) is None


def test_time_slices_of_a_device_are_one_device() -> None:
    node = Node("s", "nvidia-v100-shared", Demand(16, 2.0**36, 8), shares=4.0)
    whole = Node("w", "nvidia-v100", Demand(16, 2.0**36, 2))
    assert gpu_draw(node, DEVICE_TYPES, 2.0) == gpu_draw(whole, DEVICE_TYPES, 0.5)


def test_no_gpus_draw_nothing_and_unknown_ones_only_what_was_measured() -> None:
    assert gpu_draw(Node("c", "cpu", Demand(16, 2.0**36)), DEVICE_TYPES, 0.0, 5.0) is None
    unknown = Node("u", "acme-npu", Demand(16, 2.0**36, 2))
    assert gpu_draw(unknown, DEVICE_TYPES, 1.0, NAN, 0.5) is None
    assert gpu_draw(unknown, DEVICE_TYPES, 1.0, 40.0) == Draw(40.0, "measured")


def test_stale_figures_count_no_more() -> None:
    cluster = Cluster((NODE, Node("c", "cpu", Demand(16, 2.0**36))))
    names = ("v100-0", "c")

    def column(value: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([value, NAN])

    readings = Telemetry(
        names,
        {GPU_WATTS: column(500.0), GPU_UTILISATION: column(1.0), HOST_CPU: column(0.0)},
        {GPU_WATTS: column(100.0), GPU_UTILISATION: column(130.0), HOST_CPU: column(130.0)},
    )
    held = {"c": Demand(16)}
    assert drawn_by_origin(cluster, held, readings, 140.0, 60.0) == {"measured": 500.0, "curve": 30.0, "table": 120.0}
    assert drawn_by_origin(cluster, held, readings, 180.0, 60.0) == {"measured": 0.0, "curve": 1230.0, "table": 120.0}
    assert drawn_by_origin(cluster, {}, readings, 999.0, 60.0)["table"] == 4 * 30.0 + 30.0 + 15.0
