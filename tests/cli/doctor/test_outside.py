"""Programs that run as processes beside the cluster are no missing pods: the doctor asks what can be asked of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from answering import answering
from sickroom import DEPLOYMENTS, LEASES, METRICS, POD, PROXY, a_lease, a_list, an_event, healthy

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
