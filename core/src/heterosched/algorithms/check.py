"""The schedule checker: holds a schedule against its problem without sharing a line with the strategies.

It asks for what a schedule promises: every task once, on nodes that offer the device, not before its inputs, never more
on a node than the node has, and the time that the task takes. Makespan and joules are computed from scratch.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from heterosched.algorithms.base import Problem
from heterosched.model import Assignment, Demand, Node, Schedule

SLACK = 1e-6
"""Seconds (and relative share) by which sums of floats at epoch size may be off."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What a schedule amounts to: seconds from `now` to the last finish, joules that its tasks add.

    `idle_joules`: what nodes draw because it keeps them on or wakes them (`Node.idle_watts`, `Node.wake_joules`).
    """

    makespan: float
    joules: float
    idle_joules: float = 0.0


def totals(problem: Problem, schedule: Schedule) -> Totals:
    """Makespan and energy of the tasks that the schedule places, from their parts."""
    finish, joules = problem.now, 0.0
    for assignment in schedule.assignments.values():
        option = assignment.option
        finish = max(finish, assignment.start + problem.launch_seconds + option.seconds)
        joules += len(assignment.nodes) * option.watts * option.seconds
    idle = sum(_idle(problem, schedule, node) for node in problem.cluster.nodes if node.idle_watts or node.wake_joules)
    return Totals(finish - problem.now, joules, idle)


def _idle(problem: Problem, schedule: Schedule, node: Node) -> float:
    """Goes through all moments at which something begins or ends on the node, with the schedule and without it."""
    others = [
        (own.start, min(own.finish, problem.horizon))
        for own in problem.cluster.reservations
        if own.node == node.name and min(own.finish, problem.horizon) > problem.now
    ]
    ours = [
        (own.start, own.finish, _contained(node, own))
        for own in schedule.assignments.values()
        if node.name in own.nodes
    ]
    borders = {moment for span in (*others, *ours) for moment in span[:2] if problem.now < moment < math.inf}
    moments = [problem.now, *sorted(borders)]
    lasts = [after - moment for moment, after in pairwise([*moments, math.inf])]
    without = [any(start <= moment < finish for start, finish in others) for moment in moments]
    parts = [[part for start, finish, part in ours if start <= moment < finish] for moment in moments]
    together = [theirs or bool(own) for theirs, own in zip(without, parts, strict=True)]
    alone = sum(
        node.idle_watts * seconds * (1.0 - min(1.0, sum(own)))
        for seconds, theirs, own in zip(lasts, without, parts, strict=True)
        if own and not theirs
    )
    return alone + _wakes(node, together, lasts, without[0]) - _wakes(node, without, lasts, without[0])


def _wakes(node: Node, on: list[bool], lasts: list[float], awake: bool) -> float:
    """Joules of all times at which the node goes on: woken, or left idling where that took less.

    `awake`: it is on at the beginning.
    """
    joules, off = 0.0, 0.0 if awake else math.inf
    for is_on, seconds in zip(on, lasts, strict=True):
        if is_on and off > 0:
            joules += node.wake_joules if off == math.inf else min(node.wake_joules, node.idle_watts * off)
        off = 0.0 if is_on else off + seconds
    return joules


def _contained(node: Node, own: Assignment) -> float:
    """Part of the node's idle draw that is in the watts of the task: of its GPUs, or of its cores on a node without."""
    has, need = node.allocatable, own.option.demand
    part = need.gpus / has.gpus if has.gpus > 0 else need.cpu / has.cpu if has.cpu > 0 else 0.0
    return min(1.0, own.nodes.count(node.name) * part)


def check(problem: Problem, schedule: Schedule) -> list[str]:
    """Everything that is wrong with the schedule, for people; empty where it is sound."""
    expected = set(problem.graph.tasks) - set(problem.fixed)
    found = [f"{name}: not placed" for name in sorted(expected - set(schedule.assignments))]
    found += [f"{name}: not asked for" for name in sorted(set(schedule.assignments) - expected)]
    if found:
        return found
    found += [fault for name, own in schedule.assignments.items() for fault in _place_faults(problem, name, own)]
    found += [
        fault for name, own in schedule.assignments.items() for fault in _time_faults(problem, name, own, schedule)
    ]
    return found + list(_overbooking(problem, schedule))


