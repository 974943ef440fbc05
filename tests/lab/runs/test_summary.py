"""The summary has every goal of every bench with its verdict; the report is honest about what is short or partial."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from heterosched_lab.runs import folder as files
from heterosched_lab.runs import summary
from heterosched_lab.runs.identity import Config
from heterosched_lab.runs.types import Figure, Outcome, Table

CONFIG = Config("gavel", (42, 43, 44), False)
FIGURES = (
    Figure("makespan", 18.0, "h", "simulated", 17.9, peer=17.98, peer_name="Gavel", values=(17.9, 18.0, 18.1)),
    Figure("energy", 5.0, "MJ", "simulated", 6.0, peer=8.0),
    Figure("planning", 0.4, "s", "measured", 1.0),
    Figure("switches", 3.0, "", "counted", values=(1.0, 9.0)),
)
CORE = {
    "exact_wrong": ["cpop"],
    "checker_faults": 0,
    "goals": [
        {"figure": "heft.speedup", "value": 9.0, "relation": ">=", "goal": 7.0, "origin": "measured", "unit": "x"},
        {"figure": "planner.seconds", "value": None, "relation": "<=", "goal": 1.0, "origin": "measured", "unit": "s"},
    ],
    "left_out": {"planner": "not asked for"},
    "command": "deploy/bench/bench_core.py --sample 6",
}
EXTENDER = {"ratio_p50": {"50": 0.7}, "ratio_p99": {"50": 1.1}, "rss_mb": 92.6, "command": "extender_race.py"}
LIVE = {"500": {"added_ms_per_pod": {"mean": 2.6, "low": 1.9, "high": 3.2}, "errors": 0}, "command": "bench_live.py"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run and the results of the other benches; plots are drawn in the tests of the plots alone."""
    monkeypatch.setattr("heterosched_lab.runs.overview.draw", lambda folder, figures: [("p.png", "All")])
    write(tmp_path / "gavel")
    (tmp_path / "gavel" / "timing.json").write_text('{"wall_seconds": 12.3, "cores": 2}')
    for name, found in (("core", CORE), ("extender", EXTENDER), ("live", LIVE)):
        (tmp_path / f"{name}.json").write_text(json.dumps(found))
    return tmp_path


def write(folder: Path, config: Config = CONFIG, **other: Any) -> None:
    files.write_config(folder, config)
    files.write_outcome(folder, "B2: makespan", replace(Outcome(FIGURES, (Table("t", ("a",), [(1,)]),)), **other))


def written(folder: Path) -> tuple[dict[str, Any], str]:
    path = summary.write(summary.gather(folder))
    return json.loads((folder / summary.SUMMARY).read_text()), path.read_text()


def test_every_goal_is_there_by_benchmark_with_all_that_belongs_to_it(folder: Path) -> None:
    found, _ = written(folder)
    assert {name: set(goals) for name, goals in found.items()} == {
        "gavel": {"makespan", "energy", "planning"},
        "core": {"exact_values_that_differ", "faults_found_by_the_checker", "heft.speedup"},
        "extender": {"ratio_p50_50_names", "ratio_p99_50_names", "rss_mb"},
        "live": {"added_ms_per_pod_500_nodes", "errors_500_nodes"},
    }
    makespan = found["gavel"]["makespan"]
    assert (makespan["value"], makespan["goal"], makespan["peer"], makespan["met"]) == (18.0, 17.9, 17.98, False)
    assert (makespan["origin"], makespan["unit"], makespan["short"]) == ("simulated", "h", False)
    assert makespan["command"] == "heterosched bench run gavel --seeds 42,43,44"
    assert [found["core"][key]["met"] for key in ("exact_values_that_differ", "heft.speedup")] == [False, True]
    added = found["live"]["added_ms_per_pod_500_nodes"]
    assert (added["value"], added["lower"], added["upper"], added["met"]) == (3.2, 1.9, 3.2, False)
    assert found["live"]["errors_500_nodes"]["met"] is True


def test_the_report_begins_with_the_goals_and_counts_the_missed(folder: Path) -> None:
    _, text = written(folder)
    assert text.startswith("# Benchmarks\n\n**")
    assert "**7 of 11 goals met, 4 missed.**" in text
    assert (text.count("| met |"), text.count("| **missed** |")) == (2 * 7, 2 * 4)
    assert text.index("| gavel | makespan | 18 h |") < text.index("## B2: makespan")
    assert "It took 12 s on 2 cores." in text
    assert "- **missed** `gavel` makespan: 18 h, wanted <= 17.9 h" in text
    assert "| gavel | B2: makespan | 2 of 3 | 12 s |" in text
    assert "Left out: planner: not asked for" in text
    assert "- gavel, switches: 2 samples, at least 3 are wanted" in text
    assert "[t.csv](gavel/t.csv)" in text
    assert "![All](p.png)" in text


def test_short_and_partial_runs_are_marked(folder: Path) -> None:
    write(folder / "openb.partial", replace(CONFIG, benchmark="openb", short=True), partial=True)
    found, text = written(folder)
    assert (found["openb"]["makespan"]["short"], found["openb"]["makespan"]["partial"]) == (True, True)
    assert "> The short form, of smaller problems than the goals are meant for: openb." in text
    assert "> Partial, because the run failed or was interrupted: openb." in text


def test_a_later_failure_is_told_beside_the_result_of_before(folder: Path) -> None:
    write(folder / "gavel.partial", partial=True)
    assert "> A later run failed or was interrupted, and this is the one before: gavel." in written(folder)[1]


def test_a_run_alone_keeps_its_own_report(folder: Path) -> None:
    (folder / "gavel" / "report.md").write_text("its own")
    path = summary.write(summary.gather(folder / "gavel"))
    assert path.read_text() == "its own"
    assert not (folder / "gavel" / summary.SUMMARY).exists()


@pytest.mark.parametrize("text", ["{", '{"goals": 3}', "[]"])
def test_a_result_of_another_bench_that_is_broken_is_named_and_the_others_reported(folder: Path, text: str) -> None:
    (folder / "core.json").write_text(text)
    found, report = written(folder)
    assert set(found) == {"gavel", "extender", "live"}
    assert "Left out: core.json: it is no result of bench-core: " in report
    assert "make it again with `make bench-core`, or remove it" in report


def test_a_run_that_cannot_be_read_is_named_and_the_others_reported(folder: Path) -> None:
    write(folder / "openb", replace(CONFIG, benchmark="openb"))
    (folder / "openb" / "figures.json").write_text("{")
    found, report = written(folder)
    assert ("gavel" in found, "openb" in found) == (True, False)
    assert "> Cannot be read: file " in report
    (problem,) = summary.gather(folder).problems
    assert "figures.json" in problem


def test_a_benchmark_that_was_not_run_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heterosched_lab.registry.names", lambda: ("gavel", "openb", "zeus"))
    write(folder / "openb.partial", replace(CONFIG, benchmark="openb"))
    assert summary.gather(folder).absent == ("zeus",)
    assert "> Not run here, or skipped because its data is missing: zeus." in written(folder)[1]
    assert summary.gather(folder / "gavel").absent == ()
