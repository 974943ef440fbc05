"""Work stealing: every node works off its own queue; one that has nothing left takes from the longest queue's tail.

R. D. Blumofe, C. E. Leiserson: Scheduling Multithreaded Computations by Work Stealing. Journal of the ACM 46(5), 1999.
Tasks that are free at the beginning are dealt as in static.py; one that becomes free later joins the queue of the node
that ran the last of its producers, or the shortest queue where that node cannot run it. Which node acts next is decided
by when its task could start there; an owner comes before a thief.
"""

from __future__ import annotations

import math
from collections import deque

from heterosched.algorithms.base import Problem
from heterosched.algorithms.candidate import Candidate
from heterosched.algorithms.offers import hosts, offer, offers
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.static import shares
from heterosched.model import Schedule


class WorkStealing:
    """Queues per node, dealt equally and balanced by theft."""

    name = "work_stealing"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        floor = _Floor(problem)
        while floor.step():
            pass
        return floor.placement.schedule({})


class _Floor:
    """The nodes with their queues; a step lets one of them take a task."""

    def __init__(self, problem: Problem) -> None:
        self.placement = Placement(problem)
        self.queues: list[deque[str]] = [deque() for _ in self.placement.nodes]
        self._heads: dict[int, Candidate] = {}
        graph = problem.graph
        self._waits = {
            name: sum(edge.producer not in problem.fixed for edge in graph.parents[name])
            for name in graph.tasks
            if name not in problem.fixed
        }
        parts = shares(self.placement)
        for name, open_ in self._waits.items():
            if not open_:
                nodes = self._hosts(name)
                self.queues[nodes[int(parts[name] * len(nodes))]].append(name)

    def _hosts(self, name: str) -> tuple[int, ...]:
        """The nodes that could run the task. Raises Unplaceable."""
        offers(self.placement, name, self.placement.arrivals(name))
        return hosts(self.placement, name)

    def step(self) -> bool:
        """Let the node whose task could start first take it; False where no queue holds a task."""
        owners = [position for position, queue in enumerate(self.queues) if queue]
        if not owners:
            return False
        for position in owners:
            if position not in self._heads:
                self._heads[position] = self._at(self.queues[position][0], position)
        owner = min(owners, key=lambda position: self._heads[position].start)
        name, chosen = self.queues[owner][0], self._heads[owner]
        theft = self._theft(owners, chosen.start)
        if theft is None:
            self.queues[owner].popleft()
        else:
            name, chosen, owner = theft
            self.queues[owner].pop()
        self._take(name, chosen, owner)
        return True

    def _theft(self, owners: list[int], before: float) -> tuple[str, Candidate, int] | None:
        """The tail of the longest queue and the idle node that could start it first, if sooner than any owner acts."""
        victim = max(owners, key=lambda position: len(self.queues[position]))
        name, best = self.queues[victim][-1], None
        for position in hosts(self.placement, name):
            if not self.queues[position]:
                candidate = self._at(name, position)
                if candidate.start < min(before, best.start if best else math.inf):
                    best = candidate
        return (name, best, victim) if best else None

    def _at(self, name: str, position: int) -> Candidate:
        found = offer(self.placement, name, position, self.placement.arrivals(name))
        assert found is not None, f"{name} stands in the queue of a node that cannot run it"
        return found

    def _take(self, name: str, chosen: Candidate, owner: int) -> None:
        self.placement.place(name, chosen)
        taken = {owner, *chosen.places}
        for position, head in list(self._heads.items()):  # a gang at the head of a queue lies on other nodes too
            if position in taken or not taken.isdisjoint(head.places):
                del self._heads[position]
        for edge in self.placement.problem.graph.children[name]:
            if edge.consumer in self._waits:
                self._waits[edge.consumer] -= 1
                if not self._waits[edge.consumer]:
                    nodes = self._hosts(edge.consumer)
                    near = chosen.places[0] if chosen.places[0] in nodes else None
                    home = near if near is not None else min(nodes, key=lambda place: len(self.queues[place]))
                    self.queues[home].append(edge.consumer)
