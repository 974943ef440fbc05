"""Decisions are told to whom the cluster's roles allow it, straight or through the API server, and to nobody else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster import ControlPlane
from crds import CRD_FOLDER
from local_installation import (
    ACCESS,
    NAMESPACE,
    RULES,
    a_role,
    an_account,
    claims_of,
    create,
    install,
    kubeconfig_of,
    own_address,
)
from processes import free_port, wait_until
from spaces import a_fake_node

ADDRESS = own_address()
pytestmark = pytest.mark.skipif(not ADDRESS, reason="this machine has no address but loopback: no proxy leads to it")
NODES = ("t4-0", "cpu-0")
OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
REVIEWS = [
    {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
    {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
]
WATCHES = [
    {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list", "watch"]},
    {
        "apiGroups": ["heterosched.io"],
        "resources": ["schedulingpolicies", "throughputprofiles"],
        "verbs": ["list", "watch"],
    },
]


@dataclass(frozen=True)
class Installed:
    """The control plane, where the extender answers, and the pod that the API server takes it for."""

    plane: ControlPlane
    verbs_port: int
    ops_port: int
    pod: str

    def cli(self, *arguments: str, kubeconfig: Path | None = None, **environment: str) -> Any:
        """The program as a user runs it, who names no extender."""
        known = {**os.environ, "KUBECONFIG": str(kubeconfig or self.plane.kubeconfig), **environment}
        command = [sys.executable, "-m", "heterosched_cli", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=known)

    def get(self, path: str, token: str = "", host: str = ADDRESS) -> tuple[int, Any]:
        """Straight from the extender."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"http://{host}:{self.ops_port}{path}", headers=headers)
        try:
            with OPEN(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def token(self, account: str, *options: str) -> str:
        """A token of a service account."""
        return self.plane.kubectl("create", "token", account, "-n", NAMESPACE, *options).strip()

    def decide(self, pod: str, namespace: str) -> None:
        """Have the extender decide about a pod."""
        metadata = {"name": pod, "namespace": namespace, "uid": f"{namespace}-{pod}"}
        body = {"Pod": {"metadata": metadata, "spec": {"schedulerName": "heterosched"}}, "NodeNames": list(NODES)}
        url = f"http://127.0.0.1:{self.verbs_port}/prioritize"
        with OPEN(urllib.request.Request(url, json.dumps(body).encode()), timeout=10) as answer:
            assert answer.status == 200


@pytest.fixture(scope="module")
def installed(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """An extender under its own service account, which has the rights that it needs and no more."""
    plane, verbs_port, ops_port = control_plane, free_port(), free_port()
    plane.apply(CRD_FOLDER)
    create(plane, *map(a_fake_node, NODES))
    pod = install(plane, ops_port, ADDRESS)
    people = ("nobody", "caller", "tenant")
    create(
        plane,
        *map(an_account, people),
        *a_role("heterosched-extender", [*WATCHES, *REVIEWS], "heterosched-scheduler"),
        *a_role("heterosched-access", ACCESS, "caller", NAMESPACE),
        *a_role("heterosched-view", [RULES[0]], "tenant", "default"),
    )
    own = kubeconfig_of(plane, "heterosched-scheduler", tmp_path_factory.mktemp("kubeconfigs"))
    settings = {"HETEROSCHED_EXTENDER_OPS_HOST": "0.0.0.0"}
    ports = ["--port", str(verbs_port), "--ops-port", str(ops_port), "--kubeconfig", str(own)]
    process = plane.start_process("extender", [sys.executable, "-m", "heterosched_extender", *ports], settings)
    found = Installed(plane, verbs_port, ops_port, pod)
    ready = lambda: process.alive() and answers(found)  # noqa: E731
    assert wait_until(ready, 30.0, 0.2), process.output()
    for namespace in ("default", "team"):
        found.decide("fit-0", namespace)
    yield found
    assert process.alive(), process.output()
    assert "Bearer" not in process.output()


def answers(found: Installed) -> bool:
    try:
        return found.get("/readyz")[0] == 200
    except OSError:
        return False


def test_probes_and_metrics_are_open_decisions_are_not(installed: Installed) -> None:
    assert [installed.get(path)[0] for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]
    status, said = installed.get("/v1/decisions/team/fit-0")
    assert (status, "send a bearer token" in said) == (401, True)
    assert installed.get("/v1/decisions/team/fit-0", host="127.0.0.1")[0] == 200


def test_the_api_server_says_who_may(installed: Installed) -> None:
    assert installed.get("/v1/decisions", "not.a.token")[0] == 401
    status, said = installed.get("/v1/decisions", installed.token("nobody"))
    assert status == 403
    assert f"system:serviceaccount:{NAMESPACE}:nobody may not list decisions.heterosched.io cluster-wide" in said
    for options in ((), ("--audience=heterosched.io",)):
        assert installed.get("/v1/decisions", installed.token("heterosched-viewer", *options))[0] == 200
    assert installed.get("/v1/decisions", installed.token("heterosched-viewer", "--audience=vault"))[0] == 401


def test_a_role_in_a_namespace_opens_the_decisions_of_that_namespace(installed: Installed) -> None:
    token = installed.token("tenant")
    asked = ("/v1/decisions/default/fit-0", "/v1/decisions/team/fit-0", "/v1/decisions", "/v1/capabilities")
    assert [installed.get(path, token)[0] for path in asked] == [200, 403, 403, 403]


def test_the_command_line_finds_the_extender_and_is_let_in(installed: Installed) -> None:
    told = installed.cli("why", "team/fit-0", "-o", "json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["candidates"] == len(NODES)
    devices = installed.cli("devices", "cpu-0", "-o", "name")
    assert (devices.returncode, devices.stdout.split()) == (0, ["node/cpu-0"]), devices.stderr
    gone = installed.cli("why", "team/other")
    assert (gone.returncode, "no decision on record" in gone.stderr) == (1, True), gone.stderr


def test_the_role_for_callers_is_enough_and_each_missing_right_is_named(installed: Installed, tmp_path: Path) -> None:
    caller = kubeconfig_of(installed.plane, "caller", tmp_path)
    told = installed.cli("why", "team/fit-0", "--extender", NAMESPACE, "-o", "name", kubeconfig=caller)
    assert told.returncode == 0, told.stderr
    lost = installed.cli("why", "team/fit-0", kubeconfig=caller)
    assert (lost.returncode, "--extender NAMESPACE" in lost.stderr) == (1, True), lost.stderr
    nobody = kubeconfig_of(installed.plane, "nobody", tmp_path)
    for rules, words in ((ACCESS[:1], "get pods/proxy"), (ACCESS[:2], "serviceaccounts/token of heterosched-viewer")):
        create(installed.plane, *a_role("some-rights", rules, "nobody", NAMESPACE))
        refused = installed.cli("why", "team/fit-0", "--extender", NAMESPACE, kubeconfig=nobody)
        assert (refused.returncode, words in refused.stderr) == (1, True), refused.stderr


def test_what_is_handed_on_is_good_for_decisions_alone(installed: Installed, tmp_path: Path) -> None:
    """A pod with our labels gets a token that the API server itself does not take."""
    token = installed.token("heterosched-viewer", "--audience=heterosched.io", "--duration=10m")
    assert claims_of(token)["aud"] == ["heterosched.io"]
    config = yaml.safe_load(installed.plane.kubeconfig.read_text())
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    path = tmp_path / "stolen"
    path.write_text(yaml.safe_dump(config))
    refused = installed.cli("jobs", "-A", kubeconfig=path)
    assert (refused.returncode, "401" in refused.stderr) == (1, True), refused.stderr


def test_two_installations_are_not_confused(installed: Installed) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "decoy",
            "namespace": "default",
            "labels": {"app.kubernetes.io/name": "heterosched", "app.kubernetes.io/component": "scheduler"},
        },
        "spec": {"containers": [{"name": "main", "image": "x"}], "nodeName": "cpu-0"},
    }
    create(installed.plane, pod)
    try:
        installed.plane.kubectl("wait", "-n", "default", "pod/decoy", "--for=condition=Ready", "--timeout=30s")
        unclear = installed.cli("why", "team/fit-0")
        assert (unclear.returncode, "several namespaces: default, hs-system" in unclear.stderr) == (1, True)
        assert installed.cli("why", "team/fit-0", "--extender", NAMESPACE).returncode == 0
    finally:
        installed.plane.kubectl("delete", "pod", "decoy", "-n", "default", "--grace-period=0", "--force")
