"""A task is created when its dependencies are done and its planned start has come; otherwise it says why not."""

from __future__ import annotations

import pytest

from heterosched.errors import InvalidGraph
from heterosched.model import Assignment, Demand, Edge, Option, Schedule, Task, TaskGraph
from heterosched.planning.due import due, reasons
from heterosched.planning.types import JobPlan, TaskProgress

WAY = Option("cpu", 10.0, Demand(cpu=1))
GRAPH = TaskGraph.build([Task(name, (WAY,)) for name in "abcd"], [Edge("a", "c")])
STARTS = {"a": 100.0, "b": 130.0, "c": 110.0, "d": 90.0}
PLAN = JobPlan(
    "heft", GRAPH, Schedule({name: Assignment(name, WAY, ("n",), at, at + 10) for name, at in STARTS.items()})
)
DONE = TaskProgress("Succeeded")


def test_what_has_no_open_dependency_is_due_at_its_planned_start() -> None:
    assert due(PLAN, {}, 95.0) == ("d",)
    assert due(PLAN, {}, 100.0) == ("d", "a")
    assert due(PLAN, {}, 200.0) == ("d", "a", "b")


def test_rounding_of_epoch_seconds_delays_nothing() -> None:
    assert "a" in due(PLAN, {}, 99.9999)


def test_only_waiting_tasks_are_due() -> None:
    progress = {"a": DONE, "d": TaskProgress("Created"), "b": TaskProgress("Running")}
    assert due(PLAN, progress, 200.0) == ("c",)


def test_each_waiting_task_has_its_reason() -> None:
    progress = {"d": TaskProgress(not_before=150.0)}
    assert reasons(PLAN, progress, 100.0) == {
        "a": "",
        "b": "WaitingForDevice",
        "c": "WaitingForDependency",
        "d": "WaitingForRetry",
    }


@pytest.mark.parametrize("state", ["Waiting", "Created", "Running", "Failed"])
def test_a_dependency_counts_only_when_it_has_succeeded(state: str) -> None:
    assert reasons(PLAN, {"a": TaskProgress(state)}, 200.0)["c"] == "WaitingForDependency"  # type: ignore[arg-type]


def test_nothing_is_due_without_a_plan() -> None:
    error = InvalidGraph("HeteroJob ns/a", "spec.tasks", "bad")
    assert due(JobPlan("heft", error=error), {}, 200.0) == ()
    assert due(JobPlan("heft", GRAPH, error=error), {}, 200.0) == ()
    assert reasons(JobPlan("heft", GRAPH), {}, 200.0)["a"] == "NoPlan"
