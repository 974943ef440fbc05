"""Energy that nodes draw because a schedule keeps them on: idle power and wake-ups.

A node is on while anything holds it. What others hold keeps it on at no cost to the schedule; beyond that each second
costs the node's `idle_watts`, less the share of what a task holds, for a task's own watts contain its devices' idle
draw. A node that nobody holds at `now` is off and has to be woken (`wake_joules`); in a gap it is switched off and
woken again where that takes less than to idle through. Both figures are fields of the node and zero where it is never
off.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from heterosched.algorithms.base import Problem
from heterosched.algorithms.candidate import Candidate
from heterosched.model import Demand, Node, Option, Schedule

Span = tuple[float, float]
Held = tuple[float, float, float]
"""Start, finish and share of the node's devices that is held."""


class IdleMeter:
    """Counts idle and wake-up joules while a schedule grows, and weighs joules by the rates of their nodes."""

    def __init__(self, problem: Problem) -> None:
        self.nodes, self._rates = problem.cluster.nodes, problem.rates
        self.counts = any(node.idle_watts > 0 or node.wake_joules > 0 for node in self.nodes)
        self._theirs = _spans_of_others(problem) if self.counts else {}
        self._ours: dict[int, list[Held]] = defaultdict(list)

    def joules(self, candidate: Candidate) -> float:
        """Joules of the candidate and of its nodes because of it, weighed by the nodes' rates."""
        if not self._rates:
            return candidate.option.joules + self.added(candidate)
        drawn = drawn_joules(candidate.option, (self.nodes[place].name for place in candidate.places), self._rates)
        return drawn + self.added(candidate)

    def added(self, candidate: Candidate) -> float:
        """Joules that the candidate's nodes would draw more than without it, its own watts not counted; weighed."""
        if not self.counts:
            return 0.0
        return sum(self._rate(place) * self._added(place, candidate) for place in set(candidate.places))

    def _rate(self, place: int) -> float:
        return self._rates.get(self.nodes[place].name, 1.0) if self._rates else 1.0

    def _added(self, place: int, candidate: Candidate) -> float:
        node, theirs, ours = self.nodes[place], self._theirs.get(place, ()), self._ours[place]
        own = (candidate.start, candidate.finish, share(node, candidate.option.demand, candidate.places.count(place)))
        return node_joules(node, theirs, [*ours, own]) - node_joules(node, theirs, ours)

    def awake(self, place: int) -> bool:
        """Whether anything holds the node at any time."""
        return bool(self._theirs.get(place) or self._ours.get(place))

    def place(self, candidate: Candidate) -> None:
        """Count the candidate as placed."""
        for place in set(candidate.places) if self.counts else ():
            held = share(self.nodes[place], candidate.option.demand, candidate.places.count(place))
            self._ours[place].append((candidate.start, candidate.finish, held))


def drawn_joules(option: Option, nodes: Iterable[str], rates: Mapping[str, float]) -> float:
    """What an option's workers draw on their nodes, weighed by the nodes' rates."""
    watts = dict(option.node_watts)
    return sum(rates.get(node, 1.0) * watts.get(node, option.watts) for node in nodes) * option.seconds


def schedule_joules(schedule: Schedule, rates: Mapping[str, float]) -> float:
    """Energy that the tasks of a schedule add, weighed by the rates of their nodes."""
    if not rates:
        return schedule.joules
    return sum(drawn_joules(own.option, own.nodes, rates) for own in schedule.assignments.values())


def idle_joules(problem: Problem, schedule: Schedule) -> float:
    """Idle and wake-up joules that a schedule adds, reckoned from its assignments and weighed by the nodes' rates."""
    if not any(node.idle_watts > 0 or node.wake_joules > 0 for node in problem.cluster.nodes):
        return 0.0
    theirs = _spans_of_others(problem)
    positions = {node.name: position for position, node in enumerate(problem.cluster.nodes)}
    ours: dict[int, list[Held]] = defaultdict(list)
    for own in schedule.assignments.values():
        for name in set(own.nodes):
            node = problem.cluster.nodes[positions[name]]
            held = share(node, own.option.demand, own.nodes.count(name))
            ours[positions[name]].append((own.start - problem.now, own.finish - problem.now, held))
    nodes, rates = problem.cluster.nodes, problem.rates
    return sum(
        rates.get(nodes[place].name, 1.0) * node_joules(nodes[place], theirs.get(place, ()), held)
        for place, held in ours.items()
    )


def node_joules(node: Node, theirs: Sequence[Span], ours: Iterable[Held]) -> float:
    """Joules that `ours` make the node draw beyond `theirs`; both may overlap, times are seconds after now."""
    held = list(ours)
    if not held or not (node.idle_watts or node.wake_joules):
        return 0.0
    before, after = _union(theirs), _union([*theirs, *((start, finish) for start, finish, _ in held)])
    contained = sum(part * _outside(start, finish, before) for start, finish, part in held)
    longer = sum(
        _outside(start, finish, before) for start, finish in _union([(start, finish) for start, finish, _ in held])
    )
    return node.idle_watts * max(0.0, longer - contained) + _switching(node, after) - _switching(node, before)


def share(node: Node, demand: Demand, workers: int = 1) -> float:
    """Part of the node's idle draw that the task's own watts contain: of its GPUs, of its cores where it has none."""
    has, needs = (
        (node.allocatable.gpus, demand.gpus) if node.allocatable.gpus > 0 else (node.allocatable.cpu, demand.cpu)
    )
    return min(1.0, workers * needs / has) if has > 0 else 0.0


def _switching(node: Node, spans: Sequence[Span]) -> float:
    """Joules to wake the node at the beginning and to get it through the gaps."""
    if not spans:
        return 0.0
    gaps = (after[0] - before[1] for before, after in pairwise(spans))
    first = node.wake_joules if spans[0][0] > -math.inf else 0.0
    return first + sum(min(node.idle_watts * gap, node.wake_joules) for gap in gaps)


def _union(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for start, finish in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], finish))
        else:
            found.append((start, finish))
    return found


def _outside(start: float, finish: float, spans: Sequence[Span]) -> float:
    """Seconds of a span that lie in none of the others, which do not overlap."""
    return finish - start - sum(max(0.0, min(finish, end) - max(start, begin)) for begin, end in spans)


def _spans_of_others(problem: Problem) -> dict[int, list[Span]]:
    """When others hold each node; a span that began before now begins at minus infinity: the node is on."""
    positions = {node.name: position for position, node in enumerate(problem.cluster.nodes)}
    found: dict[int, list[Span]] = {}
    for held in problem.cluster.reservations:
        start, finish = held.start - problem.now, min(held.finish, problem.horizon) - problem.now
        if held.node in positions and finish > max(start, 0.0):
            found.setdefault(positions[held.node], []).append((start if start > 0 else -math.inf, finish))
    return {place: _union(spans) for place, spans in found.items()}
