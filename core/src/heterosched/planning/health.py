"""Nodes that plans go round because their GPUs are too hot or have failed, by the limits of the job's policy.

As in the extender: a GPU at the policy's limit, one that throttles, one with a hardware error, or an exporter out of
reach, where the policy leaves such a node no headroom; by a sample that is not too old. A node without
a sample is not avoided: nothing is known against it. Nodes that are not ready get nothing anyway. Tasks that use
GPUs are concerned, and none is left without a node that it could use. Where only avoided ones are left, what becomes of
its pods is the policy's to say (`thermal.exclusion`): they take one of them, or wait at the strict entry.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from heterosched.algorithms.eligible import eligible, runs
from heterosched.model import Cluster, Demand, Task, TaskGraph, Telemetry
from heterosched.model.telemetry import EXPORTERS_DOWN, GPU_TEMPERATURE, GPU_THROTTLING, GPU_XID
from heterosched.policy.table import PolicyRow


def too_hot(
    cluster: Cluster, telemetry: Telemetry, row: PolicyRow, now: float, before: Collection[str] = ()
) -> dict[str, str]:
    """Nodes to be avoided, with the reason; those avoided `before` until they are below the policy's warning, so that
    a node at its limit does not come and go with every sample.
    """
    if not telemetry.nodes:
        return {}
    names = tuple(node.name for node in cluster.nodes)
    heat, _ = telemetry.aligned(GPU_TEMPERATURE, names, now, row.max_age_seconds)
    throttling, _ = telemetry.aligned(GPU_THROTTLING, names, now, row.max_age_seconds)
    found = _failed(names, telemetry, row, now)
    for place in (throttling > 0).nonzero()[0]:
        found.setdefault(names[place], "a GPU throttles for heat or a power brake")
    for place in (heat >= row.limit_celsius).nonzero()[0]:
        found[names[place]] = f"a GPU is at its limit of {row.limit_celsius:.0f} degrees Celsius"
    for place in (heat >= min(row.warn_celsius, row.limit_celsius)).nonzero()[0]:
        if names[place] in before:
            cool = f"{row.warn_celsius:.0f} degrees Celsius"
            found.setdefault(names[place], f"a GPU that was at its limit is not below {cool} yet")
    return found


def _failed(names: tuple[str, ...], telemetry: Telemetry, row: PolicyRow, now: float) -> dict[str, str]:
    """Nodes with a fault to which the policy leaves no headroom."""
    faults = (
        (GPU_XID, row.xid_headroom, "a GPU reported a hardware error (XID {:.0f})"),
        (EXPORTERS_DOWN, row.unreachable_headroom, "Prometheus cannot reach an exporter of the node"),
    )
    found: dict[str, str] = {}
    for metric, headroom, reason in faults:
        if headroom <= 0:
            fault, _ = telemetry.aligned(metric, names, now, row.max_age_seconds)
            for place in (fault > 0).nonzero()[0]:
                found.setdefault(names[place], reason.format(fault[place]))
    return found


def avoiding(
    graph: TaskGraph, cluster: Cluster, avoided: Mapping[str, str]
) -> tuple[TaskGraph, Mapping[str, tuple[str, ...]]]:
    """The graph whose tasks with GPUs may not use the avoided nodes, where others remain; and the tasks to which none
    remains, with the avoided nodes that they could use.
    """
    if not avoided:
        return graph, {}
    everywhere = frozenset(node.name for node in cluster.nodes)
    narrowed: dict[_Kind, tuple[frozenset[str] | None, tuple[str, ...]]] = {}
    tasks: dict[str, Task] = {}
    cornered: dict[str, tuple[str, ...]] = {}
    for name, task in graph.tasks.items():
        tasks[name] = task
        if not any(option.demand.gpus > 0 for option in task.options):
            continue
        ways = frozenset((own.device, own.demand, own.workers, own.nodes) for own in task.options)
        if (task.nodes, ways) not in narrowed:
            cool = frozenset((everywhere if task.nodes is None else task.nodes) - avoided.keys())
            narrowed[task.nodes, ways] = _narrowed(cluster, task, cool, avoided)
        nodes, left = narrowed[task.nodes, ways]
        if left:
            cornered[name] = left
        tasks[name] = replace(task, nodes=nodes)
    return TaskGraph(tasks, graph.edges, graph.object), cornered


_Kind = tuple[frozenset[str] | None, frozenset[tuple[str, Demand, int, frozenset[str] | None]]]
"""The nodes that a task may use and its ways to run, as far as nodes matter to them."""


def _narrowed(
    cluster: Cluster, task: Task, cool: frozenset[str], avoided: Collection[str]
) -> tuple[frozenset[str] | None, tuple[str, ...]]:
    """The nodes that a task gets, and those among the avoided ones that it could use where it has no others."""
    cooler = replace(task, nodes=cool)
    if any(eligible(cluster.nodes, cooler, option) for option in task.options):
        return cool, ()
    hot = (node for node in cluster.nodes if node.name in avoided)
    return task.nodes, tuple(node.name for node in hot if any(runs(node, task, option) for option in task.options))
