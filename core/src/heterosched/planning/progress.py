"""Where tasks stand, as the planner needs it: what is done or on its way, and what it still holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from heterosched.model import CPU, Assignment, Cluster, Demand, Option, Reservation, Task, TaskGraph
from heterosched.planning.options import NOMINAL_SECONDS
from heterosched.planning.types import TaskProgress

WAITING = TaskProgress()

OVERDUE_SHARE = 0.1
OVERDUE_LEAST_SECONDS = 5.0
"""A task that runs longer than predicted is expected to need a tenth of its run time more, at least five seconds."""


def lost(graph: TaskGraph, progress: Mapping[str, TaskProgress]) -> frozenset[str]:
    """Tasks that will never run: failed or skipped ones and all that come after them."""
    found: set[str] = set()
    for name in graph.order:
        own = progress.get(name, WAITING).state in ("Failed", "Skipped")
        if own or any(edge.producer in found for edge in graph.parents[name]):
            found.add(name)
    return frozenset(found)


def without(graph: TaskGraph, names: frozenset[str]) -> TaskGraph:
    """The graph without these tasks and their edges."""
    if not names:
        return graph
    tasks = {name: task for name, task in graph.tasks.items() if name not in names}
    edges = tuple(edge for edge in graph.edges if edge.producer in tasks and edge.consumer in tasks)
    return TaskGraph(tasks, edges, graph.object)


def bound_to_options(graph: TaskGraph, progress: Mapping[str, TaskProgress]) -> TaskGraph:
    """The graph in which a task that has its Job keeps only the way that the Job was made for."""
    tasks = dict(graph.tasks)
    for name, own in progress.items():
        if own.state == "Created" and name in tasks:
            tasks[name] = replace(tasks[name], options=(taken_option(tasks[name], own),))
    return TaskGraph(tasks, graph.edges, graph.object)


def taken_option(task: Task, own: TaskProgress) -> Option:
    """The option that a task runs by; the nearest one where it has none such (it was edited, or a pod landed on a
    device of its variant that nobody gave a figure for). Where it has none at all nothing is known but the device.
    """
    workers = max(1, own.workers)
    if not task.options:
        return Option(own.device or CPU, NOMINAL_SECONDS, Demand(), workers=workers, variant=own.variant)

    def distance(option: Option) -> tuple[bool, bool, int]:
        return option.device != own.device, option.variant != own.variant, abs(option.workers - own.workers)

    nearest = min(task.options, key=distance)
    return replace(nearest, workers=workers)


def fixed_assignments(
    graph: TaskGraph, progress: Mapping[str, TaskProgress], cluster: Cluster, now: float, launch_seconds: float
) -> dict[str, Assignment]:
    """Tasks that are done, run, or have their Job and a known place: where they are and when they end or ended."""
    names = {node.name for node in cluster.nodes}
    found: dict[str, Assignment] = {}
    for name, task in graph.tasks.items():
        own = progress.get(name, WAITING)
        if own.state == "Waiting":
            continue
        option = taken_option(task, own)
        if own.state == "Succeeded":
            finish = min(now, own.finish if own.finish is not None else now)
            start = own.start if own.start is not None else finish - option.seconds
            found[name] = Assignment(name, option, own.nodes, min(start, finish), finish)
        elif (nodes := _places(own, option, names)) is not None:
            start, finish = _span(own, option, now, launch_seconds)
            found[name] = Assignment(name, option, nodes, start, finish)
    return found


def _places(own: TaskProgress, option: Option, names: set[str]) -> tuple[str, ...] | None:
    """Nodes of all workers: the bound ones, for the others those planned; None where a Created task's are not known."""
    open_ = Counter(own.planned) - Counter(own.nodes)
    nodes = (*own.nodes, *open_.elements())[: option.workers]
    if len(nodes) == option.workers and names.issuperset(nodes):
        return nodes
    return own.nodes if own.state == "Running" else None


def _span(own: TaskProgress, option: Option, now: float, launch_seconds: float) -> tuple[float, float]:
    """Start and predicted finish; an overdue task is expected to take a little longer."""
    start = min(now, own.start) if own.start is not None else now
    # The containers of a Created task have not started: at best they do so now.
    begun = start if own.state == "Running" else max(start + launch_seconds, now)
    finish = begun + option.seconds
    if finish <= now:
        finish = now + max(OVERDUE_LEAST_SECONDS, OVERDUE_SHARE * option.seconds)
    return start, finish


def held(fixed: Mapping[str, Assignment], now: float) -> Iterator[Reservation]:
    """What the assignments still hold from now on."""
    for assignment in fixed.values():
        if assignment.finish > now:
            for node in assignment.nodes:
                yield Reservation(node, assignment.option.demand, now, assignment.finish)
