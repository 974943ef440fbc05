"""Repeated runs are counted once each, the odd ones are left out, and a given figure holds until they are enough."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heterosched.model.correction import WINDOW, Run, contradicts, is_new, learned, outweighs, with_runs


def runs(*values: float) -> tuple[Run, ...]:
    return tuple(Run(f"j/t/{number}", float(number), value) for number, value in enumerate(values))


def test_nothing_is_learned_from_nothing() -> None:
    assert learned(()) is None


def test_confidence_grows_with_runs_that_agree() -> None:
    found = [learned(runs(*[10.0] * count)) for count in range(1, WINDOW + 1)]
    percents = [own.confidence_percent for own in found if own is not None]
    assert percents[:3] == [50, 67, 75]
    assert percents == sorted(percents) and percents[-1] == 91
    scattered, alike = learned(runs(5.0, 10.0, 20.0)), learned(runs(10.0, 10.1, 9.9))
    assert scattered is not None and alike is not None
    assert scattered.confidence_percent < alike.confidence_percent == 74


@pytest.mark.parametrize("odd", [1.0, 100.0])
def test_an_odd_run_is_left_out_but_remembered(odd: float) -> None:
    for values in permutations((10.0, 10.5, 9.8, odd)):
        found = learned(runs(*values))
        assert found is not None
        assert found.value == pytest.approx(10.1)
        assert (found.count, len(found.outliers)) == (3, 1)


def test_runs_that_are_nearly_alike_have_no_outlier() -> None:
    found = learned(runs(10.0, 10.0, 10.0, 11.5))
    assert found is not None
    assert found.outliers == frozenset()


def test_two_runs_that_differ_are_averaged_with_little_confidence() -> None:
    found = learned(runs(10.0, 30.0))
    assert found is not None
    assert (found.value, found.count, found.confidence_percent) == (20.0, 2, 33)


def test_a_lasting_change_wins_once_it_is_the_majority() -> None:
    seen: tuple[Run, ...] = runs(*[10.0] * WINDOW)
    for number in range(1, WINDOW + 1):
        seen = with_runs(seen, [Run(f"new/{number}", 100.0 + number, 5.0)])
        found = learned(seen)
        assert found is not None
        assert found.value == pytest.approx(10.0 if number < 5 else 7.5 if number == 5 else 5.0)


def test_watts_are_of_the_runs_that_count() -> None:
    known = (Run("a", 1.0, 10.0, 200.0), Run("b", 2.0, 10.0), Run("c", 3.0, 10.0, 220.0), Run("d", 4.0, 99.0, 9.0))
    found = learned(known)
    assert found is not None
    assert found.watts == pytest.approx(210.0)
    assert found.outliers == {"d"}


events = st.lists(st.tuples(st.integers(0, 40), st.floats(1, 100)), min_size=1, max_size=60)


@given(events, st.randoms(use_true_random=False))
def test_a_run_is_never_counted_twice_however_often_and_late_it_is_told(
    told: list[tuple[int, float]], random: st.DataObject
) -> None:
    all_runs = {f"r{number}": Run(f"r{number}", float(number // 2), value) for number, value in told}
    known: tuple[Run, ...] = ()
    ever: list[str] = []
    order = list(all_runs.values()) * 3
    random.shuffle(order)  # type: ignore[attr-defined]
    for run in order:
        if is_new(run, known):
            ever.append(run.key)
        known = with_runs(known, [run])
    assert len(ever) == len(set(ever))
    assert len(known) == min(len({run.key for run in known}), WINDOW)
    assert [run.finished for run in known] == sorted(run.finished for run in known)


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=WINDOW))
def test_the_mean_lies_among_the_runs_and_most_runs_count(values: list[float]) -> None:
    found = learned(runs(*values))
    assert found is not None
    assert min(values) * 0.999 <= found.value <= max(values) * 1.001
    assert 0 <= found.confidence_percent <= 91
    assert found.count >= len(values) / 2


@pytest.mark.parametrize(
    ("value", "count", "given_value", "given_measured", "used"),
    [
        (10.0, 1, None, False, True),
        (10.0, 1, 20.0, False, True),
        (10.0, 2, 31.0, False, False),
        (10.0, 3, 31.0, False, True),
        (10.0, 2, 11.0, True, False),
        (10.0, 3, 11.0, True, True),
    ],
)
def test_a_given_figure_holds_until_there_is_enough(
    value: float, count: int, given_value: float | None, given_measured: bool, used: bool
) -> None:
    assert outweighs(value, count, given_value, given_measured) is used


def test_three_runs_contradict_and_two_do_not() -> None:
    assert contradicts(10.0, 3, 20.0) and contradicts(25.0, 3, 20.0)
    assert not contradicts(10.0, 2, 20.0)
    assert not contradicts(17.0, 3, 20.0)
