"""Nodes that get nothing new because their GPUs are too hot, by the limits of the job's policy.

As in the extender: a GPU at the policy's limit, or one that throttles, by a sample that is not too old. A node without
a sample is not avoided: nothing is known against it. Nodes that are not ready get nothing anyway. Tasks that use
GPUs are concerned, and none is left without a node that it could use: better a hot one than none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from heterosched.algorithms.eligible import runs
from heterosched.model import Cluster, Task, TaskGraph, Telemetry
from heterosched.model.telemetry import GPU_TEMPERATURE, GPU_THROTTLING
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
    found = {}
    for place in (throttling > 0).nonzero()[0]:
        found[names[place]] = "a GPU throttles for heat or power"
    for place in (heat >= row.limit_celsius).nonzero()[0]:
        found[names[place]] = f"a GPU is at its limit of {row.limit_celsius:.0f} degrees Celsius"
    for place in (heat >= min(row.warn_celsius, row.limit_celsius)).nonzero()[0]:
        if names[place] in before:
            cool = f"{row.warn_celsius:.0f} degrees Celsius"
            found.setdefault(names[place], f"a GPU that was at its limit is not below {cool} yet")
    return found


def avoiding(graph: TaskGraph, cluster: Cluster, avoided: Mapping[str, str]) -> TaskGraph:
    """The graph whose tasks with GPUs may not use the avoided nodes, where others remain."""
    if not avoided:
        return graph
    everywhere = frozenset(node.name for node in cluster.nodes)
    narrowed: dict[frozenset[str] | None, frozenset[str]] = {}
    tasks: dict[str, Task] = {}
    for name, task in graph.tasks.items():
        tasks[name] = task
        if not any(option.demand.gpus > 0 for option in task.options):
            continue
        if task.nodes not in narrowed:
            narrowed[task.nodes] = frozenset((everywhere if task.nodes is None else task.nodes) - avoided.keys())
        cooler = replace(task, nodes=narrowed[task.nodes])
        if any(runs(node, cooler, option) for option in task.options for node in cluster.nodes):
            tasks[name] = cooler
    return TaskGraph(tasks, graph.edges, graph.object)
