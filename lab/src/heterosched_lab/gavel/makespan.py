"""The earliest common end of jobs that share a cluster in rounds: whole rounds by integer programming, then by laxity.

Gavel's linear programme divides time at will; in rounds each job wastes what it does not need of its last one. So the
plan counts whole rounds per job and type (Lawler and Labetoulle, "On preemptive scheduling of unrelated parallel
processors", JACM 25(4), 1978, is the divisible case). Which jobs take their rounds when matters little until the end:
jobs with little laxity go first, what runs goes on, and the longest go before others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_matrix

from heterosched.algorithms.rounds import IDLE, Floats, Ints, Turn, taken

ENOUGH = 5e-3
"""Relative gap at which the integer programme may stop; it has one node of search, which keeps it below a second."""
NEARLY = 1e-9
MOST_ROUNDS = 2
"""Times the planned rounds after which a trial is given up."""


MARGINS = (1, 3, 10)
"""Laxities, in rounds, up to which a job goes before what runs; the one with which the jobs end first is taken."""


@dataclass(frozen=True, eq=False)
class _Jobs:
    """What does not change from round to round. gain: share of its rest that a round gives a job on a type."""

    gain: Floats
    rate: Floats
    width: Ints
    capacity: Ints

    def only(self, rows: Ints) -> _Jobs:
        return _Jobs(self.gain[rows], self.rate[rows], self.width[rows], self.capacity)


class MakespanPlanner:
    """Plans rounds when jobs arrive or the plan has run out, and follows the plan. `switch_seconds`: what it expects
    a start to cost that is not a job's first.
    """

    def __init__(self, switch_seconds: float = 0.0) -> None:
        self._switch = switch_seconds
        self._need: dict[int, Ints] = {}
        self._round, self._end, self._margin = 0, 0, MARGINS[-1]

    def __call__(self, turn: Turn, jobs: Ints) -> Ints:
        """The device type of each job for the next round, or IDLE."""
        gain = turn.rate * turn.round_seconds / turn.remaining[:, None]
        own = _Jobs(gain, turn.rate, turn.width, turn.capacity)
        names = jobs.tolist()
        if self._round >= self._end or any(name not in self._need for name in names):
            need, rounds = planned(gain, turn.width, turn.capacity)
            self._end = self._round + rounds
            lost = self._switch / turn.round_seconds
            self._margin = min(MARGINS, key=lambda margin: _ends(own, need.copy(), turn.held, rounds, margin, lost))
        else:
            need = np.array([self._need[name] for name in names])
        found, need = followed(own, need, turn.held, self._end - self._round, self._margin)
        self._need = dict(zip(names, need, strict=True))
        self._round += 1
        return found


def followed(jobs: _Jobs, need: Ints, held: Ints, left: int, margin: int) -> tuple[Ints, Ints]:
    """Types for the next round by a plan that has `left` rounds to go, and what the plan needs after it."""
    need = _trimmed(_completed(need, jobs), jobs.gain)
    found = taken(_order(need, jobs, held, left, margin), jobs.width, jobs.capacity)
    found = _filled(found, need, jobs)
    rows = np.flatnonzero(found != IDLE)
    need[rows, found[rows]] = np.maximum(0, need[rows, found[rows]] - 1)
    return found, need


def _order(need: Ints, jobs: _Jobs, held: Ints, left: int, margin: int) -> Floats:
    """An index by which jobs take the rounds they need: critical ones by laxity, then those that run, then long."""
    load = (need * jobs.width[:, None]).sum(axis=0) / jobs.capacity
    left = max(left, int(need.sum(axis=1).max()), int(np.ceil(load.max() - NEARLY)))
    laxity = left - need.sum(axis=1)
    stays = np.zeros(need.shape)
    rows = np.flatnonzero(held != IDLE)
    stays[rows, held[rows]] = 1.0
    urgent = np.where(laxity <= margin, 4.0 + margin - laxity, 1.0)[:, None]
    return np.where(need > 0, 2.0 * urgent + stays + 0.5 * need / (1.0 + need.max()), 0.0)


def _ends(jobs: _Jobs, need: Ints, held: Ints, rounds: int, margin: int, lost: float) -> float:
    """When all jobs end, in rounds, if the plan is followed with a margin. `lost`: share of a round a switch takes."""
    rest = np.ones(len(need))
    started, ends = held != IDLE, 0.0
    for now in range(int(MOST_ROUNDS * rounds)):
        rows = np.flatnonzero(rest > 0)
        if not len(rows):
            break
        left = replace(jobs.only(rows), gain=jobs.gain[rows] / rest[rows, None])
        found, need[rows] = followed(left, need[rows], held[rows], rounds - now, margin)
        runs = np.flatnonzero(found != IDLE)
        own, kind = rows[runs], found[runs]
        cost = np.where(started[own] & (held[own] != kind), lost, 0.0)
        full = jobs.gain[own, kind]
        spent = np.minimum(1.0, cost + rest[own] / full)
        over = cost + rest[own] / full <= 1.0 + NEARLY
        rest[own] = np.where(over, 0.0, rest[own] - full * (1.0 - cost))
        held = held.copy()
        held[rows] = found
        started = started | (held != IDLE)
        ends = now + float(spent.max(initial=0.0))
    return ends if not rest.any() else np.inf


def planned(gain: Floats, width: Ints, capacity: Ints) -> tuple[Ints, int]:
    """Whole rounds on each type for each job, and how many rounds all takes. gain: share of a job that a round does."""
    jobs, types = gain.shape
    pair = np.arange(jobs * types)
    job, kind = pair // types, pair % types
    span = np.full(jobs + types, jobs * types)
    rows = np.concatenate([job, jobs + job, 2 * jobs + kind, jobs + np.arange(jobs + types)])
    columns = np.concatenate([pair, pair, pair, span])
    weights = [gain.ravel(), np.ones(len(pair)), width[job].astype(float), -np.ones(jobs), -capacity.astype(float)]
    matrix = coo_matrix((np.concatenate(weights), (rows, columns)), shape=(2 * jobs + types, jobs * types + 1))
    low = np.concatenate([np.ones(jobs) - NEARLY, np.full(jobs + types, -np.inf)])
    high = np.concatenate([np.full(jobs, np.inf), np.zeros(jobs + types)])
    answer = milp(
        np.append(np.zeros(jobs * types), 1.0),
        constraints=LinearConstraint(matrix.tocsr(), low, high),
        integrality=np.append(np.ones(jobs * types), 0.0),
        bounds=Bounds(0.0, np.append(np.where(gain.ravel() > 0, np.inf, 0.0), np.inf)),
        options={"node_limit": 1, "mip_rel_gap": ENOUGH},
    )
    if answer.x is None:
        return _alone(gain), int(np.ceil(_alone(gain).sum()))
    need = np.round(answer.x[:-1]).astype(np.int64).reshape(jobs, types)
    return need, int(np.ceil(answer.x[-1] - NEARLY))


def _alone(gain: Floats) -> Ints:
    """Each job on its fastest type: what is planned where the search ends without any plan."""
    need = np.zeros(gain.shape, dtype=np.int64)
    best = gain.argmax(axis=1)
    row = np.arange(len(gain))
    need[row, best] = np.ceil(1.0 / gain[row, best] - NEARLY)
    return need


def _completed(need: Ints, jobs: _Jobs) -> Ints:
    """Further rounds for jobs that switches have left short, where the load is least afterwards."""
    need, gain, width, capacity = need.copy(), jobs.gain, jobs.width, jobs.capacity
    load = (need * width[:, None]).sum(axis=0) / capacity
    for job in np.flatnonzero((gain * need).sum(axis=1) < 1.0 - 1e-6):
        while (missing := 1.0 - float(gain[job] @ need[job])) > 1e-6:
            usable = gain[job] > 0
            rounds = np.ceil(missing / np.where(usable, gain[job], 1.0))
            after = np.where(usable, load + rounds * width[job] / capacity, np.inf)
            kind = int(after.argmin())
            need[job, kind] += 1
            load[kind] += width[job] / capacity[kind]
    return need


def _trimmed(need: Ints, gain: Floats) -> Ints:
    """Without rounds that a job does not need, since it ran where nothing was planned for it."""
    for job, kind in np.argwhere(need > 0):
        over = float(gain[job] @ need[job]) - 1.0
        if over >= gain[job, kind] > 0:
            need[job, kind] = max(0, need[job, kind] - int(over / gain[job, kind] + NEARLY))
    return need


def _filled(found: Ints, need: Ints, jobs: _Jobs) -> Ints:
    """Devices that the plan leaves idle now go to whoever gains most by them, the longest first among equals."""
    left = jobs.capacity.copy()
    for row in np.flatnonzero(found != IDLE):
        left[found[row]] -= jobs.width[row]
    waiting = (found == IDLE)[:, None]
    more = taken(np.where(waiting, jobs.rate * need.sum(axis=1)[:, None], 0.0), jobs.width, left)
    return np.where(found == IDLE, more, found)
