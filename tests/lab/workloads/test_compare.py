"""Two distributions are compared fairly: on the same seeds, in turns, without the warm-up; equals are Neutral."""

from __future__ import annotations

from typing import Any

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.workloads.compare import (
    MEASURES,
    TURNS,
    Spread,
    compared,
    in_turns,
    measured,
    neutral_share,
    same_against_same,
)
from heterosched_lab.workloads.montecarlo import MonteCarlo
from heterosched_lab.workloads.processes import Crew
from heterosched_lab.workloads.types import Run


def a_run(seconds: float, distribution: str = "static", seed: int = 0) -> Run:
    cpu = (seconds, seconds / 2)
    return Run("any", distribution, seed, seconds, sum(cpu), 10 * seconds, "estimated", 1.0, 1, cpu, (1.0,), (1.0,))


def test_the_order_is_a_b_b_a() -> None:
    told: list[tuple[str, int]] = []

    def run(distribution: Any, seed: int) -> Run:
        told.append((distribution, seed))
        return a_run(1.0, distribution, seed)

    first, second = in_turns(run, "static", "dynamic", [4, 5, 6])
    assert told == [("static", 4), ("dynamic", 4), ("dynamic", 5), ("static", 5), ("static", 6), ("dynamic", 6)]
    assert [run.seed for run in first] == [run.seed for run in second] == [4, 5, 6]
    assert {run.distribution for run in second} == {"dynamic"}


def test_a_drift_of_the_machine_adds_the_same_to_both_sides() -> None:
    now = iter(range(100))
    first, second = in_turns(lambda how, seed: a_run(float(next(now)), how, seed), "static", "static", range(TURNS))
    assert sum(run.seconds for run in first) == sum(run.seconds for run in second)
    assert compared(first, second)[0].verdict == "Neutral"


def test_warm_up_runs_do_not_count(crew: Crew) -> None:
    steps: list[None] = []
    program = MonteCarlo(samples=100, chunk=50)
    static, dynamic = measured(crew, program, (1, 2), warm_ups=2, step=lambda: steps.append(None))
    assert len(steps) == 2 * (2 + 2)
    assert [run.seed for run in static] == [run.seed for run in dynamic] == [1, 2]
    assert [run.answer for run in static] == [run.answer for run in dynamic]


def test_what_is_less_by_far_is_improved_and_what_is_more_is_regressed() -> None:
    slow, fast = [a_run(value) for value in (2.0, 2.1, 1.9, 2.0)], [a_run(value) for value in (1.0, 1.1, 0.9, 1.0)]
    assert {one.verdict for one in compared(slow, fast, tuple(MEASURES))} == {"Improved"}
    worse = compared(fast, slow)
    assert {one.verdict for one in worse} == {"Regressed"}
    assert worse[0].change_percent == pytest.approx(100.0)
    assert worse[0].welch.degrees == pytest.approx(6.0)


def test_what_differs_by_its_noise_is_neutral() -> None:
    one, two = [a_run(value) for value in (1.0, 1.4, 0.8)], [a_run(value) for value in (1.1, 0.9, 1.3)]
    assert {found.verdict for found in compared(one, two)} == {"Neutral"}


def test_one_run_of_each_is_no_comparison() -> None:
    with pytest.raises(InvalidInput):
        compared([a_run(1.0)], [a_run(1.0)])


def test_spread_of_a_series() -> None:
    found = Spread.of([1.0, 2.0, 3.0, 4.0])
    assert found.mean == 2.5
    assert found.std == pytest.approx(1.2909944)
    assert 3.8 < found.p95 < found.p99 < 4.0
    assert Spread.of([3.0]) == Spread(3.0, 0.0, 3.0, 3.0)


def test_a_distribution_against_itself_is_run_really_and_found_neutral(crew: Crew) -> None:
    steps: list[None] = []
    found = same_against_same(crew, MonteCarlo(samples=2_000, chunk=500), 12, 5, lambda: steps.append(None))
    assert len(found) == len(steps) == 12
    assert {one["seconds"].measure for one in found} == {"seconds"}
    assert all(one["seconds"].before > 0 and one["seconds"].after > 0 for one in found)
    assert neutral_share(found, "cpu_seconds") >= 0.5  # 0.99 is what is expected of many


def test_the_share_of_neutral_verdicts_counts() -> None:
    same, other = [a_run(value) for value in (1.0, 1.1)], [a_run(value) for value in (9.0, 9.000001)]
    repeats = [{one.measure: one for one in compared(same, after)} for after in (same, same, same, other)]
    repeats.append({one.measure: one for one in compared(other, [a_run(3.0), a_run(3.000001)])})
    assert neutral_share(repeats, "seconds") < 1.0
