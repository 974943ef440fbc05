"""Both models give the figures that their formulas say, to the last digit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contests import a_rig, a_task
from heterosched.algorithms.fractions import SplitTask, estimated_seconds
from heterosched_lab.contest.rig import Rig, weighted_cost
from heterosched_lab.contest.settings import Settings, settings_from

splits = st.builds(
    lambda size, intensity, memory: SplitTask(0, size, intensity, memory, estimated_seconds(size, intensity)),
    st.floats(1, 10_000),
    st.floats(0, 1),
    st.floats(0, 8000),
)
PARALLEL = Rig.of(Settings())
LEGACY = Rig.of(settings_from({"simulation": {"model": "legacy_linear"}}, "f"))


@given(splits, st.floats(0, 1))
def test_legacy_linear_is_the_published_time_power_and_price(task: SplitTask, fraction: float) -> None:
    speedup, transfer = 1 + 3 * task.intensity, (task.memory_mb / 16_000 if fraction > 0 else 0.0)
    seconds = fraction * (task.seconds / speedup + transfer) + (1 - fraction) * task.seconds
    joules = (fraction * 50 + (1 - fraction) * 30) * seconds
    own = LEGACY.alone(task, fraction)
    assert own.seconds == pytest.approx(seconds, rel=1e-14)
    assert own.joules == pytest.approx(joules, rel=1e-14)
    assert own.dollars == pytest.approx(joules / 3.6e6 * 0.15, rel=1e-14)
    assert LEGACY.busy_joules(task, fraction) == own.joules


@given(splits, st.floats(0, 1))
def test_parallel_counts_busy_and_idle_seconds_of_both(task: SplitTask, fraction: float) -> None:
    gpu, cpu = PARALLEL.model.parts(task, fraction)
    own = PARALLEL.alone(task, fraction)
    assert own.seconds == max(gpu, cpu)
    busy = gpu * 50 + cpu * 30
    assert PARALLEL.busy_joules(task, fraction) == pytest.approx(busy, rel=1e-14)
    assert own.joules == pytest.approx(busy + (own.seconds - gpu) * 5 + (own.seconds - cpu) * 3, rel=1e-14)


def test_a_task_by_hand() -> None:
    # 10 s on the CPU, speed-up 4, 1600 MB move in 0.1 s; half of it: GPU 1.35 s, CPU 5 s
    own = a_rig().alone(a_task(memory_mb=1600).split, 0.5)
    assert own.seconds == 5.0
    assert own.joules == pytest.approx(1.35 * 50 + 5 * 30 + 3.65 * 5)
    assert own.dollars == pytest.approx(own.joules / 3.6e6 * 0.15)


def test_the_power_model_of_the_file_changes_energies() -> None:
    task = a_task().split
    dear = Rig.of(settings_from({"power": {"gpu_power_w": 500, "gpu_idle_w": 50, "dollars_per_kwh": 0.3}}, "f"))
    assert PARALLEL.alone(task, 1.0).joules == 2.5 * (50 + 3)
    assert dear.alone(task, 1.0).joules == 2.5 * (500 + 3)
    assert dear.alone(task, 0.0).joules == 10 * (30 + 50)
    assert dear.alone(task, 1.0).dollars == dear.alone(task, 1.0).joules / 3.6e6 * 0.3


def test_a_task_that_fits_no_gpu_runs_on_the_cpu_whatever_is_said() -> None:
    own = a_rig(gpu_memory_mb=100).alone(a_task(memory_mb=101).split, 0.7)
    assert (own.fraction, own.seconds) == (0.0, 10.0)


def test_the_published_cost_of_a_gpu() -> None:
    assert weighted_cost(2.0, 0.5, 100.0) == pytest.approx(0.8 * 2 * 1.5 / 10 + 0.2 * 100 / 500)