def _place_faults(problem: Problem, name: str, own: Assignment) -> Iterator[str]:
    task = problem.graph.tasks[name]
    if own.task != name:
        yield f"{name}: stands under the name of {own.task}"
    if own.option not in task.options:
        yield f"{name}: runs in a way that it does not have"
    if len(own.nodes) != own.option.workers:
        yield f"{name}: {len(own.nodes)} places for {own.option.workers} workers"
    for place in sorted(set(own.nodes)):
        node = problem.cluster.node(place)
        if node is None:
            yield f"{name}: there is no node {place}"
            continue
        if not node.ready:
            yield f"{name}: {place} takes no pods"
        if own.option.device not in (node.device, "cpu"):
            yield f"{name}: {place} does not offer {own.option.device}"
        if task.nodes is not None and place not in task.nodes:
            yield f"{name}: {place} is excluded by its template"
        aligned = [option.nodes for option in task.options if option == own.option and option.nodes is not None]
        if aligned and not any(place in names for names in aligned):
            yield f"{name}: {place} cannot align it"


def _time_faults(problem: Problem, name: str, own: Assignment, schedule: Schedule) -> Iterator[str]:
    if own.start < max(problem.now, dict(problem.ready).get(name, -math.inf)) - SLACK:
        yield f"{name}: starts before it may"
    lasts = problem.launch_seconds + own.option.seconds
    if not math.isclose(own.finish - own.start, lasts, rel_tol=SLACK, abs_tol=SLACK):
        yield f"{name}: takes {own.finish - own.start} s instead of {lasts} s"
    for edge in problem.graph.edges:
        if edge.consumer != name:
            continue
        before = problem.fixed.get(edge.producer) or schedule.assignments[edge.producer]
        remote = set(own.nodes) - set(before.nodes)
        link = problem.cluster.link
        moving = link.latency_seconds + edge.size_bytes / link.bytes_per_second if remote and edge.size_bytes else 0.0
        if own.start < before.finish + moving - SLACK:
            yield f"{name}: starts at {own.start}, the data of {edge.producer} is there at {before.finish + moving}"


def _overbooking(problem: Problem, schedule: Schedule) -> Iterator[str]:
    """Nodes that hold more than they have at the start of one of our tasks, where load can only rise."""
    held: dict[str, list[tuple[float, float, Demand]]] = defaultdict(list)
    for reservation in problem.cluster.reservations:
        finish = min(reservation.finish, problem.horizon)
        held[reservation.node].append((reservation.start, finish, reservation.demand))
    for own in schedule.assignments.values():
        for place in own.nodes:
            held[place].append((own.start, own.finish, own.option.demand))
    nodes = {node.name: node for node in problem.cluster.nodes}
    for own in schedule.assignments.values():
        for place, workers in Counter(place for place in own.nodes if place in nodes).items():
            moments = {own.start, *(start for start, _, _ in held[place] if own.start < start < own.finish)}
            for moment in sorted(moments):
                if moment < own.finish - SLACK and _exceeds(nodes[place], held[place], moment + SLACK / 2, own):
                    yield f"{own.task}: {place} holds more than it has at {moment} ({workers} workers of it)"
                    break


def _exceeds(node: Node, held: list[tuple[float, float, Demand]], moment: float, own: Assignment) -> bool:
    at_once = [demand for start, finish, demand in held if start <= moment < finish - SLACK / 2]
    has, needs = node.allocatable, own.option.demand
    return any(
        need > 0 and sum(amounts) > have * (1 + SLACK) + SLACK
        for need, have, amounts in (
            (needs.cpu, has.cpu, [demand.cpu for demand in at_once]),
            (needs.memory, has.memory, [demand.memory for demand in at_once]),
            (needs.gpus, has.gpus, [demand.gpus for demand in at_once]),
        )
    )
