"""`bench run jps` leaves the prototype's tables and nine plots, and two more, complete and without a warning."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.jps_experiment import benchmark
from heterosched_lab.jps_experiment.benchmark import JpsExperiment
from heterosched_lab.jps_experiment.tasks import SHORT, TRAINING_SEED, UNSEEN_SEED, Run, Size, tasks
from heterosched_lab.progress import Quiet
from heterosched_lab.runs.types import Context, Outcome

pytestmark = pytest.mark.slow

PROTOTYPE_PLOTS = (
    "jct_cdf fairness_tradeoff category_variance category_entropy worker_heatmap jct_vs_workers sampler_comparison "
    "grid_heatmap autotune_trials"
)
RATES = {"LM (batch size 10)": (1.0, 3.0, 4.0), "ResNet-18 (batch size 64)": (2.0, 9.0, 7.0), "A3C": (3.0, 5.0, 7.0)}


def table(folder: Path) -> Path:
    """A small table in the format of Gavel's."""
    rows: dict[str, dict[str, dict[str, float]]] = {}
    for column, device in enumerate(("k80", "p100", "v100")):
        rows[device] = {f"('{name}', 1)": {"null": rates[column]} for name, rates in RATES.items()}
        rows[f"{device}_unconsolidated"] = {
            "('LM (batch size 10)', 2)": {"null": 1.5 * RATES["LM (batch size 10)"][column]}
        }
    path = folder / benchmark.TABLE
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(rows))
    return folder


def context(folder: Path, data: Path, seeds: tuple[int, ...] = (7,), **options: str) -> Context:
    return Context(folder, data, seeds, True, Quiet(), options)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    folder, data = tmp_path_factory.mktemp("run"), table(tmp_path_factory.mktemp("data"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark, "SHORT", Size(compared=2, swept=1, visited=8, training=2, unseen=2, trials=2))
        return folder, JpsExperiment().run(context(folder, data))


def test_the_nine_plots_of_the_prototype_and_two_more_are_there(ran: tuple[Path, Outcome]) -> None:
    folder, outcome = ran
    drawn = {path.stem for path in folder.glob("*.png")}
    assert drawn == {*PROTOTYPE_PLOTS.split(), "gap_vs_n", "pareto_front"}
    assert {file for file, _ in outcome.plots} == {f"{name}.png" for name in drawn}


def test_tables_have_every_strategy_of_every_instance(ran: tuple[Path, Outcome]) -> None:
    tables = {own.name: own for own in ran[1].tables}
    assert {"summary_table", "auto_tune_history", "instances", "gap_by_samples", "pareto_front"} <= set(tables)
    assert [row[:2] for row in tables["summary_table"].rows][:2] == [("prototype", "random"), ("prototype", "uniform")]
    assert len(tables["summary_table"].rows) == 2 * 5
    assert len(tables["instances"].rows) == 2 * 2 * 5
    assert tables["auto_tune_history"].columns[:4] == ("trial", "samples", "alpha", "explore")


def test_fairness_is_told_in_words(ran: tuple[Path, Outcome]) -> None:
    text = (ran[0] / "fairness_metrics.txt").read_text()
    assert "equal    jain 1.0000 [1.0000, 1.0000]" in text
    assert "gavel (2 instances)" in text


def test_figures_have_goals_where_there_are_any_and_nothing_is_measured(ran: tuple[Path, Outcome]) -> None:
    figures = {figure.name: figure for figure in ran[1].figures}
    assert figures["prototype_jps_gap"].goal == 0.2
    assert figures["gavel_jps_gap_worst"].goal == 2.04
    assert {figure.origin for figure in figures.values()} == {"simulated", "counted"}
    assert figures["optimum_proven"].value == 100.0


def test_pieces_of_work_are_the_same_each_time_and_never_tune_on_the_experiments_seeds(tmp_path: Path) -> None:
    asked = tasks((42, 43), SHORT, short=True)
    assert {task.seed for task in asked if task.piece == "case"} == {TRAINING_SEED, UNSEEN_SEED}
    some = next(task for task in asked if task.family == "prototype" and task.piece == "compared")
    assert Run(())(some) == Run(())(some)


def test_options_and_tables_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="speed: it has no such option"):
        JpsExperiment().run(context(tmp_path, tmp_path, speed="fast"))
    with pytest.raises(InvalidInput, match=r"simulation_throughputs\.json"):
        JpsExperiment().run(context(tmp_path, tmp_path))
    with pytest.raises(InvalidInput, match="seeds: none is given"):
        JpsExperiment().run(context(tmp_path, tmp_path, ()))
