"""The list of jobs says for each what was planned, what came of it and, in one word, where it stands."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from heterosched.api import HeteroJob
from heterosched.api.status import HeteroJobStatus, status_of
from heterosched.units import parse_time
from heterosched_cli.jobs import COLUMNS, WIDE_COLUMNS, Line, row, state
from manifests import a_job
from statuses import a_full_status

CREATED = "2026-03-01T11:00:00Z"


def a_line(status: dict[str, Any]) -> Line:
    manifest = a_job("train", "team").task("fit").task("test").metadata(creationTimestamp=CREATED).manifest()
    raw = {**manifest, "status": status}
    job = msgspec.convert(raw, HeteroJob)
    return Line(job, status_of(job), raw)


def cells(status: dict[str, Any], wide: bool = True) -> dict[str, str]:
    values = row(a_line(status), wide, parse_time(CREATED) + 90)
    return dict(zip(WIDE_COLUMNS if wide else COLUMNS, values, strict=True))


def conditions(*found: tuple[str, str, str]) -> HeteroJobStatus:
    time = "2026-03-01T12:00:00Z"
    entries = [
        {"type": type, "status": status, "reason": reason, "message": "", "lastTransitionTime": time}
        for type, status, reason in found
    ]
    return msgspec.convert({"conditions": entries}, HeteroJobStatus)


def test_a_job_that_nobody_has_looked_at_yet() -> None:
    found = cells({}, wide=False)
    assert found == {
        "NAME": "train",
        "POLICY": "Balanced",
        "STATE": "Pending",
        "TASKS": "0/2",
        "PLANNED": "",
        "FINISH": "",
        "ENERGY": "",
        "AGE": "1m30s",
    }


def test_a_job_with_a_full_status() -> None:
    status = a_full_status(["fit", "test"])
    found = cells(status)
    assert found["TASKS"] == status["progress"]
    assert found["STRATEGY"] == status["plan"]["strategy"]
    assert found["VERDICT"] == status["outcome"]["verdict"]
    assert found["COST"] == f"{status['outcome']['cost']} {status['outcome']['currency']}"
    assert found["FINISH"] == status["completionTime"]


@pytest.mark.parametrize(
    ("found", "word"),
    [
        ([("Failed", "True", "TaskFailed"), ("Running", "True", "TasksRunning")], "Failed: TaskFailed"),
        ([("Completed", "True", "AllSucceeded"), ("Suspended", "False", "NotSuspended")], "Completed"),
        ([("Suspended", "True", "SuspendRequested"), ("Planned", "True", "PlanFound")], "Suspended"),
        ([("Accepted", "True", "Valid"), ("Running", "True", "TasksRunning")], "Running"),
        ([("Accepted", "False", "Cycle"), ("Planned", "False", "NotAccepted")], "Rejected: Cycle"),
        ([("Accepted", "True", "Valid"), ("Planned", "False", "Unplaceable")], "Unplanned: Unplaceable"),
        ([("Planned", "True", "EstimatesMissing")], "EstimatesMissing"),
        ([("Planned", "True", "PlanFound")], "Planned"),
    ],
)
def test_the_state_in_one_word(found: list[tuple[str, str, str]], word: str) -> None:
    assert state(conditions(*found)) == word


def test_without_a_kubeconfig_the_answer_says_what_to_give(cli: Any) -> None:
    result = cli("jobs")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: kubeconfig: there is no file ")
    assert "--kubeconfig" in result.stderr


def test_an_api_server_that_does_not_answer_is_named(cli: Any, tmp_path: Any) -> None:
    config = tmp_path / "config"
    config.write_text(
        """
apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: "http://127.0.0.1:9"}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
users: [{name: u, user: {}}]
""",
        encoding="utf-8",
    )
    result = cli("jobs", "--kubeconfig", config)
    assert result.exit_code == 1
    assert "the API server does not answer" in result.stderr
    assert "--context" in result.stderr
