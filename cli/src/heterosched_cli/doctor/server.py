"""Checks of the API server itself, of the clock, and of our API in it."""

from __future__ import annotations

import re
from importlib.metadata import version as installed

from heterosched.constants import GROUP, VERSION
from heterosched.errors import HeteroSchedError
from heterosched.kube.errors import ApiError, ApiUnavailable
from heterosched_cli.doctor.cluster import VERSION_LABEL, Cluster, condition, label
from heterosched_cli.doctor.registry import INSTALL, UPGRADE, Finding, Findings, check, fail, ok, skip, some, warn
from heterosched_cli.live import silence

OLDEST_MINOR, NEWEST_MINOR = 34, 37
"""Of Kubernetes 1: what the end-to-end suite runs on."""
MOST_SKEW_SECONDS = 5.0
KINDS = ("heterojobs", "schedulingpolicies", "throughputprofiles")


class NoServer(HeteroSchedError):
    """The API server does not say which version it is."""


async def minor_of(cluster: Cluster) -> tuple[int, str]:
    """Minor and whole version of the API server. Raises NoServer, ApiError."""
    version = str((await cluster.get("/version"))["gitVersion"])
    found = re.match(r"v1\.(\d+)\.", version)
    if found is None:
        raise NoServer(f"the API server calls itself {version!r}, which is no version of Kubernetes 1")
    return int(found.group(1)), version


@check("server", "the API server answers, and its version is one that we are tested on", "nothing")
async def server(cluster: Cluster) -> Findings:
    """Version of Kubernetes."""
    try:
        minor, version = await minor_of(cluster)
    except ApiUnavailable as error:
        return [fail("the API server does not answer", str(error), silence(error))]
    span = f"1.{OLDEST_MINOR} to 1.{NEWEST_MINOR}"
    if minor < OLDEST_MINOR:
        why = f"HeteroSched needs Kubernetes 1.{OLDEST_MINOR}: native sidecars, resource.k8s.io/v1"
        return [fail(f"Kubernetes {version} is too old", why, "upgrade the cluster")]
    if minor > NEWEST_MINOR:
        return [warn(f"Kubernetes {version} is newer than what we know", f"tested is {span}", "upgrade HeteroSched")]
    return [ok(f"Kubernetes {version}", f"tested is {span}")]


@check("clock", "this machine and the API server agree about the time", "nothing")
async def clock(cluster: Cluster) -> Findings:
    """Ages of telemetry and deadlines are reckoned by clocks."""
    skew = await cluster.ahead()
    if skew is None:
        return [skip("the API server tells no time", "its answers bear no Date, or none that can be read")]
    if abs(skew) > MOST_SKEW_SECONDS:
        side = "ahead of" if skew > 0 else "behind"
        why = "ages of measurements and deadlines that this program shows are wrong by as much"
        return [warn(f"this machine's clock is {abs(skew):.0f} s {side} the API server's", why, "run NTP on both")]
    return [ok(f"this machine's clock and the API server's agree to {MOST_SKEW_SECONDS:g} s")]


@check("crds", "our CRDs are there, served, and of this program's version", "get customresourcedefinitions")
async def crds(cluster: Cluster) -> Findings:
    """Each of the three; by discovery alone where CRDs may not be read."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{}." + GROUP
    try:
        found = {kind: await cluster.there(path.format(kind)) for kind in KINDS}
    except ApiUnavailable:
        raise
    except ApiError as error:
        if error.status not in (401, 403):
            raise
        return await _discovered(cluster)
    missing = [kind for kind, own in found.items() if own is None]
    findings = [_missing(missing)] if missing else []
    for kind, own in found.items():
        if own is None:
            continue
        versions = [str(each["name"]) for each in own["spec"]["versions"] if each.get("served")]
        if condition(own, "Established").get("status") != "True":
            why = str(condition(own, "NamesAccepted").get("message") or "it is not established")
            findings.append(fail(f"CRD {kind}.{GROUP} is not served", why, f"kubectl describe crd {kind}.{GROUP}"))
        elif VERSION not in versions:
            why = f"served is {', '.join(versions) or 'nothing'}, this program speaks {VERSION}"
            findings.append(fail(f"CRD {kind}.{GROUP} is of another version", why, _UPGRADE))
    here = installed("heterosched-cli")
    told = {label(own, VERSION_LABEL) for own in found.values() if own is not None} - {"", here}
    if told:
        why = f"CRDs: {some(sorted(told))}; this program: {here}"
        findings.append(warn("CRDs and this program are of different releases", why, _UPGRADE))
    return findings or [ok(f"{len(KINDS)} CRDs of {GROUP}/{VERSION} are served")]


async def _discovered(cluster: Cluster) -> Findings:
    served = await cluster.there(f"/apis/{GROUP}/{VERSION}")
    names = {str(each["name"]) for each in (served or {}).get("resources") or ()}
    missing = [kind for kind in KINDS if kind not in names]
    if missing:
        return [_missing(missing)]
    return [
        ok(
            f"{len(KINDS)} kinds of {GROUP}/{VERSION} are served",
            "their release was not looked at: CRDs may not be read",
        )
    ]


_INSTALL = f"{INSTALL}, or kubectl apply --server-side -f crds/"
_UPGRADE = f"{UPGRADE} --set crds.install=true, and install the CLI of the same release"


def _missing(kinds: list[str]) -> Finding:
    names = ", ".join(f"{kind}.{GROUP}" for kind in kinds)
    return fail(f"the cluster does not serve {names}", "the CRDs are not installed", _INSTALL)
