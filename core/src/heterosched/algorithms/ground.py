"""What stays the same however a problem's tasks are ordered: who may run where, which nodes are alike, what is taken.

A strategy that tries several schedules of one problem makes this once. Nodes are addressed by their position in the
cluster. Nodes of a kind can run the same tasks in the same ways: what is reckoned for one holds for all of them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from heterosched.algorithms.base import Problem
from heterosched.algorithms.eligible import eligible
from heterosched.algorithms.openings import Openings, shortest_runs
from heterosched.algorithms.timeline import Timeline
from heterosched.model import Demand, Option, Task


@dataclass(frozen=True, slots=True)
class Places:
    """Nodes that could run an option when idle, those of its own device first; `by_kind`: the same, kind by kind."""

    nodes: tuple[int, ...]
    by_kind: Mapping[int, tuple[int, ...]]


class Ground:
    """The unchanging part of a problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.nodes = problem.cluster.nodes
        self.timeline = Timeline(self.nodes, problem.cluster.reservations, problem.now, problem.horizon)
        self._shared: dict[tuple[str, Demand, int, frozenset[str] | None, frozenset[str] | None], Places] = {}
        self._places: dict[str, tuple[Places, ...]] = {}
        self._seconds: dict[str, tuple[float, ...]] = {}

    def places(self, name: str) -> tuple[Places, ...]:
        """Where each option of the task could run."""
        found = self._places.get(name)
        if found is None:
            task = self.problem.graph.tasks[name]
            found = self._places[name] = tuple(self._eligible(task, option) for option in task.options)
        return found

    def _eligible(self, task: Task, option: Option) -> Places:
        key = (option.device, option.demand, option.workers, task.nodes, option.nodes)
        if key not in self._shared:
            found = sorted(
                eligible(self.nodes, task, option), key=lambda position: self.nodes[position].device != option.device
            )
            by_kind: dict[int, list[int]] = {}
            for position in found:
                by_kind.setdefault(self.kinds[position], []).append(position)
            self._shared[key] = Places(tuple(found), {kind: tuple(nodes) for kind, nodes in by_kind.items()})
        return self._shared[key]

    @cached_property
    def openings(self) -> Openings:
        """When nodes have room, while nothing is placed."""
        return Openings(shortest_runs(self.problem), self.timeline.rows)

    @cached_property
    def kinds(self) -> tuple[int, ...]:
        """The kind of each node, numbered from zero."""
        tasks = self.problem.graph.tasks.values()
        restrictions = {names for task in tasks for names in _restrictions(task) if names is not None}
        rates = self.problem.rates
        known: dict[object, int] = {}
        return tuple(
            known.setdefault(
                (
                    node.device,
                    node.allocatable,
                    node.ready,
                    tuple(node.name in names for names in restrictions),
                    rates.get(node.name, 1.0),
                ),
                len(known),
            )
            for node in self.nodes
        )

    @cached_property
    def sizes(self) -> Sequence[int]:
        """How many nodes there are of each kind."""
        return tuple(count for _, count in sorted(Counter(self.kinds).items()))

    def seconds(self, name: str) -> Sequence[float]:
        """Fastest run time of the task on a node of each kind, the launch included; infinity where it cannot run."""
        found = self._seconds.get(name)
        if found is None:
            launch = self.problem.launch_seconds
            if name in self.problem.fixed:
                row = [self.problem.fixed[name].option.seconds + launch] * len(self.sizes)
            else:
                row = [math.inf] * len(self.sizes)
                for option, places in zip(self.problem.graph.tasks[name].options, self.places(name), strict=True):
                    for kind in places.by_kind:
                        row[kind] = min(row[kind], option.seconds + launch)
            found = self._seconds[name] = tuple(row)
        return found

    def mean_seconds(self, name: str) -> float:
        """The same, averaged over the nodes that could run the task; zero where none could."""
        total, count = 0.0, 0
        for seconds, size in zip(self.seconds(name), self.sizes, strict=True):
            if seconds < math.inf:
                total, count = total + seconds * size, count + size
        return total / count if count else 0.0

    def transfer(self, size_bytes: float) -> float:
        """Seconds that data takes between different nodes; nothing where there is only one."""
        return self.problem.cluster.link.seconds(size_bytes) if len(self.nodes) > 1 else 0.0


def _restrictions(task: Task) -> Iterator[frozenset[str] | None]:
    yield task.nodes
    for option in task.options:
        yield option.nodes
