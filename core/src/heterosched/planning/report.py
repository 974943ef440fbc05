"""What a finished job gained: our placements against `fifo`, both replayed on the cost model that the run corrected.

A task that took f times its prediction would have taken f times its prediction anywhere: the factor scales all its
options, in time and, where energy was measured, in power. Both replays start on the same cluster at the same moment,
beside the same holdings of others, and leave out what the control plane takes, so that the difference is the placement
and nothing else. FIFO's figures are means over several lots (see `heterosched.algorithms.fifo`), here and in a plan.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from heterosched.algorithms.base import Objective, Problem
from heterosched.algorithms.fifo import Drawn, Fifo
from heterosched.algorithms.timeline import Timeline
from heterosched.errors import Unplaceable
from heterosched.model import Assignment, Cluster, Option, Schedule, TaskGraph
from heterosched.planning.progress import taken_option
from heterosched.planning.types import TaskProgress

Verdict = Literal["Better", "Neutral", "Worse"]

NEUTRAL_PERCENT = 1.0
"""A gain or loss of at most this share, weighed as the policy weighs time and energy, is none."""

LEAST_SECONDS = 0.001
"""Kubernetes tells times in whole seconds: a task that seems to have taken none counts with this."""


@dataclass(frozen=True, slots=True)
class TaskActual:
    """How a task went: its way, the node of each worker, when it started, its run time, and its energy if measured.

    Seconds and joules of the attempt that succeeded; `cap_watts` as it was planned, 0 for none.
    """

    device: str
    nodes: tuple[str, ...]
    start: float
    seconds: float
    variant: str = ""
    joules: float | None = None
    cap_watts: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """Ours against the baseline on the corrected cost model; percent of the baseline, above zero where we save."""

    seconds: float
    joules: float
    baseline_seconds: float
    baseline_joules: float
    saved_seconds_percent: float
    saved_energy_percent: float
    verdict: Verdict
    baseline: str = Fifo.name


def report(graph: TaskGraph, cluster: Cluster, actual: Mapping[str, TaskActual], objective: Objective) -> Report | None:
    """The gain of a finished job; None where nothing can be compared: a task did not run, or its nodes are gone.

    `graph` as it was planned; the cluster's reservations are what others held, with times as in `actual`. Where they
    leave FIFO no place at all, though the job did run, both are replayed on the idle cluster.
    """
    names = {node.name for node in cluster.nodes}
    if not graph.tasks.keys() <= actual.keys() or not all(
        actual[name].nodes and names.issuperset(actual[name].nodes) for name in graph.tasks
    ):
        return None
    corrected, ways = _corrected(graph, actual)
    problem = Problem(corrected, cluster, min(actual[name].start for name in graph.tasks), objective)
    try:
        baseline = Fifo().schedule(problem)
    except Unplaceable:
        if not cluster.reservations:
            return None
        idle = replace(cluster, reservations=())
        return report(graph, idle, actual, objective)
    ours, now = _replay(problem, actual, ways), problem.now
    seconds, baseline_seconds = ours.finish - now, baseline.start - now + baseline.mean_makespan
    saved_seconds = _saved(seconds, baseline_seconds)
    saved_energy = _saved(ours.joules, baseline.mean_joules)
    return Report(
        seconds,
        ours.joules,
        baseline_seconds,
        baseline.mean_joules,
        saved_seconds,
        saved_energy,
        verdict_of(saved_seconds, saved_energy, objective),
    )


def baseline_figures(baseline: Schedule) -> tuple[float, float]:
    """Makespan in seconds and joules of a plan's baseline: FIFO's are means over its lots."""
    if isinstance(baseline, Drawn):
        return baseline.mean_makespan, baseline.mean_joules
    return baseline.finish - baseline.start, baseline.joules


def verdict_of(saved_seconds_percent: float, saved_energy_percent: float, objective: Objective) -> Verdict:
    """Better, Neutral or Worse by the weighted mean of both savings."""
    weight = objective.time + objective.energy
    gain = (objective.time * saved_seconds_percent + objective.energy * saved_energy_percent) / weight
    return "Better" if gain > NEUTRAL_PERCENT else "Worse" if gain < -NEUTRAL_PERCENT else "Neutral"


def _saved(ours: float, baseline: float) -> float:
    """Percent of the baseline; rounding noise is no saving."""
    return round(100 * (baseline - ours) / baseline, 6) + 0.0 if baseline > 0 else 0.0


def _corrected(graph: TaskGraph, actual: Mapping[str, TaskActual]) -> tuple[TaskGraph, dict[str, Option]]:
    """The graph with every task's options scaled by measured / predicted, and the way that each task really took."""
    tasks, ways = {}, {}
    for name, task in graph.tasks.items():
        own = actual[name]
        progress = TaskProgress(
            "Succeeded", own.device, own.variant, own.nodes, len(own.nodes), cap_watts=own.cap_watts
        )
        taken = taken_option(task, progress)
        seconds = max(own.seconds, LEAST_SECONDS)
        slower = seconds / taken.seconds
        watts = own.joules / seconds / taken.workers if own.joules else taken.watts
        hungrier = watts / taken.watts if taken.watts > 0 else 1.0
        options = tuple(
            replace(option, seconds=option.seconds * slower, watts=option.watts * hungrier) for option in task.options
        )
        tasks[name] = replace(task, options=options)
        ways[name] = replace(taken, seconds=seconds, watts=watts)
    return TaskGraph(tasks, graph.edges, graph.object), ways


