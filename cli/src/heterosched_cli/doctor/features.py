"""Checks of what is optional: DRA, NUMA, TASPolicies, accelerators and their exporters: on or off, and why."""

from __future__ import annotations

from collections.abc import Sequence

from heterosched.constants import LABEL_GPU_PRODUCT
from heterosched.kube.errors import ApiError
from heterosched_cli.doctor.cluster import Cluster, Json
from heterosched_cli.doctor.extender import seen
from heterosched_cli.doctor.metrics import Figures
from heterosched_cli.doctor.registry import Findings, check, ok, skip, some, warn

RESOURCES = ("nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/i915", "gpu.intel.com/xe")
PCI_LABELS = {
    "feature.node.kubernetes.io/pci-10de.present": "nvidia.com/gpu",
    "nvidia.com/gpu.present": "nvidia.com/gpu",
    "feature.node.kubernetes.io/pci-1002.present": "amd.com/gpu",
}
"""What says that the hardware is there, and the resource that its device plug-in should offer."""


@check("dra", "dynamic resource allocation: whether GPUs may come by claims", "list resourceslices")
async def dra(cluster: Cluster) -> Findings:
    """ResourceSlices of drivers."""
    if await cluster.there("/apis/resource.k8s.io/v1") is None:
        return [ok("DRA is off", "the API server does not serve resource.k8s.io/v1")]
    slices = await cluster.list("/apis/resource.k8s.io/v1/resourceslices")
    drivers = sorted({str(own["spec"].get("driver")) for own in slices})
    if not drivers:
        return [ok("DRA is off", "no driver publishes ResourceSlices")]
    return [ok(f"DRA is on: {len(slices)} ResourceSlices of {some(drivers)}")]


@check("numa", "NUMA alignment: whether zones of nodes are known", "list noderesourcetopologies")
async def numa(cluster: Cluster) -> Findings:
    """NodeResourceTopology objects."""
    if await cluster.there("/apis/topology.node.k8s.io/v1alpha2") is None:
        why = "no CRD noderesourcetopologies.topology.node.k8s.io; `numa: Required` would fit no node"
        return [ok("NUMA is off", why)]
    found = await cluster.list("/apis/topology.node.k8s.io/v1alpha2/noderesourcetopologies")
    if not found:
        remedy = "run the NFD topology updater or the resource-topology-exporter on the nodes"
        return [warn("NUMA is off", "the CRD is there, and no node has a NodeResourceTopology", remedy)]
    return [ok(f"NUMA is on: {len(found)} nodes have a topology")]


@check("tas", "TASPolicies of Telemetry Aware Scheduling: whether there are any", "list taspolicies")
async def tas(cluster: Cluster) -> Findings:
    """Needed for a migration alone."""
    if await cluster.there("/apis/telemetry.intel.com/v1alpha1") is None:
        return [ok("TASPolicies are off", "their CRD is not installed; only who migrates needs it")]
    found = await cluster.list("/apis/telemetry.intel.com/v1alpha1/taspolicies")
    return [ok(f"TASPolicies are on: {len(found)}", "heterosched devices --tas shows who violates them")]


@check("devices", "accelerators are offered by device plug-ins, and labelled with their type", "list nodes")
async def devices(cluster: Cluster) -> Findings:
    """Plug-ins, GPU feature discovery, and types that the device table lacks."""
    nodes = await cluster.list("/api/v1/nodes")
    offering = [node for node in nodes if _offered(node)]
    findings = Findings()
    for present, resource in PCI_LABELS.items():
        bare = [
            _name(node) for node in nodes if _labels(node).get(present) == "true" and resource not in _offered(node)
        ]
        if bare:
            remedy = f"install the device plug-in of {resource.split('.')[0]}, or see its pods on these nodes"
            findings.append(warn(f"{len(bare)} nodes have a GPU and offer no {resource}", some(bare), remedy))
            break
    untyped = [_name(node) for node in offering if _offered(node)[0].startswith("nvidia") and not _typed(node)]
    if untyped:
        remedy = "install GPU feature discovery (part of the GPU operator), or label them yourself"
        why = f"{some(untyped)}: no label {LABEL_GPU_PRODUCT}, so their device type is not known"
        findings.append(warn(f"{len(untyped)} nodes do not say which GPU they have", why, remedy))
    told, looked = await _told(cluster)
    unknown = {device for own in told for (device,) in own.get("unknown_device_nodes", {})}
    if unknown:
        remedy = "add rows with devices_file (operator.config and extender.config), see docs/guide/energy.md"
        why = f"{some(sorted(unknown))}: speed and energy on them cannot be concluded"
        findings.append(warn("the device table lacks some devices", why, remedy))
    if findings:
        return findings
    if not offering:
        return [ok("no node has accelerators")]
    count = f"{len(offering)} of {len(nodes)} nodes offer accelerators"
    if not told:
        return [skip(f"{count}; whether their types are known, no extender tells", looked, "see the check `extender`")]
    return [ok(f"{count}, each of a known type")]


async def _told(cluster: Cluster) -> tuple[Sequence[Figures], str]:
    """What extenders tell; why none does, where they may not be looked for: the nodes speak for themselves."""
    try:
        return [own.told for own in await seen(cluster) if own.told is not None], ""
    except ApiError as error:
        if error.status not in (401, 403):
            raise
        return [], error.message


@check("exporters", "DCGM tells of GPUs, and node-exporter of nodes", "get pods/proxy; list nodes")
async def exporters(cluster: Cluster) -> Findings:
    """By the metrics that the extenders have found in Prometheus."""
    told = next((own.told for own in await seen(cluster) if own.told is not None), None)
    if told is None:
        return [skip("no extender tells its metrics", "see the check `extender`")]
    known = {metric: count for (metric,), count in told.get("telemetry_nodes", {}).items() if count}
    if not known:
        return [skip("nothing is measured", "see the check `telemetry`")]
    nvidia = [node for node in await cluster.list("/api/v1/nodes") if "nvidia.com/gpu" in _offered(node)]
    findings = Findings()
    if nvidia and not any(metric.startswith("gpu_") for metric in known):
        why = f"{len(nvidia)} nodes have NVIDIA GPUs and no series of them is in Prometheus"
        remedy = "install dcgm-exporter and have Prometheus scrape it, with Hostname or node as a label"
        findings.append(warn("DCGM is not measured: heat, faults and watts of GPUs are unknown", why, remedy))
    if "host_load" not in known:
        remedy = "install node-exporter and have Prometheus scrape it"
        findings.append(warn("node-exporter is not measured", "no series node_load1 is about a node", remedy))
    return findings or [
        ok(f"measured: {', '.join(f'{metric} of {count:.0f} nodes' for metric, count in sorted(known.items()))}")
    ]


def _name(node: Json) -> str:
    return str(node["metadata"]["name"])


def _labels(node: Json) -> Json:
    return node["metadata"].get("labels") or {}


def _offered(node: Json) -> Sequence[str]:
    """Whole accelerators that the node has to give; sliced ones (MIG) have names of their own."""
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    return [own for own in allocatable if own in RESOURCES or own.startswith("nvidia.com/mig-")]


def _typed(node: Json) -> bool:
    return bool(_labels(node).get(LABEL_GPU_PRODUCT))
