"""What is valid in a job but hardly meant: said where the job is accepted, and by a dry run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import NamedTuple

from heterosched.api import HeteroJob
from heterosched.model import CPU, Cluster, TaskGraph
from heterosched.policy.table import PolicyRow


class Sought(NamedTuple):
    """Where profiles were looked for, and what mends it that one is not there."""

    place: str = "in the job's namespace"
    remedy: str = "create it"


IN_CLUSTER = Sought()


def doubts(
    job: HeteroJob, graph: TaskGraph | None, cluster: Cluster | None = None, sought: Sought = IN_CLUSTER
) -> Iterator[str]:
    """Sentences about the tasks of a job, with the remedy; `graph` as it was planned, None where it was not.

    `cluster`: by which device types are known; None where it is not to be asked.
    """
    yield from absent_profiles(graph, sought)
    for spec in job.spec.tasks:
        named = {device for variant in spec.variants for device in variant.devices} | set(spec.devices.allow)
        for device, remedy in _unknown(named, cluster):
            yield f"task {spec.name} names device type {device}, {remedy}"
        listed = {device for variant in spec.variants for device in variant.devices} or set(spec.devices.allow)
        given = (own.device for own in spec.work.runtime_on)
        strange = sorted({device for device in given if listed and device not in listed})
        if strange:
            allowed = ", ".join(sorted(listed))
            yield f"task {spec.name}: work.runtimeOn names {', '.join(strange)}, but the task may use {allowed}"
        task = graph.tasks.get(spec.name) if graph is not None else None
        options = task.options if task is not None else ()
        bare = sorted({own.device for own in options if own.device != CPU and own.demand.gpus <= 0})
        if bare:
            devices = ", ".join(bare)
            yield f"task {spec.name} may run on {devices} but requests no nvidia.com/gpu: it gets no GPU there; add it"


def absent_profiles(graph: TaskGraph | None, sought: Sought = IN_CLUSTER) -> Iterator[str]:
    """The ThroughputProfiles that tasks name and that are not there, each once with the first of its tasks."""
    named: dict[str, list[str]] = {}
    for task in graph.tasks.values() if graph is not None else ():
        if task.absent_profile:
            named.setdefault(task.absent_profile, []).append(task.name)
    for profile, tasks in named.items():
        field = f"spec.tasks[{tasks[0]}].work.profile" + (f" and {len(tasks) - 1} more" if len(tasks) > 1 else "")
        remedy = f"correct the name or {sought.remedy}"
        yield f"there is no ThroughputProfile {profile} {sought.place} ({field}): {remedy}"


def policy_doubts(row: PolicyRow, cluster: Cluster) -> Iterator[str]:
    """The same about a SchedulingPolicy, each beginning with its field."""
    for device, remedy in _unknown(row.autoscaled, cluster):
        yield f"spec.waiting.autoscaledDevices names device type {device}, {remedy}"


def _unknown(named: Iterable[str], cluster: Cluster | None) -> Iterator[tuple[str, str]]:
    """Device types that neither the device table (slices of its devices count) nor a node knows, in order of name, with
    what to do about each.
    """
    if cluster is None:
        return
    strange = sorted(device for device in {*named} - {CPU, *cluster.devices} if not _is_slice(device, cluster))
    if not strange:
        return
    present = {node.device for node in cluster.nodes}
    for device in strange:
        if device not in present:
            near = get_close_matches(device, [*cluster.devices, *sorted(present)], n=1, cutoff=0.9)
            meant = f": did you mean {near[0]}?" if near else ": correct it, or describe it in the device file"
            yield device, f"which neither the device table nor any node knows{meant}"


def _is_slice(device: str, cluster: Cluster) -> bool:
    """Whether the name is that of a slice of a known device. A whole one is known by its very name only: products are
    matched generously, so that `nvidia-v1000` would pass for a V100.
    """
    return ("-mig-" in device or device.endswith("-shared")) and cluster.devices.cut_from(device) is not None
