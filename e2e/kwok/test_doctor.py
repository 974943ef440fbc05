"""The doctor says of a real cluster what is wrong with it, with the rights that the chart gives it and no more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cluster import ControlPlane
from helm_chart import NAMESPACE, rendered
from local_installation import an_account, create, give_address, kubeconfig_of, own_address
from processes import free_port, wait_until
from prometheus import Server
from spaces import a_fake_node
from stack import Stack

ADDRESS = own_address()
pytestmark = pytest.mark.skipif(not ADDRESS, reason="this machine has no address but loopback: no proxy leads to it")
RIGHTS = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
OPERATOR_POD = "heterosched-operator-0"

Findings = dict[str, dict[str, str]]


@dataclass
class Ward:
    """A cluster with all that the chart brings; what listens at the addresses of its pods are processes."""

    plane: ControlPlane
    stack: Stack
    before: Findings
    accounts: dict[str, Path] = field(default_factory=dict)

    def doctor(self, account: str = "heterosched-doctor") -> Findings:
        """The worst finding of each check, as this account sees it."""
        return doctor(self.accounts[account], "-n", NAMESPACE)


def doctor(kubeconfig: Path, *arguments: str) -> Findings:
    """The program as a user runs it; its exit code has to agree with what it says."""
    command = [sys.executable, "-m", "heterosched_cli", "doctor", "-o", "json", *arguments]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert done.returncode == int(any(own["level"] == "FAIL" for own in found)), done.stderr
    order = ("OK", "SKIP", "WARN", "FAIL")
    ranked = sorted(found, key=lambda own: order.index(own["level"]))
    return {own["check"]: own for own in ranked}


def the_chart(plane: ControlPlane, ops_port: int) -> list[dict[str, Any]]:
    """Its objects but for hooks that run and what needs other CRDs; the extender's port is one that is free here."""
    version = json.loads(plane.kubectl("get", "--raw", "/version"))["gitVersion"]
    found = []
    for own in rendered("scheduler.replicas=1", more=("--kube-version", version)):
        hook = "helm.sh/hook" in (own["metadata"].get("annotations") or {})
        if own["kind"] == "CustomResourceDefinition" or (hook and own["kind"] not in RIGHTS):
            continue
        if own["kind"] == "Deployment":
            for container in own["spec"]["template"]["spec"].get("initContainers", []):
                for port in container.get("ports", []):
                    port["containerPort"] = ops_port if port["name"] == "ops" else port["containerPort"]
        found.append(own)
    return found


