"""JPS as a participant: the production solver places jobs whose sizes the trace has fixed, before every round.

A gang is one worker of JPS, a pod with all its devices: the trace fixes sizes, and the cluster runs a gang on one
device type. Gangs of one width are solved together (as the planner does with training whose workers take the same
number of GPUs), the width first whose oldest job waits longest. What runs counts as held and moves only where the
solver finds it worth the restart; it is never preempted for others, as in production.
"""

from __future__ import annotations

import numpy as np

from heterosched.algorithms.rounds import IDLE, Ints, Turn
from heterosched.jps import Answer, Parameters, Speed, TrainingJob, Worker, build_instance, solve

BATCH = 64
"""Samples per iteration; one worker computes all of them, so the figure changes nothing."""


class JpsRounds:
    """JPS with the given parameters (default: those of a policy that gives none); a restart costs `restart_seconds`."""

    def __init__(self, seed: int, restart_seconds: float, parameters: Parameters | None = None) -> None:
        self._rng = np.random.default_rng(seed)
        self._parameters = parameters or Parameters()
        self._restart = restart_seconds
        self._jobs: tuple[int, ...] = ()

    def __call__(self, turn: Turn, jobs: Ints) -> Ints:
        """The device type of each job for the next round, or IDLE."""
        found = turn.held.copy()
        now = tuple(jobs.tolist())
        if now == self._jobs:
            return found
        self._jobs = now
        left = turn.capacity.copy()
        for row in np.flatnonzero(found != IDLE):
            left[found[row]] -= turn.width[row]
        for width in self._widths(turn):
            self._place(turn, np.flatnonzero(turn.width == width), found, left)
        return found

    @staticmethod
    def _widths(turn: Turn) -> list[int]:
        """Widths of jobs, the one with the oldest waiting job first."""
        oldest: dict[int, float] = {}
        for row in np.flatnonzero(turn.held == IDLE):
            width = int(turn.width[row])
            oldest[width] = max(oldest.get(width, -1.0), float(turn.age[row]))
        rest = sorted(set(turn.width.tolist()) - set(oldest))
        return [*sorted(oldest, key=lambda width: (-oldest[width], -width)), *rest]

    def _place(self, turn: Turn, rows: Ints, found: Ints, left: Ints) -> None:
        """Let JPS place the jobs `rows`, of one width, on what is left and what they hold."""
        running = rows[found[rows] != IDLE]
        answer = self._solved(turn, rows, running, left)
        moves = answer is not None and any(own.changed for own in answer.placements if found[int(own.job[1:])] != IDLE)
        if answer is None or (moves and not answer.worthwhile):
            answer, running = self._solved(turn, np.setdiff1d(rows, running), running[:0], left), running[:0]
        width = int(turn.width[rows[0]])
        for row in running:
            left[found[row]] += width
        for own in answer.placements if answer is not None else ():
            kind = int(own.workers[0].split("-")[0])
            found[int(own.job[1:])] = kind
            left[kind] -= width

    def _solved(self, turn: Turn, rows: Ints, running: Ints, left: Ints) -> Answer | None:
        """What JPS answers for these jobs; None where there is no place or no job."""
        slots, held = self._slots(turn, running, left // max(1, int(turn.width[rows].max(initial=1))))
        if not slots or not len(rows):
            return None
        asked = [self._asked(turn, int(row)) for row in rows]
        speeds = {
            f"j{row}": {f"{kind}": Speed(float(rate)) for kind, rate in enumerate(turn.rate[row]) if rate > 0}
            for row in rows
        }
        return solve(build_instance(asked, slots, speeds, running=held), self._parameters, self._rng)

    def _asked(self, turn: Turn, row: int) -> TrainingJob:
        running = turn.held[row] != IDLE
        return TrainingJob(
            f"j{row}",
            BATCH,
            max(float(turn.remaining[row]), 1.0) / BATCH,
            most=1,
            priority=int(running),
            age=float(turn.age[row]),
            restart_seconds=self._restart if running else 0.0,
        )

    @staticmethod
    def _slots(turn: Turn, running: Ints, free: Ints) -> tuple[list[Worker], dict[str, str]]:
        """Places for gangs of this width: free ones, and those that running jobs hold. A name begins with the type."""
        slots = [Worker(f"{kind}-free-{n}", device=f"{kind}") for kind, count in enumerate(free) for n in range(count)]
        held = {}
        for row in running:
            slots.append(Worker(f"{turn.held[row]}-held-{row}", device=f"{turn.held[row]}"))
            held[slots[-1].name] = f"j{row}"
        return slots, held
