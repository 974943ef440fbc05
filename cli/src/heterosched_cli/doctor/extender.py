"""Checks of the extenders, through the API server: do they answer, do they see the cluster, and what is measured."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version as installed
from typing import TypeAlias

import msgspec

from heterosched.errors import Unavailable
from heterosched.kube.client import Reply
from heterosched_cli.devices import Devices
from heterosched_cli.doctor.cluster import COMPONENT_LABEL, Address, Cluster
from heterosched_cli.doctor.metrics import Figures, figures
from heterosched_cli.doctor.outside import namespaces_of
from heterosched_cli.doctor.registry import OUTSIDE, SET_URL, Finding, Findings, check, fail, ok, skip, some, warn
from heterosched_cli.extender_pods import FORWARD, ExtenderPod, NoExtender, pods_that_run, raise_refused, status_of

SILENT_SECONDS = 240.0
"""A watch that says nothing for so long is dead: the API server sends a bookmark every minute."""
OLD_SECONDS = 60.0
"""Beyond this age a sample counts no more for the built-in policies."""


Place: TypeAlias = ExtenderPod | Address


@dataclass(frozen=True, slots=True)
class Seen:
    """What an extender tells openly; `trouble` where it does not."""

    place: Place
    ready: str = ""
    told: Figures | None = None
    trouble: Finding | None = None

    @property
    def name(self) -> str:
        """In sentences."""
        return f"extender at {self.place.url}" if isinstance(self.place, Address) else f"extender of {self.place}"

    @property
    def log(self) -> str:
        """How to read its log."""
        if isinstance(self.place, Address):
            return "see its log where it runs"
        return f"kubectl logs -n {self.place.namespace} {self.place.name} -c extender"


async def seen(cluster: Cluster) -> list[Seen]:
    """All extenders that run; those at the addresses that were given, where some were. Raises ApiError."""
    if cluster.addresses:
        return [await _look_at(cluster, own) for own in cluster.addresses]
    pods = await cluster.objects("/api/v1/{}pods", **{COMPONENT_LABEL: "scheduler"})
    return [await _look(cluster, pod) for pod in pods_that_run(pods) if cluster.namespace in ("", pod.namespace)]


async def _look(cluster: Cluster, pod: ExtenderPod) -> Seen:
    reply, _ = await cluster.extender(pod, "/readyz")
    refused = status_of(reply)
    if refused is not None and reply.status in (401, 403):
        remedy = f"ask for Role heterosched-access in namespace {pod.namespace} (get pods/proxy), {FORWARD}"
        return Seen(pod, trouble=skip(f"extender of {pod} cannot be asked", refused, remedy))
    if refused is not None:
        remedy = f"{Seen(pod).log}; see that no NetworkPolicy keeps the API server out"
        return Seen(pod, trouble=fail(f"extender of {pod} does not answer", refused, remedy))
    return _told(pod, reply, (await cluster.extender(pod, "/metrics"))[0])


async def _look_at(cluster: Cluster, place: Address) -> Seen:
    try:
        return _told(place, await cluster.address(place, "/readyz"), await cluster.address(place, "/metrics"))
    except Unavailable as error:
        remedy = "see that it runs and listens there; unset HETEROSCHED_DECISIONS_URL to have its pods looked for"
        return Seen(place, trouble=fail(f"{Seen(place).name} does not answer", str(error), remedy))


def _told(place: Place, ready: Reply, metrics: Reply) -> Seen:
    trouble = "" if ready.status == 200 else ready.body.decode("utf-8", "replace")[:300] or f"it answers {ready.status}"
    try:
        return Seen(place, trouble, figures(metrics.body.decode()) if metrics.status == 200 else None)
    except ValueError:
        return Seen(place, trouble)


@check("extender", "each extender answers and is ready", "list pods; get pods/proxy")
async def extender(cluster: Cluster) -> Findings:
    """Probes, through the API server."""
    found = await seen(cluster)
    if not found:
        why = "pods are placed without our advice, and those that must not go without it wait"
        where = f" in namespace {cluster.namespace}" if cluster.namespace else ""
        remedy = "see the checks of the scheduler, in whose pods it runs"
        if not await namespaces_of(cluster):
            remedy += f"; {OUTSIDE}"
        return [fail(f"no extender runs{where}", why, remedy)]
    findings = [own.trouble for own in found if own.trouble is not None]
    for own in found:
        if own.ready:
            findings.append(fail(f"{own.name} is not ready", own.ready, own.log))
    return findings or [ok(f"{len(found)} ready: {some([own.name for own in found])}")]


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
            findings.append(fail(f"{own.name} has lost the API server", why, remedy))
        known = own.told.get("nodes", {}).get((), 0.0)
        if abs(known - nodes) > max(1, nodes // 20):
            why = f"it knows {known:.0f} nodes, the cluster has {nodes}"
            findings.append(warn(f"{own.name} does not see all nodes", why, "see its log"))
    oldest = max(age for own in told for age in [0.0, *(own.told or {}).get("watch_age_seconds", {}).values()])
    return findings or [ok(f"{nodes} nodes are seen, the quietest watch spoke {oldest:.0f} s ago")]


@check(
    "decisions",
    "decisions can be asked for, by a token that is good for nothing else",
    "get pods/proxy; create serviceaccounts/token of heterosched-viewer",
)
async def decisions(cluster: Cluster) -> Findings:
    """What `why` and `devices` will need, and that the extender's release is ours."""
    found = [own for own in await seen(cluster) if own.trouble is None]
    if not found:
        return [skip("no extender can be asked", "see the check `extender`")]
    findings, here = Findings(), installed("heterosched-cli")
    for own in found:
        reply = await _capabilities(cluster, own.place)
        if reply.status != 200:
            why = reply.body.decode("utf-8", "replace")[:300]
            remedy = "see the sentence before; its log says more"
            findings.append(warn(f"{own.name} answers {reply.status} to who asks for decisions", why, remedy))
            continue
        there = msgspec.json.decode(reply.body, type=Devices).version
        if there and there != here:
            findings.append(warn(f"{own.name} is release {there}", f"this program is {here}", "use equal releases"))
    return findings or [ok(f"{len(found)} of {len(found)} tell their decisions")]


