"""The history of a search tells every trial, and its plot is drawn whatever the trials were."""

from __future__ import annotations

from pathlib import Path

import pytest

from heterosched_lab.search.history import draw_trials, history
from heterosched_lab.search.study import FORBIDDEN, Trial

COSTS = [3.0, FORBIDDEN * 2, 1.0, 2.0]


def trials(costs: list[float]) -> tuple[Trial, ...]:
    return tuple(Trial(n, {"share": 0.1 * n, "count": 2.0**n}, cost, {"again": cost}) for n, cost in enumerate(costs))


def test_the_history_has_a_row_per_trial_with_the_least_cost_so_far() -> None:
    table = history("auto_tune_history", trials(COSTS), 3)
    assert table.columns == ("trial", "share", "count", "cost", "again", "best_cost", "seed")
    assert [row[0] for row in table.rows] == [0, 1, 2, 3]
    assert [row[5] for row in table.rows] == [3.0, 3.0, 1.0, 1.0]
    assert {row[6] for row in table.rows} == {3}


@pytest.mark.parametrize("costs", [COSTS, [FORBIDDEN * 2, FORBIDDEN * 3], [1.0], [0.0, 0.0]])
def test_any_trials_can_be_drawn(tmp_path: Path, costs: list[float]) -> None:
    draw_trials(tmp_path, trials(costs), "cost")
    assert (tmp_path / "autotune_trials.png").stat().st_size > 5000


def test_a_broken_condition_is_told_in_words() -> None:
    good, bad = trials([1.5, FORBIDDEN])
    assert (good.told, bad.told) == ("1.5", "condition broken")
    assert good.allowed
    assert not bad.allowed
