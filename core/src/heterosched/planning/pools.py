"""What tasks share beside the nodes: watts under a cap, a namespace's quota. A start that would pass one is held back.

Caps count what the devices of all HeteroJobs' tasks draw, and GPUs that others hold with the device table's busy power;
cores that others hold are not counted. A cap acts on the jobs of the policy that states it.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from heterosched.algorithms.timeline import NodeTimeline
from heterosched.errors import InvalidInput
from heterosched.model import Cluster, Demand, Node, Option, TaskGraph
from heterosched.model.cluster import EPSILON
from heterosched.planning.due import QUOTA_EXCEEDED, WAITING_FOR_POWER
from heterosched.planning.estimates import drawn_watts
from heterosched.planning.types import NOTHING, Quota
from heterosched.policy.table import PolicyRow, PowerCap

RESOURCES = ("cores", "GiB of memory", "GPUs")
"""How a quota's amounts are called, in the order of `Demand`."""
BYTES_PER_GI = 2.0**30

Taking = Callable[[Option, Sequence[str]], Demand]
"""What an option on these nodes takes of a pool. Watts stand in the place of cores: a pool has one kind of contents."""


@dataclass(eq=False)
class Pool:
    """Free amounts over time (seconds after the plan's now), what a task takes of it, the reason to wait for it and the
    name under which people know it. `hard`, `resources`: the whole of it and how its amounts are called, where the name
    alone does not tell.
    """

    reason: str
    timeline: NodeTimeline
    taking: Taking
    name: str = ""
    hard: Demand = NOTHING
    resources: Sequence[str] = ()

    def copy(self) -> Pool:
        """The same, to be changed on its own."""
        return Pool(self.reason, self.timeline.copy(), self.taking, self.name, self.hard, self.resources)

    def told(self, start: float, seconds: float, option: Option, nodes: Sequence[str]) -> str:
        """The name with what the task asks, what is used and the limit, of each amount that is short at that time."""
        first = bisect_right(self.timeline.times, start) - 1
        last = max(first + 1, bisect_left(self.timeline.times, start + seconds))
        least = [min(amounts) for amounts in zip(*self.timeline.free[first:last], strict=True)]
        asked, hard = (
            (own.cpu, own.memory / BYTES_PER_GI, own.gpus) for own in (self.taking(option, nodes), self.hard)
        )
        free = (least[0], least[1] / BYTES_PER_GI, least[2])
        short = [
            f"{name}: asked {wanted:.4g}, used {whole - left:.4g} of {whole:.4g}"
            for name, wanted, whole, left in zip(self.resources, asked, hard, free, strict=False)
            if wanted > left + EPSILON
        ]
        return f"{self.name} ({', '.join(short)})" if short else self.name

    def earliest(self, ready: float, seconds: float, option: Option, nodes: Sequence[str]) -> float:
        """The first start from `ready` on at which the task leaves the pool whole; infinity where it never does."""
        return self.timeline.earliest(ready, seconds, self.taking(option, nodes))

    def take(self, start: float, finish: float, option: Option, nodes: Sequence[str]) -> None:
        """Take what the task needs from `start` to `finish`."""
        if finish > max(start, 0.0):
            self.timeline.take(max(start, 0.0), finish, self.taking(option, nodes))

    def give(self, start: float, finish: float, option: Option, nodes: Sequence[str]) -> None:
        """Give back what `take` has taken."""
        if finish > max(start, 0.0):
            self.timeline.take(max(start, 0.0), finish, self.taking(option, nodes).times(-1.0))


def power_pool(watts: float, name: str, members: Collection[str] | None = None) -> Pool:
    """A cap over these nodes (None: all)."""

    def taking(option: Option, nodes: Sequence[str]) -> Demand:
        return Demand(sum(option.watts_on(node) for node in nodes if members is None or node in members))

    return Pool(WAITING_FOR_POWER, NodeTimeline(Demand(watts)), taking, name)


def cap_pools(row: PolicyRow, cluster: Cluster, now: float, horizon: float) -> list[Pool]:
    """One pool per cap of the policy, with what GPUs draw that others hold."""
    found = []
    nodes = {node.name: node for node in cluster.nodes}
    for cap in row.caps:
        members = frozenset(node.name for node in cluster.nodes if in_group(node, cap)) if cap.selector else None
        others = [own for own in cluster.reservations if own.demand.gpus > 0 and own.node in nodes]
        others = [own for own in others if members is None or own.node in members]
        drawn = [_drawn(nodes[own.node], own.demand, cluster) for own in others]
        name = f"{cap.where} of SchedulingPolicy {row.name}"
        if drawn:
            name += f" ({sum(drawn):.0f} of its {cap.watts:.0f} W are held by pods of no HeteroJob)"
        pool = power_pool(cap.watts, name, members)
        for held, watts in zip(others, drawn, strict=True):
            other = Option(nodes[held.node].device, 1.0, held.demand, watts)
            pool.take(held.start - now, min(held.finish, horizon) - now, other, (held.node,))
        found.append(pool)
    return found


