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


def scored(node: str, **parts: float) -> dict[str, Any]:
    return {"node": node, "terms": [{"term": term, "part": part} for term, part in parts.items()]}


def test_the_reason_compares_the_best_node_with_the_planned_one_not_with_the_runner_up() -> None:
    decision = {
        "best": scored("v100-1", plan=0.1, load=0.08, thermal=0.05),
        "runnerUp": scored("v100-2", plan=0.1, load=0.08, thermal=0.04),
        "asked": scored("v100-0", plan=0.2, load=0.01, thermal=0.05),
        "decisive": {"thermal": 0.01},
    }
    assert report.reason_in(decision, "v100-0") == "scored higher elsewhere, by load"
    assert "bound elsewhere" in report.reason_in(decision, "v100-1")
    assert report.reason_in({**decision, "asked": decision["best"]}, "v100-0") == "tie"
    assert report.reason_in({"askedAnswer": "v100-0 was turned down"}, "v100-0") == "the planned node was turned down"


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
        "creation to end, s",
        "energy, kJ",
        "%",
        " a-job-with-a-rather-long-name ",
        "1 v100",
        "12.5 / 13.0",
        "2.5 / 2.6",
    ):
        assert part in text
    assert "-11.1 / 44.9" in text or "-11.0 / 44.9" in text


def test_the_time_from_a_task_to_the_next_is_told_beside_planned_and_actual() -> None:
    job = ended_job(a_worker(0))
    job["spec"]["tasks"] = [{"name": "a"}, {"name": "b"}, {"name": "t", "dependsOn": ["a", "b"]}]
    ends = {"a": "2026-01-15T09:30:10Z", "b": "2026-01-15T09:30:12Z"}
    job["status"]["tasks"] += [{"name": name, "actual": {"finish": end}} for name, end in ends.items()]
    job["status"]["tasks"][0]["actual"] = {"start": "2026-01-15T09:30:15Z"}
    row = report.build_row(job, no_reason)
    assert row["handoverSeconds"] == 3.0
    assert "a-job-with-a-rather-long-name needed 3.0 s on average" in explained(row)
    assert report.build_row(ended_job(a_worker(0)), no_reason)["handoverSeconds"] is None


FIGURES = [
    {"device": "nvidia-a40", "seconds_per_epoch": "50", "watts": "100"},
    {"device": "nvidia-v100", "seconds_per_epoch": "60", "watts": "50"},
]


def explained(*rows: dict[str, Any]) -> str:
    out = io.StringIO()
    report.explain(list(rows), FIGURES, Console(file=out, width=1000))
    return out.getvalue()


def test_policies_that_choose_alike_are_explained_and_others_are_not() -> None:
    def chosen(policy: str, device: str) -> dict[str, Any]:
        row = report.build_row(ended_job(a_worker(0)), no_reason)
        return {**row, "job": f"shufflenet-{policy.lower()}", "policy": policy, "devices": {device: 1}}

    fast, frugal = chosen("Performance", "nvidia-a40"), chosen("Energy", "nvidia-v100")
    told = "the v100 takes 20% longer than the fastest, the a40, and 40% fewer joules"
    assert told in explained(fast, frugal, chosen("Balanced", "nvidia-v100"))
    assert told not in explained(fast, frugal, chosen("Balanced", "nvidia-a40"))


def test_the_file_holds_the_facts_beside_the_jobs(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.json"
    row = report.build_row(ended_job(a_worker(0)), no_reason)
    report.write(path, [row], {"seed": 1})
    share = {"pods": 1, "podsOnPlannedNode": 1, "shareOnPlannedNode": 1.0}
    assert json.loads(path.read_text()) == {"seed": 1, **share, "jobs": [row]}


def test_the_share_of_all_pods_weighs_jobs_by_their_pods() -> None:
    many = report.build_row(ended_job(*(a_worker(index) for index in range(7))), no_reason)
    one = report.build_row(ended_job(a_worker(0, "v100-1")), lambda *_: "hot")
    assert report.overall([many, one]) == {"pods": 8, "podsOnPlannedNode": 7, "shareOnPlannedNode": 0.875}
    assert report.overall([])["shareOnPlannedNode"] is None
    assert "7 of 8 pods (87.5%)" in shown(160, many, one)


@pytest.mark.parametrize("worker", [{"index": 0}, {"index": 0, "node": "", "plannedNode": ""}])
def test_a_worker_without_node_and_plan_is_not_on_its_planned_node(worker: dict[str, Any]) -> None:
    row = report.build_row(ended_job(worker), lambda *_: "no node was planned")
    assert (row["podsOnPlannedNode"], row["elsewhere"]) == (0, {"no node was planned": 1})


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


def test_following_goes_on_while_more_is_to_come() -> None:
    jobs, later = [ended_job(a_worker(0))], ended_job(a_worker(0))
    later["metadata"]["name"] = "later"
    looks: list[int] = []

    def more(seen: list[watch.Job]) -> bool:
        looks.append(len(seen))
        if len(looks) == 1:
            jobs.append(later)
        return len(looks) < 2

    out = io.StringIO()
    assert watch.follow(lambda: list(jobs), Console(file=out), 60.0, lambda: None, more) == jobs
    assert looks == [1, 2]
    assert "later: 1/1 tasks" in out.getvalue()
