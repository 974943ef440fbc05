"""Checks of what the service accounts of our programs may do, by the API server's own authoriser."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from heterosched.constants import ANNOTATION_NAMESPACES, GROUP
from heterosched_cli.doctor.cluster import Cluster, Json, namespace_of
from heterosched_cli.doctor.registry import UPGRADE, Finding, Findings, check, fail, ok, skip, some, warn


@dataclass(frozen=True, slots=True)
class Right:
    """What a program needs. `optional`: the feature that is off without it. `within`: needed in the namespaces of jobs
    alone.
    """

    verbs: tuple[str, ...]
    group: str
    resource: str
    optional: str = ""
    within: bool = False


READ = ("list", "watch")
OPERATOR = (
    Right(READ, "", "nodes"),
    Right(READ, "", "pods"),
    Right(READ, GROUP, "schedulingpolicies"),
    Right(READ, GROUP, "heterojobs", within=True),
    Right(READ, GROUP, "throughputprofiles", within=True),
    Right(("patch",), GROUP, "heterojobs/status", within=True),
    Right(("create", "delete"), "batch", "jobs", within=True),
    Right(("create",), "", "events", within=True),
    Right(READ, "topology.node.k8s.io", "noderesourcetopologies", "NUMA"),
)
EXTENDER = (
    Right(READ, "", "nodes"),
    Right(READ, "", "pods"),
    Right(READ, GROUP, "schedulingpolicies"),
    Right(READ, GROUP, "throughputprofiles", within=True),
    Right(("create",), "authentication.k8s.io", "tokenreviews", "authorised decisions"),
    Right(("create",), "authorization.k8s.io", "subjectaccessreviews", "authorised decisions"),
    Right(READ, "topology.node.k8s.io", "noderesourcetopologies", "NUMA"),
    Right(READ, "resource.k8s.io", "resourceslices", "DRA"),
    Right(READ, "resource.k8s.io", "resourceclaims", "DRA"),
    Right(READ, "telemetry.intel.com", "taspolicies", "TAS", within=True),
)
PROGRAMS = {"operator": OPERATOR, "scheduler": EXTENDER}


@check(
    "rights", "the programs' service accounts may do what they have to", "create subjectaccessreviews; list deployments"
)
async def rights(cluster: Cluster) -> Findings:
    """Each right of each program."""
    findings = Findings()
    for component, wanted in PROGRAMS.items():
        for deployment in await cluster.component(component):
            user, places = account_of(deployment), managed(deployment)
            asked = [_missing(cluster, user, right, places) for right in wanted]
            lacks = [found for right in await asyncio.gather(*asked) for found in right]
            findings.append(_told(component, user, lacks))
    if not findings:
        return [skip("no program is installed whose rights could be looked at", "see the checks before")]
    return findings


def managed(deployment: Json) -> Sequence[str]:
    """The namespaces whose jobs are managed, empty for all."""
    told = str((deployment["metadata"].get("annotations") or {}).get(ANNOTATION_NAMESPACES, ""))
    return [name for name in told.split(",") if name]


def account_of(deployment: Json) -> str:
    """The user name of the service account under which a Deployment's pods run."""
    account = deployment["spec"]["template"]["spec"].get("serviceAccountName") or "default"
    return f"system:serviceaccount:{namespace_of(deployment)}:{account}"


async def _missing(cluster: Cluster, user: str, right: Right, managed: Sequence[str]) -> list[tuple[Right, str]]:
    lacks = []
    for verb in right.verbs:
        for place in managed if right.within and managed else ("",):
            if not await cluster.allowed(user, verb, right.group, right.resource, place):
                what = f"{verb} {right.resource}" + (f".{right.group}" if right.group else "")
                lacks.append((right, what + (f" in namespace {place}" if place else "")))
    return lacks


def _told(component: str, user: str, lacks: Sequence[tuple[Right, str]]) -> Finding:
    needed = [what for right, what in lacks if not right.optional]
    remedy = f"{UPGRADE} restores its roles; see kubectl auth can-i --list --as {user}"
    if needed:
        return fail(f"the {component}'s account may not {some(needed)}", f"{user} lacks the rights", remedy)
    off = sorted({right.optional for right, _ in lacks})
    if off:
        why = f"{user} may not {some([what for _, what in lacks])}"
        return warn(f"{', '.join(off)} cannot work: the {component}'s account lacks the rights", why, remedy)
    return ok(f"the {component}'s account {user} may do all that it has to")
