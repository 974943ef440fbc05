"""The chart through the real helm: what it renders, and what it says when it refuses."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from binaries import cache_folder

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "heterosched"
NAMESPACE = "heterosched-system"

ALL_OPTIONS = (
    "networkPolicy.enabled=true,networkPolicy.ingressFrom[0].podSelector.matchLabels.app=prometheus,"
    "monitoring.serviceMonitor.enabled=true,monitoring.serviceMonitor.kubeScheduler=true,"
    "monitoring.prometheusRule.enabled=true,monitoring.grafana.enabled=true,"
    "prometheus.url=https://prometheus.monitoring:9090,prometheus.existingSecret=prometheus,"
    r"prometheus.secretKeys={user,password,ca\.crt,tls\.crt,tls\.key},prometheus.nodeLabel=node,"
    "prometheus.queries.gpu_watts=my_watts,"
    "devices[0].name=nvidia-x,devices[0].products[0]=x,devices[0].memory=1Gi,devices[0].idleWatts=1,"
    "devices[0].busyWatts=2,devices[0].relativeSpeed=1,"
    "imageRegistry=registry.example.com/mirror,imagePullSecrets[0].name=pull,"
    "operator.config.replan_seconds=60,operator.podLabels.a=b,operator.podAnnotations.a=b,operator.nodeSelector.a=b,"
    "operator.tolerations[0].operator=Exists,operator.affinity.nodeAffinity=null,"
    "scheduler.podLabels.a=b,scheduler.podAnnotations.a=b,scheduler.nodeSelector.a=b,"
    "scheduler.tolerations[0].operator=Exists,scheduler.podDisruptionBudget.maxUnavailable=50%,"
    "extender.config.decisions_hours=24"
)
"""Everything that can be switched on beside namespaces and TLS."""

COMBINATIONS: dict[str, tuple[str, ...]] = {
    "defaults": (),
    "everything": (ALL_OPTIONS,),
    "token": ("prometheus.url=http://p:9090,prometheus.existingSecret=p,prometheus.secretKeys={token}",),
    "namespaced": ("namespaces={team-a,team-b}",),
    "tls by secret": ("extender.tls.mode=existingSecret,extender.tls.existingSecret=verbs",),
    "tls by cert-manager": ("extender.tls.mode=certManager",),
    "tls by an issuer": (
        "extender.tls.mode=certManager,extender.tls.issuerRef.name=ours,extender.tls.issuerRef.kind=ClusterIssuer",
    ),
    "no user of its own": ("runAsUser=null",),
    "one replica": ("scheduler.replicas=1,scheduler.podDisruptionBudget.enabled=false",),
    "all off": (
        "crds.install=false,priorityClasses.create=false,aggregateRoles=false,tests.enabled=false,"
        "uninstall.suspendJobs=false,scheduler.podDisruptionBudget.enabled=false",
    ),
    "a class of theirs": ("priorityClasses.create=false,operator.priorityClassName=system-cluster-critical",),
    "everything, namespaced, with TLS": (ALL_OPTIONS, "namespaces={team-a}", "extender.tls.mode=certManager"),
}
"""Options of `--set` by what they are for: each has to render, and the API server has to take it."""


class HelmRefused(Exception):
    """helm ended with an error; the message is what it wrote."""


def program() -> Path:
    """helm of the control plane, or of PATH; skips the test where there is none."""
    cached = cache_folder() / "bin" / "helm"
    if cached.exists():
        return cached
    found = shutil.which("helm")
    if found is None:
        pytest.skip("helm is neither in the control plane's cache nor on PATH: `make control-plane` gets it")
    return Path(found)


def helm(*arguments: str, environment: Mapping[str, str] | None = None, timeout_s: float = 120.0) -> str:
    """Run helm; returns its output. Raises HelmRefused with its words."""
    settings = {**os.environ, "HELM_NAMESPACE": NAMESPACE, **(environment or {})}
    command = [str(program()), *arguments]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode != 0:
        raise HelmRefused(done.stdout + done.stderr)
    return done.stdout


def setting(options: Sequence[str]) -> list[str]:
    """`--set` for each."""
    return [part for option in options for part in ("--set", option)]


@cache
def _template(arguments: tuple[str, ...]) -> str:
    return helm("template", "heterosched", str(CHART), *arguments)


def rendered(*options: str, more: Sequence[str] = ()) -> list[Json]:
    """All objects that the chart makes with these `--set` options, hooks among them."""
    text = _template((*setting(options), *more))
    return [found for found in yaml.load_all(text, yaml.CSafeLoader) if found]


def one(objects: Sequence[Json], kind: str, name: str) -> Json:
    """The object of this kind and name."""
    (found,) = (entry for entry in objects if entry["kind"] == kind and entry["metadata"]["name"] == name)
    return found


def pod_specs(objects: Sequence[Json]) -> dict[str, Json]:
    """The pod specs of everything that makes pods, by kind/name."""
    found = {}
    for entry in objects:
        spec = entry["spec"] if entry["kind"] == "Pod" else entry.get("spec", {}).get("template", {}).get("spec")
        if entry["kind"] in ("Pod", "Deployment", "Job"):
            found[f"{entry['kind']}/{entry['metadata']['name']}"] = spec
    return found


def containers(spec: Json) -> list[Json]:
    """All containers of a pod spec, sidecars among them."""
    return [*spec.get("initContainers", []), *spec["containers"]]


def words(text: str) -> str:
    """Text in one line, however it was wrapped."""
    return re.sub(r"\s+", " ", text)
