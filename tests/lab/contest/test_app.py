"""The contest's commands and scripts write the published files, and say what is wrong with a bad configuration."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from heterosched_lab.app import app as bench
from heterosched_lab.contest.app import app
from heterosched_lab.contest.generator import generate
from heterosched_lab.contest.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
TINY = "profiling: {matrix_sizes: [8], iterations: 1}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_heavy_writes_to_the_published_paths(folder: Path) -> None:
    shown = CliRunner().invoke(app, ["heavy", "--tasks", "30", "--seed", "7"])
    assert shown.exit_code == 0, shown.output
    results = folder / "data" / "results"
    assert len((results / "heavy_simulation_report.csv").read_text().splitlines()) == 1 + 30 * shown.stdout.count(" J")
    assert (results / "plots" / "latency_cdf.png").stat().st_size > 0
    assert (results / "plots" / "cost_comparison.png").stat().st_size > 0
    for name in ("round_robin", "random", "greedy", "oracle", "heft", "jps", "even_finish"):
        assert name in shown.stdout


def test_config_yaml_of_the_folder_is_read_and_options_go_first(folder: Path) -> None:
    (folder / "config.yaml").write_text("simulation: {num_tasks: 5, seed: 3}\noutput: {results_dir: out}\n")
    assert CliRunner().invoke(app, ["heavy", "--model", "legacy_linear", "--seed", "4"]).exit_code == 0
    report = (folder / "out" / "heavy_simulation_report.csv").read_text()
    assert report.count(",greedy,") == 5
    assert "oracle_11" not in report
    first = generate(replace(Settings(), num_tasks=5), 4, 1)[0].split
    assert f"\n0,greedy,{first.size:.10g},{first.intensity:.10g}," in report


def test_an_unknown_key_is_refused_with_file_and_remedy(folder: Path) -> None:
    (folder / "my.yaml").write_text("workload: {size: [1, 2]}\n")
    shown = CliRunner().invoke(app, ["heavy", "--config", "my.yaml"])
    assert shown.exit_code == 1
    assert "error: my.yaml: workload.size: unknown key; did you mean workload.size_range?" in shown.stderr
    assert not (folder / "data").exists()


def test_the_experiment_tells_its_steps(folder: Path) -> None:
    (folder / "config.yaml").write_text(TINY)
    shown = CliRunner().invoke(app, ["experiment", "--tasks", "30"])
    assert shown.exit_code == 0, shown.output
    for word in ("profile: ", "training: 24 tasks", "evaluation: 6 tasks", "long_term_history.csv"):
        assert word in shown.stdout
    assert len((folder / "data" / "long_term_history.csv").read_text().splitlines()) == 31


def test_the_profile_is_shown_and_written(folder: Path) -> None:
    (folder / "config.yaml").write_text(TINY)
    shown = CliRunner().invoke(app, ["profile", "--output", "here.json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout) == json.loads((folder / "here.json").read_text())


def test_the_bench_command_passes_on_and_keeps_the_exit_code(folder: Path) -> None:
    (folder / "config.yaml").write_text(TINY)
    assert CliRunner().invoke(bench, ["contest", "profile", "--output", "here.json"]).exit_code == 0
    assert (folder / "here.json").is_file()
    (folder / "config.yaml").write_text("nonsense: {}\n")
    assert CliRunner().invoke(bench, ["contest", "profile"]).exit_code == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "made"),
    [
        ("run_heavy_simulation.py", "data/results/heavy_simulation_report.csv"),
        ("main.py", "data/long_term_history.csv"),
    ],
)
def test_the_scripts_are_the_commands(folder: Path, script: str, made: str) -> None:
    (folder / "config.yaml").write_text(TINY)
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / script), "--tasks", "10"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (folder / made).is_file()
