"""Affinity: a task goes where most of its data is, if it need not wait there for long.

M. Zaharia and others: Delay Scheduling: A Simple Technique for Achieving Locality and Fairness in Cluster Scheduling.
EuroSys 2010. A task waits for the node that holds most of its input bytes for at most as long as it runs there; after
that, and where it has no data, it goes where it starts first.
"""

from __future__ import annotations

from collections import defaultdict

from heterosched.algorithms.base import Problem
from heterosched.algorithms.candidate import Candidate
from heterosched.algorithms.offers import offers
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.queueing import as_they_come
from heterosched.model import Schedule


class Affinity:
    """Free tasks in order, each near its data."""

    name = "affinity"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        placement = Placement(problem)
        for name in as_they_come(problem, lambda name: (placement.ready(name),)):
            placement.place(name, _near(placement, name, offers(placement, name, placement.arrivals(name))))
        return placement.schedule({})


def _near(placement: Placement, name: str, places: list[Candidate]) -> Candidate:
    first = min(places, key=lambda candidate: candidate.start)
    held: dict[str, float] = defaultdict(float)
    for edge in placement.problem.graph.parents[name]:
        producer = placement.placed.get(edge.producer) or placement.problem.fixed[edge.producer]
        for node in set(producer.nodes):
            held[node] += edge.size_bytes

    def bytes_at(candidate: Candidate) -> float:
        return max(held.get(placement.nodes[place].name, 0.0) for place in candidate.places)

    near = max(places, key=bytes_at)
    waits = near.start - first.start
    return near if bytes_at(near) > 0 and waits <= near.option.seconds else first
