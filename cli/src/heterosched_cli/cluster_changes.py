"""Changes to a recorded cluster: another policy, nodes that are added, nodes that are lost. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec
import typer

from heterosched.constants import LABEL_HOSTNAME
from heterosched.errors import InvalidInput
from heterosched.model import CPU, Cluster, Demand, DeviceTable, Node
from heterosched.planning.types import JobState, PlanRequest, TaskProgress
from heterosched.policy.table import policy_row

GPUS_PER_NODE = 8
CORES_PER_GPU, MEMORY_PER_GPU = 8.0, 64 * 2.0**30
"""Of an added node where the cluster has none with its device to copy: cores and bytes for each GPU."""
CORES_PER_NODE, MEMORY_PER_CORE = 32.0, 4 * 2.0**30
"""Of an added node without a GPU where the cluster has none to copy."""
MOST_ADDED = 100_000


@dataclass(frozen=True, slots=True)
class ClusterChanges:
    """What is to be different: the policy of all jobs (empty: each its own), devices by type, nodes by name."""

    policy: str = ""
    added: tuple[tuple[str, int], ...] = ()
    removed: tuple[str, ...] = ()


def parse_added(texts: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """`nvidia-a100=8`: so many devices of a type. Raises BadParameter."""
    found = []
    for text in texts:
        parts = re.fullmatch(r"([^=]+)=(\d+)", text)
        if parts is None or not 1 <= int(parts[2]) <= MOST_ADDED:
            remedy = f"write DEVICE=COUNT with a count from 1 to {MOST_ADDED}, such as nvidia-a100=8"
            raise typer.BadParameter(f"{text!r} is no device with a number; {remedy}", param_hint="--add")
        found.append((parts[1], int(parts[2])))
    return tuple(found)


def changed(request: PlanRequest, changes: ClusterChanges) -> PlanRequest:
    """The request as if these changes had been made at its moment; what runs on a removed node starts anew.

    Raises InvalidInput (an unknown device, node or policy).
    """
    if changes.policy:
        policy_row(changes.policy, request.policies, "--policy")
    cluster = _without(request.cluster, changes.removed)
    more = [node for device, count in changes.added for node in added_nodes(cluster, device, count)]
    cluster = replace(cluster, nodes=(*cluster.nodes, *more))
    if not cluster.nodes:
        raise InvalidInput("--remove", "", "no node would be left", "leave one, or --add some")
    jobs = [_job(own, changes) for own in request.jobs]
    return replace(request, cluster=cluster, jobs=jobs)


def _without(cluster: Cluster, removed: Sequence[str]) -> Cluster:
    names = {node.name for node in cluster.nodes}
    for name in removed:
        if name not in names:
            some = ", ".join(sorted(names)[:10])
            raise InvalidInput("--remove", name, "the snapshot has no such node", f"it has {some}")
    gone = set(removed)
    return replace(
        cluster,
        nodes=tuple(node for node in cluster.nodes if node.name not in gone),
        reservations=tuple(held for held in cluster.reservations if held.node not in gone),
        topologies={name: own for name, own in cluster.topologies.items() if name not in gone},
    )


def added_nodes(cluster: Cluster, device: str, count: int) -> Iterator[Node]:
    """Nodes with `count` devices in all (of `cpu`: cores), each like the largest one of its type in the cluster.

    Raises InvalidInput where neither the cluster nor the device table knows the type.
    """
    alike = [node for node in cluster.nodes if node.device == device]
    if not alike and device != CPU and device not in cluster.devices:
        raise InvalidInput("--add", device, "is no known device type", _known(cluster.devices))
    size = _size(alike, device)
    labels = {} if not alike else {key: value for key, value in alike[0].labels.items() if key != LABEL_HOSTNAME}
    each = size.cpu if device == CPU else size.gpus
    taken = {node.name for node in cluster.nodes}
    left, number = float(count), 0
    while left > 0:
        name = f"added-{device}-{number}"
        number += 1
        if name in taken:
            continue
        share = min(1.0, left / each)
        left -= each * share
        own = Demand(size.cpu * share, size.memory * share, size.gpus * share)
        yield Node(name, device, own, labels={**labels, LABEL_HOSTNAME: name})


def _size(alike: Sequence[Node], device: str) -> Demand:
    if alike:
        return max((node.allocatable for node in alike), key=lambda own: (own.gpus, own.cpu, own.memory))
    if device == CPU:
        return Demand(CORES_PER_NODE, CORES_PER_NODE * MEMORY_PER_CORE)
    return Demand(GPUS_PER_NODE * CORES_PER_GPU, GPUS_PER_NODE * MEMORY_PER_GPU, float(GPUS_PER_NODE))


def _known(table: DeviceTable) -> str:
    return f"known are {', '.join((CPU, *sorted(table)))}; give a table with it by --devices-file"


def _job(state: JobState, changes: ClusterChanges) -> JobState:
    gone = set(changes.removed)
    progress = {name: _kept(own, gone) for name, own in state.progress.items()}
    if not changes.policy:
        return replace(state, progress=progress)
    spec = msgspec.structs.replace(state.job.spec, policy=changes.policy)
    return replace(state, job=msgspec.structs.replace(state.job, spec=spec), progress=progress)


def _kept(own: TaskProgress, gone: set[str]) -> TaskProgress:
    """What has begun on a node that is gone begins again; what it had saved of a training is kept."""
    if own.state in ("Succeeded", "Failed", "Skipped") or not gone & {*own.nodes, *own.planned}:
        return own
    return TaskProgress(done=own.done)
