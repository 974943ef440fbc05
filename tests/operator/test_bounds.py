"""Whatever a valid spec makes of the figures, the status has a form that the API server takes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from crds import schema_of, violations
from heterosched.api.status import (
    Condition,
    DeadlineStatus,
    HeteroJobStatus,
    Outcome,
    PlanStatus,
    TaskStatus,
    Worker,
    wire_status,
)
from heterosched_operator.bounds import LARGEST, bounded
from heterosched_operator.status import TASKS_LIMIT, ordered
from manifests import a_job
from simulated import SimulatedCluster
from statuses import a_full_status

SCHEMA = schema_of("HeteroJob")["properties"]["status"]


def refusals(status: HeteroJobStatus) -> list[str]:
    return violations(SCHEMA, wire_status(status), "status")


def test_a_status_that_fits_stays_the_same_object() -> None:
    status = msgspec.convert(a_full_status(["a", "b"]), HeteroJobStatus)
    assert refusals(status) == []
    assert bounded(status) is status


@pytest.mark.parametrize("figure", ["1" + "0" * 25, "-" + "9" * 20 + ".5"])
def test_what_is_beyond_the_schema_is_cut_to_it(figure: str) -> None:
    condition = Condition(type="A", status="True", reason="B", message="m", last_transition_time="2026-01-01T00:00:00Z")
    task = TaskStatus(
        name="t",
        attempt=100_000,
        rank=figure,
        message="x" * 5000,
        variant="v" * 5000,
        workers=[Worker(index=index, cpus="1," * 500) for index in range(1024)],
    )
    status = HeteroJobStatus(
        conditions=[msgspec.structs.replace(condition, type=f"A{number}") for number in range(40)],
        deadline=DeadlineStatus(message="y" * 5000),
        plan=PlanStatus(makespan_seconds=figure, cost=figure),
        tasks=[task],
        outcome=Outcome(seconds=figure, saved_seconds_percent=figure),
    )
    assert refusals(status) != []
    fitting = bounded(status)
    assert refusals(fitting) == []
    assert fitting.plan.makespan_seconds == ("-" if figure.startswith("-") else "") + LARGEST
    assert bounded(fitting) is fitting


def test_a_job_of_a_trillion_seconds_at_a_gigawatt_has_a_status_from_start_to_end() -> None:
    rows = [{"device": "cpu", "seconds": "1e12", "watts": "1e9"}]
    job = a_job("vast").spec(deadline={"within": "1h"}, energyBudgetJoules=5)
    cluster = SimulatedCluster(job.task("one", work={"runtimeOn": rows}).manifest())
    cluster.operate(3)
    assert cluster.status.plan.energy_joules == LARGEST
    assert refusals(cluster.status) == []
    cluster.to_the_end()
    assert cluster.reason("Completed")[0] == "True"
    assert refusals(cluster.status) == []


def test_tasks_that_were_removed_give_way_where_there_is_no_room_and_running_ones_last() -> None:
    job = SimulatedCluster(a_job("many").task("a").manifest()).job
    removed = {f"r{n:03}": TaskStatus(name=f"r{n:03}", job_name="j" if n == 600 else "") for n in range(601)}
    found = ordered(job, {**removed, "a": TaskStatus(name="a")})
    assert (len(found), found[0].name, found[1].name) == (TASKS_LIMIT, "a", "r600")


def test_the_validator_of_these_tests_finds_what_an_api_server_would() -> None:
    wrong: list[tuple[Any, str]] = [
        ({"progress": 3}, "type"),
        ({"progress": "three"}, "pattern"),
        ({"deadline": {"verdict": "Maybe"}}, "enum"),
        ({"tasks": [{}]}, "required"),
        ({"tasks": [{"name": "t", "failures": -1}]}, "minimum"),
        ({"tasks": [{"name": "t", "workers": [{"index": 5000}]}]}, "maximum"),
    ]
    assert [[word in found for found in violations(SCHEMA, status, "status")] for status, word in wrong] == [[True]] * 6
