"""The doctor knows extenders that do not answer, do not see, or measure nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heterosched.constants import TOKEN_HEADER
from heterosched.kube.client import Kube
from heterosched_cli.doctor.cluster import Cluster
from heterosched_cli.doctor.command import checks, findings_of
from heterosched_cli.live import ask
from recorded_cluster import recorded
from sickroom import PROXY, TOKEN, Illness, a_list, a_node, assert_found, capabilities, healthy, metrics, more_metrics

ILL: dict[str, Illness] = {
    "an extender that is not ready": (
        "extender",
        {f"{PROXY}/readyz": (503, b"no list of pods yet")},
        "FAIL",
        ("is not ready", "no list of pods yet"),
    ),
    "an extender that does not answer": ("extender", {f"{PROXY}/readyz": 503}, "FAIL", ("NetworkPolicy",)),
    "no right to the proxy": (
        "extender",
        {f"{PROXY}/readyz": 403},
        "SKIP",
        ("Role heterosched-access", "port-forward"),
    ),
    "no extender": ("extender", {"/api/v1/pods": a_list()}, "FAIL", ("no extender runs",)),
    "a dead watch": (
        "sync",
        metrics(
            watch_age_seconds='heterosched_extender_watch_age_seconds{path="/api/v1/pods"} 999.0',
            watch_failures='heterosched_extender_watch_failures_total{path="/api/v1/pods"} 7.0',
        ),
        "FAIL",
        ("has lost the API server", "/api/v1/pods: 999 s silent, failed 7 times"),
    ),
    "nodes that are not seen": (
        "sync",
        {"/api/v1/nodes": a_list(*(a_node(f"cpu-{number}") for number in range(50)))},
        "WARN",
        ("it knows 2 nodes, the cluster has 50",),
    ),
    "no token": (
        "decisions",
        {TOKEN: 403, f"{PROXY}/v1/capabilities": (401, {"detail": "send a bearer token"})},
        "SKIP",
        ("wants a token", "heterosched-viewer"),
    ),
    "an account without a role": (
        "decisions",
        {f"{PROXY}/v1/capabilities": (403, {"detail": "viewer may not get telemetry; bind"})},
        "WARN",
        ("answers 403", "viewer may not get telemetry"),
    ),
    "an extender of another release": (
        "decisions",
        capabilities(version="0.0.1"),
        "WARN",
        ("is release 0.0.1", "equal releases"),
    ),
    "an extender that answers otherwise": (
        "decisions",
        capabilities(nodes=7),
        "SKIP",
        ("could not be understood", "equal releases"),
    ),
    "a wrong address of Prometheus": (
        "telemetry",
        {
            **metrics(telemetry_up="heterosched_extender_telemetry_up 0.0"),
            **capabilities(telemetryError="http://prom:9 cannot be reached: Connection refused"),
        },
        "FAIL",
        ("does not answer the extender", "Connection refused", "--set prometheus.url="),
    ),
    "no Prometheus": (
        "telemetry",
        metrics(telemetry_nodes="", telemetry_age_seconds=""),
        "WARN",
        ("nothing is measured", "prometheus.url is empty", "--set prometheus.url="),
    ),
    "old samples": (
        "telemetry",
        metrics(telemetry_age_seconds='heterosched_extender_telemetry_age_seconds{metric="host_load"} 500.0'),
        "WARN",
        ("too old", "host_load 500 s"),
    ),
    "refused queries": (
        "telemetry",
        more_metrics('telemetry_refused{metric="price/mine"} 1.0'),
        "WARN",
        ("refuses some queries", "price/mine"),
    ),
}


@pytest.mark.parametrize("illness", ILL)
def test_an_illness_is_named_with_its_remedy(examine: Any, illness: str) -> None:
    check, answers, *_ = ILL[illness]
    assert_found(examine({**healthy(), **answers}, check), ILL[illness])


def test_probes_and_metrics_are_asked_without_a_token(tmp_path: Path) -> None:
    with recorded(healthy(), tmp_path) as cluster:
        asked = [own for own in checks() if own.name in ("sync", "decisions")]

        async def question(kube: Kube) -> set[str]:
            return {own.level for own in await findings_of(Cluster(kube), asked)}

        assert ask(question, cluster.kubeconfig, "") == {"OK"}
    bearing = {own.path.rpartition("proxy")[2]: own.headers.get(TOKEN_HEADER) for own in cluster.asked}
    assert {path: bearing[path] for path in ("/readyz", "/metrics", "/v1/capabilities")} == {
        "/readyz": None,
        "/metrics": None,
        "/v1/capabilities": "t",
    }
