"""Peers: each takes waiting jobs in a fixed order and starts one at once wherever its rule likes a free GPU best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from heterosched_lab.simulate.types import Start, View
from heterosched_lab.zeus.ways import Way, ways


class Greedy:
    """First come, first served, never leaving a GPU free that the next job can use. Subclasses say which is best."""

    name = ""
    round_seconds = 0.0

    def __init__(self) -> None:
        self._known: dict[int, tuple[Way, ...]] = {}

    def decide(self, view: View) -> Iterator[Start]:
        """Start as many jobs as there are free GPUs for."""
        free = [int(own) for own in view.free]
        for job in self.order(view):
            if not any(free):
                return
            open_ = [way for way in self.ways(view, job) if free[way.node] > 0 and way.node not in view.lost]
            if open_:
                best = self.best(open_)
                free[best.node] -= 1
                yield Start(job, (best.node,), best.cap)

    def ways(self, view: View, job: int) -> tuple[Way, ...]:
        """All ways of a job; nothing about them changes."""
        if job not in self._known:
            self._known[job] = ways(view, job)
        return self._known[job]

    def order(self, view: View) -> Sequence[int]:
        """The waiting jobs by arrival, which is how the trace has them."""
        return [int(job) for job in view.waiting]

    def best(self, open_: Sequence[Way]) -> Way:
        """The way to take, of some."""
        raise NotImplementedError


class FastestFirst(Greedy):
    """Each job on the free GPU that runs it fastest, without a cap."""

    name = "fastest_first"

    def best(self, open_: Sequence[Way]) -> Way:
        """The fastest; among equals the one of fewest joules."""
        return min((way for way in open_ if not way.cap), key=lambda way: (way.seconds, way.joules))


class ShortestFirst(FastestFirst):
    """The same with the shortest job first: what the order alone is worth."""

    name = "shortest_first"

    def order(self, view: View) -> Sequence[int]:
        """By the least run time on any type."""
        return sorted(super().order(view), key=lambda job: min(way.seconds for way in self.ways(view, job)))


class LeastEnergy(Greedy):
    """Each job on the free GPU and under the cap that take fewest joules."""

    name = "least_energy"

    def best(self, open_: Sequence[Way]) -> Way:
        """The way of fewest joules; among equals the fastest."""
        return min(open_, key=lambda way: (way.joules, way.seconds))


class BestCap(FastestFirst):
    """Each job on the free GPU that runs it fastest, under the cap that takes it fewest joules there (Zeus, NSDI 2023,
    section 4.1, with all weight on energy).
    """

    name = "best_cap"

    def best(self, open_: Sequence[Way]) -> Way:
        """The cap of fewest joules on the fastest GPU."""
        fastest = super().best(open_)
        return min((way for way in open_ if way.node == fastest.node), key=lambda way: (way.joules, way.seconds))
