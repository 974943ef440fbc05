"""Where tasks stand, as the planner needs it: what is done or on its way, and what it still holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from heterosched.model import CPU, Assignment, Demand, Option, Reservation, Task, TaskGraph
from heterosched.planning.options import NOMINAL_SECONDS
from heterosched.planning.types import TaskProgress

WAITING = TaskProgress()

MOST_DONE = 0.99
"""No more of a training than this counts as done before it has ended: there is always something left to plan."""

OVERDUE_SHARE = 0.1
OVERDUE_LEAST_SECONDS = 5.0
"""A task that runs longer than predicted is expected to need a tenth of its run time more, at least five seconds."""


def lost(graph: TaskGraph, progress: Mapping[str, TaskProgress]) -> frozenset[str]:
    """Tasks that will never run: failed or skipped ones and all that come after them."""
    return with_followers(
        graph, [name for name in graph.tasks if progress.get(name, WAITING).state in ("Failed", "Skipped")]
    )


def with_followers(graph: TaskGraph, names: Collection[str]) -> frozenset[str]:
    """These tasks and all that come after them."""
    found = set(names)
    for name in graph.order:
        if any(edge.producer in found for edge in graph.parents[name]):
            found.add(name)
    return frozenset(found)


def without(graph: TaskGraph, names: frozenset[str]) -> TaskGraph:
    """The graph without these tasks and their edges."""
    if not names:
        return graph
    tasks = {name: task for name, task in graph.tasks.items() if name not in names}
    edges = tuple(edge for edge in graph.edges if edge.producer in tasks and edge.consumer in tasks)
    return TaskGraph(tasks, edges, graph.object)


def shortened(graph: TaskGraph, progress: Mapping[str, TaskProgress]) -> TaskGraph:
    """The graph in which a training that goes on where an earlier attempt has stopped has only the rest to do."""
    tasks = {
        name: replace(graph.tasks[name], options=tuple(_rest(option, own.done) for option in graph.tasks[name].options))
        for name, own in progress.items()
        if own.done > 0 and name in graph.tasks
    }
    return TaskGraph({**graph.tasks, **tasks}, graph.edges, graph.object) if tasks else graph


def _rest(option: Option, done: float) -> Option:
    return replace(option, seconds=option.seconds * (1.0 - min(done, MOST_DONE)))


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
    return replace(_nearest(task, own.device, own.variant, own.workers, own.cap_watts), workers=workers)


def _nearest(task: Task, device: str, variant: str, workers: int, cap_watts: float = 0.0) -> Option:
    def distance(option: Option) -> tuple[bool, bool, int, bool, float]:
        other = (option.device != device, option.variant != variant, abs(option.workers - workers))
        return (*other, option.cap_watts != cap_watts, option.cap_watts)

    return min(task.options, key=distance)


def placed_option(task: Task, own: TaskProgress, places: Sequence[str], devices: Mapping[str, str]) -> Option:
    """The option that a task runs by on these nodes: workers on several device types make a way of their own.

    `devices`: type of each node of the cluster. The planned run time counts as long as the workers are of the types
    that it was planned for.
    """
    option = taken_option(task, own)
    kinds = [devices.get(node, option.device) for node in places] if option.demand.gpus > 0 else []
    if task.options and len(set(kinds)) > 1:
        option = _mixed(task, option, places, kinds)
    as_planned = not own.planned or not kinds or Counter(kinds) == Counter(devices.get(node) for node in own.planned)
    return replace(option, seconds=own.seconds) if own.seconds and as_planned else option


def _mixed(task: Task, option: Option, places: Sequence[str], kinds: Sequence[str]) -> Option:
    """Workers of several types share the work by their speed; the type with most of them stands for all."""
    counts = Counter(kinds)
    ways = {kind: _nearest(task, kind, option.variant, option.workers) for kind in counts}
    rates = {kind: 1.0 / (way.seconds * way.workers) for kind, way in ways.items()}
    lead = max(counts, key=lambda kind: (counts[kind], rates[kind]))
    watts = {node: ways[kind].watts for node, kind in zip(places, kinds, strict=True)}
    return replace(
        ways[lead],
        seconds=1.0 / sum(rates[kind] for kind in kinds) * len(kinds) / option.workers,
        workers=option.workers,
        watts=sum(watts[node] for node in places) / len(places),
        node_watts=tuple(watts.items()),
        scaled_from=next((way.scaled_from for way in ways.values() if way.scaled_from), ""),
    )


def fixed_assignments(
    graph: TaskGraph, progress: Mapping[str, TaskProgress], devices: Mapping[str, str], now: float, launch: float
) -> dict[str, Assignment]:
    """Tasks that are done, run, or have their Job and a known place: where they are and when they end or ended.

    `devices`: type of each node of the cluster, by name; `launch`: seconds from a Job's creation to its run.
    """
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
        elif (places := _places(own, option, devices)) is not None:
            option = placed_option(task, own, places, devices)
            start, finish = _span(own, option, now, launch)
            found[name] = Assignment(name, option, places, start, finish)
    return found


def _places(own: TaskProgress, option: Option, names: Collection[str]) -> tuple[str, ...] | None:
    """Nodes of all workers: the bound ones, for the others those planned; None where a Created task's are not known."""
    open_ = Counter(own.planned) - Counter(own.nodes)
    nodes = (*own.nodes, *open_.elements())[: option.workers]
    if len(nodes) == option.workers and all(node in names for node in nodes):
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
