"""The benchmark states every promised figure with its origin, and what it did not measure is the same on every run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from counters import a_powercap
from heterosched.errors import InvalidInput
from heterosched_lab.progress import Quiet
from heterosched_lab.runs.folder import write_outcome
from heterosched_lab.runs.identity import Config
from heterosched_lab.runs.markdown import run_report
from heterosched_lab.runs.types import Context, Outcome
from heterosched_lab.workloads.benchmark import Workloads, chosen_sizes, chosen_workers, seeds_of
from heterosched_lab.workloads.catalogue import FORMS, FULL, PROGRAMS, SHORT, USUAL

pytestmark = pytest.mark.slow

OPTIONS = {"sizes": "tiny", "workers": "2"}


def a_context(folder: Path, options: dict[str, str], short: bool = True) -> Context:
    return Context(folder, folder, (7, 8), short, Quiet(), options)


def run(folder: Path, **more: str) -> Outcome:
    folder.mkdir()
    return Workloads().run(a_context(folder, {**OPTIONS, "powercap": str(folder), **more}))


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Outcome, Path]:
    """Two runs of the same, and the first one's folder. The second finds energy counters, which stand still."""
    folder = tmp_path_factory.mktemp("runs")
    counters = a_powercap(folder / "powercap")
    return run(folder / "one"), run(folder / "two", powercap=str(counters)), folder / "one"


def test_figures_and_their_origins(twice: Any) -> None:
    figures = {figure.name: figure for figure in twice[0].figures}
    for name in ("dna.known_scores", "mapreduce.equal_to_serial", "answers.equal_by_distribution"):
        assert (figures[name].origin, figures[name].met) == ("counted", True)
    assert figures["nonuniform.static_counted_imbalance"].met
    for device in ("cpu", "gpu"):
        assert (figures[f"resnet.{device}_seconds"].origin, figures[f"resnet.{device}_seconds"].met) == (
            "simulated",
            True,
        )
    assert figures["resnet.neutral"].met
    wanted = {
        *("montecarlo.neutral_seconds", "montecarlo.neutral_cpu_seconds", "same.neutral_seconds"),
        *("nonuniform.static_imbalance", "nonuniform.work_p99_ratio", "nonuniform.work_missed_less"),
        *(f"{name}.{side}_seconds" for name in PROGRAMS for side in ("static", "dynamic")),
    }
    assert {figures[name].origin for name in wanted} == {"measured"}
    note = figures["dna.static_seconds"].note
    assert all(word in note for word in ("std ", "p95 ", "p99 ", " J estimated"))


def test_what_was_not_measured_is_the_same_again(twice: Any) -> None:
    one, two, _ = twice
    for first, second in zip(one.figures, two.figures, strict=True):
        assert first.name == second.name
        if first.origin != "measured":
            assert first == second
    for first, second in zip(one.tables, two.tables, strict=True):
        if not first.name.startswith("measured-"):
            assert list(first.rows) == list(second.rows)
    assert (one.remarks, one.plots, one.skipped) == (two.remarks, two.plots, two.skipped)


def test_reports_of_equal_runs_are_equal(twice: Any) -> None:
    config = Config("workloads", (7, 8), True, {}, "code", "data", {})
    one, two = (run_report(config, Workloads.title, outcome) for outcome in twice[:2])
    assert one == two
    assert "measured-comparison.csv" in one


def test_tables_say_where_the_energy_comes_from(twice: Any) -> None:
    tables = {table.name: table for table in twice[0].tables}
    runs = [dict(zip(tables["measured-runs"].columns, row, strict=True)) for row in tables["measured-runs"].rows]
    assert {row["workload"] for row in runs} == set(PROGRAMS)
    assert {row["energy_source"] for row in runs} == {"estimated"}
    assert {row["workers"] for row in runs} == {2}
    assert all(row["throughput"] > 0 and row["peak_bytes"] > 1e6 and row["cpu_percent"] > 0 for row in runs)
    summary = tables["measured-summary"]
    assert {"mean", "std", "p95", "p99"} <= set(summary.columns)
    assert {row[5] for row in tables["resnet"].rows} == {"simulated"}
    assert all(row[4] == row[5] for row in tables["alignments"].rows)


def test_four_plots_are_drawn(twice: Any) -> None:
    files = [name for name, _ in twice[0].plots]
    assert files == [f"measured-{name}.png" for name in ("time", "energy", "distribution", "improvement")]
    assert all((twice[2] / name).read_bytes().startswith(b"\x89PNG") for name in files)


def test_the_outcome_is_one_that_can_be_kept(twice: Any, tmp_path: Path) -> None:
    for name, _ in twice[0].plots:
        (tmp_path / name).write_bytes((twice[2] / name).read_bytes())
    kept = write_outcome(tmp_path, Workloads.title, twice[0])
    assert len(kept.figures) == len(twice[0].figures)
    assert (tmp_path / "measured-comparison.csv").is_file()


def test_counters_make_the_energy_measured(twice: Any) -> None:
    runs = next(table for table in twice[1].tables if table.name == "measured-runs")
    assert {row[runs.columns.index("energy_source")] for row in runs.rows} == {"measured"}


def test_seeds_of_pairs_go_on_where_there_are_more_pairs_than_seeds() -> None:
    assert seeds_of((42, 43, 44), 5) == (42, 43, 44, 45, 46)
    assert seeds_of((42, 43, 44), 2) == (42, 43)


def test_forms(tmp_path: Path) -> None:
    assert chosen_sizes(a_context(tmp_path, {})) is SHORT
    assert chosen_sizes(a_context(tmp_path, {}, short=False)) is USUAL
    assert chosen_sizes(a_context(tmp_path, {"sizes": "full"})) is FULL
    assert {kind.name for sizes in FORMS.values() for kind in sizes.programs} == set(PROGRAMS)
    assert all(set(sizes.iterations) == set(PROGRAMS) for sizes in FORMS.values())
    assert {sizes.repeats for name, sizes in FORMS.items() if name != "tiny"} == {200}


@pytest.mark.parametrize("options", [{"sizes": "huge"}, {"workers": "1"}, {"workers": "two"}], ids=str)
def test_options_that_make_no_sense_are_named(tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(options))):
        Workloads().run(a_context(tmp_path, options))


def test_the_number_of_workers(tmp_path: Path) -> None:
    assert chosen_workers(a_context(tmp_path, {"workers": "3"})) == 3
    assert 2 <= chosen_workers(a_context(tmp_path, {})) <= 8
