"""Programs that run as processes beside the cluster: no pod tells of them, but what they write into it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from heterosched.constants import SCHEDULER_NAME
from heterosched.units import format_duration
from heterosched_cli.doctor.cluster import (
    COMPONENT_LABEL,
    NAME_LABEL,
    SYSTEM,
    Cluster,
    Json,
    key_of,
    label,
    namespace_of,
)
from heterosched_cli.doctor.registry import INSTALL, OUTSIDE, Findings, fail, ok, skip

OPERATOR_LEASE = "heterosched-operator"
LEASE_SECONDS = 60.0
"""kube-scheduler renews its lease every two seconds and gives it up after fifteen, the operator every five."""
RECENT_SECONDS = 900.0
NAMES = {"operator": OPERATOR_LEASE, "scheduler": SCHEDULER_NAME}
"""By which a program calls its lease, and itself in Events."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A sign of life, `age` seconds old."""

    key: str
    holder: str
    age: float


async def instead_of_pods(cluster: Cluster, component: str, why: str) -> Findings:
    """What is known of a program of which there is no Deployment: it may run as a process all the same."""
    name = NAMES[component]
    absent = f"the {component} is no pod of this cluster"
    what = f"{absent}: it runs outside"
    for own in await leases(cluster, name):
        return [ok(what, f"{own.holder} renewed lease {own.key} {own.age:.0f} s ago")]
    if not cluster.addresses:
        where = f" in namespace {cluster.namespace}" if cluster.namespace else ""
        elsewhere = await namespaces_of(cluster)
        if elsewhere:
            why = f"the installation is in {' and '.join(f'namespace {own}' for own in elsewhere)}"
            remedy = f"heterosched doctor {' or '.join(f'-n {own}' for own in elsewhere)}"
            return [fail(f"no {component} is installed{where}", why, remedy)]
        return [fail(f"no {component} is installed{where}", why, f"{INSTALL}; {OUTSIDE}")]
    ages = [cluster.now - event_time(event) for event in await events(cluster, name)]
    if ages and min(ages) < RECENT_SECONDS:
        return [ok(what, f"it posted an Event {format_duration(max(0.0, min(ages)))} ago")]
    silent = f"it holds no lease {name} and has posted no Event within {RECENT_SECONDS / 60:.0f} minutes"
    remedy = "see its log where it runs, and the check `jobs`; where it runs nowhere, start or install it"
    return [skip(f"{absent}, and whether it runs outside cannot be told", silent, remedy)]


async def namespaces_of(cluster: Cluster) -> list[str]:
    """Where programs of ours are, other than in the namespace that was named: as far as that may be looked at."""
    if not cluster.namespace:
        return []
    found = await cluster.any_of("/apis/apps/v1/deployments", labelSelector=f"{NAME_LABEL}={SYSTEM}")
    ours = {namespace_of(own) for own in found if label(own, COMPONENT_LABEL) in NAMES}
    return sorted(ours - {cluster.namespace})


async def leases(cluster: Cluster, name: str) -> list[Lease]:
    """Those of this name that somebody renews, in the namespace that was named or in any."""
    found = await cluster.any_of("/apis/coordination.k8s.io/v1/{}leases", fieldSelector=f"metadata.name={name}")
    told = [(own, own.get("spec") or {}) for own in found if own["metadata"]["name"] == name]
    held = [
        Lease(key_of(own), str(spec["holderIdentity"]), cluster.now - seconds(str(spec["renewTime"])))
        for own, spec in told
        if spec.get("holderIdentity") and spec.get("renewTime")
    ]
    return [own for own in held if own.age <= LEASE_SECONDS]


async def events(cluster: Cluster, component: str) -> Sequence[Json]:
    """What this program has posted, as far as it may be listed."""
    return await cluster.any_of("/api/v1/{}events", fieldSelector=f"reportingComponent={component}")


def event_time(event: Json) -> float:
    """Epoch seconds of its latest occurrence, 0 where it tells none."""
    told: Sequence[str] = [str(event.get(name) or "") for name in ("eventTime", "lastTimestamp")]
    series = str((event.get("series") or {}).get("lastObservedTime") or "")
    latest = max(filter(None, (series, *told)), default="")
    return seconds(latest) if latest else 0.0


def seconds(text: str) -> float:
    """Epoch seconds of a time as the API server writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
