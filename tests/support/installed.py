"""The programs as the chart installs them: as its service accounts, with exactly the roles that it renders, audited.

``audited("name", folder)`` is a control plane that logs every request of the chart's accounts; ``Installed``
is a stack whose programs are these accounts. ``requests(plane)`` tells what they asked and what they were answered.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from binaries import ControlPlaneError
from cluster import ControlPlane
from stack import Stack

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "heterosched"
RELEASE, HOME = "heterosched", "heterosched-system"
OPERATOR, SCHEDULER = "heterosched-operator", "heterosched-scheduler"
RIGHTS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Lease")

POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "userGroups": [f"system:serviceaccounts:{HOME}"]}, {"level": "None"}],
}

Json = dict[str, Any]


def audited(name: str, folder: Path) -> ControlPlane:
    """A control plane, not started yet, that logs what the chart's accounts ask of it, and that lets nobody block the
    deletion of an object whose finalizers he may not change.
    """
    folder.mkdir(parents=True, exist_ok=True)
    policy, log = folder / f"{name}-audit.yaml", folder / f"{name}-audit.log"
    policy.write_text(yaml.safe_dump(POLICY))
    log.unlink(missing_ok=True)
    flags = ("enable-admission-plugins=OwnerReferencesPermissionEnforcement", f"audit-policy-file={policy}")
    return ControlPlane(name, folder, keep_logs=True, apiserver=(*flags, f"audit-log-path={log}"))


@dataclass(frozen=True)
class Request:
    """What an account asked: `agent` is the program's name for itself, `code` the answer's."""

    account: str
    agent: str
    verb: str
    group: str
    resource: str
    namespace: str
    name: str
    code: int


def requests(plane: ControlPlane) -> list[Request]:
    """Everything that the chart's accounts have asked so far."""
    found = []
    for line in (plane.folder.parent / f"{plane.name}-audit.log").read_text().splitlines():
        entry = json.loads(line)
        about = entry.get("objectRef") or {}
        resource = "/".join(filter(None, (about.get("resource", ""), about.get("subresource", ""))))
        found.append(
            Request(
                entry["user"]["username"].rpartition(":")[2],
                entry.get("userAgent", ""),
                entry["verb"],
                about.get("apiGroup", ""),
                resource,
                about.get("namespace", ""),
                about.get("name", ""),
                int((entry.get("responseStatus") or {}).get("code", 0)),
            )
        )
    return found


def rendered(plane: ControlPlane, *values: str) -> list[Json]:
    """All objects of the chart, hooks included, with `--set` values."""
    sets = [option for value in values for option in ("--set", value)]
    command = [str(plane.bin("helm")), "template", RELEASE, str(CHART), f"--namespace={HOME}", *sets]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ControlPlaneError(f"helm template: {done.stderr}")
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def kubeconfig_of(plane: ControlPlane, account: str) -> Path:
    """A kubeconfig with a token of one of the chart's service accounts."""
    token = plane.kubectl("create", "token", account, f"--namespace={HOME}", "--duration=2h").strip()
    config = yaml.safe_load(plane.kubeconfig.read_text())
    config["users"] = [{"name": account, "user": {"token": token}}]
    config["contexts"] = [{"name": account, "context": {"cluster": config["clusters"][0]["name"], "user": account}}]
    config["current-context"] = account
    path = plane.folder / f"{account}.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


class Installed(Stack):
    """A stack whose programs are the chart's service accounts, and whose scheduler has the chart's configuration."""

    def __init__(
        self,
        plane: ControlPlane,
        extender: Mapping[str, str] | None = None,
        operator: Mapping[str, str] | None = None,
        values: Sequence[str] = (),
    ) -> None:
        super().__init__(plane, extender, operator)
        self.objects = rendered(plane, *values)
        self._kubeconfigs: dict[str, Path] = {}

    def up(self) -> Installed:
        """Grant the chart's rights, then start everything."""
        self.grant()
        super().up()
        return self

    def grant(self) -> None:
        """Apply the chart's accounts, roles, bindings and leases, those of its hooks included."""
        self.plane.kubectl("create", "namespace", HOME)
        rights = [found for found in self.objects if found["kind"] in RIGHTS]
        self.plane.kubectl("apply", "--filename=-", stdin=yaml.safe_dump_all(rights))

    def credentials(self, program: str) -> Path:
        """The kubeconfig of the program's service account."""
        account = OPERATOR if program == "operator" else SCHEDULER
        if account not in self._kubeconfigs:
            self._kubeconfigs[account] = kubeconfig_of(self.plane, account)
        return self._kubeconfigs[account]

    def scheduler_settings(self) -> Json:
        """The chart's own, but for addresses and credentials, which are a pod's there; with two replicas in mind."""
        maps = (found for found in self.objects if found["kind"] == "ConfigMap")
        (text,) = (found["data"]["scheduler.yaml"] for found in maps if "scheduler.yaml" in found["data"])
        config: Json = yaml.safe_load(text.replace("127.0.0.1:9101", f"127.0.0.1:{self.verbs_port}"))
        config["clientConnection"]["kubeconfig"] = str(self.credentials("scheduler"))
        return config


def rules_of(objects: Sequence[Json], account: str) -> Iterator[tuple[str, str, str]]:
    """(group, resource, verb) of every rule that the chart's own roles grant an account."""
    roles = {(own["kind"], own["metadata"].get("namespace", ""), own["metadata"]["name"]): own for own in objects}
    for binding in objects:
        if not binding["kind"].endswith("Binding") or account not in {own["name"] for own in binding["subjects"]}:
            continue
        kind = binding["roleRef"]["kind"]
        place = binding["metadata"].get("namespace", "") if kind == "Role" else ""
        role = roles.get((kind, place, binding["roleRef"]["name"]))
        for rule in role["rules"] if role is not None else ():
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    yield from ((group, resource, verb) for verb in rule["verbs"])


def run_hook(plane: ControlPlane, account: str, mode: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run what a hook of the chart runs, as its service account; the outcome with its log as `stderr`."""
    config = kubeconfig_of(plane, account)
    command = [sys.executable, "-m", "heterosched_operator", mode, f"--kubeconfig={config}", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
