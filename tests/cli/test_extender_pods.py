"""Extenders are found and asked through the API server, with a token that is good for nothing else; else says why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from heterosched_cli import extenders as extenders_module
from heterosched_cli.devices import ask_devices
from heterosched_cli.places import Extenders
from recorded_cluster import Recorded, Request, recorded

NODES = {"totals": {}, "maxAgeSeconds": 60.0, "telemetryError": "", "version": "9.9", "nodes": []}
TOKEN = "POST /api/v1/namespaces/sched/serviceaccounts/heterosched-viewer/token"
MADE = (201, {"status": {"token": "short-lived"}})
NOBODY = "http://127.0.0.1:9"


def a_pod(name: str, namespace: str = "sched", port: int | None = None, **fields: Any) -> dict[str, Any]:
    ports = [] if port is None else [{"name": "ops", "containerPort": port}]
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"initContainers": [{"name": "extender", "ports": ports}], "containers": [{"name": "kube-scheduler"}]},
        "status": {"phase": "Running", "podIP": "10.0.0.9"},
        **fields,
    }


def a_list(*pods: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {}, "items": list(pods)}


def through(name: str, path: str, namespace: str = "sched", port: int = 9102) -> str:
    return f"/api/v1/namespaces/{namespace}/pods/{name}:{port}/proxy{path}"


def a_decision(bound: str, at: str) -> dict[str, Any]:
    head = {"namespace": "team", "pod": "fit-0", "uid": "u", "at": at, "policy": "Balanced", "candidates": 3}
    return {**head, "bound": bound}


@pytest.fixture(autouse=True)
def nobody_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default port of this machine is nobody's, whatever else runs on it."""
    monkeypatch.delenv("HETEROSCHED_DECISIONS_TOKEN", raising=False)
    monkeypatch.setattr(extenders_module, "EXTENDER", NOBODY)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Recorded]:
    """One extender in namespace `sched`, which wants the token."""

    def guarded(request: Request) -> Any:
        known = request.headers.get("x-heterosched-token") == "short-lived"
        return NODES if known else (401, {"detail": "send a bearer token"})

    answers = {"/api/v1/pods": a_list(a_pod("s-0")), through("s-0", "/v1/capabilities"): guarded, TOKEN: MADE}
    with recorded(answers, tmp_path) as found:
        yield found


def version(cli: Any, cluster: Recorded, *arguments: str) -> Any:
    return cli("devices", *arguments, "--kubeconfig", cluster.kubeconfig, "-o", "json")


def test_the_pod_is_found_by_its_labels_and_asked_with_a_token_for_decisions_alone(cli: Any, cluster: Recorded) -> None:
    result = version(cli, cluster)
    assert json.loads(result.stdout)["version"] == "9.9", result.stderr
    listed, made, asked = cluster.asked
    assert "app.kubernetes.io/name=heterosched,app.kubernetes.io/component=scheduler" in unquote(listed.query)
    assert made.body["spec"] == {"audiences": ["heterosched.io"], "expirationSeconds": 600}
    assert asked.headers["x-heterosched-token"] == "short-lived"
    assert "t0" not in asked.headers["x-heterosched-token"]


def test_a_token_is_used_again_by_who_asks_again(cluster: Recorded) -> None:
    places = Extenders(kubeconfig=cluster.kubeconfig)
    for _ in range(3):
        assert ask_devices({"limit": "1"}, places)[1].version == "9.9"
    assert len([request for request in cluster.asked if request.method == "POST"]) == 1
    assert "short-lived" not in repr(places)


def test_a_token_of_the_environment_goes_first(cli: Any, cluster: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HETEROSCHED_DECISIONS_TOKEN", "short-lived")
    del cluster.answers[TOKEN]
    cluster.answers["/api/v1/namespaces/sched/pods"] = cluster.answers["/api/v1/pods"]
    assert version(cli, cluster, "--extender", "sched").exit_code == 0


def test_a_token_of_the_environment_goes_to_no_namespace_that_nobody_has_named(
    cli: Any, cluster: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HETEROSCHED_DECISIONS_TOKEN", "mine")
    assert version(cli, cluster).exit_code == 0  # by the token that was made instead
    cluster.answers[TOKEN] = 403
    refused = version(cli, cluster)
    assert (refused.exit_code, "a namespace that you name alone: --extender sched" in refused.stderr) == (1, True)
    assert "mine" not in {request.headers.get("x-heterosched-token") for request in cluster.asked}
    cluster.answers |= {
        "/api/v1/pods": a_list(a_pod("s-0", "heterosched-system")),
        through("s-0", "/v1/capabilities", "heterosched-system"): NODES,
    }
    assert version(cli, cluster).exit_code == 0
    assert cluster.asked[-1].headers["x-heterosched-token"] == "mine"


def test_every_replica_is_asked_on_its_own_port_and_the_latest_decision_counts(cli: Any, cluster: Recorded) -> None:
    path = "/v1/decisions/team/fit-0"
    cluster.answers |= {
        "/api/v1/pods": a_list(a_pod("s-0"), a_pod("s-1", port=7000), a_pod("s-2")),
        through("s-0", path): a_decision("old", "2026-03-01T12:00:00Z"),
        through("s-1", path, port=7000): a_decision("new", "2026-03-01T13:00:00Z"),
        through("s-2", path): (404, {"detail": "no decision about pod fit-0"}),
    }
    result = cli("why", "team/fit-0", "--node", "a b", "-o", "name", "--kubeconfig", cluster.kubeconfig)
    assert (result.exit_code, result.stdout) == (0, "node/new\n"), result.stderr
    assert {request.query for request in cluster.asked if "proxy" in request.path} == {"node=a+b"}


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ({"status": {"phase": "Pending"}}, "no extender runs in the cluster"),
        ({"status": {"phase": "Running"}}, "no extender runs in the cluster"),
        ({"metadata": {"name": "s", "namespace": "sched", "deletionTimestamp": "x"}}, "no extender runs"),
    ],
)
def test_pods_that_cannot_answer_are_not_asked(cli: Any, cluster: Recorded, gone: Any, words: str) -> None:
    cluster.answers["/api/v1/pods"] = a_list(a_pod("s-0", **gone))
    result = version(cli, cluster)
    assert (result.exit_code, words in result.stderr, "heterosched doctor" in result.stderr) == (1, True, True)
    assert f"extender {NOBODY} does not answer" in result.stderr


def test_without_the_right_to_the_proxy_the_remedy_is_named(cli: Any, cluster: Recorded) -> None:
    cluster.answers[through("s-0", "/v1/capabilities")] = 403
    result = version(cli, cluster)
    assert result.exit_code == 1
    for words in ("pod sched/s-0", "Role heterosched-access in namespace sched", "pods/proxy", "kubectl port-forward"):
        assert words in result.stderr


def test_without_the_right_to_a_token_the_remedy_is_named(cli: Any, cluster: Recorded) -> None:
    cluster.answers[TOKEN] = 403
    result = version(cli, cluster)
    assert result.exit_code == 1
    for words in ("wants a token", "serviceaccounts/token of heterosched-viewer", "HETEROSCHED_DECISIONS_TOKEN"):
        assert words in result.stderr


def test_an_open_extender_needs_no_token(cli: Any, cluster: Recorded) -> None:
    cluster.answers |= {TOKEN: 404, through("s-0", "/v1/capabilities"): NODES}
    assert version(cli, cluster).exit_code == 0


def test_a_missing_right_is_told_in_the_extenders_words(cli: Any, cluster: Recorded) -> None:
    cluster.answers[through("s-0", "/v1/capabilities")] = (403, {"detail": "viewer may not get telemetry"})
    result = version(cli, cluster)
    assert "pod sched/s-0 answers 403: viewer may not get telemetry" in result.stderr


