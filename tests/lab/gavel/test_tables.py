"""Figures of matches: deviations from what was published are told, and held-out traces are compared pair by pair."""

import numpy as np
import pytest

from heterosched_lab.gavel.play import Match, Result
from heterosched_lab.gavel.tables import HELD_OUT, PLAIN, SWITCH, Results, held_out, planning, reproduced, standings


def a_result(trace: str, scheduler: str, seed: int, switch: float, hours: float, longest: float = 0.1) -> Result:
    nothing = np.zeros(1)
    match = Match(trace, (), scheduler, seed, switch)
    return Result(
        match, hours, hours, hours, 1.0, 1.0, 0.0, 0.0, nothing, nothing, np.zeros((3, 1)), 10, longest / 2, longest
    )


def test_a_reproduced_policy_stands_beside_the_published_figure_with_its_deviation() -> None:
    results = Results(tuple(a_result("t", "fifo", seed, PLAIN, hours) for seed, hours in ((1, 80.0), (2, 100.0))))
    (figure,) = reproduced(results, "t", "makespan", {"fifo": 100.0, "las": 20.0})
    assert figure.value == 90.0 and figure.peer == 100.0 and figure.values == (80.0, 100.0)
    assert "-10.0 %" in figure.note and "lot" in figure.note


def test_held_out_traces_are_compared_pair_by_pair() -> None:
    hours = {"mine": (1.0, 3.0), "other": (2.0, 4.0)}
    rows = [a_result(HELD_OUT, name, n, SWITCH, own) for name, both in hours.items() for n, own in enumerate(both)]
    figure = held_out(Results(tuple(rows)), "mine", "other", "mean_jct")
    assert (figure.value, figure.peer, figure.values) == (2.0, 3.0, (1.0, 3.0))
    assert "difference -1.000 (95 % interval -1.000 to -1.000)" in figure.note


def test_one_held_out_trace_has_no_interval() -> None:
    rows = (a_result(HELD_OUT, "mine", 1, SWITCH, 1.0), a_result(HELD_OUT, "other", 1, SWITCH, 2.0))
    figure = held_out(Results(rows), "mine", "other", "makespan")
    assert figure.lower is None and "interval" not in figure.note


def test_planning_time_is_measured_and_the_longest_round_counts() -> None:
    rows = [a_result("t", "mine", 1, PLAIN, 1.0, longest) for longest in (0.2, 0.8)]
    figure = planning("mine", rows, 1.0)
    assert (figure.value, figure.origin, figure.met) == (0.8, "measured", True)
    assert "250.00 ms" in figure.note


def test_the_table_has_nothing_that_is_measured() -> None:
    rows = tuple(a_result("t", "mine", 1, PLAIN, 1.0, longest) for longest in (0.2, 0.8))
    first, second = standings(Results(rows)).rows
    assert first == second
    assert Results(rows).one("t", "mine", PLAIN) is rows[0]
    with pytest.raises(IndexError):
        Results(rows).one("t", "mine", SWITCH)
