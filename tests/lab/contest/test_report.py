"""The report has a row per task and strategy, and the summary follows from those rows."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from contests import SMALL
from heterosched_lab.contest.batch import Contest, contest
from heterosched_lab.contest.report import ROW, TOTALS, write

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def found() -> Contest:
    return contest(SMALL, 5)


@pytest.fixture(scope="module")
def folder(found: Contest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("results")
    write(found, path, path / "plots")
    return path


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_there_is_a_row_per_task_and_strategy(found: Contest, folder: Path) -> None:
    rows = table(folder / "heavy_simulation_report.csv")
    assert tuple(rows[0]) == ROW
    assert len(rows) == len(found.tasks) * len(found.standings)
    assert len({(row["task_id"], row["strategy"]) for row in rows}) == len(rows)


def test_means_of_the_rows_are_the_summary(folder: Path) -> None:
    rows = table(folder / "heavy_simulation_report.csv")
    summary = table(folder / "heavy_simulation_summary.csv")
    assert tuple(summary[0]) == TOTALS
    for line in summary:
        own = [row for row in rows if row["strategy"] == line["strategy"]]
        columns = {name: np.array([float(row[name]) for row in own]) for name in ("time", "energy", "cost", "latency")}
        for name, values in columns.items():
            assert float(line[f"mean_{name}"]) == pytest.approx(values.mean(), rel=1e-8)
        assert float(line["total_cost"]) == pytest.approx(columns["cost"].sum(), rel=1e-8)
        assert float(line["p99_latency"]) == pytest.approx(np.percentile(columns["latency"], 99), rel=1e-8)
        makespan = max(float(row["finish"]) for row in own)
        assert float(line["makespan"]) == pytest.approx(makespan, rel=1e-8)
        assert float(line["throughput"]) == pytest.approx(len(own) / makespan, rel=1e-8)


def test_rows_follow_the_formulas(folder: Path) -> None:
    for row in table(folder / "heavy_simulation_report.csv"):
        fraction, seconds = float(row["gpu_fraction"]), float(row["time"])
        cpu = (float(row["size"]) / 1000) ** 1.5 / (float(row["compute_intensity"]) + 0.5)
        gpu = fraction * cpu / (1 + 3 * float(row["compute_intensity"]))
        gpu += float(row["memory_required"]) / 16_000 if fraction > 0 else 0.0
        assert seconds == pytest.approx(max(gpu, (1 - fraction) * cpu), rel=1e-8)
        assert float(row["cost"]) == pytest.approx(float(row["energy"]) / 3.6e6 * 0.15, rel=1e-8)
        assert (row["gpu_id"] == "") == (float(row["queued_gpu_fraction"]) == 0)
        assert float(row["latency"]) >= 0


def test_both_plots_are_there_and_nothing_half_done(folder: Path) -> None:
    for name in ("latency_cdf.png", "cost_comparison.png"):
        content = (folder / "plots" / name).read_bytes()
        assert content.startswith(PNG)
        assert len(content) > 5000
    assert not list(folder.rglob("*.part"))


def test_the_same_contest_is_written_alike(found: Contest, folder: Path, tmp_path: Path) -> None:
    for path in write(found, tmp_path, tmp_path / "plots"):
        assert path.read_bytes() == (folder / path.relative_to(tmp_path)).read_bytes()
