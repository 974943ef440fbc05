"""A workload as a program says what it ran, how often, what that took, and refuses what it cannot run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.workloads.montecarlo import MonteCarlo
from heterosched_lab.workloads.resnet import ResNet
from heterosched_lab.workloads.session import Session, carried_out, part_of, simulated

PROGRAM = MonteCarlo(samples=1_000, chunk=100)


def test_a_run_of_both_is_told_run_by_run_and_compared(tmp_path: Path) -> None:
    session = Session(workers=1, iterations=2, seed=5, deadline=1e-9, powercap=tmp_path)
    found = carried_out(PROGRAM, session)
    assert found["sizes"] == {"samples": 1_000, "chunk": 100}
    assert [(run["distribution"], run["seed"]) for run in found["runs"]] == [
        ("static", 5),
        ("static", 6),
        ("dynamic", 5),
        ("dynamic", 6),
    ]
    assert {run["energy_source"] for run in found["runs"]} == {"estimated"}
    assert {run["missed_share"] for run in found["runs"]} == {1.0}
    assert found["children_cpu_seconds"] >= sum(run["cpu_seconds"] for run in found["runs"])
    assert found["power_model"] == {"idle_watts": 15.0, "core_watts": 10.0}
    assert {"mean", "std", "p95", "p99"} == set(found["summary"]["static"]["seconds"])
    assert {one["measure"] for one in found["comparison"]} == {"seconds", "cpu_seconds", "joules"}


def test_counters_that_are_shown_make_it_measured(powercap: Path) -> None:
    session = Session(workers=1, iterations=1, warm_up=0, distribution="static", powercap=powercap)
    found = carried_out(PROGRAM, session)
    assert found["summary"]["static"]["energy_source"] == "measured"
    assert found["comparison"] == []
    assert len(found["runs"]) == 1


def test_parts_are_the_whole_together() -> None:
    parts = [part_of(f"{number}/3", 10) for number in range(3)]
    assert [chunk for part in parts for chunk in part] == list(range(10)) == list(part_of("", 10))


@pytest.mark.parametrize("text", ["4/4", "1", "-1/4", "a/b", "0/0", "0/11", "0/4 "])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="part"):
        part_of(text, 10)


@pytest.mark.parametrize(
    "wrong",
    [
        {"iterations": 0}, {"warm_up": -1}, {"workers": -1}, {"workers": 1025}, {"seed": -1},
        {"deadline": float("nan")}, {"distribution": "guided"},
    ],
    ids=str,
)  # fmt: skip
def test_a_session_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refusal:
        Session(**wrong)
    assert refusal.value.field in wrong


def test_the_model_is_told_as_simulated() -> None:
    found = simulated(ResNet(), "gpu", Session(iterations=2))
    assert found["summary"]["dynamic"]["energy_source"] == "simulated"
    assert found["summary"]["dynamic"]["seconds"]["mean"] == pytest.approx(78.72)
    assert {one["verdict"] for one in found["comparison"]} == {"Neutral"}
    with pytest.raises(InvalidInput, match="part"):
        simulated(ResNet(), "gpu", Session(part="0/2"))
