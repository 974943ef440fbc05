"""The linear programmes of Gavel's policies (Narayanan et al., OSDI 2020, section 4): shares of time on device types.

An allocation has a row per job and a column per device type: the share of its time that a job should spend on the
type. Rows sum to at most 1, and no type has more than its devices handed out. Speeds are relative to the job's best
type, which changes nothing, since each policy compares a job with itself.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_matrix

from heterosched.algorithms.rounds import Floats, Ints, Turn

BARRIER_END = 1e-6
"""Of the objective: how near the barrier method comes to the optimum before it stops."""
MOST_STEPS = 120
HALVINGS = 14
"""Of the interval in which the best fairness ratio lies: three digits of it."""


def isolated(rate: Floats, width: Ints, capacity: Ints) -> Floats:
    """Speed that each job would have with one N-th of every type to itself; its time is split over the types."""
    share = capacity[None, :] / len(width) / width[:, None]
    share = share / np.maximum(1.0, share.sum(axis=1, keepdims=True))
    found: Floats = (share * rate).sum(axis=1)
    return found


def vertex(gain: Floats, width: Ints, capacity: Ints) -> Floats:
    """An allocation that maximises the smallest `gain` x time over the jobs, as the simplex method finds it."""
    jobs, types = gain.shape
    pair = np.arange(jobs * types)
    job, kind = pair // types, pair % types
    rows = np.concatenate([kind, types + job, types + jobs + job, types + jobs + np.arange(jobs)])
    columns = np.concatenate([pair, pair, pair, np.full(jobs, jobs * types)])
    values = np.concatenate([width[job].astype(float), np.ones(len(pair)), -gain.ravel(), np.ones(jobs)])
    limits = np.concatenate([capacity.astype(float), np.ones(jobs), np.zeros(jobs)])
    matrix = coo_matrix((values, (rows, columns)), shape=(types + 2 * jobs, jobs * types + 1)).tocsr()
    cost = np.zeros(jobs * types + 1)
    cost[-1] = -1.0
    upper = np.append(np.where(gain.ravel() > 0, 1.0, 0.0), np.inf)
    answer = linprog(cost, A_ub=matrix, b_ub=limits, bounds=np.column_stack([np.zeros(len(upper)), upper]))
    found: Floats = np.clip(answer.x[:-1].reshape(jobs, types), 0.0, 1.0)
    return found


def centre(gain: Floats, width: Ints, capacity: Ints) -> Floats:
    """Of the allocations that maximise the smallest `gain` x time the one farthest from all bounds.

    The optimum is hardly ever unique, and the published figures were made with an interior-point solver, which ends in
    the middle of what is optimal; a corner starves jobs that are not the bottleneck. By a logarithmic barrier.
    """
    within = _Barrier(gain, width, capacity)
    spread = np.minimum(0.9 / gain.shape[1], 0.9 * capacity / max(1, width.sum()))
    shares = np.where(gain > 0, spread, 0.0)
    least = 0.9 * float((gain * shares).sum(axis=1).min())
    weight = least
    for _ in range(MOST_STEPS):
        step, rise, decrement = within.newton(shares, least, weight)
        length = within.longest(shares, least, step, rise)
        shares, least = shares + length * step, least + length * rise
        if decrement < 0.3 * weight:
            if weight <= BARRIER_END * least:
                break
            weight *= 0.2
    return np.clip(shares, 0.0, 1.0)


class _Barrier:
    """The smallest gain plus `weight` x the logarithms of all distances to bounds, by Newton's method.

    Jobs meet only in the capacities of the types: the Hessian is a small block per job and a border of types + 1.
    """

    def __init__(self, gain: Floats, width: Ints, capacity: Ints) -> None:
        self._gain, self._width, self._capacity = gain, width[:, None], capacity
        self._usable = gain > 0

    def newton(self, shares: Floats, least: float, weight: float) -> tuple[Floats, float, float]:
        """The step of the shares, that of the objective, and the Newton decrement squared."""
        left = self._capacity - (self._width * shares).sum(axis=0)
        idle = (1.0 - shares.sum(axis=1))[:, None]
        over = ((self._gain * shares).sum(axis=1) - least)[:, None]
        inverse = np.where(self._usable, 1.0 / np.where(self._usable, shares, 1.0), 0.0)
        edge = np.where(self._usable, self._width / left, 0.0)
        slope = inverse - self._usable / idle - edge + self._gain / over
        towards = 1.0 / weight - float((1.0 / over).sum())
        blocks = self._blocks(inverse, self._usable / idle, self._gain / over)
        step, rise = _bordered(blocks, edge, -self._gain / over**2, float((1.0 / over**2).sum()), (slope, towards))
        return step, rise, weight * (float((slope * step).sum()) + towards * rise)

    def _blocks(self, inverse: Floats, each: Floats, pull: Floats) -> Floats:
        found = each[:, :, None] * each[:, None, :] + pull[:, :, None] * pull[:, None, :]
        kind = np.arange(inverse.shape[1])
        found[:, kind, kind] += np.where(self._usable, inverse**2, 1.0)
        return found

    def longest(self, shares: Floats, least: float, step: Floats, rise: float) -> float:
        """The part of a step that stays strictly inside all bounds."""
        slack, change = self._slacks(shares, least), self._slacks(step, rise)
        slack[: len(self._capacity)] += self._capacity
        slack[len(self._capacity) : len(self._capacity) + len(shares)] += 1.0
        shrinking = change < 0
        return float(min(1.0, 0.95 * np.min(-slack[shrinking] / change[shrinking], initial=1e9)))

    def _slacks(self, shares: Floats, least: float) -> Floats:
        """What is linear in the distances to the bounds: capacities, jobs' time, gains, shares."""
        time, gain = shares.sum(axis=1), (self._gain * shares).sum(axis=1)
        return np.concatenate([-(self._width * shares).sum(axis=0), -time, gain - least, shares[self._usable]])


