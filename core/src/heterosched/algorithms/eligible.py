"""Which nodes could run a task when idle, and what is missing where none could."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from heterosched.model import Cluster, Demand, Node, Option, Task
from heterosched.model.cluster import EPSILON

_DIMENSIONS = (("cpu", "cores"), ("memory", "bytes of memory"), ("gpus", "GPUs"))


def runs(node: Node, task: Task, option: Option) -> bool:
    """Whether one worker of the task could run on the node, were it idle."""
    return (
        node.ready
        and node.offers(option.device)
        and (option.nodes is None or node.name in option.nodes)
        and (task.nodes is None or node.name in task.nodes)
        and option.demand.fits(node.allocatable)
    )


def eligible(nodes: tuple[Node, ...], task: Task, option: Option) -> tuple[int, ...]:
    """Positions of the nodes that could run the option; empty where all its workers do not fit at once."""
    found = tuple(position for position, node in enumerate(nodes) if runs(node, task, option))
    if option.workers > 1 and idle_workers((nodes[p] for p in found), option.demand, option.workers) < option.workers:
        return ()
    return found


def idle_workers(nodes: Iterable[Node], demand: Demand, most: int) -> int:
    """How many workers of this demand the nodes hold side by side when idle; at most `most`."""
    count = 0
    for node in nodes:
        count += min(_times(demand, node.allocatable), most - count)
        if count == most:
            break
    return count


def _times(demand: Demand, free: Demand) -> int:
    shares = [
        (have + EPSILON) // need
        for need, have in ((demand.cpu, free.cpu), (demand.memory, free.memory), (demand.gpus, free.gpus))
        if need > 0
    ]
    return int(min(shares)) if shares else sys.maxsize


def missing(cluster: Cluster, task: Task) -> str:
    """Why no node could run the task in any of its ways, for people: the first obstacle that all nodes share."""
    devices = sorted({option.device for option in task.options})
    wanted = " or ".join(devices) if devices else "a device"
    if not cluster.nodes:
        return f"the cluster has no node; add one that offers {wanted}"
    there = ", ".join(sorted({node.device for node in cluster.nodes}))
    if not devices:
        return (
            f"no way to run it is known on the devices of the cluster ({there}); name one in devices.allow or variants"
        )
    left = [node for node in cluster.nodes if any(node.offers(device) for device in devices)]
    if not left:
        return f"no node offers {wanted} (the cluster has {there}); {_other_device(cluster, task)} or add such a node"
    if task.nodes is not None:
        left = [node for node in left if node.name in task.nodes]
        if not left:
            return (
                f"every node that offers {wanted} is excluded by the template's node selector, affinity or a taint; "
                "add a toleration or widen the selection"
            )
    left = [node for node in left if node.ready]
    if not left:
        return f"no node that offers {wanted} is ready and takes pods; uncordon or repair one"
    if not task.unaligned:
        return _too_large(left, task)
    left = [node for node in left if any(option.nodes and _offers(node, option) for option in task.options)]
    return f"{_too_large(left, task)}; {task.unaligned}" if left else task.unaligned


def _other_device(cluster: Cluster, task: Task) -> str:
    """What makes the task use what the cluster has: where figures confine it, it is they that do not name it."""
    if task.figured_by:
        return (
            f"without variants and devices.allow the task is planned only where it has figures ({task.figured_by}): "
            "give one for another device, list in devices.allow what it may use,"
        )
    unrated = [device for device in task.unrated if any(node.offers(device) for node in cluster.nodes)]
    if unrated:
        return f"give a figure for {' or '.join(unrated)}, which is allowed and of which nothing is known,"
    return "allow another device"


def _offers(node: Node, option: Option) -> bool:
    """Whether the node has the device, and can align the worker where that is required."""
    return node.offers(option.device) and (option.nodes is None or node.name in option.nodes)


def _too_large(nodes: list[Node], task: Task) -> str:
    options = [option for option in task.options if any(_offers(node, option) for node in nodes)]
    option = min(options, key=lambda option: (option.workers, option.demand.gpus, option.demand.cpu))
    alike = [node for node in nodes if _offers(node, option)]
    for name, unit in _DIMENSIONS:
        need, largest = getattr(option.demand, name), max(getattr(node.allocatable, name) for node in alike)
        if need > largest:
            return f"it needs {need:g} {unit} on {option.device}, the largest such node has {largest:g}; ask for less"
    if option.workers == 1:
        return f"no {option.device} node has enough cores, memory and GPUs together; ask for less of one of them"
    return _too_many(nodes, [own for own in options if own.workers == option.workers])


def _too_many(nodes: list[Node], options: list[Option]) -> str:
    """Of workers that do not fit at once: how many would, on each device type that the task may use."""
    count = options[0].workers
    fits: dict[str, int] = {}
    for option in options:
        offering = [node for node in nodes if _offers(node, option)]
        fits[option.device] = max(fits.get(option.device, 0), idle_workers(offering, option.demand, count))
    if len(fits) == 1:
        ((device, fit),) = fits.items()
        return f"{count} workers on {device} are too many, {fit} fit at once; lower workers.min"
    each = ", ".join(f"{fit} on {device}" for device, fit in sorted(fits.items()))
    return f"{count} workers on one device type are too many, at once fit {each}; lower workers.min"
