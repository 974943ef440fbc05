"""Gangs that wait for one device type while those of several together would do: whoever counts free devices asks why.

A gang is planned on one type, since its slowest worker would hold up the others (docs/about/limits.md).
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from heterosched.algorithms.eligible import idle_workers, runs
from heterosched.api import TaskSpec
from heterosched.model import CPU, Node, Task
from heterosched.planning.types import JobPlan
from heterosched_operator.world import World


def split_up(spec: TaskSpec, plan: JobPlan, world: World) -> str:
    """The sentence where all workers fit now on several device types together and on none alone; else "". It bears no
    figures that would change, and with them the status of each gang that waits, whenever a pod comes or goes. Training
    that JPS sizes is left out: its workers may be of several types.
    """
    task = plan.graph.tasks.get(spec.name) if plan.graph is not None else None
    if task is None or not spec.workers.gang or spec.work.training is not None:
        return ""
    allowed = sorted({option.device for option in task.options} - {CPU})
    fits = [_fit(task, device, plan.avoided, world.free_nodes.get(device, ())) for device in allowed]
    wanted = min((option.workers for option in task.options), default=0)
    if max(fits, default=0) >= wanted or sum(fits) < wanted:
        return ""
    return f"{wanted} workers need one device type; of {', '.join(allowed)} only several together have room for all now"


def _fit(task: Task, device: str, avoided: Container[str], free: Iterable[Node]) -> int:
    """How many workers the free part of the device type's nodes holds, by the way that holds the most."""
    nodes = [node for node in free if node.name not in avoided]
    ways = [option for option in task.options if option.device == device]
    usable = ([node for node in nodes if runs(node, task, way)] for way in ways)
    return max(idle_workers(own, way.demand, way.workers) for own, way in zip(usable, ways, strict=True))
