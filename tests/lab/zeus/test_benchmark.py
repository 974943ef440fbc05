"""The benchmark compares on the same jobs, states its goal by load, and answers for data and options that are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.progress import Quiet
from heterosched_lab.runs.types import Context
from heterosched_lab.zeus.benchmark import CHOSEN, Zeus, chosen, compared
from heterosched_lab.zeus.trial import Case, Trial


def a_context(tables_folder: Path, folder: Path, **options: str) -> Context:
    return Context(folder, tables_folder.parent, (42, 43), True, Quiet(), options)


def test_a_short_run_has_goals_intervals_tables_and_plots(tables_folder: Path, tmp_path: Path) -> None:
    outcome = Zeus().run(a_context(tables_folder, tmp_path / "run", jobs="20"))
    figures = {figure.name: figure for figure in outcome.figures}
    saving, longer = figures["energy_saving_load_1.2"], figures["mean_jct_longer_load_1.2"]
    assert (saving.goal, saving.relation, longer.goal, longer.relation) == (25.0, ">=", 10.0, "<=")
    assert len(saving.values) == 2
    assert (saving.peer_name, saving.peer) == ("best_cap", figures["best_cap_saving_load_1.2"].value)
    assert saving.lower is not None
    assert saving.upper is not None
    assert saving.lower <= saving.value <= saving.upper
    assert 0 < figures["fastest_first_idle_share_load_1.2"].value < 100
    assert {figure.origin for figure in outcome.figures} == {"simulated"}
    assert {path.name for path in (tmp_path / "run").iterdir()} == {plot for plot, _ in outcome.plots}
    trials = next(table for table in outcome.tables if table.name == "zeus_trials")
    assert all(len(row) == len(trials.columns) for row in trials.rows)


def test_the_same_seeds_give_the_same_figures_and_files(tables_folder: Path, tmp_path: Path) -> None:
    one, two = (Zeus().run(a_context(tables_folder, tmp_path / name, jobs="10")) for name in ("one", "two"))
    assert one == two
    for plot, _ in one.plots:
        assert (tmp_path / "one" / plot).read_bytes() == (tmp_path / "two" / plot).read_bytes()


def test_savings_are_against_the_baseline_of_the_same_load_and_seed() -> None:
    def a_trial(policy: str, seed: int, joules: float, jct: float) -> Trial:
        return Trial(Case("", seed, 1.2, 10, policy), joules, 0.0, jct, jct, 0.0, 1.0, 0.5)

    base = [a_trial("fastest_first", 1, 100.0, 10.0), a_trial("fastest_first", 2, 200.0, 10.0)]
    ours = [a_trial("priced", 1, 50.0, 11.0), a_trial("priced", 2, 150.0, 9.0)]
    found = next(own for own in compared([*ours, *base]) if own.policy == "priced")
    assert found.savings == (50.0, 25.0)
    assert found.longer == pytest.approx((10.0, -10.0))


def test_a_load_takes_the_weight_of_the_nearest_one() -> None:
    assert {load: chosen(load) for load in CHOSEN} == dict(CHOSEN)
    assert chosen(5.0) == CHOSEN[max(CHOSEN)]


def test_tables_that_are_not_there_are_skipped_with_a_reason(tmp_path: Path) -> None:
    outcome = Zeus().run(a_context(tmp_path / "none" / "zeus", tmp_path))
    assert outcome.figures == ()
    assert "summary_power_a40.csv" in outcome.skipped["zeus"]


@pytest.mark.parametrize("options", [{"load": "1"}, {"jobs": "no"}, {"jobs": "0"}, {"loads": "1,-2"}, {"loads": "nan"}])
def test_options_that_are_none_are_refused(tables_folder: Path, tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="--set"):
        Zeus().run(replace(a_context(tables_folder, tmp_path), options=options))
