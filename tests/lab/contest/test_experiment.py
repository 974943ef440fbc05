"""Every step of the offline experiment leaves its file, and nothing is contested that was taught."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from contests import SMALL, Pupil
from heterosched_lab.contest import experiment as module
from heterosched_lab.contest.entrants import FractionEntrant
from heterosched_lab.contest.experiment import Experiment, experiment
from heterosched_lab.contest.history import History
from heterosched_lab.contest.settings import Settings
from heterosched_lab.progress import Quiet


def settings_in(folder: Path) -> Settings:
    return replace(
        SMALL,
        num_tasks=50,
        retrain_interval=10,
        matrix_sizes=(8,),
        matmul_runs=1,
        results=folder / "results",
        plots=folder / "results" / "plots",
        profile=folder / "profile.json",
        history=folder / "history.csv",
    )


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Experiment, Experiment]:
    settings = settings_in(tmp_path_factory.mktemp("experiment"))
    return settings, experiment(settings, Quiet()), experiment(settings, Quiet())


Twice = tuple[Settings, Experiment, Experiment]


def test_all_artefacts_are_there(twice: Twice) -> None:
    settings, first, second = twice
    assert all(path.stat().st_size > 0 for path in second.files)
    names = {path.name for path in second.files}
    assert names == {
        "profile.json",
        "workload.csv",
        "training.json",
        "evaluation.json",
        "history.csv",
        "heavy_simulation_report.csv",
        "heavy_simulation_summary.csv",
        "latency_cdf.png",
        "cost_comparison.png",
    }
    assert json.loads(settings.profile.read_text(encoding="utf-8"))["origin"] == "measured"
    with (settings.results / "workload.csv").open(encoding="utf-8", newline="") as file:
        workload = list(csv.DictReader(file))
    assert [int(row["task_id"]) for row in workload] == list(range(50, 100))
    assert [task.number for task in first.found.tasks] == list(range(40, 50))


def test_the_history_grows_over_runs_and_ids_never_repeat(twice: Twice) -> None:
    settings, _, again = twice
    rows = History(settings.history).read().rows
    assert [row.task_id for row in rows] == list(range(100))
    assert again.found.tasks[0].number == 90
    assert rows[90].optimal_gpu_fraction == again.found.best.fraction[0]
    assert len({row.compute_intensity for row in rows}) == 100


def test_broken_rows_of_the_history_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "write", lambda found, results, plots: ())  # plots take most of the time
    settings = settings_in(tmp_path)
    History(settings.history).append([])
    with settings.history.open("a", encoding="utf-8") as file:
        file.write("nonsense\n")
    done = experiment(settings, Quiet())
    assert "line 2: 1 columns" in done.training["history_rows_broken"][0]
    assert len(History(settings.history).read().rows) == 50


def test_who_learns_is_taught_before_the_contest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pupil = Pupil()
    monkeypatch.setattr(module, "write", lambda found, results, plots: ())
    monkeypatch.setattr(module, "entrants", lambda settings, seed: [FractionEntrant(pupil)])
    done = experiment(settings_in(tmp_path), Quiet())
    assert done.training["lessons"] == {"pupil": 4}
    assert [task.number for task in pupil.lessons[3][0]] == list(range(40))
    assert set(json.loads((tmp_path / "results" / "evaluation.json").read_text())["strategies"]) == {"pupil"}
