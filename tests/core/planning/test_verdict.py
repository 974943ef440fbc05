"""The verdict says whether deadline and energy budget hold, and else by how much they are missed."""

from __future__ import annotations

import pytest

from clusters import a_cluster
from heterosched.planning.types import TaskProgress
from heterosched.units import format_time
from manifests import JobBuilder, a_job
from planned import NOW, a_state, alone, gpu_job

ONE_T4 = a_cluster(t4=1, gpus=1)


@pytest.mark.parametrize(
    ("job", "verdict"),
    [
        (gpu_job("a"), ""),
        (gpu_job("a").deadline(within="2m"), "Feasible"),
        (gpu_job("a").deadline(within="105s"), "LateBy 5 s"),
        (gpu_job("a").deadline(at=format_time(NOW + 2.5)), "LateBy 8 s"),
        (gpu_job("a").spec(energyBudgetJoules="700"), "Feasible"),
        (gpu_job("a").spec(energyBudgetJoules="699.5"), "OverBudget by 1 J"),
        (gpu_job("a").spec(energyBudgetJoules=100).deadline(at=format_time(NOW)), "LateBy 10 s, OverBudget by 600 J"),
        (gpu_job("a", device="nvidia-h100"), "NeedsDevice: task t: no node offers nvidia-h100"),
    ],
)
def test_the_verdict_says_by_how_much(job: JobBuilder, verdict: str) -> None:
    assert alone(a_state(job), ONE_T4).verdict.startswith(verdict)
    if not verdict:
        assert alone(a_state(job), ONE_T4).verdict == ""


def test_what_is_already_spent_counts_towards_the_budget() -> None:
    job = (
        a_job("a").spec(energyBudgetJoules=1200).task("p").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 10})
        .task("t").after("p").gpus(1, "nvidia-t4").runtime({"nvidia-t4": 10})
    )  # fmt: skip
    done = TaskProgress("Succeeded", "nvidia-t4", "nvidia-t4", ("t4-0",), 1, NOW - 12, NOW - 2)
    assert alone(a_state(job, {"p": done}), ONE_T4).verdict == "OverBudget by 200 J"
