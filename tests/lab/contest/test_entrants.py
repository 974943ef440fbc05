"""Every registered strategy takes part; nobody is faster than the oracle; who fails is named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contests import SMALL, Pupil, Told, a_rig, a_task
from heterosched.algorithms.fractions import SplitTask, estimated_seconds, fraction_strategies
from heterosched.algorithms.fractions.even_finish import EvenFinish
from heterosched.algorithms.fractions.simple import OracleFraction
from heterosched.errors import InvalidInput
from heterosched_lab.contest import entrants as module
from heterosched_lab.contest.entrants import (
    ExactOracle,
    FractionEntrant,
    Moment,
    QueueAware,
    cheapest_gpu,
    fraction_entrants,
)
from heterosched_lab.contest.faults import FailedStrategy
from heterosched_lab.contest.generator import generate
from heterosched_lab.contest.rig import Rig
from heterosched_lab.contest.updates import entrants

SPLIT = a_rig().model
splits = st.builds(
    lambda number, size, intensity, memory: SplitTask(
        number, size, intensity, memory, estimated_seconds(size, intensity)
    ),
    st.integers(0, 10_000),
    st.floats(1, 10_000),
    st.floats(0, 1),
    st.floats(0, 8000),
)


@pytest.mark.parametrize("model", ["parallel", "legacy_linear"])
def test_all_registered_strategies_heft_and_jps_take_part(model: str) -> None:
    names = {own.name for own in entrants(replace(SMALL, model=model), 1)}
    assert names >= {*fraction_strategies(), "oracle", "heft", "jps", "round_robin", "random", "greedy", "even_finish"}
    assert ("oracle_11" in names) == (model == "parallel")
    assert [own.name for own in entrants(SMALL, 1, ("jps", "greedy"))] == ["greedy", "jps"]


@pytest.mark.parametrize("model", ["parallel", "legacy_linear"])
@pytest.mark.parametrize("mode", ["plain", "realistic"])
def test_nobody_is_faster_than_the_oracle(model: str, mode: str) -> None:
    own = replace(SMALL, model=model, mode=mode)
    rig = Rig.of(own)
    takers = entrants(own, 5)
    for task in (task.split for task in generate(own, 5, 60)):
        best = rig.alone(task, ExactOracle().fraction(task, rig.model)).seconds
        assert all(rig.alone(task, taker.alone(task, rig)).seconds >= best * (1 - 1e-12) for taker in takers)


@given(splits, st.floats(0, 1), st.booleans())
@settings(max_examples=150)
def test_no_fraction_at_all_is_faster_than_the_oracles(task: SplitTask, fraction: float, linear: bool) -> None:
    model = a_rig(linear=linear).model
    best = model.seconds(task, ExactOracle().fraction(task, model))
    assert model.seconds(task, fraction) >= best * (1 - 1e-12)


@given(splits)
def test_where_times_add_up_eleven_points_are_the_oracle(task: SplitTask) -> None:
    model = a_rig(linear=True).model
    grid, exact = (own.fraction(task, model) for own in (OracleFraction(), ExactOracle()))
    assert model.seconds(task, grid) == model.seconds(task, exact)


@given(splits, st.floats(0, 100), st.floats(0, 100), st.floats(0, 1), st.booleans())
@settings(max_examples=150)
def test_ours_ends_first_whatever_is_queued(
    task: SplitTask, gpu_wait: float, cpu_wait: float, other: float, linear: bool
) -> None:
    model = a_rig(linear=linear).model

    def end(fraction: float) -> float:
        gpu, cpu = model.parts(task, fraction)
        ends = ([gpu_wait + gpu] if fraction > 0 else []) + ([cpu_wait + cpu] if fraction < 1 else [])
        return sum(ends) if linear and len(ends) == 2 else max(ends)

    assert end(EvenFinish().fraction_behind(task, model, gpu_wait, cpu_wait)) <= end(other) + 1e-9


def test_ours_by_hand() -> None:
    task = a_task().split  # 10 s on the CPU, 2.5 s on the GPU: both end after 2 s at 0.8
    assert EvenFinish().fraction(task, SPLIT) == 0.8
    # the CPU is busy for 2.5 s more: the GPU alone is as good, and a longer queue leaves it nothing
    assert EvenFinish().fraction_behind(task, SPLIT, 0.0, 2.0) == pytest.approx(12 / 12.5)
    assert EvenFinish().fraction_behind(task, SPLIT, 0.0, 3.0) == 1.0
    assert EvenFinish().fraction_behind(task, SPLIT, 11.0, 0.0) == 0.0
    assert isinstance(EvenFinish(), QueueAware)
    assert not isinstance(OracleFraction(), QueueAware)


def test_the_gpu_of_the_shortest_queue_is_the_cheapest() -> None:
    task = a_task().split
    moment = Moment(10.0, (0,), (task,), (13.0, 11.0, 11.0, 40.0), 0.0, a_rig(gpus=4))
    assert cheapest_gpu(moment, task, 1.0) == 1
    assert cheapest_gpu(replace(moment, now=100.0), task, 1.0) == 0


@pytest.mark.parametrize("answer", [-0.1, 1.1, float("nan"), None, "half"])
def test_an_answer_that_is_no_fraction_is_refused_by_name(answer: float) -> None:
    with pytest.raises(FailedStrategy, match=r"strategy told: task 7: answers .*no fraction") as caught:
        FractionEntrant(Told(lambda task: answer)).alone(a_task(7).split, a_rig())
    assert (caught.value.strategy, caught.value.task) == ("told", 7)


def test_a_strategy_that_raises_is_named() -> None:
    def broken(task: SplitTask) -> float:
        raise ZeroDivisionError("by nothing")

    with pytest.raises(FailedStrategy, match="strategy told: task 3: ZeroDivisionError: by nothing"):
        FractionEntrant(Told(broken)).alone(a_task(3).split, a_rig())


def test_the_seed_reaches_the_strategy_that_draws_lots() -> None:
    def drawn(seed: int) -> list[float]:
        own = next(taker for taker in fraction_entrants(a_rig(), seed) if taker.name == "random")
        return [own.alone(a_task(number).split, a_rig()) for number in range(5)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_a_registered_strategy_joins_and_a_name_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict(fraction_strategies())
    monkeypatch.setattr(module, "fraction_strategies", lambda: {**known, "pupil": Pupil})
    assert "pupil" in {own.name for own in entrants(SMALL, 1)}
    monkeypatch.setattr(module, "fraction_strategies", lambda: {**known, "heft": Pupil})
    with pytest.raises(InvalidInput, match=r"strategy heft: name: two strategies .*; rename"):
        entrants(SMALL, 1)
