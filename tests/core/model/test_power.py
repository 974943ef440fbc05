"""A power model goes from idle to busy without falling, never above its cap, and a cap costs the cube root in speed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.errors import InvalidInput
from heterosched.model import DEVICE_TYPES, PowerModel
from heterosched.model.devices import socket_watts

V100 = PowerModel(30.0, 300.0)
loads = st.floats(0, 1)


def test_without_a_curve_it_is_a_straight_line() -> None:
    assert [V100.watts(load) for load in (0.0, 0.5, 1.0)] == [30.0, 165.0, 300.0]
    assert V100.watts() == 300.0
    assert V100.watts(-1.0) == 30.0
    assert V100.watts(2.0) == 300.0


def test_points_of_a_curve_are_met_and_joined() -> None:
    own = PowerModel(50.0, 400.0, ((0.2, 200.0), (0.6, 300.0)))
    assert [own.watts(load) for load in (0.1, 0.2, 0.4, 0.6, 0.8)] == pytest.approx([125, 200, 250, 300, 350])


def test_a_cap_holds_power_and_takes_the_cube_root_of_the_speed() -> None:
    capped = V100.capped(30.0 + 270.0 / 8)
    assert capped.watts() == pytest.approx(63.75)
    assert capped.watts(0.0) == 30.0
    assert capped.speed == pytest.approx(0.5)
    assert V100.speed == V100.capped(300.0).speed == PowerModel(10.0, 10.0).speed == 1.0


@given(loads, loads, st.floats(31, 400))
def test_more_load_never_draws_less_and_never_more_than_the_cap(one: float, other: float, cap: float) -> None:
    own = PowerModel(30.0, 300.0, ((0.5, 250.0),), cap)
    assert own.watts(min(one, other)) <= own.watts(max(one, other)) <= cap
    assert 0 < own.speed <= 1


@given(st.floats(30.5, 300))
def test_a_cap_saves_energy_by_taking_time(cap: float) -> None:
    """Dynamic power falls with the cube, time grows with the inverse: joules above idle never grow."""
    own = V100.capped(cap)
    assert (own.watts() - 30.0) / own.speed <= 270.0 * (1 + 1e-9)


@pytest.mark.parametrize(
    ("figures", "field"),
    [
        ((math.nan, 10.0), "watts"),
        ((-1.0, 10.0), "watts"),
        ((20.0, 10.0), "watts"),
        ((1.0, math.inf), "watts"),
        ((1.0, 10.0, ((0.5, 20.0),)), "curve"),
        ((1.0, 10.0, ((0.0, 2.0),)), "curve"),
        ((1.0, 10.0, ((0.5, math.nan),)), "curve"),
        ((1.0, 10.0, (), 1.0), "cap"),
        ((1.0, 10.0, (), math.nan), "cap"),
    ],
)
def test_figures_that_make_no_sense_are_refused(figures: tuple[float, ...], field: str) -> None:
    with pytest.raises(InvalidInput, match=f"power model: {field}: .*; "):
        PowerModel(*figures)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(DEVICE_TYPES))
def test_the_device_table_gives_each_device_its_model(name: str) -> None:
    device = DEVICE_TYPES[name]
    assert (device.power.watts(0.0), device.power.watts()) == (device.idle_watts, device.busy_watts)
    assert DEVICE_TYPES.idle_watts(name, 16, 4) == socket_watts(16, 0) + 4 * device.idle_watts
