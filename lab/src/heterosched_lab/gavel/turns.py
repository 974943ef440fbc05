"""From the simulator's view to a turn of a round-based policy, and from its answer to stops and starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from heterosched.algorithms.rounds import IDLE, Floats, Ints, Turn
from heterosched_lab.gavel.allocation import isolated
from heterosched_lab.simulate.types import Action, Start, Stop, View

ROUND_SECONDS = 360.0

Decide = Callable[[Turn, Ints], Ints]
"""Device type of each job for the next round, or IDLE; the second argument has the jobs' rows in the trace."""


class InRounds:
    """A scheduler that asks `decide` before every round. `blind`: it is not told how much work jobs still need.

    Expects one node per device type, so that a type is a place.
    """

    round_seconds = ROUND_SECONDS

    def __init__(self, name: str, decide: Decide, blind: bool = False) -> None:
        self.name, self._decide, self._blind = name, decide, blind
        self._alone: dict[int, float] = {}
        self._fair: dict[int, float] = {}
        self._before = 0.0

    def decide(self, view: View) -> Iterable[Action]:
        """Stops and starts that turn what runs into what is to run; what stays where it is goes on."""
        turn = self._turn(view)
        wanted = self._decide(turn, view.active)
        moved = np.flatnonzero(wanted != turn.held)
        actions: list[Action] = [Stop(int(view.active[row])) for row in moved if turn.held[row] != IDLE]
        for row in moved:
            if wanted[row] != IDLE:
                actions.append(
                    Start(int(view.active[row]), (self._node(view, int(wanted[row])),) * int(turn.width[row]))
                )
        return actions

    def _turn(self, view: View) -> Turn:
        seconds = view.estimates[view.active]
        best = np.nanmin(seconds, axis=1)
        rate = np.where(np.isnan(seconds), 0.0, best[:, None] / np.where(np.isnan(seconds), 1.0, seconds))
        done = view.done[view.active]
        width = np.array([view.jobs[job].workers for job in view.active], dtype=np.int64)
        age = view.now - np.array([view.jobs[job].arrival for job in view.active])
        capacity = self._capacity(view)
        held = np.full(len(width), IDLE, dtype=np.int64)
        column = {device: index for index, device in enumerate(view.devices)}
        for row, job in enumerate(view.active):
            if int(job) in view.placed:
                held[row] = column[view.nodes[view.placed[int(job)][0]].device]
        fair = self._fair_seconds(view, isolated(rate, width, capacity), best)
        unknown = np.full(len(width), np.nan)
        remaining = unknown if self._blind else best * (1.0 - done)
        return Turn(
            rate,
            remaining,
            best * done,
            width,
            held,
            age,
            unknown if self._blind else fair,
            capacity,
            self.round_seconds,
        )

    def _fair_seconds(self, view: View, speed: Floats, best: Floats) -> Floats:
        """Seconds from each job's arrival to its end with an N-th of the cluster, N as it was and stays as it is."""
        found = np.empty(len(speed))
        passed = view.now - self._before
        for row, job in enumerate(view.active.tolist()):
            arrival = view.jobs[job].arrival
            if job not in self._fair:
                self._alone[job] = self._alone.get(job, 0.0) + speed[row] * min(passed, view.now - arrival)
                if self._alone[job] >= best[row]:
                    self._fair[job] = view.now - arrival - (self._alone[job] - best[row]) / speed[row]
            if job in self._fair:
                found[row] = self._fair[job]
            else:
                found[row] = view.now - arrival + (best[row] - self._alone[job]) / speed[row]
        self._before = view.now
        return found

    @staticmethod
    def _capacity(view: View) -> Ints:
        found = np.zeros(len(view.devices), dtype=np.int64)
        column = {device: index for index, device in enumerate(view.devices)}
        for index, node in enumerate(view.nodes):
            if index not in view.lost:
                found[column[node.device]] += node.gpus
        return found

    @staticmethod
    def _node(view: View, kind: int) -> int:
        device = view.devices[kind]
        return next(index for index, node in enumerate(view.nodes) if node.device == device)
