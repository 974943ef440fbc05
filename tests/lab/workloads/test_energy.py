"""Energy is measured where the kernel shows counters, wrapped or not, and is called estimated wherever it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.workloads.energy import Meter, PowerModel, packages

RANGE = 262_143_328_850


def draw(powercap: Path, zone: int, microjoules: int) -> None:
    counter = powercap / f"intel-rapl:{zone}" / "energy_uj"
    counter.write_text(f"{(int(counter.read_text()) + microjoules) % RANGE}\n")


def test_packages_count_and_neither_their_parts_nor_the_platform(powercap: Path) -> None:
    assert [package.counter.parent.name for package in packages(powercap)] == ["intel-rapl:0", "intel-rapl:1"]


def test_counters_measure(powercap: Path) -> None:
    meter = Meter.of(powercap)
    before = meter.read()
    draw(powercap, 0, 30_000_000)
    draw(powercap, 1, 12_500_000)
    assert meter.joules(before, meter.read(), 2.0, 1.0) == (42.5, "measured")


def test_a_counter_that_wrapped_is_read_on_from_its_range(powercap: Path) -> None:
    (powercap / "intel-rapl:0" / "energy_uj").write_text(str(RANGE - 1_000_000))
    meter = Meter.of(powercap)
    before = meter.read()
    draw(powercap, 0, 3_000_000)
    assert meter.joules(before, meter.read(), 2.0, 1.0) == (3.0, "measured")


def test_a_run_in_which_it_may_have_wrapped_twice_is_estimated(powercap: Path) -> None:
    meter = Meter.of(powercap, PowerModel(10.0, 5.0))
    reading = meter.read()
    assert meter.joules(reading, reading, 600.0, 100.0) == (6500.0, "estimated")


def test_without_counters_the_model_estimates(tmp_path: Path) -> None:
    meter = Meter.of(tmp_path, PowerModel(idle_watts=15.0, core_watts=10.0))
    assert meter.joules(meter.read(), meter.read(), 4.0, 6.0) == (120.0, "estimated")


@pytest.mark.parametrize("lost", ["before", "later"])
def test_a_counter_that_cannot_be_read_makes_it_an_estimate(powercap: Path, lost: str) -> None:
    counter = powercap / "intel-rapl:1" / "energy_uj"
    if lost == "before":
        counter.write_text("")
        assert len(packages(powercap)) == 1
        return
    meter = Meter.of(powercap, PowerModel(1.0, 1.0))
    before = meter.read()
    counter.unlink()
    assert meter.joules(before, meter.read(), 4.0, 6.0) == (10.0, "estimated")


@pytest.mark.parametrize("watts", [-1.0, float("nan"), float("inf")])
def test_a_power_that_is_none_is_refused(watts: float) -> None:
    with pytest.raises(InvalidInput, match="core_watts"):
        PowerModel(core_watts=watts)
