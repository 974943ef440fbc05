"""Checks of our own programs as the cluster runs them: operator, scheduler, and that there is one of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import version as installed

from heterosched.constants import SCHEDULER_NAME
from heterosched.units import format_duration
from heterosched_cli.doctor.cluster import (
    COMPONENT_LABEL,
    INSTANCE_LABEL,
    NAME_LABEL,
    SYSTEM,
    VERSION_LABEL,
    Cluster,
    Json,
    key_of,
    label,
    moment,
    namespace_of,
)
from heterosched_cli.doctor.outside import (
    LEASE_SECONDS,
    OPERATOR_LEASE,
    RECENT_SECONDS,
    event_time,
    instead_of_pods,
    leases,
)
from heterosched_cli.doctor.pods import troubles
from heterosched_cli.doctor.registry import UPGRADE, Finding, Findings, check, fail, ok, skip, some, warn
from heterosched_cli.doctor.server import minor_of

LIVELY_SECONDS = 120.0
"""Who has posted an Event within this time is taken to be at work still."""


@check(
    "operator",
    "one operator runs, of this program's version, and its pod is well",
    "list deployments, pods; get leases, pods/log",
)
async def operator(cluster: Cluster) -> Findings:
    """The Deployment, its pod, its version."""
    found = await cluster.component("operator")
    if not found:
        why = "no Deployment bears our labels: jobs are neither checked nor planned"
        return await instead_of_pods(cluster, "operator", why)
    findings = await _running(cluster, found[0])
    if int(found[0]["spec"].get("replicas", 1)) > 1:
        why = "each acts on every HeteroJob"
        findings.append(fail(f"{key_of(found[0])} has more than one replica", why, "scale it to one"))
    if not findings:
        findings += await _presence(cluster, found[0])
    return findings or [_well("operator", found[0])]


@check(
    "scheduler",
    "kube-scheduler runs beside the extender, its minor is the API server's, and one replica leads",
    "list deployments, pods; get leases",
)
async def scheduler(cluster: Cluster) -> Findings:
    """The Deployment, its pods, the version of kube-scheduler, the lease."""
    found = await cluster.component("scheduler")
    if not found:
        why = f"no Deployment bears our labels: pods with schedulerName {SCHEDULER_NAME} wait for ever"
        return await instead_of_pods(cluster, "scheduler", why)
    findings = [*await _running(cluster, found[0]), *await _minors(cluster, found[0])]
    if not findings:
        findings += await _leader(cluster, found[0])
    return (findings or [_well("scheduler", found[0])]) + _untold(found[0])


@check("releases", "the cluster has one installation", "list deployments in all namespaces")
async def releases(cluster: Cluster) -> Findings:
    """Two operators would both act on every HeteroJob."""
    found = await cluster.list("/apis/apps/v1/deployments", labelSelector=f"{NAME_LABEL}={SYSTEM}")
    ours = [own for own in found if label(own, COMPONENT_LABEL) in ("operator", "scheduler")]
    places = sorted({f"release {label(own, INSTANCE_LABEL)} in namespace {namespace_of(own)}" for own in ours})
    if len(places) > 1:
        return [fail("there are several installations", "; ".join(places), "helm uninstall all but one")]
    return [ok(places[0] if places else "no installation was found, so there is not more than one")]


@check("names", f"no other kube-scheduler calls itself {SCHEDULER_NAME}", "list events, deployments")
async def names(cluster: Cluster) -> Findings:
    """Two schedulers of one name bind the same pods; who bound them stands in Events."""
    own = tuple(f"{deployment['metadata']['name']}-" for deployment in await cluster.component("scheduler"))
    path = f"/api/v1/namespaces/{cluster.namespace}/events" if not own and cluster.namespace else "/api/v1/events"
    events = await cluster.list(path, fieldSelector=f"reportingComponent={SCHEDULER_NAME}")
    heard: dict[str, float] = {}
    for event in events:
        host = str(event.get("reportingInstance", "")).removeprefix(f"{SCHEDULER_NAME}-")
        age = cluster.now - event_time(event)
        if host and age < RECENT_SECONDS:
            heard[host] = min(age, heard.get(host, age))
    others = {host: age for host, age in sorted(heard.items()) if not (own and host.startswith(own))}
    if own and others:
        return [await _beside_ours(cluster, others)]
    if len(others) > 1:
        remedy = "stop all but one, unless they take turns"
        return [warn(f"several schedulers call themselves {SCHEDULER_NAME}", _last(others), remedy)]
    return [ok(f"one scheduler calls itself {SCHEDULER_NAME}", "" if heard else "no pod was scheduled lately")]


async def _beside_ours(cluster: Cluster, others: Mapping[str, float]) -> Finding:
    """Events outlive who has posted them: it takes a sign of life to tell a rival from a predecessor."""
    held = [own.holder for own in await leases(cluster, SCHEDULER_NAME)]
    for host, age in others.items():
        pods = await cluster.any_of("/api/v1/{}pods", fieldSelector=f"metadata.name={host}")
        sign = f"its last Event is {format_duration(max(0.0, age))} old" if age < LIVELY_SECONDS else ""
        sign = f"{host} renews lease {SCHEDULER_NAME}" if any(own.startswith(f"{host}_") for own in held) else sign
        sign = next((f"pod {key_of(pod)} runs" for pod in pods if _runs(pod, host)), sign)
        if sign:
            why = f"{host} is at work beside our own pods: {sign}"
            return fail(f"another scheduler calls itself {SCHEDULER_NAME}", why, "stop it, or give it another name")
    minutes = RECENT_SECONDS / 60
    remedy = f"stop it if it still runs; this line goes {minutes:.0f} minutes after its last Event"
    why = f"{_last(others)}; nothing else shows that it still runs"
    return warn(f"another scheduler called itself {SCHEDULER_NAME} within {minutes:.0f} minutes", why, remedy)


def _runs(pod: Json, name: str) -> bool:
    running = (pod.get("status") or {}).get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]
    return running and pod["metadata"]["name"] == name


def _last(heard: Mapping[str, float]) -> str:
    told = [f"{host} {format_duration(max(0.0, age))} ago" for host, age in heard.items()]
    return f"by their last Events: {some(told)}"


def _well(component: str, deployment: Json) -> Finding:
    ready = (deployment.get("status") or {}).get("availableReplicas", 0)
    return ok(f"{component} {label(deployment, VERSION_LABEL)} runs: {key_of(deployment)}, {ready} available")


async def _running(cluster: Cluster, deployment: Json) -> Findings:
    wanted = int(deployment["spec"].get("replicas", 1))
    available = int((deployment.get("status") or {}).get("availableReplicas") or 0)
    name = key_of(deployment)
    if wanted == 0:
        remedy = f"kubectl scale deployment -n {namespace_of(deployment)} {deployment['metadata']['name']} --replicas 1"
        return [fail(f"{name} is scaled to nothing", "spec.replicas is 0", remedy)]
    findings = await troubles(cluster, deployment)
    if available < wanted:
        why = findings[0].what if findings else "its pods are not ready"
        which = f"-n {namespace_of(deployment)} -l {COMPONENT_LABEL}={label(deployment, COMPONENT_LABEL)}"
        remedy = f"kubectl describe pods {which}"
        told = (fail if available == 0 else warn)(f"{name}: {available} of {wanted} available", why, remedy)
        findings = [told, *findings]
    here, there = installed("heterosched-cli"), label(deployment, VERSION_LABEL)
    if there and there != here:
        remedy = f"{UPGRADE}, or install the CLI of that release"
        findings.append(warn(f"{name} is release {there}", f"this program is {here}", remedy))
    return findings


async def _minors(cluster: Cluster, deployment: Json) -> Findings:
    """kube-scheduler must not be newer than the API server, and should not be older."""
    minor, version = await minor_of(cluster)
    own = _own_minor(deployment)
    if own is None or own == minor:
        return []
    remedy = f"{UPGRADE} (the chart takes the API server's version), or set scheduler.image.tag"
    why = f"the API server is {version}"
    level = warn if own == minor - 1 else fail
    return [level(f"kube-scheduler is 1.{own} in {key_of(deployment)}", why, remedy)]


def _images(deployment: Json) -> list[str]:
    return [str(own.get("image")) for own in deployment["spec"]["template"]["spec"]["containers"]]


def _own_minor(deployment: Json) -> int | None:
    """The minor of kube-scheduler by its image's tag; None where that does not tell, as a digest does not."""
    told = [found for image in _images(deployment) if (found := re.search(r"kube-scheduler[^:]*:v1\.(\d+)\.", image))]
    return int(told[0].group(1)) if told else None


