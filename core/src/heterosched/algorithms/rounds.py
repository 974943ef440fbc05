"""Who runs on which device type for the next round: a pure policy for gangs that share a heterogeneous cluster in time.

Each pair of job and type has an index; the best pairs are taken greedily, then jobs of one width exchange their types
as long as both together gain, so that scarce types go to those who lose most without them. The index is Smith's rule
(1956) made heterogeneous: speed on the type relative to the job's best one, over powers of what remains and of the
gang's width, the latter being what others forgo. A job whose finish-time fairness (Mahajan et al., "Themis", NSDI 2020)
would be bad weighs more, and what runs already has a bonus, since a switch costs start-up time. Without known sizes
what a job has had stands for what it still needs: where sizes spread over orders of magnitude, both grow together
(Nuyens and Wierman, "The foreground-background queue: a survey", Performance Evaluation 65, 2008).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterosched.errors import InvalidInput

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

IDLE = -1

GAIN = 1e-9
"""Of the largest index: what an exchange has to gain at least, since sums of indices are rounded."""


@dataclass(frozen=True, eq=False)
class Turn:
    """What is known before a round. Rows: jobs that wait or run; columns: device types.

    rate: speed on a type over that on the job's best one, 0 where it cannot run. remaining, served: seconds of work on
    the best type that a job still needs (NaN: not known) and has had. width: devices of the gang. held: the type that
    it holds, or IDLE. age: seconds since it arrived. fair: seconds from its arrival to its end if it had one N-th of
    the cluster to itself (NaN: not known). capacity: devices of each type. round_seconds: length of the round.
    """

    rate: Floats
    remaining: Floats
    served: Floats
    width: Ints
    held: Ints
    age: Floats
    fair: Floats
    capacity: Ints
    round_seconds: float


@dataclass(frozen=True, slots=True)
class IndexPolicy:
    """The index and its parameters; all were chosen on generated traces.

    size, width: powers of what remains and of the gang's width. unfair: power of the expected fairness ratio. stay:
    share by which the index of the type that a job holds is raised. fresh_seconds: service up to which jobs of unknown
    size count as alike; blind_size: power of the service then.
    """

    size: float = 0.5
    width: float = 0.5
    unfair: float = 1.0
    stay: float = 0.3
    blind_size: float = 0.25
    fresh_seconds: float = 3600.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if not 0 <= value < np.inf or (name == "fresh_seconds" and value == 0):
                raise InvalidInput("index policy", name, f"{value!r}", "give a finite figure, zero or more")

    def index(self, turn: Turn) -> Floats:
        """The index of each pair of job and device type; 0 where the job cannot run."""
        known = np.isfinite(turn.remaining)
        sized = np.maximum(np.where(known, turn.remaining, 1.0), 1.0) ** -self.size
        blind = np.maximum(turn.served, self.fresh_seconds) ** -self.blind_size
        weight = np.where(known, sized, blind) * turn.width.astype(np.float64) ** -self.width
        told = known & np.isfinite(turn.fair) & (turn.fair > 0)
        ends = turn.age + np.where(known, turn.remaining, 0.0) + turn.round_seconds
        ratio = np.where(told, ends / np.where(told, turn.fair, 1.0), 1.0)
        found: Floats = turn.rate * (weight * ratio**self.unfair)[:, None]
        rows = np.flatnonzero(turn.held != IDLE)
        found[rows, turn.held[rows]] *= 1.0 + self.stay
        return found

    def decide(self, turn: Turn) -> Ints:
        """The device type on which each job runs in the next round, or IDLE."""
        index = self.index(turn)
        return exchanged(index, taken(index, turn.width, turn.capacity), turn.width)


def taken(index: Floats, width: Ints, capacity: Ints) -> Ints:
    """Jobs on types by falling index (above 0), as long as the gang fits; ties go to the earlier job and type."""
    left = capacity.tolist()
    types = len(left)
    found = np.full(len(width), IDLE, dtype=np.int64)
    for flat in np.argsort(-index, axis=None, kind="stable").tolist():
        job, kind = divmod(flat, types)
        if index[job, kind] <= 0 or not any(left):
            break
        if found[job] == IDLE and width[job] <= left[kind]:
            found[job] = kind
            left[kind] -= int(width[job])
    return found


def exchanged(index: Floats, found: Ints, width: Ints) -> Ints:
    """The same gangs and types after the exchanges between two jobs of one width that raise the sum of the indices.

    A job that runs may also leave its place to one that waits. Nobody gets a type on which the index is 0.
    """
    found, rows = found.copy(), np.arange(len(found))
    with_idle = np.concatenate([index, np.zeros((len(found), 1))], axis=1)  # IDLE is the last column
    alike = width[:, None] == width[None, :]
    least = GAIN * float(index.max(initial=0.0))
    while True:
        own, other = with_idle[rows, found], with_idle[:, found]
        able = (other > 0) | (found == IDLE)[None, :]
        gain = np.where(alike & able & able.T, other + other.T - own[:, None] - own[None, :], 0.0)
        if gain.max(initial=0.0) <= least:
            return found
        one, two = divmod(int(gain.argmax()), len(found))
        found[[one, two]] = found[[two, one]]
