"""How Gavel turns an allocation into rounds (Narayanan et al., OSDI 2020, section 5), and FIFO without preemption."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from heterosched.algorithms.rounds import IDLE, Floats, Ints, Turn, taken

NEVER_SERVED = 1e9
"""The factor by which an allocation outweighs others as long as nothing of it has been received."""
NOTHING = 1e-6
"""An allocation below it is none: solvers answer with so much."""


class Mechanism:
    """Rounds whose shares follow an allocation: priority = share that is due over share that was received.

    The allocation is computed anew when a job comes or goes; what was received counts from then.
    """

    def __init__(self, allocation: Callable[[Turn], Floats]) -> None:
        self._allocation = allocation
        self._jobs: tuple[int, ...] = ()
        self._due: Floats = np.zeros((0, 0))
        self._received: Floats = np.zeros((0, 0))
        self._rounds = 0

    def __call__(self, turn: Turn, jobs: Ints) -> Ints:
        """The device type of each job for the next round, or IDLE."""
        now = tuple(jobs.tolist())
        if now != self._jobs:
            self._jobs, self._rounds = now, 0
            due = self._allocation(turn)
            self._due = np.where((due > NOTHING) & (turn.rate > 0), due, 0.0)
            self._received = np.zeros_like(self._due)
        share = self._received / max(1, self._rounds)
        late = self._due / np.where(share > 0, share, 1.0 / NEVER_SERVED)
        found = taken(late, turn.width, turn.capacity)
        self._rounds += 1
        rows = np.flatnonzero(found != IDLE)
        self._received[rows, found[rows]] += 1.0
        return found


class Fifo:
    """First in, first out on types drawn by lot, as Gavel's FIFO has it: nobody overtakes, nobody is moved."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def __call__(self, turn: Turn, jobs: Ints) -> Ints:
        """The device type of each job for the next round, or IDLE."""
        found = turn.held.copy()
        left = turn.capacity.copy()
        for row in np.flatnonzero(found != IDLE):
            left[found[row]] -= turn.width[row]
        for row in np.lexsort((jobs, -turn.age)):
            if found[row] != IDLE:
                continue
            fits = np.flatnonzero((left >= turn.width[row]) & (turn.rate[row] > 0))
            if not len(fits):
                break
            found[row] = self._rng.choice(fits)
            left[found[row]] -= turn.width[row]
        return found
