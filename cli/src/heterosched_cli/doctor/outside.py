"""Programs that run as processes beside the cluster: no pod tells of them, but what they write into it does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from heterosched.constants import SCHEDULER_NAME
from heterosched.kube.errors import ApiError, ApiUnavailable
from heterosched.units import format_duration
from heterosched_cli.doctor.cluster import (
    COMPONENT_LABEL,
    NAME_LABEL,
    SYSTEM,
    Cluster,
    Json,
    key_of,
    label,
    moment,
    namespace_of,
)
from heterosched_cli.doctor.registry import INSTALL, OUTSIDE, Findings, fail, ok, skip
from heterosched_cli.doctor.unheeded import UNHEEDED_SECONDS, left_by

OPERATOR_LEASE = "heterosched-operator"
LEASE_SECONDS = 60.0
"""kube-scheduler renews its lease every two seconds and gives it up after fifteen, the operator every five."""
LOST_SECONDS = 300.0
"""The lease bears the time of the operator's own machine, and clocks that differ by minutes make nobody dead."""
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
        return [ok(what, f"{own.holder} renewed lease {own.key} {max(0.0, own.age):.0f} s ago")]
    if not cluster.addresses:
        where = f" in namespace {cluster.namespace}" if cluster.namespace else ""
        elsewhere = await namespaces_of(cluster)
        if elsewhere:
            why = f"the installation is in {' and '.join(f'namespace {own}' for own in elsewhere)}"
            remedy = f"heterosched doctor {' or '.join(f'-n {own}' for own in elsewhere)}"
            return [fail(f"no {component} is installed{where}", why, remedy)]
        return [fail(f"no {component} is installed{where}", why, f"{INSTALL}; {OUTSIDE}")]
    now = await cluster.earliest()
    age = max(0.0, min([now - event_time(event) for event in await events(cluster, name)], default=math.inf))
    left = (await left_by(cluster, component) or await _lost(cluster, component)) if age > UNHEEDED_SECONDS else ""
    if left:
        remedy = f"start it again where it ran, and see its log for why it ended; or {INSTALL}"
        return [fail(f"{absent}, and it does not run outside either", left, remedy)]
    if age < RECENT_SECONDS:
        return [ok(what, f"it posted an Event {format_duration(age)} ago")]
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
    return [own for own in await _ever_renewed(cluster, name) if own.holder and own.age <= LEASE_SECONDS]


async def _lost(cluster: Cluster, component: str) -> str:
    """What the operator, which renews its lease as long as it runs, has left behind; else "". A scheduler that is the
    only one of its name takes none, so what is left of one's lease tells nothing.
    """
    found = await _ever_renewed(cluster, OPERATOR_LEASE) if component == "operator" else []
    latest = min(found, key=lambda own: own.age, default=None)
    if latest is None or latest.age <= LOST_SECONDS:
        return ""
    whose = f"of {latest.holder}" if latest.holder else "has been given up and"
    return f"lease {latest.key} {whose} was renewed last {format_duration(max(0.0, latest.age))} ago"


async def _ever_renewed(cluster: Cluster, name: str) -> list[Lease]:
    found, now = await _named(cluster, name), await cluster.earliest()
    told = [(own, own.get("spec") or {}) for own in found if own["metadata"]["name"] == name]
    return [
        Lease(key_of(own), str(spec.get("holderIdentity") or ""), now - moment(str(spec["renewTime"])))
        for own, spec in told
        if spec.get("renewTime")
    ]


async def _named(cluster: Cluster, name: str) -> Sequence[Json]:
    """Leases of this name. Where the namespace is known too, to get it takes less of a right than to list them."""
    if not cluster.namespace:
        return await cluster.any_of("/apis/coordination.k8s.io/v1/leases", fieldSelector=f"metadata.name={name}")
    try:
        own = await cluster.there(f"/apis/coordination.k8s.io/v1/namespaces/{cluster.namespace}/leases/{name}")
    except ApiUnavailable:
        raise
    except ApiError:
        return []
    return [] if own is None else [own]


async def events(cluster: Cluster, component: str) -> Sequence[Json]:
    """What this program has posted, as far as it may be listed: in whose namespace the work is, wherever it runs."""
    asked = {"fieldSelector": f"reportingComponent={component}"}
    return await cluster.any_of("/api/v1/events", **asked) or await cluster.any_of("/api/v1/{}events", **asked)


def event_time(event: Json) -> float:
    """Epoch seconds of its latest occurrence, 0 where it tells none."""
    told: Sequence[str] = [str(event.get(name) or "") for name in ("eventTime", "lastTimestamp")]
    series = str((event.get("series") or {}).get("lastObservedTime") or "")
    latest = max(filter(None, (series, *told)), default="")
    return moment(latest)