def test_a_pod_that_does_not_answer_is_named(cli: Any, cluster: Recorded) -> None:
    cluster.answers[through("s-0", "/v1/capabilities")] = 503
    result = version(cli, cluster)
    assert (result.exit_code, "pod sched/s-0 cannot be reached" in result.stderr) == (1, True)


def test_who_may_not_list_all_pods_is_served_from_the_usual_namespace(cli: Any, cluster: Recorded) -> None:
    cluster.answers |= {
        "/api/v1/pods": 403,
        "/api/v1/namespaces/heterosched/pods": 403,
        "/api/v1/namespaces/heterosched-system/pods": a_list(a_pod("s-0", "heterosched-system")),
        through("s-0", "/v1/capabilities", "heterosched-system"): NODES,
    }
    assert version(cli, cluster).exit_code == 0
    cluster.answers["/api/v1/namespaces/heterosched-system/pods"] = 403
    result = version(cli, cluster)
    assert result.exit_code == 1
    assert "--extender NAMESPACE" in result.stderr and "Role heterosched-access" in result.stderr


def test_a_namespace_says_whose_extenders_are_meant(cli: Any, cluster: Recorded) -> None:
    pods = a_list(a_pod("s-0"), a_pod("fake", "tenant"))
    cluster.answers |= {"/api/v1/pods": pods, "/api/v1/namespaces/sched/pods": a_list(a_pod("s-0"))}
    unclear = version(cli, cluster)
    assert (unclear.exit_code, unclear.stdout) == (1, "")
    assert "extenders run in several namespaces: sched, tenant; say which one is yours: --extender" in unclear.stderr
    assert not [request for request in cluster.asked if "proxy" in request.path or request.method == "POST"]
    assert version(cli, cluster, "--extender", "sched").exit_code == 0


def test_this_machines_port_is_the_last_resort(cli: Any, cluster: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    from answering import answering

    cluster.answers["/api/v1/pods"] = a_list()
    with answering({"/v1/capabilities": json.dumps(NODES).encode()}) as (url, asked):
        monkeypatch.setattr(extenders_module, "EXTENDER", url)
        result = version(cli, cluster)
        offline = cli("devices", "-o", "json")
    assert (result.exit_code, offline.exit_code, len(asked)) == (0, 0, 2)
    assert f"asked {url}: no extender runs in the cluster" in result.stderr


def test_who_has_no_kubeconfig_is_told_so_before_the_port_that_was_tried(cli: Any) -> None:
    first, second = cli("devices").stderr.splitlines()
    assert first.startswith("error: kubeconfig: there is no file ")
    assert second.startswith(f"error: extender {NOBODY} does not answer")


def test_credentials_that_are_not_accepted_are_told_as_that(cli: Any, cluster: Recorded) -> None:
    cluster.answers["/api/v1/pods"] = (401, {"kind": "Status", "apiVersion": "v1", "message": "Unauthorized"})
    first, second = version(cli, cluster).stderr.splitlines()
    assert "your credentials are not accepted: log in again" in first and "Role" not in first
    assert second.startswith(f"error: nor is one forwarded to this machine: extender {NOBODY}")


def test_a_cluster_without_our_api_is_told_how_to_get_it(cli: Any, cluster: Recorded) -> None:
    for command in ("jobs", "profiles", "snapshot"):
        told = cli(command, "--kubeconfig", cluster.kubeconfig).stderr
        assert "HeteroSched is not installed there: helm install heterosched helm/heterosched" in told, command


def test_a_named_address_gets_the_token_of_the_environment_alone(
    cli: Any, cluster: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HETEROSCHED_DECISIONS_TOKEN", "mine")
    cluster.answers["/v1/capabilities"] = NODES
    url = json.loads(json.dumps(cluster.kubeconfig.read_text().split("server: ")[1].split()[0]))
    assert cli("devices", "--extender", url, "-o", "json").exit_code == 0
    assert cluster.asked[-1].headers["authorization"] == "Bearer mine"