def _replay(problem: Problem, actual: Mapping[str, TaskActual], ways: Mapping[str, Option]) -> Schedule:
    """Our placements on the nodes and in the order in which they really started, each as early as it fits.

    What others seem to hold for good cannot have been in the way, since the task did run: then it is left out.
    """
    graph, nodes, now = problem.graph, problem.cluster.nodes, problem.now
    beside = Timeline(nodes, problem.cluster.reservations, now)
    alone = Timeline(nodes)
    placed: dict[str, Assignment] = {}
    for name in _as_started(graph, actual):
        own, ready = ways[name], _ready(problem, name, actual[name].nodes, placed)
        places = {alone.positions[node]: count for node, count in Counter(actual[name].nodes).items()}
        start = _fits(beside, places, own, ready)
        if start == math.inf:
            start = _fits(alone, places, own, ready)
        for timeline in (beside, alone):
            for place, count in places.items():
                timeline.rows[place].take(start, start + own.seconds, own.demand.times(count))
        placed[name] = Assignment(name, own, actual[name].nodes, now + start, now + start + own.seconds)
    return Schedule(placed)


def _as_started(graph: TaskGraph, actual: Mapping[str, TaskActual]) -> Iterator[str]:
    """Tasks by their real start, producers always first (clocks of different nodes may differ)."""
    position = {name: number for number, name in enumerate(graph.order)}
    waits = {name: len(graph.parents[name]) for name in graph.tasks}
    queue = [(actual[name].start, position[name], name) for name, open_ in waits.items() if not open_]
    heapq.heapify(queue)
    while queue:
        name = heapq.heappop(queue)[2]
        yield name
        for edge in graph.children[name]:
            waits[edge.consumer] -= 1
            if not waits[edge.consumer]:
                heapq.heappush(queue, (actual[edge.consumer].start, position[edge.consumer], edge.consumer))


def _ready(problem: Problem, name: str, nodes: tuple[str, ...], placed: Mapping[str, Assignment]) -> float:
    """When all inputs of the task are on its nodes, seconds after the problem's `now`."""
    ready, link = 0.0, problem.cluster.link
    for edge in problem.graph.parents[name]:
        before = placed[edge.producer]
        moving = 0.0 if set(nodes) <= set(before.nodes) else link.seconds(edge.size_bytes)
        ready = max(ready, before.finish - problem.now + moving)
    return ready


def _fits(timeline: Timeline, places: Mapping[int, int], option: Option, ready: float) -> float:
    """The earliest start at which the given numbers of workers fit on exactly these nodes."""
    start = ready
    while True:
        later = max(
            timeline.rows[place].earliest(start, option.seconds, option.demand.times(count))
            for place, count in places.items()
        )
        if later == start or later == math.inf:
            return later
        start = later
