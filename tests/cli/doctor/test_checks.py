"""Where all is well there is nothing but OK, and where one may not look a SKIP with the right that it takes."""

from __future__ import annotations

from typing import Any

from heterosched_cli.doctor.command import checks
from sickroom import DEPLOYMENTS, NAMESPACE, OPERATOR, POD, SCHEDULER, a_list, a_pod, healthy


def test_a_healthy_cluster_gets_nothing_but_ok(examine: Any) -> None:
    found = examine(healthy())
    assert [own for own in found if own["level"] != "OK"] == []
    assert [own["check"] for own in found if own["check"] != "rights"] == [
        own.name for own in checks() if own.name != "rights"
    ]


def test_what_may_not_be_looked_at_is_skipped_with_the_right_that_it_takes(examine: Any) -> None:
    answers = {**dict.fromkeys(healthy(), 403), "/version": healthy()["/version"]}
    found = examine(answers)
    skipped = [own for own in found if own["level"] == "SKIP"]
    assert {own["level"] for own in found} <= {"OK", "SKIP"}
    assert {"operator", "crds", "pending", "refused", "devices"} <= {own["check"] for own in skipped}
    assert [own for own in skipped if not own["what"] or not (own["why"] or own["remedy"])] == []


def test_a_named_namespace_needs_no_right_beyond_it(examine: Any) -> None:
    answers = {
        **healthy(),
        DEPLOYMENTS: 403,
        "/api/v1/pods": lambda request: 403,
        f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments": a_list(OPERATOR, SCHEDULER),
        POD: lambda request: a_list(a_pod("operator" if "operator" in request.query else "scheduler")),
    }
    found = {own["check"]: own["level"] for own in examine(answers, namespace=NAMESPACE)}
    assert {found[check] for check in ("operator", "scheduler", "extender", "sync", "telemetry")} == {"OK"}
    answers["/apis/apps/v1/namespaces/nowhere/deployments"] = a_list()
    assert found["releases"] == "SKIP"  # there may be others elsewhere
    other = {own["check"]: own for own in examine(answers, namespace="nowhere")}
    assert other["operator"]["what"] == "no operator is installed in namespace nowhere"
