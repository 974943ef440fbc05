"""The list of jobs says for each what was planned, what came of it and, in one word, where it stands."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from heterosched.api import HeteroJob
from heterosched.api.status import status_of
from heterosched.kube.errors import ApiUnavailable
from heterosched.units import parse_time
from heterosched_cli.jobs import (
    COLUMNS,
    TASK_COLUMNS,
    WIDE_COLUMNS,
    Line,
    NoSuchJob,
    data_of,
    named,
    row,
    sentences,
    task_row,
)
from heterosched_cli.live import silence
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
    assert found["FINISH"] == "2026-03-01T13:00:00Z"


@pytest.mark.parametrize(
    ("status", "finish"),
    [
        ({"plan": {"finish": "2026-03-01T11:02:00Z"}}, "2026-03-01T11:02:00Z"),
        ({"plan": {"finish": "2026-03-01T11:01:00Z"}}, "overdue"),
        (
            {"plan": {"finish": "2026-03-01T11:01:00Z"}, "completionTime": "2026-03-01T11:00:50Z"},
            "2026-03-01T11:00:50Z",
        ),
        ({"plan": {"finish": "2026-03-01T11:02:00.957Z"}}, "2026-03-01T11:02:00Z"),
        ({"completionTime": "2026-03-01T11:00:50.004Z"}, "2026-03-01T11:00:50Z"),
    ],
)
def test_a_job_that_goes_on_never_seems_to_have_finished(status: dict[str, Any], finish: str) -> None:
    assert cells(status)["FINISH"] == finish


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


def test_a_certificate_that_is_not_trusted_is_told_with_its_own_remedy() -> None:
    told = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate"
    assert "certificate-authority is not that of this server" in silence(ApiUnavailable("GET /version", 0, "", told))
    assert "that the cluster is up" in silence(ApiUnavailable("GET /version", 0, "", "Connection refused"))
    for why in ("certificate has expired", "Hostname mismatch, certificate is not valid for 'a'"):
        told = f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {why}"
        assert "dates and names of the server's certificate" in silence(ApiUnavailable("GET /version", 0, "", told))


def test_named_jobs_come_in_the_order_of_the_names_and_those_that_are_not_there_are_named() -> None:
    lines = [a_line({})]
    assert named(lines, ["train", "train"], "namespace team") == lines
    with pytest.raises(NoSuchJob, match="no HeteroJob absent or gone in namespace team"):
        named(lines, ["absent", "train", "gone"], "namespace team")


def test_a_task_is_shown_with_the_nodes_of_its_workers() -> None:
    status = status_of(a_line(a_full_status(["fit"])).job)
    found = dict(zip(TASK_COLUMNS, task_row(status.tasks[0]), strict=True))
    assert (found["STATE"], found["NODES"], found["PATH"]) == ("Succeeded: Finished", "v100-0,v100-1", "*")
    assert (found["PLANNED"], found["ACTUAL"]) == ("1h00m", "1h00m")


def test_times_are_whole_seconds_in_a_table_and_as_they_are_in_data() -> None:
    precise = "2026-03-01T11:02:00.957Z"
    line = a_line({"plan": {"finish": precise}, "tasks": [{"name": "fit", "planned": {"start": precise}}]})
    assert dict(zip(TASK_COLUMNS, task_row(line.status.tasks[0]), strict=True))["START"] == "2026-03-01T11:02:00Z"
    assert data_of(line)["plan"]["finish"] == precise


def test_what_is_the_matter_is_said_once_and_what_is_as_it_should_be_is_not() -> None:
    time = "2026-03-01T12:00:00Z"
    said = [
        ("Accepted", "True", "Valid", "graph, deadline and templates are valid"),
        ("Planned", "False", "Unplaceable", "no node offers nvidia-a100; allow another device"),
        ("Running", "False", "NothingRuns", "no task is running"),
        ("Blocked", "True", "PodsMissing", "task fit: exceeded quota"),
        ("DeadlineAtRisk", "False", "OnTime", "predicted to end in time"),
    ]
    conditions = [
        {"type": type, "status": status, "reason": reason, "message": message, "lastTransitionTime": time}
        for type, status, reason, message in said
    ]
    tasks = [
        {"name": "fit", "state": "Ready", "reason": "QuotaExceeded", "message": "ResourceQuota q does not hold it"},
        {"name": "done", "state": "Succeeded", "message": "it has run"},
    ]
    status = status_of(a_line({"conditions": conditions, "tasks": tasks}).job)
    assert list(sentences(status)) == [
        "Planned is False: no node offers nvidia-a100; allow another device",
        "Blocked: task fit: exceeded quota",
        "fit: ResourceQuota q does not hold it",
    ]
    told = list(sentences(status, wide=True))
    assert "DeadlineAtRisk is False: predicted to end in time" in told
    assert "Accepted is True: graph, deadline and templates are valid" in told
