"""Checks of the extenders, through the API server: do they answer, do they see the cluster, and what is measured."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version as installed

import msgspec

from heterosched_cli.devices import Devices
from heterosched_cli.doctor.cluster import COMPONENT_LABEL, Cluster
from heterosched_cli.doctor.metrics import Figures, figures
from heterosched_cli.doctor.registry import SET_URL, Finding, Findings, check, fail, ok, skip, some, warn
from heterosched_cli.extender_pods import FORWARD, ExtenderPod, pods_that_run, raise_refused, status_of

SILENT_SECONDS = 240.0
"""A watch that says nothing for so long is dead: the API server sends a bookmark every minute."""
OLD_SECONDS = 60.0
"""Beyond this age a sample counts no more for the built-in policies."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What an extender tells openly; `trouble` where it does not."""

    pod: ExtenderPod
    ready: str = ""
    told: Figures | None = None
    trouble: Finding | None = None


async def seen(cluster: Cluster) -> list[Seen]:
    """All extenders that run. Raises ApiError."""
    pods = await cluster.objects("/api/v1/{}pods", **{COMPONENT_LABEL: "scheduler"})
    return [await _look(cluster, pod) for pod in pods_that_run(pods) if cluster.namespace in ("", pod.namespace)]


async def _look(cluster: Cluster, pod: ExtenderPod) -> Seen:
    reply, _ = await cluster.extender(pod, "/readyz")
    refused = status_of(reply)
    if refused is not None and reply.status in (401, 403):
        remedy = f"ask for Role heterosched-access in namespace {pod.namespace} (get pods/proxy), {FORWARD}"
        return Seen(pod, trouble=skip(f"extender of {pod} cannot be asked", refused, remedy))
    if refused is not None:
        log = f"kubectl logs -n {pod.namespace} {pod.name} -c extender"
        remedy = f"{log}; see that no NetworkPolicy keeps the API server out"
        return Seen(pod, trouble=fail(f"extender of {pod} does not answer", refused, remedy))
    ready = "" if reply.status == 200 else reply.body.decode("utf-8", "replace")[:300] or f"it answers {reply.status}"
    metrics, _ = await cluster.extender(pod, "/metrics")
    try:
        return Seen(pod, ready, figures(metrics.body.decode()) if metrics.status == 200 else None)
    except ValueError:
        return Seen(pod, ready)


@check("extender", "each extender answers and is ready", "list pods; get pods/proxy")
async def extender(cluster: Cluster) -> Findings:
    """Probes, through the API server."""
    found = await seen(cluster)
    if not found:
        why = "pods are placed without our advice, and those that must not go without it wait"
        return [fail("no extender runs", why, "see the checks of the scheduler, in whose pods it runs")]
    findings = [own.trouble for own in found if own.trouble is not None]
    for own in found:
        if own.ready:
            remedy = f"kubectl logs -n {own.pod.namespace} {own.pod.name} -c extender"
            findings.append(fail(f"extender of {own.pod} is not ready", own.ready, remedy))
    return findings or [ok(f"{len(found)} ready: {some([str(own.pod) for own in found])}")]