def _bordered(
    blocks: Floats, edge: Floats, pull: Floats, corner: float, right: tuple[Floats, float]
) -> tuple[Floats, float]:
    """Solve for shares and objective where each type adds edge x edge' to the jobs' blocks, and `pull` couples both."""
    jobs, types = edge.shape
    kind = np.arange(types)
    border = np.zeros((jobs, types, types + 1))
    border[:, kind, kind] = edge
    border[:, :, types] = pull
    solved = np.linalg.solve(blocks, np.concatenate([border, right[0][:, :, None]], axis=2))
    crossed = np.einsum("jki,jkl->il", border, solved)
    small, wanted = crossed[:, : types + 1].copy(), crossed[:, types + 1].copy()
    small[kind, kind] += 1.0
    small[types] *= -1.0
    small[types, types] += corner
    wanted[types] = right[1] - wanted[types]
    outer = np.linalg.lstsq(small, wanted, rcond=None)[0]
    return solved[:, :, types + 1] - solved[:, :, : types + 1] @ outer, float(outer[types])


def las(turn: Turn) -> Floats:
    """Least attained service without regard to types: max-min fairness of time, gangs weighted by their width."""
    alike = (turn.rate > 0).astype(np.float64)
    return centre(alike * turn.width[:, None], turn.width, turn.capacity)


def max_min_fairness(turn: Turn) -> Floats:
    """Max-min fairness of speed over what one N-th of the cluster would give, gangs weighted by their width."""
    alone = isolated(turn.rate, turn.width, turn.capacity)
    return centre(turn.rate / alone[:, None] * turn.width[:, None], turn.width, turn.capacity)


def finish_time_fairness(turn: Turn) -> Floats:
    """The smallest worst ratio of a job's finish time to that with one N-th of the cluster, by bisection."""
    alone = isolated(turn.rate, turn.width, turn.capacity)
    fair = turn.age + turn.remaining / alone
    low = float((turn.age / fair).max())
    high = max(2.0 * low, 4.0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        gain = _gain_for(turn, fair, middle)
        if (gain * vertex(gain, turn.width, turn.capacity)).sum(axis=1).min() >= 1.0:
            high = middle
        else:
            low = middle
    return centre(_gain_for(turn, fair, high), turn.width, turn.capacity)


def _gain_for(turn: Turn, fair: Floats, ratio: float) -> Floats:
    """Speeds over the speed that each job needs to end at `ratio` times its fair time."""
    found: Floats = turn.rate * ((ratio * fair - turn.age) / turn.remaining)[:, None]
    return found


def min_makespan(turn: Turn) -> Floats:
    """The earliest end of all jobs, were they divisible at will."""
    return vertex(turn.rate / turn.remaining[:, None] * turn.remaining.max(), turn.width, turn.capacity)


def makespan_bound(seconds: Floats, width: Ints, capacity: Ints) -> float:
    """Seconds that no schedule of the jobs (jobs x types: seconds alone, infinite where it cannot run) can beat."""
    gain = seconds.min() / seconds
    allocation = vertex(gain, width, capacity)
    return float(seconds.min() / (gain * allocation).sum(axis=1).min())
