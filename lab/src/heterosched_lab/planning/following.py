"""Following a plan: making a new one when it is due, and starting what is next on the nodes it was given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from heterosched_lab.simulate.places import Places
from heterosched_lab.simulate.types import Action, Start, View

SOON = 1e-6
"""Seconds: a planned start this little ahead is now."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Where and when a job is to start, and under which power cap (0: none)."""

    job: int
    nodes: tuple[int, ...]
    start: float
    cap: float = 0.0


class Following(ABC):
    """A scheduler that plans ahead. It never stops a running job, as the product does not stop what it cannot resize.

    A new plan is made at a decision at which something waits and a device is free, but not within `every` seconds of
    the last unless nothing runs; it asks to be woken when that time is over. Between two plans the last one is
    followed: a job starts as soon as the nodes that it was given have room, unless one with an earlier planned start
    waits for one of them. `most`: so many waiting jobs, first come first, are planned; later ones could only fill gaps
    that they leave. It remembers what it has planned, so it serves one run. `caps`: under which power cap it started
    each job last (0: none).
    """

    def __init__(self, name: str, *, every: float = 0.0, most: int = 250, round_seconds: float = 0.0) -> None:
        self.name, self.round_seconds = name, round_seconds
        self._every, self._most = every, most
        self._last = -np.inf
        self._late = False
        self._plan: list[Planned] = []
        self.caps: dict[int, float] = {}

    @abstractmethod
    def planned(self, view: View, waiting: Sequence[int]) -> Iterable[Planned]:
        """A plan for these jobs beside what runs, which is free to leave some of them out."""

    def decide(self, view: View) -> Iterable[Action]:
        """Start what is due."""
        self._late = False
        if not len(view.waiting) or float(view.room.max(initial=0.0)) < 1.0:
            return []
        fresh = not len(view.running) or view.now - self._last >= self._every - SOON
        self._late = not fresh
        if fresh:
            arrivals = sorted((view.jobs[job].arrival, job) for job in map(int, view.waiting))
            found = self.planned(view, [job for _, job in arrivals[: self._most]])
            self._plan = sorted(found, key=lambda own: (own.start, own.job))
            self._last = view.now
        return self._due(view, fresh)

    def wakes(self) -> float:
        """When the plan that was not made yet is due; infinity where none is owed."""
        return self._last + self._every if self._late else np.inf

    def _due(self, view: View, fresh: bool) -> list[Action]:
        waiting, places = set(map(int, view.waiting)), Places(view)
        actions: list[Action] = []
        taken: set[int] = set()
        for own in (own for own in self._plan if own.job in waiting):
            on_time = not fresh or own.start <= view.now + SOON
            if on_time and taken.isdisjoint(own.nodes) and places.take(view.jobs[own.job], own.nodes):
                actions.append(Start(own.job, own.nodes, own.cap))
                self.caps[own.job] = own.cap
            else:
                taken.update(own.nodes)
        return actions