@pytest.fixture(scope="module")
def ward(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    plane, folder = control_plane, tmp_path_factory.mktemp("kubeconfigs")
    create(plane, *map(a_fake_node, ("t4-0", "cpu-0")))
    plane.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=60s")
    before = doctor(plane.kubeconfig)
    operator = {"HOSTNAME": OPERATOR_POD, "HETEROSCHED_OPERATOR_TELEMETRY_SECONDS": "1"}
    stack = Stack(plane, extender={"HETEROSCHED_EXTENDER_OPS_HOST": "0.0.0.0"}, operator=operator).up()
    create(plane, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    create(plane, *the_chart(plane, stack.ops_port), an_account("nobody", NAMESPACE))
    plane.kubectl("wait", "-n", NAMESPACE, "deployments", "--all", "--for=condition=Available", "--timeout=60s")
    selector = "app.kubernetes.io/component=scheduler"
    [pod] = plane.kubectl("get", "pods", "-n", NAMESPACE, "-l", selector, "-o", "name").split()
    give_address(plane, pod, ADDRESS, NAMESPACE)
    accounts = {name: kubeconfig_of(plane, name, folder, NAMESPACE) for name in ("heterosched-doctor", "nobody")}
    yield Ward(plane, stack, before, accounts)


def told(finding: dict[str, str]) -> str:
    return f"{finding['what']} | {finding['why']} | {finding['remedy']}"


def test_where_nothing_is_installed_it_says_how_to(ward: Ward) -> None:
    assert {ward.before[check]["level"] for check in ("crds", "operator", "scheduler", "extender")} == {"FAIL"}
    assert {ward.before[check]["level"] for check in ("server", "clock", "releases", "pending")} == {"OK"}
    for check in ("crds", "operator", "scheduler"):
        assert "helm install" in told(ward.before[check])


def test_the_charts_account_finds_everything_well(ward: Ward) -> None:
    assert wait_until(lambda: ward.doctor()["telemetry"]["level"] == "OK", 60.0, 1.0), ward.doctor()["telemetry"]
    found = ward.doctor()
    silent = found.pop("operator-telemetry")  # by the jobs, and there is none
    assert (silent["level"], "no job that is under way" in silent["what"]) == ("SKIP", True), silent
    assert {check: told(own) for check, own in found.items() if own["level"] != "OK"} == {}
    assert "measured: " in found["exporters"]["what"]
    assert "1 of 2 nodes offer accelerators" in found["devices"]["what"]


def test_a_wrong_address_of_prometheus_is_told_with_the_remedy(ward: Ward) -> None:
    right = ward.stack.prometheus
    try:
        ward.stack.extender.stop()
        ward.stack.prometheus = Server(right.process, f"http://127.0.0.1:{free_port()}")
        ward.stack.start_extender()
        assert wait_until(lambda: ward.doctor()["telemetry"]["level"] == "FAIL", 60.0, 1.0)
        found = ward.doctor()["telemetry"]
        assert f"{ward.stack.prometheus.url}" in told(found)
        assert "--set prometheus.url=" in found["remedy"]
    finally:
        ward.stack.extender.stop()
        ward.stack.prometheus = right
        ward.stack.start_extender()


def test_an_extender_that_is_down_is_told(ward: Ward) -> None:
    ward.stack.extender.stop()
    try:
        found = ward.doctor()
        assert found["extender"]["level"] == "FAIL"
        assert "does not answer" in found["extender"]["what"]
        assert "kubectl logs" in found["extender"]["remedy"]
        assert {found[check]["level"] for check in ("sync", "decisions", "telemetry", "exporters")} == {"SKIP"}
    finally:
        ward.stack.start_extender()


def test_an_operator_that_is_down_is_told_with_its_reason(ward: Ward) -> None:
    place = ("-n", NAMESPACE)
    selector = "app.kubernetes.io/component=operator"
    [pod] = ward.plane.kubectl("get", "pods", *place, "-l", selector, "-o", "name").split()
    image = {"name": "operator", "image": "mirror/operator:1", "imageID": "", "ready": False, "restartCount": 0}
    waiting = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling: not found"}}}
    status = json.dumps({"status": {"containerStatuses": [{**image, **waiting}]}})
    ward.plane.kubectl("patch", pod, *place, "--subresource=status", "--type=merge", "-p", status)
    found = ward.doctor()["operator"]
    assert (found["level"], "image mirror/operator:1" in found["what"]) == ("FAIL", True), found
    assert "not found" in found["why"] and "imageRegistry" in found["remedy"]
    ward.plane.kubectl("scale", "deployment", "heterosched-operator", *place, "--replicas=0")
    assert "scaled to nothing" in ward.doctor()["operator"]["what"]
    ward.plane.kubectl("scale", "deployment", "heterosched-operator", *place, "--replicas=1")
    ward.plane.kubectl("rollout", "status", "deployment/heterosched-operator", *place, "--timeout=60s")
    assert ward.doctor()["operator"]["level"] == "OK"


def test_a_second_operator_is_told(ward: Ward) -> None:
    lease = ("lease", "heterosched-operator", "-n", NAMESPACE)
    held = ward.plane.kubectl("get", *lease, "-o", "jsonpath={.spec.holderIdentity}")
    assert held.startswith(OPERATOR_POD)
    ward.plane.kubectl("patch", *lease, "--type=merge", "-p", '{"spec":{"holderIdentity":"laptop_1"}}')
    found = ward.doctor()["operator"]
    assert (found["level"], "another operator" in found["what"], "laptop_1" in found["why"]) == ("FAIL", True, True)
    ward.plane.kubectl("patch", *lease, "--type=merge", "-p", json.dumps({"spec": {"holderIdentity": held}}))


def test_who_may_see_nothing_is_told_what_it_takes(ward: Ward) -> None:
    found = ward.doctor("nobody")
    assert {own["level"] for own in found.values()} <= {"OK", "SKIP"}
    skipped = {check for check, own in found.items() if own["level"] == "SKIP"}
    assert {"operator", "scheduler", "extender", "rights", "pending", "jobs", "devices"} <= skipped
    assert "it takes the right to list deployments" in found["operator"]["remedy"]


def test_lost_rights_are_told(ward: Ward) -> None:
    role = ward.plane.kubectl("get", "clusterrole", "heterosched-extender", "-o", "json")
    ward.plane.kubectl("delete", "clusterrole", "heterosched-extender")
    try:
        found = ward.doctor()["rights"]
        assert found["level"] == "FAIL"
        assert "the scheduler's account may not" in found["what"]
    finally:
        fields = json.loads(role)
        del fields["metadata"]["resourceVersion"], fields["metadata"]["uid"]
        ward.plane.kubectl("create", "-f", "-", stdin=json.dumps(fields))


def test_a_crd_that_is_missing_is_told(ward: Ward) -> None:
    """The last one: what went with it does not come back."""
    ward.plane.kubectl("delete", "crd", "throughputprofiles.heterosched.io")
    found = ward.doctor()["crds"]
    assert (found["level"], "throughputprofiles.heterosched.io" in found["what"]) == ("FAIL", True)
    assert "helm install" in found["remedy"]