def _untold(deployment: Json) -> Findings:
    if _own_minor(deployment) is not None:
        return []
    why = f"no image of {key_of(deployment)} has a tag such as v1.36.3: {some(_images(deployment))}"
    remedy = "make sure that its minor is the API server's, or set scheduler.image.tag"
    return [skip("which version of kube-scheduler runs cannot be told", why, remedy)]


async def _presence(cluster: Cluster, deployment: Json) -> Findings:
    """The operator renews a lease as a sign of life; it excludes nobody."""
    place, name = namespace_of(deployment), deployment["metadata"]["name"]
    lease = await cluster.there(f"/apis/coordination.k8s.io/v1/namespaces/{place}/leases/{OPERATOR_LEASE}")
    spec = (lease or {}).get("spec") or {}
    holder, renewed = str(spec.get("holderIdentity") or ""), str(spec.get("renewTime") or "")
    if not holder or not renewed:
        return []
    age = cluster.now - moment(renewed)
    if age > LEASE_SECONDS:
        why = f"lease {place}/{OPERATOR_LEASE} of {holder} is {age:.0f} s old"
        return [warn("the operator gives no sign of life", why, f"kubectl logs -n {place} deployment/{name}")]
    if not holder.startswith(f"{name}-"):
        why = f"{holder} renews lease {place}/{OPERATOR_LEASE}, and both act on every HeteroJob"
        return [fail("another operator is at work", why, "stop the one that is not the installation's")]
    return []


async def _leader(cluster: Cluster, deployment: Json) -> Findings:
    if int(deployment["spec"].get("replicas", 1)) < 2:
        return []
    place = namespace_of(deployment)
    lease = await cluster.there(f"/apis/coordination.k8s.io/v1/namespaces/{place}/leases/{SCHEDULER_NAME}")
    remedy = f"kubectl logs -n {place} deployment/{deployment['metadata']['name']} -c kube-scheduler"
    if lease is None:
        return [fail("no scheduler leads", f"there is no lease {place}/{SCHEDULER_NAME}", remedy)]
    renewed = str((lease.get("spec") or {}).get("renewTime") or "")
    if not renewed:
        return [fail("no scheduler leads", f"nobody has ever held lease {place}/{SCHEDULER_NAME}", remedy)]
    age = cluster.now - moment(renewed)
    if age > LEASE_SECONDS:
        holder = (lease.get("spec") or {}).get("holderIdentity")
        whose = f"{place}/{SCHEDULER_NAME} of {holder}" if holder else f"{place}/{SCHEDULER_NAME}, given up,"
        return [fail("no scheduler leads", f"lease {whose} is {age:.0f} s old", remedy)]
    return []
