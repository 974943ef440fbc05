"""The fraction strategies and their cost model give the published figures, and nothing beats the oracle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.algorithms.fractions import (
    FractionStrategy,
    SplitModel,
    SplitTask,
    estimated_seconds,
    fraction_strategies,
    fraction_strategy,
)
from heterosched.algorithms.fractions.even_finish import EvenFinish
from heterosched.algorithms.fractions.simple import RandomFraction
from heterosched.errors import InvalidInput

LINEAR = SplitModel(linear=True)
NAMES = sorted(fraction_strategies())

split_tasks = st.builds(
    lambda number, size, intensity, memory: SplitTask(
        number, size, intensity, memory, estimated_seconds(size, intensity)
    ),
    st.integers(0, 10_000),
    st.floats(1, 10_000),
    st.floats(0, 1),
    st.floats(0, 50_000),
)


def task(number: int = 0, intensity: float = 0.5, memory_mb: float = 1600.0, seconds: float = 10.0) -> SplitTask:
    return SplitTask(number, 1000.0, intensity, memory_mb, seconds)


def test_the_four_are_registered_and_are_what_their_names_say() -> None:
    assert {"round_robin", "random", "greedy", "oracle"} <= set(NAMES)
    for name in NAMES:
        found = fraction_strategy(name)
        assert isinstance(found, FractionStrategy)
        assert found.name == name


def test_an_unknown_one_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match=r"unknown fraction strategy 'magic'; use one of .*greedy.*oracle"):
        fraction_strategy("magic")


def test_round_robin_is_a_half_and_nothing_in_turn() -> None:
    own = fraction_strategy("round_robin")
    assert [own.fraction(task(number), SplitModel()) for number in range(4)] == [0.5, 0.0, 0.5, 0.0]


def test_random_is_uniform_and_follows_its_seed() -> None:
    found = [RandomFraction(3).fraction(task(number), SplitModel()) for number in range(4000)]
    assert found == [RandomFraction(3).fraction(task(number), SplitModel()) for number in range(4000)]
    assert found != [RandomFraction(4).fraction(task(number), SplitModel()) for number in range(4000)]
    deciles = [sum(number / 10 <= own < (number + 1) / 10 for own in found) for number in range(10)]
    assert sum(deciles) == 4000
    assert all(330 <= count <= 470 for count in deciles)


@given(split_tasks)
def test_greedy_is_the_intensity(own: SplitTask) -> None:
    assert fraction_strategy("greedy").fraction(own, SplitModel()) == own.intensity


@given(split_tasks)
def test_the_oracle_is_the_best_of_eleven(own: SplitTask) -> None:
    for model in (SplitModel(), LINEAR):
        found = fraction_strategy("oracle").fraction(own, model)
        assert found in [step / 10 for step in range(11)]
        assert model.seconds(own, found) == min(model.seconds(own, step / 10) for step in range(11))


@pytest.mark.parametrize("name", NAMES)
@given(own=split_tasks)
def test_no_strategy_beats_the_oracle_on_the_linear_model(name: str, own: SplitTask) -> None:
    best = LINEAR.seconds(own, fraction_strategy("oracle").fraction(own, LINEAR))
    assert LINEAR.seconds(own, fraction_strategy(name).fraction(own, LINEAR)) >= best * (1 - 1e-12)


@pytest.mark.parametrize("name", NAMES)
@given(own=split_tasks)
def test_side_by_side_none_beats_the_oracle_by_more_than_a_step(name: str, own: SplitTask) -> None:
    model = SplitModel()
    best = model.seconds(own, fraction_strategy("oracle").fraction(own, model))
    assert model.seconds(own, fraction_strategy(name).fraction(own, model)) >= best - 0.1 * own.seconds - 1e-9


def test_time_energy_and_cost_of_the_linear_model_are_the_published_formulas() -> None:
    # speed-up 1 + 3 * 0.5 = 2.5, transfer 1600 / 16000 = 0.1 s: 0.4 * (4 + 0.1) + 0.6 * 10 = 7.64 s
    own = LINEAR.outcome(task(), 0.4)
    assert own.seconds == pytest.approx(7.64)
    assert own.joules == pytest.approx((0.4 * 50 + 0.6 * 30) * 7.64)
    assert own.dollars == pytest.approx(own.joules / 3.6e6 * 0.15)


def test_ends_of_the_range_are_cpu_and_gpu_alone() -> None:
    for model in (SplitModel(), LINEAR):
        cpu, gpu = model.outcome(task(), 0.0), model.outcome(task(), 1.0)
        assert [cpu.seconds, cpu.joules] == [10.0, 300.0]
        assert [gpu.seconds, gpu.joules] == pytest.approx([4.1, 205.0])


def test_twenty_two_and_a_half_joules_cost_less_than_a_millionth_of_a_dollar() -> None:
    own = LINEAR.outcome(task(seconds=0.75), 0.0)
    assert own.joules == 22.5
    assert own.dollars == pytest.approx(9.375e-7)


def test_side_by_side_the_later_of_both_ends_the_task() -> None:
    assert SplitModel().seconds(task(), 0.4) == 6.0  # GPU 0.4 * 4 + 0.1, CPU 0.6 * 10
    assert SplitModel().seconds(task(), 0.9) == pytest.approx(3.7)


@given(split_tasks, st.floats(0, 1), st.booleans())
def test_parts_make_up_the_time(own: SplitTask, fraction: float, linear: bool) -> None:
    model = SplitModel(linear=linear)
    gpu, cpu = model.parts(own, fraction)
    assert model.seconds(own, fraction) == (gpu + cpu if linear else max(gpu, cpu))
    assert model.parts(own, 0.0) == (0.0, own.seconds)
    assert model.parts(own, 1.0) == (model.on_gpu(own) + model.transfer(own), 0.0)


@given(split_tasks, st.floats(0, 1), st.booleans())
def test_no_fraction_ends_before_even_finish(own: SplitTask, fraction: float, linear: bool) -> None:
    model = SplitModel(linear=linear)
    found = fraction_strategy("even_finish").fraction(own, model)
    assert model.seconds(own, found) <= model.seconds(own, fraction) * (1 + 1e-12)


def test_even_finish_leaves_a_busy_side_out() -> None:
    # 10 s on the CPU, 4 s and a transfer of 0.1 s on the GPU: (10 - 0.1) / 14 on an idle machine
    even = EvenFinish()
    assert even.fraction(task(), SplitModel()) == pytest.approx(9.9 / 14)
    assert even.fraction_behind(task(), SplitModel(), 9.9, 0.0) == 0.0
    assert even.fraction_behind(task(), SplitModel(), 0.0, 4.1) == 1.0
    assert even.fraction(task(), LINEAR) == 1.0


def test_the_power_model_can_be_edited() -> None:
    assert SplitModel(gpu_watts=200.0).outcome(task(), 1.0).joules == pytest.approx(820.0)
    assert SplitModel(interference=2.0).outcome(task(), 0.0).joules == 600.0
    assert SplitModel(dollars_per_kwh=0.3).outcome(task(), 0.0).dollars == pytest.approx(2 * 300 / 3.6e6 * 0.15)


def test_moving_a_small_task_does_not_pay_and_a_big_one_does() -> None:
    oracle = fraction_strategy("oracle")
    for size, best in ((50.0, 0.0), (5000.0, 1.0)):
        own = SplitTask(0, size, 0.8, 1000.0, estimated_seconds(size, 0.8))
        assert oracle.fraction(own, LINEAR) == best


def test_the_duration_of_a_task_of_known_size_is_the_published_formula() -> None:
    assert estimated_seconds(4000.0, 0.5) == 8.0


@pytest.mark.parametrize(
    ("field", "value"),
    [("intensity", 1.5), ("intensity", float("nan")), ("size", 0.0), ("seconds", float("inf")), ("memory_mb", -1.0)],
)
def test_a_figure_that_makes_no_sense_is_refused(field: str, value: float) -> None:
    fields = {"number": 0, "size": 1.0, "intensity": 0.5, "memory_mb": 1.0, "seconds": 1.0, field: value}
    with pytest.raises(InvalidInput, match=f"task 0: {field}"):
        SplitTask(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_a_fraction_outside_the_range_is_refused(fraction: float) -> None:
    with pytest.raises(InvalidInput, match="give a number from 0 to 1"):
        SplitModel().seconds(task(), fraction)
