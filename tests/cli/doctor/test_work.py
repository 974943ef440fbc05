"""The doctor finds jobs that nobody acts on, and pods that are refused or wait."""

from __future__ import annotations

from typing import Any

import pytest

from sickroom import JOBS, Illness, a_condition, a_job, a_list, a_pod, ago, assert_found, healthy, managing

ILL: dict[str, Illness] = {
    "a job that nobody acts on": (
        "jobs",
        {JOBS: a_list(a_job("left", observedGeneration=0))},
        "FAIL",
        ("nobody acts on team/left", "the operator is down"),
    ),
    "a job in a namespace of nobody": (
        "jobs",
        {**managing("ours"), JOBS: a_list(a_job("left", observedGeneration=0))},
        "WARN",
        ("nobody acts on team/left", "the namespaces ours alone", "add team to the chart's `namespaces`"),
    ),
    "a blocked job": (
        "jobs",
        {JOBS: a_list(a_job(conditions=[a_condition("Blocked", "True", message="jobs are forbidden: quota")]))},
        "WARN",
        ("is blocked", "quota"),
    ),
    "an operator without Prometheus": (
        "operator-telemetry",
        {
            JOBS: a_list(
                a_job(
                    conditions=[
                        a_condition("TelemetryAvailable", "False", reason="PrometheusUnavailable", message="refused")
                    ]
                )
            )
        },
        "FAIL",
        ("does not answer the operator", "refused", "prometheus.url"),
    ),
    "an operator whose Prometheus knows no GPU": (
        "operator-telemetry",
        {
            JOBS: a_list(
                a_job(
                    conditions=[
                        a_condition(
                            "TelemetryAvailable",
                            "False",
                            reason="PrometheusUnavailable",
                            message="Prometheus has no series of the DCGM exporter; energy is estimated",
                        )
                    ]
                )
            )
        },
        "WARN",
        ("Prometheus answers the operator", "energy is estimated", "a cluster without GPUs needs none"),
    ),
    "an operator of which no job tells": ("operator-telemetry", {JOBS: a_list()}, "SKIP", ("no job", "submit one")),
    "pods that are refused": (
        "refused",
        {
            "/api/v1/events": lambda request: a_list(
                *(
                    [
                        {
                            "metadata": {},
                            "involvedObject": {"namespace": "team", "name": "fit"},
                            "lastTimestamp": ago(60),
                            "message": 'pods "fit-0" is forbidden: violates PodSecurity "restricted:latest"',
                        }
                    ]
                    if "FailedCreate" in request.query
                    else []
                )
            )
        },
        "WARN",
        ("pods of Job team/fit are refused", "violates PodSecurity", "securityContext"),
    ),
    "pods that wait": (
        "pending",
        {
            "/api/v1/pods": lambda request: a_list(
                *(
                    [
                        {
                            "metadata": {"name": "p", "namespace": "team", "creationTimestamp": ago(900)},
                            "spec": {},
                            "status": {"conditions": [a_condition("PodScheduled", "False", message="0/2 nodes")]},
                        }
                    ]
                    if "Pending" in request.query
                    else [a_pod("scheduler")]
                )
            )
        },
        "WARN",
        ("1 pod waits longer than 5 minutes: team/p", "0/2 nodes"),
    ),
}


REFUSED = {"namespace": "team", "name": "fit", "uid": "old"}
EVENT = {"metadata": {}, "involvedObject": REFUSED, "lastTimestamp": ago(60), "message": "exceeded quota: gpus"}


@pytest.mark.parametrize(
    ("listed", "level"),
    [
        (a_list({"metadata": REFUSED}), "WARN"),
        (a_list(), "OK"),
        (a_list({"metadata": {**REFUSED, "uid": "new"}}), "OK"),
        (403, "WARN"),
    ],
)
def test_an_event_about_a_job_that_is_gone_is_no_illness(examine: Any, listed: Any, level: str) -> None:
    found = examine({**healthy(), "/api/v1/events": a_list(EVENT), "/apis/batch/v1/jobs": listed}, "refused")
    assert [own["level"] for own in found] == [level]


def test_one_job_is_counted_as_one(examine: Any) -> None:
    told = examine({**healthy(), JOBS: a_list(a_job("a", observedGeneration=1))}, "jobs")
    assert told[0]["what"] == "1 HeteroJob, none is left alone"


@pytest.mark.parametrize("illness", ILL)
def test_an_illness_is_named_with_its_remedy(examine: Any, illness: str) -> None:
    check, answers, *_ = ILL[illness]
    assert_found(examine({**healthy(), **answers}, check), ILL[illness])
