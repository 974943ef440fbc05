"""How far a job has got is one sentence in a pipe and a bar on a terminal: every kind of task counts once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from heterosched.api import HeteroJob
from heterosched.api.status import status_of
from heterosched.units import parse_time
from heterosched_cli.jobs import Line
from heterosched_cli.progress import BAR, Progress, bar, progress_of, sentence
from manifests import a_job

NOW = parse_time("2026-03-01T12:00:00Z")


def progress(states: dict[str, str], **status: Any) -> Progress:
    builder = a_job("train", "team")
    for name in (*states, "unseen"):
        builder.task(name)
    tasks = [{"name": name, "state": state} for name, state in states.items()]
    job = msgspec.convert({**builder.manifest(), "status": {"tasks": tasks, **status}}, HeteroJob)
    return progress_of(Line(job, status_of(job), {}), NOW)


def test_every_task_counts_once_also_one_that_the_status_does_not_name() -> None:
    states = {"a": "Succeeded", "b": "Running", "c": "Created", "d": "Failed", "e": "Skipped", "f": "Ready"}
    own = progress(states, startTime="2026-03-01T11:59:00Z")
    assert own.tasks == "1/7 done, 1 running, 1 failed, 1 skipped, 3 waiting"
    assert own.elapsed == 60
    assert sentence(own, NOW + 0.957) == f"2026-03-01T12:00:00Z team/train Pending: {own.tasks}"


def test_a_job_that_has_ended_stands_still() -> None:
    own = progress({}, startTime="2026-03-01T11:00:00Z", completionTime="2026-03-01T11:30:00Z")
    assert (own.elapsed, own.finish) == (1800, "2026-03-01T11:30:00Z")


@pytest.mark.parametrize(
    ("states", "drawn"),
    [
        ({}, "─" * BAR),
        ({"a": "Succeeded", "b": "Succeeded", "c": "Succeeded"}, "━" * 18 + "─" * 6),
        ({"a": "Running"}, "━" * 12 + "─" * 12),
    ],
)
def test_a_bar_is_as_long_as_the_share(states: dict[str, str], drawn: str) -> None:
    assert bar(progress(states).counts).plain == drawn
