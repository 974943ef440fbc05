"""Programs that run as processes beside the cluster are no missing pods: the doctor asks what can be asked of them."""

from __future__ import annotations

import json
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from answering import answering
from sickroom import (
    DEPLOYMENTS,
    JOBS,
    LEASES,
    METRICS,
    NOW,
    POD,
    PROXY,
    a_condition,
    a_job,
    a_lease,
    a_list,
    ago,
    an_event,
    healthy,
)

NO_PODS = {DEPLOYMENTS: a_list(), POD: a_list(), "/api/v1/pods": a_list()}
SAID = {
    "/readyz": b"ok",
    "/metrics": METRICS.encode(),
    "/v1/capabilities": json.dumps(healthy()[f"{PROXY}/v1/capabilities"]).encode(),
}


def outside(**answers: Any) -> dict[str, Any]:
    return {**{path: own for path, own in healthy().items() if PROXY not in path}, **NO_PODS, **answers}


def by_check(found: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    return {own["check"]: own for own in found}


def test_beside_an_address_nothing_fails_for_lack_of_pods(examine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(SAID) as (url, asked):
        monkeypatch.setenv("HETEROSCHED_DECISIONS_URL", url)
        found = by_check(examine(outside()))
    assert {check: own for check, own in found.items() if own["level"] in ("FAIL", "WARN")} == {}
    for check in ("operator", "scheduler"):
        assert (found[check]["level"], "whether it runs outside cannot be" in found[check]["what"]) == ("SKIP", True)
        assert "posted no Event" in found[check]["why"]
    assert found["extender"]["what"] == f"1 ready: extender at {url}"
    assert {found[check]["level"] for check in ("sync", "decisions", "telemetry", "exporters", "devices")} == {"OK"}
    assert {"/readyz", "/metrics", "/v1/capabilities?limit=1"} <= set(asked)


def test_leases_and_events_are_signs_of_life(examine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HETEROSCHED_DECISIONS_URL", "http://127.0.0.1:9")
    leases = a_list(a_lease("heterosched-operator", "laptop_12ab", 3.0))
    found = by_check(examine(outside(**{LEASES: leases, "/api/v1/events": a_list(an_event("laptop", 90.0))})))
    assert (found["operator"]["level"], found["scheduler"]["level"]) == ("OK", "OK")
    assert {found[check]["what"].endswith("it runs outside") for check in ("operator", "scheduler")} == {True}
    assert found["operator"]["why"] == "laptop_12ab renewed lease kube-system/heterosched-operator 3 s ago"
    assert found["scheduler"]["why"] == "it posted an Event 1m30s ago"
    assert found["extender"]["level"] == "FAIL"
    assert "extender at http://127.0.0.1:9 does not answer" in found["extender"]["what"]
    assert "unset HETEROSCHED_DECISIONS_URL" in found["extender"]["remedy"]


JOB = {"metadata": {"name": "left", "namespace": "team", "creationTimestamp": ago(3600)}}
OLD_EVENT = {"/api/v1/events": a_list(an_event("laptop", 600.0))}


def a_waiting_pod(age: float = 300.0, spec: Any = None, deleted: bool = False, **status: Any) -> dict[str, Any]:
    metadata = {"name": "train-0", "namespace": "team", "creationTimestamp": ago(age)}
    metadata |= {"deletionTimestamp": ago(age)} if deleted else {}
    spec = spec or {}
    return {"/api/v1/pods": a_list({"metadata": metadata, "spec": spec, "status": status})}


@pytest.mark.parametrize(
    ("check", "answers", "why"),
    [
        ("operator", {JOBS: a_list(JOB)}, "HeteroJob team/left: no status after 60 s"),
        ("operator", {JOBS: a_list(JOB), **OLD_EVENT}, "HeteroJob team/left: no status after 60 s"),
        (
            "operator",
            {LEASES: a_list(a_lease("heterosched-operator", "laptop_12ab", 7200.0))},
            "lease kube-system/heterosched-operator of laptop_12ab was renewed last 2h00m ago",
        ),
        (
            "operator",
            {LEASES: a_list(a_lease("heterosched-operator", "", 7200.0))},
            "lease kube-system/heterosched-operator has been given up and was renewed last 2h00m ago",
        ),
        ("scheduler", a_waiting_pod(), "pod team/train-0: no scheduler has looked at it after 60 s"),
        ("scheduler", {**a_waiting_pod(), **OLD_EVENT}, "pod team/train-0: no scheduler has looked at it after 60 s"),
    ],
)
def test_a_program_that_is_gone_altogether_while_work_waits_is_a_failure(
    examine: Any, monkeypatch: pytest.MonkeyPatch, check: str, answers: dict[str, Any], why: str
) -> None:
    monkeypatch.setenv("HETEROSCHED_DECISIONS_URL", "http://127.0.0.1:9")
    found = by_check(examine(outside(**answers)))[check]
    assert (found["level"], found["why"]) == ("FAIL", why)
    assert found["what"] == f"the {check} is no pod of this cluster, and it does not run outside either"
    assert found["remedy"].startswith("start it again where it ran") and "helm install" in found["remedy"]


@pytest.mark.parametrize(
    ("check", "answers", "level"),
    [
        ("operator", {JOBS: a_list(a_job("young", age=20.0, observedGeneration=0))}, "SKIP"),
        ("operator", {JOBS: a_list(JOB, a_job("younger", age=600.0))}, "SKIP"),
        ("operator", {JOBS: a_list({"metadata": {**JOB["metadata"], "deletionTimestamp": ago(3599)}})}, "SKIP"),
        ("operator", {LEASES: a_list(a_lease("heterosched-operator", "", 20.0))}, "SKIP"),
        ("operator", {LEASES: a_list(a_lease("heterosched-operator", "slow-clock_12ab", 200.0))}, "SKIP"),
        ("scheduler", a_waiting_pod(age=20.0), "SKIP"),
        ("scheduler", a_waiting_pod(spec={"schedulingGates": [{"name": "g"}]}), "SKIP"),
        ("scheduler", a_waiting_pod(spec={"volumes": [{"name": "v", "persistentVolumeClaim": {}}]}), "SKIP"),
        ("scheduler", a_waiting_pod(deleted=True), "SKIP"),
        ("scheduler", a_waiting_pod(conditions=[a_condition("PodScheduled", "False", message="0/2 nodes")]), "SKIP"),
        ("scheduler", {LEASES: a_list(a_lease("heterosched", "laptop_12ab", 7200.0))}, "SKIP"),
        ("scheduler", {**a_waiting_pod(), "/api/v1/events": a_list(an_event("laptop", 20.0))}, "OK"),
    ],
)
def test_work_that_may_yet_be_looked_at_accuses_nobody(
    examine: Any, monkeypatch: pytest.MonkeyPatch, check: str, answers: dict[str, Any], level: str
) -> None:
    monkeypatch.setenv("HETEROSCHED_DECISIONS_URL", "http://127.0.0.1:9")
    assert by_check(examine(outside(**answers)))[check]["level"] == level


@pytest.mark.parametrize(
    ("check", "answers", "level"),
    [
        ("operator", {LEASES: a_list(a_lease("heterosched-operator", "laptop_12ab", 605.0))}, "OK"),
        ("operator", {JOBS: a_list(a_job("young", age=620.0, observedGeneration=0))}, "SKIP"),
        ("jobs", {JOBS: a_list(a_job("young", age=620.0, observedGeneration=0))}, "OK"),
        ("scheduler", a_waiting_pod(age=620.0), "SKIP"),
        ("pending", a_waiting_pod(age=620.0), "OK"),
    ],
)
def test_a_fast_clock_of_this_machine_accuses_nobody(
    examine: Any, monkeypatch: pytest.MonkeyPatch, check: str, answers: dict[str, Any], level: str
) -> None:
    monkeypatch.setenv("HETEROSCHED_DECISIONS_URL", "http://127.0.0.1:9")
    ten_minutes_less = format_datetime(NOW - timedelta(minutes=10), usegmt=True)
    found = by_check(examine(outside(**answers), date=ten_minutes_less))
    assert (found[check]["level"], found["clock"]["level"]) == (level, "WARN"), found[check]


def test_events_of_other_namespaces_count_where_one_is_named(examine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HETEROSCHED_DECISIONS_URL", "http://127.0.0.1:9")
    answers = outside(**a_waiting_pod(), **{"/api/v1/events": a_list(an_event("laptop", 20.0))})
    assert by_check(examine(answers, namespace="elsewhere"))["scheduler"]["level"] == "OK"


def test_in_a_wrong_namespace_the_remedy_is_the_right_one(examine: Any) -> None:
    found = by_check(examine(healthy(), namespace="elsewhere"))
    for check in ("operator", "scheduler"):
        assert (found[check]["level"], found[check]["remedy"]) == ("FAIL", "heterosched doctor -n sched")
        assert "the installation is in namespace sched" in found[check]["why"]
    assert found["extender"]["what"] == "no extender runs in namespace elsewhere"
    assert "make demo" not in found["extender"]["remedy"]


def test_without_the_variable_the_remedy_names_it_as_one_possibility(examine: Any) -> None:
    found = by_check(examine(outside()))
    for check in ("operator", "scheduler", "extender"):
        assert found[check]["level"] == "FAIL"
        assert "outside of the cluster (make demo)" in found[check]["remedy"]
        assert "HETEROSCHED_DECISIONS_URL=http://..." in found[check]["remedy"]
    assert "helm install" in found["operator"]["remedy"]