async def _capabilities(cluster: Cluster, place: Place) -> Reply:
    """What asks for a token. Raises NoExtender where none could be made, ApiError, Unavailable."""
    path = "/v1/capabilities?limit=1"
    if isinstance(place, Address):
        return await cluster.address(place, path)
    reply, token = await cluster.extender(place, path)
    raise_refused(place, reply, token)
    return reply


@check("telemetry", "Prometheus answers, and what it measures is fresh", "get pods/proxy; list heterojobs")
async def telemetry(cluster: Cluster) -> Findings:
    """As the extenders say it, else as the operator writes it at jobs."""
    told = [own for own in await seen(cluster) if own.told is not None]
    if not told:
        return [skip("no extender tells its metrics", "see the check `extender`")]
    findings = Findings()
    for own in told:
        assert own.told is not None
        findings += await _measured(cluster, own, own.told)
    if findings:
        return findings
    count = len((told[0].told or {}).get("telemetry_nodes", {}))
    return [ok(f"Prometheus answers, with {count} metrics of nodes")]


async def _measured(cluster: Cluster, own: Seen, told: Figures) -> Findings:
    if told.get("telemetry_up", {}).get(()) == 0.0:
        remedy = f"check the address, its credentials and that its network lets our pods in: {SET_URL}"
        return [fail(f"Prometheus does not answer the {own.name}", await _words(cluster, own.place), remedy)]
    if not any(told.get("telemetry_nodes", {}).values()):
        why = "prometheus.url is empty, or Prometheus knows no exporter of ours: heat, load and watts play no part"
        return [warn(f"nothing is measured, says the {own.name}", why, f"{SET_URL}; heterosched devices")]
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


async def _words(cluster: Cluster, place: Place) -> str:
    """What went wrong, where we may ask; the metric alone does not say."""
    try:
        reply = await _capabilities(cluster, place)
    except (NoExtender, Unavailable):
        return "telemetry_up is 0; the reason stands in its log"
    if reply.status == 200 and status_of(reply) is None:
        return msgspec.json.decode(reply.body, type=Devices).telemetry_error or "it gives no reason"
    return "telemetry_up is 0; the reason stands in its log"
