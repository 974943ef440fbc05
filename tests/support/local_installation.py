"""An installation as the API server sees one, whose extender is a process of this machine.

Deployments bear the chart's labels, kwok makes their pods run, and the scheduler's pod is given this machine's own
address: the API server's pod proxy leads to the real extender that listens there.
"""

from __future__ import annotations

import base64
import json
import socket
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from cluster import ControlPlane
from heterosched.constants import GROUP
from processes import wait_until

Json = dict[str, Any]
NAMESPACE = "hs-system"
RULES = [
    {"apiGroups": [GROUP], "resources": ["decisions"], "verbs": ["get", "list"]},
    {"apiGroups": [GROUP], "resources": ["telemetry"], "verbs": ["get"]},
]
ACCESS = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get"]},
    {
        "apiGroups": [""],
        "resources": ["serviceaccounts/token"],
        "resourceNames": ["heterosched-viewer"],
        "verbs": ["create"],
    },
]


def own_address() -> str:
    """An address of this machine that is not loopback, empty where it has none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        address: str = probe.getsockname()[0]
    return "" if address.startswith("127.") else address


def labels(component: str) -> dict[str, str]:
    """As the chart sets them."""
    names = {"name": "heterosched", "instance": "hs", "component": component, "version": version("heterosched-cli")}
    return {f"app.kubernetes.io/{name}": value for name, value in names.items()}


def a_deployment(component: str, container: Json, namespace: str = NAMESPACE) -> Json:
    """One replica, under the service account of that name."""
    own = labels(component)
    selected = {name: value for name, value in own.items() if not name.endswith("version")}
    running = {"serviceAccountName": f"heterosched-{component}", "containers": [container]}
    template = {"metadata": {"labels": own}, "spec": running}
    metadata = {"name": f"heterosched-{component}", "namespace": namespace, "labels": own}
    spec = {"replicas": 1, "selector": {"matchLabels": selected}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def an_account(name: str, namespace: str = NAMESPACE) -> Json:
    """A service account."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}


def a_role(name: str, rules: list[Json], subject: str, namespace: str = "") -> list[Json]:
    """A role, in `namespace` or in all, bound to the service account `subject` (of the installation's namespace)."""
    kind, place = ("Role", {"namespace": namespace}) if namespace else ("ClusterRole", {})
    group = "rbac.authorization.k8s.io"
    head: Json = {"apiVersion": f"{group}/v1", "metadata": {"name": name, **place}}
    return [
        {**head, "kind": kind, "rules": rules},
        {
            **head,
            "kind": f"{kind}Binding",
            "roleRef": {"apiGroup": group, "kind": kind, "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": subject, "namespace": NAMESPACE}],
        },
    ]


def create(plane: ControlPlane, *objects: Json) -> None:
    """All of them."""
    plane.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(objects))


def install(plane: ControlPlane, ops_port: int, address: str) -> str:
    """Make it, wait until its pods run, and return the name of the scheduler's pod, which has this `address`."""
    image = f"heterosched/operator:{version('heterosched-cli')}"
    kubernetes = json.loads(plane.kubectl("get", "--raw", "/version"))["gitVersion"]
    scheduler = {
        "name": "kube-scheduler",
        "image": f"registry.k8s.io/kube-scheduler:{kubernetes}",
        "ports": [{"name": "ops", "containerPort": ops_port}],
    }
    create(
        plane,
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        *(an_account(f"heterosched-{name}") for name in ("operator", "scheduler", "viewer")),
        *a_role("heterosched-viewer", RULES, "heterosched-viewer"),
        a_deployment("operator", {"name": "operator", "image": image}),
        a_deployment("scheduler", scheduler),
    )
    plane.kubectl("wait", "-n", NAMESPACE, "deployments", "--all", "--for=condition=Available", "--timeout=60s")
    [pod] = plane.kubectl("get", "pods", "-n", NAMESPACE, "-l", _SCHEDULER, "-o", "name").split()
    give_address(plane, pod, address)
    return pod.removeprefix("pod/")


_SCHEDULER = "app.kubernetes.io/component=scheduler"


def give_address(plane: ControlPlane, pod: str, address: str, namespace: str = NAMESPACE) -> None:
    """The pod's address is `address` from now on."""
    status = {"status": {"podIP": address, "podIPs": [{"ip": address}]}}
    patch = ("patch", pod, "-n", namespace, "--subresource=status", "--type=merge", "-p", json.dumps(status))
    plane.kubectl(*patch)
    seen = ("get", pod, "-n", namespace, "-o", "jsonpath={.status.podIP}")
    assert wait_until(lambda: plane.kubectl(*seen) == address, 10.0, 0.1)


def kubeconfig_of(plane: ControlPlane, account: str, folder: Path, namespace: str = NAMESPACE) -> Path:
    """A kubeconfig with a token of this service account."""
    found = yaml.safe_load(plane.kubeconfig.read_text())
    token = plane.kubectl("create", "token", account, "-n", namespace).strip()
    found["users"] = [{"name": "u", "user": {"token": token}}]
    context = {"cluster": found["clusters"][0]["name"], "user": "u"}
    found |= {"contexts": [{"name": "c", "context": context}], "current-context": "c"}
    path = folder / f"{account}.kubeconfig"
    path.write_text(yaml.safe_dump(found))
    return path


def claims_of(token: str) -> Json:
    """What a token says of itself."""
    part = token.split(".")[1]
    claims: Json = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims
