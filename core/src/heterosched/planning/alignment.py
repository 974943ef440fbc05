"""NUMA alignment in a plan: tasks that require it are planned on nodes alone whose kubelets can ever give it.

Whether a zone has room today is the extender's to judge when the pod comes: it counts pods that no topology shows yet.
Here only that is left out which can never be, by the same reasons, so that no plan names a node where the pod would
wait for ever. Nodes without a topology are left out too: the extender's strict entry turns them down.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from heapq import nsmallest

from heterosched.api import HeteroJob
from heterosched.api.heterojob import TaskSpec
from heterosched.model import Cluster, Demand, Node, Option, Task, TaskGraph
from heterosched.model.topology import CLAIMS_UNALIGNED, NOT_KNOWN, UNALIGNED, Need, why_never_aligned
from heterosched.planning.graph import template_of
from heterosched.planning.resources import pod_need

REQUIRED = "Required"
SHOWN = 3
"""Nodes named with each reason."""

_EXPORT = "let an exporter write NodeResourceTopology objects (topology.node.k8s.io/v1alpha2)"
_REMEDY = "give nodes the kubelet's topology manager policy restricted or single-numa-node, or ask for less per worker"
_WITHOUT = "or make it Preferred"


_Kind = tuple[str, Demand, frozenset[tuple[str, float]], bool]
"""A way to run a task, as far as alignment goes: device, demand, need."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Nodes that can align a worker, None where none could run it anyway; and by reason the others that could."""

    allowed: frozenset[str] | None
    refused: Mapping[str, frozenset[str]]


class Alignment:
    """What the nodes' kubelets can align, worked out once for all tasks that are alike."""

    def __init__(self, cluster: Cluster) -> None:
        self._nodes, self._topologies = cluster.nodes, cluster.topologies
        self._verdicts: dict[tuple[_Kind, frozenset[str] | None], _Verdict] = {}
        self._told: dict[tuple[frozenset[_Kind], frozenset[str] | None], str] = {}

    def __call__(self, graph: TaskGraph, job: HeteroJob) -> TaskGraph:
        """The graph in which the ways of tasks that require alignment name the nodes that can give it. Raises
        InvalidInput (template, quantities).
        """
        specs = {spec.name: spec for spec in job.spec.tasks if spec.devices.numa == REQUIRED}
        if not specs.keys() & graph.tasks.keys():
            return graph
        tasks = {name: self._task(job, specs[name], own) if name in specs else own for name, own in graph.tasks.items()}
        return TaskGraph(tasks, graph.edges, graph.object)

    def _task(self, job: HeteroJob, spec: TaskSpec, task: Task) -> Task:
        needs, found = _needs(job, spec), {}
        for option in task.options:
            need = needs.get(option.variant, needs[""])
            kind = option.device, option.demand, frozenset(need.amounts.items()), need.roams
            if (kind, task.nodes) not in self._verdicts:
                self._verdicts[kind, task.nodes] = self._verdict(task, option, need)
            found[option.device, option.variant] = kind, self._verdicts[kind, task.nodes]
        options = tuple(replace(own, nodes=found[own.device, own.variant][1].allowed) for own in task.options)
        alike = frozenset(kind for kind, _ in found.values()), task.nodes
        if alike not in self._told:
            self._told[alike] = _told(verdict.refused for _, verdict in found.values())
        told = self._told[alike]
        what = f"spec.tasks[{task.name}].devices.numa is Required, and nodes cannot hold to it"
        return replace(task, options=options, unaligned=f"{what}: {told}" if told else "")

    def _verdict(self, task: Task, option: Option, need: Need) -> _Verdict:
        by_reason: dict[str, list[str]] = defaultdict(list)
        for node in self._nodes:
            if _could_run(node, task, option):
                by_reason[why_never_aligned(self._topologies.get(node.name), need)].append(node.name)
        allowed = frozenset(by_reason.pop("", ())) if by_reason else None
        return _Verdict(allowed, {reason: frozenset(names) for reason, names in by_reason.items()})


def _needs(job: HeteroJob, spec: TaskSpec) -> dict[str, Need]:
    """What a kubelet aligns of one worker, by variant; under "" as the template has it."""
    template, field = template_of(job, spec), f"spec.templates[{spec.template_ref}].template"
    found = {"": pod_need(template, None, job.label, field)}
    for variant in spec.variants:
        name = variant.name or ",".join(variant.devices)
        where = f"spec.tasks[{spec.name}].variants[{name}]" if variant.resources.given else field
        found[name] = pod_need(template, variant.resources, job.label, where)
    return found


def _could_run(node: Node, task: Task, option: Option) -> bool:
    """Whether a worker would fit there, were the node idle and ready, if it were not for alignment."""
    selected = task.nodes is None or node.name in task.nodes
    return selected and node.offers(option.device) and option.demand.fits(node.allocatable)


def _told(verdicts: Iterable[Mapping[str, frozenset[str]]]) -> str:
    """The reasons that leave nodes out, the commonest first, and the remedy; empty where none is left out."""
    refused: dict[str, set[str]] = defaultdict(set)
    for own in verdicts:
        for reason, names in own.items():
            refused[reason] |= names
    if not refused:
        return ""
    parts = []
    for reason, found in sorted(refused.items(), key=lambda item: (-len(item[1]), item[0])):
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        parts.append(f"{reason} ({', '.join(nsmallest(SHOWN, found))}{more})")
    remedy = [_EXPORT] if NOT_KNOWN in refused else []
    if refused.keys() - {NOT_KNOWN, UNALIGNED, CLAIMS_UNALIGNED}:  # the latter two are the pod's own matter
        remedy.append(_REMEDY)
    return f"{'; '.join(parts)}; {', '.join([*remedy, _WITHOUT])}"