def _drawn(node: Node, demand: Demand, cluster: Cluster) -> float:
    """Watts of a pod's devices at the most; pods that share a device by time draw no more than it together."""
    return drawn_watts(node.device, None, demand, cluster.devices) / node.shares


def in_group(node: Node, cap: PowerCap) -> bool:
    """Whether the node counts under the cap."""
    return all(node.labels.get(key) == value for key, value in cap.selector.items())


def quota_pools(quotas: Iterable[Quota]) -> list[Pool]:
    """Pools for the resources of each quota and for its number of pods; what others use is taken for good."""
    found = []
    for quota in quotas:
        name, left = f"ResourceQuota {quota.name}", quota.hard - quota.used
        free = Demand(max(0.0, left.cpu), max(0.0, left.memory), max(0.0, left.gpus))
        found.append(Pool(QUOTA_EXCEEDED, NodeTimeline(free), _resources, name, quota.hard, RESOURCES))
        if quota.pods < math.inf:
            pods = Demand(max(0.0, quota.pods - quota.used_pods))
            found.append(Pool(QUOTA_EXCEEDED, NodeTimeline(pods), _pods, name, Demand(quota.pods), ("pods",)))
    return found


def _resources(option: Option, nodes: Sequence[str]) -> Demand:
    return option.demand.times(max(1, len(nodes)))


def _pods(option: Option, nodes: Sequence[str]) -> Demand:
    """Pods stand in the place of cores."""
    return Demand(max(1, len(nodes)))


def workers_within(pools: Iterable[Pool], demand: Demand, most: int) -> int:
    """How many workers of this demand, `most` at most, the quotas among the pools leave room for now."""
    quotas, worker = [pool for pool in pools if pool.reason == QUOTA_EXCEEDED], Option("", 1.0, demand)
    for count in range(most, 0, -1) if quotas else ():
        if all(pool.earliest(0.0, 0.0, worker, ("",) * count) <= 0.0 for pool in quotas):
            return count
    return 0 if quotas else most


def check_caps(
    graph: TaskGraph, names: Collection[str], row: PolicyRow, job_cap: float | None, cluster: Cluster
) -> None:
    """Raises InvalidInput where a cap is below the least that one of the tasks can draw: it could never start."""
    policy = f"SchedulingPolicy {row.name}"
    for name in names:
        options = graph.tasks[name].options
        least = min((option.watts * option.workers for option in options), default=0.0)
        if job_cap is not None and least > job_cap:
            raise _contradiction(graph.object, "spec.powerCapWatts", name, least, job_cap)
        for cap in row.caps:
            if not cap.selector and least > cap.watts:
                raise _contradiction(policy, cap.where, f"{name} of {graph.object}", least, cap.watts)
            if cap.selector and all(_inside(graph, name, option, cap, cluster) for option in options) and options:
                least_inside = min(option.watts for option in options)
                if least_inside > cap.watts:
                    raise _contradiction(policy, cap.where, f"{name} of {graph.object}", least_inside, cap.watts)


def _inside(graph: TaskGraph, name: str, option: Option, cap: PowerCap, cluster: Cluster) -> bool:
    """Whether every node that offers the option's device counts under the cap."""
    allowed = graph.tasks[name].nodes
    offering = [
        node for node in cluster.nodes if node.offers(option.device) and (allowed is None or node.name in allowed)
    ]
    return bool(offering) and all(in_group(node, cap) for node in offering)


def _contradiction(object: str, field: str, task: str, least: float, cap: float) -> InvalidInput:
    problem = f"{cap:g} W is less than the {least:g} W that task {task} draws at least"
    return InvalidInput(object, field, problem, "raise the cap, lower workers.min or allow a device that draws less")


def within_limits(
    graph: TaskGraph, row: PolicyRow, job_cap: float | None, quotas: Iterable[Quota]
) -> Mapping[str, tuple[Option, ...]]:
    """The options of the tasks that have some which draw more than a cap over all nodes, or take more of a quota than
    others leave: those that remain.
    """
    limit = min((cap.watts for cap in row.caps if not cap.selector), default=math.inf)
    limit, quotas = min(limit, job_cap if job_cap is not None else math.inf), tuple(quotas)
    if limit == math.inf and not quotas:
        return {}

    def fits(option: Option) -> bool:
        whole = option.demand.times(option.workers)
        held = all(
            whole.fits(quota.hard - quota.used) and option.workers <= quota.pods - quota.used_pods for quota in quotas
        )
        return held and option.watts * option.workers <= limit

    kept = {name: tuple(filter(fits, task.options)) for name, task in graph.tasks.items()}
    return {
        name: options for name, options in kept.items() if options and len(options) < len(graph.tasks[name].options)
    }
