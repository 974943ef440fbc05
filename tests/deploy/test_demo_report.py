"""The demo's report counts every pod as on its planned node or with a reason, and cuts no figure off."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import report
import watch


def a_worker(index: int, node: str = "v100-0", planned: str = "v100-0") -> dict[str, Any]:
    return {"index": index, "node": node, "plannedNode": planned, "device": "nvidia-v100"}


def ended_job(*workers: dict[str, Any], completed: bool = True, **outcome: Any) -> dict[str, Any]:
    told = {
        "plannedSeconds": "12.5",
        "seconds": "13",
        "plannedEnergyJoules": "2500",
        "energyJoules": "2600.4",
        "energySource": "measured",
        "against": "Fifo",
        "savedSecondsPercent": "-11.05",
        "savedEnergyPercent": "44.85",
        "verdict": "Better",
    }
    return {
        "metadata": {"name": "a-job-with-a-rather-long-name", "namespace": "demo"},
        "spec": {"policy": "Energy", "tasks": [{"name": "t"}]},
        "status": {
            "conditions": [{"type": "Completed" if completed else "Failed", "status": "True"}],
            "plan": {"strategy": "energy_heft"},
            "tasks": [{"name": "t", "state": "Succeeded", "workers": list(workers)}],
            "outcome": {**told, **outcome},
        },
    }


def no_reason(job: Any, task: Any, worker: Any) -> str:
    raise AssertionError(f"{worker} is where it was planned")


def shown(width: int, *rows: dict[str, Any]) -> str:
    out = io.StringIO()
    report.show(list(rows), Console(file=out, width=width))
    return out.getvalue()


def test_pods_on_their_planned_node_need_no_reason() -> None:
    row = report.build_row(ended_job(a_worker(0), a_worker(1)), no_reason)
    assert (row["pods"], row["podsOnPlannedNode"], row["shareOnPlannedNode"], row["elsewhere"]) == (2, 2, 1.0, {})
    assert row["completed"]
    assert row["devices"] == {"nvidia-v100": 2}
    assert row["makespanSeconds"] == {"planned": "12.5", "actual": "13"}


def test_others_are_counted_by_reason() -> None:
    job = ended_job(a_worker(0), a_worker(1, "v100-1"), a_worker(2, "v100-2"), a_worker(3, "v100-3"))
    row = report.build_row(job, lambda job, task, worker: "hot" if worker["index"] < 3 else "gone")
    assert row["elsewhere"] == {"hot": 2, "gone": 1}
    assert (row["podsOnPlannedNode"], row["shareOnPlannedNode"]) == (1, 0.25)
    assert "2 pod(s) elsewhere: hot" in shown(160, row)


def test_a_job_that_never_ran_is_told_without_figures() -> None:
    job = ended_job(completed=False)
    job["status"] = {"conditions": [{"type": "Accepted", "status": "False"}]}
    row = report.build_row(job, no_reason)
    assert (row["completed"], row["shareOnPlannedNode"], row["pods"]) == (False, None, 0)
    assert report.cells(row)[2:] == ("", "- / -", "- / -", "-", "-", "- / -", "not completed")


@pytest.mark.parametrize("width", [60, 80, 160])
def test_nothing_is_cut_however_narrow_the_console(width: int) -> None:
    text = shown(width, report.build_row(ended_job(a_worker(0)), no_reason))
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_a_wide_console_has_each_cell_on_one_line_in_units() -> None:
    text = shown(160, report.build_row(ended_job(a_worker(0)), no_reason))
    for part in (
        "makespan, s",
        "energy, kJ",
        "%",
        " a-job-with-a-rather-long-name ",
        "1 v100",
        "12.5 / 13.0",
        "2.5 / 2.6",
    ):
        assert part in text
    assert "-11.1 / 44.9" in text or "-11.0 / 44.9" in text


def test_the_file_holds_the_facts_beside_the_jobs(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.json"
    row = report.build_row(ended_job(a_worker(0)), no_reason)
    report.write(path, [row], {"seed": 1})
    assert json.loads(path.read_text()) == {"seed": 1, "jobs": [row]}


def test_a_job_has_ended_when_its_outcome_is_told_or_nothing_more_will_come() -> None:
    job = ended_job(a_worker(0))
    assert watch.ended(job)
    assert watch.tasks_done(job) == 1
    del job["status"]["outcome"]
    assert not watch.ended(job)
    assert watch.ended(ended_job(completed=False))
    assert watch.ended({"status": {"conditions": [{"type": "Accepted", "status": "False"}]}})
    assert not watch.ended({"status": {}})


def test_waiting_ends_with_the_names_of_what_is_left() -> None:
    job = {"metadata": {"name": "stuck"}, "spec": {"tasks": [{"name": "t"}]}}
    console = Console(file=io.StringIO())
    with pytest.raises(TimeoutError, match="stuck"):
        watch.follow(lambda: [job], console, 0.0, lambda: None)
