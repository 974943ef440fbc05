"""Releases of the chart on a real API server: `Releases` installs and removes them and says what is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from cluster import ControlPlane
from helm_chart import CHART, Json, helm

OURS = ("heterojobs", "schedulingpolicies", "throughputprofiles")
CRDS = tuple(f"{name}.heterosched.io" for name in OURS)
BRIEF = {"podAnnotations": {"sim.heterosched.io/seconds": '{"*": 0.2}'}}
"""Annotations for pods that end by themselves: here they would run for ever."""
WAIT = ("--wait", "--timeout=90s")


class Releases:
    """helm on the module's cluster."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self.plane, self._folder = plane, folder
        self.values = folder / "values.yaml"
        self.values.write_text(yaml.safe_dump({"tests": BRIEF, "uninstall": BRIEF}))

    def helm(self, *arguments: str) -> str:
        """Run helm. Raises HelmRefused."""
        names = ("CACHE", "CONFIG", "DATA")
        homes = {f"HELM_{name}_HOME": str(self._folder / name.lower()) for name in names}
        return helm(*arguments, environment={**homes, "KUBECONFIG": str(self.plane.kubeconfig)})

    def install(self, name: str = "heterosched", chart: Path = CHART, *options: str) -> str:
        """Install and wait until all pods are ready."""
        return self.helm("install", name, str(chart), f"--values={self.values}", *WAIT, *options)

    def uninstall(self, name: str = "heterosched") -> str:
        """Uninstall, hooks and all."""
        return self.helm("uninstall", name, *WAIT)

    def objects(self) -> set[tuple[str, ...]]:
        """Kind, namespace and name of all objects in the cluster, but for Events, and CRDs with their APIServices."""
        kinds = self.plane.kubectl("api-resources", "--verbs=list,delete", "--output=name").split()
        left_out = r"events(\.|$)|customresourcedefinitions\.|apiservices\."
        listed = ",".join(kind for kind in kinds if not re.match(left_out, kind))
        columns = "{range .items[*]}{.kind}\t{.metadata.namespace}\t{.metadata.name}\n{end}"
        found = self.plane.kubectl("get", listed, "--all-namespaces", f"--output=jsonpath={columns}")
        return {tuple(line.split("\t")) for line in found.splitlines()}

    def roles(self) -> Json:
        """The rules of the cluster's own roles for people, to which ours are added."""
        found = json.loads(self.plane.kubectl("get", "clusterroles", "view", "edit", "admin", "--output=json"))
        return {role["metadata"]["name"]: role["rules"] for role in found["items"]}

    def crd(self, name: str = CRDS[0]) -> Json:
        """A CRD as it stands in the cluster; empty where there is none."""
        text = self.plane.kubectl("get", "crd", name, "--ignore-not-found", "--output=json")
        return dict(json.loads(text)) if text else {}

    def remove_crds(self) -> None:
        """The documented command."""
        self.plane.kubectl("delete", "crd", "--ignore-not-found", *CRDS)