@check(
    "sync",
    "each extender sees the cluster as it is: its watches speak, and it knows all nodes",
    "get pods/proxy; list nodes",
)
async def sync(cluster: Cluster) -> Findings:
    """Watches and nodes."""
    told = [own for own in await seen(cluster) if own.told is not None]
    if not told:
        return [skip("no extender tells its metrics", "see the check `extender`")]
    nodes, findings = len(await cluster.list("/api/v1/nodes")), Findings()
    for own in told:
        assert own.told is not None
        ages = own.told.get("watch_age_seconds", {})
        silent = sorted(path for (path,), age in ages.items() if age > SILENT_SECONDS)
        failed = own.told.get("watch_failures_total", {})
        if silent:
            why = "; ".join(
                f"{path}: {ages[path,]:.0f} s silent, failed {failed.get((path,), 0):.0f} times" for path in silent
            )
            remedy = "see its log, and the check `rights`"
            findings.append(fail(f"extender of {own.pod} has lost the API server", why, remedy))
        known = own.told.get("nodes", {}).get((), 0.0)
        if abs(known - nodes) > max(1, nodes // 20):
            why = f"it knows {known:.0f} nodes, the cluster has {nodes}"
            findings.append(warn(f"extender of {own.pod} does not see all nodes", why, "see its log"))
    oldest = max(age for own in told for age in [0.0, *(own.told or {}).get("watch_age_seconds", {}).values()])
    return findings or [ok(f"{nodes} nodes are seen, the quietest watch spoke {oldest:.0f} s ago")]


@check(
    "decisions",
    "decisions can be asked for, by a token that is good for nothing else",
    "get pods/proxy; create serviceaccounts/token of heterosched-viewer",
)
async def decisions(cluster: Cluster) -> Findings:
    """What `why` and `devices` will need, and that the extender's release is ours."""
    found = [own.pod for own in await seen(cluster) if own.trouble is None]
    if not found:
        return [skip("no extender can be asked", "see the check `extender`")]
    findings, here = Findings(), installed("heterosched-cli")
    for pod in found:
        reply, token = await cluster.extender(pod, "/v1/capabilities?limit=1")
        raise_refused(pod, reply, token)
        if reply.status != 200:
            why = reply.body.decode("utf-8", "replace")[:300]
            remedy = "see the sentence before; its log says more"
            findings.append(warn(f"{pod} answers {reply.status} to who asks for decisions", why, remedy))
            continue
        there = msgspec.json.decode(reply.body, type=Devices).version
        if there and there != here:
            findings.append(warn(f"{pod} is release {there}", f"this program is {here}", "use equal releases"))
    return findings or [ok(f"{len(found)} of {len(found)} tell their decisions")]


@check("telemetry", "Prometheus answers, and what it measures is fresh", "get pods/proxy; list heterojobs")
async def telemetry(cluster: Cluster) -> Findings:
    """As the extenders say it, else as the operator writes it at jobs."""
    told = [own for own in await seen(cluster) if own.told is not None]
    if not told:
        return [skip("no extender tells its metrics", "see the check `extender`")]
    findings = Findings()
    for own in told:
        assert own.told is not None
        findings += await _measured(cluster, own.pod, own.told)
    if findings:
        return findings
    count = len((told[0].told or {}).get("telemetry_nodes", {}))
    return [ok(f"Prometheus answers, with {count} metrics of nodes")]


async def _measured(cluster: Cluster, pod: ExtenderPod, told: Figures) -> Findings:
    if told.get("telemetry_up", {}).get(()) == 0.0:
        remedy = f"check the address, its credentials and that its network lets our pods in: {SET_URL}"
        return [fail(f"Prometheus does not answer the extender of {pod}", await _words(cluster, pod), remedy)]
    if not any(told.get("telemetry_nodes", {}).values()):
        why = "prometheus.url is empty, or Prometheus knows no exporter of ours: heat, load and watts play no part"
        return [warn(f"nothing is measured, says the extender of {pod}", why, f"{SET_URL}; heterosched devices")]
    findings = Findings()
    old = {metric: age for (metric,), age in told.get("telemetry_age_seconds", {}).items() if age > OLD_SECONDS}
    if old:
        why = some([f"{metric} {age:.0f} s" for metric, age in sorted(old.items())])
        remedy = "heterosched devices names the nodes; see their exporters"
        findings.append(warn("some nodes' samples are too old to count", why, remedy))
    refused = sorted(metric for (metric,) in told.get("telemetry_refused", {}))
    if refused:
        remedy = "correct prometheus.queries, or the SchedulingPolicy's query"
        findings.append(warn("Prometheus refuses some queries", some(refused), remedy))
    return findings


async def _words(cluster: Cluster, pod: ExtenderPod) -> str:
    """What went wrong, where we may ask; the metric alone does not say."""
    reply, _ = await cluster.extender(pod, "/v1/capabilities?limit=1")
    if reply.status == 200 and status_of(reply) is None:
        return msgspec.json.decode(reply.body, type=Devices).telemetry_error or "it gives no reason"
    return "telemetry_up is 0; the reason stands in its log"
