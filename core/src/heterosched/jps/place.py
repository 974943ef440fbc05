"""Placement inside one category: successive linearisation of the convex score, then swaps on the true one.

The score is convex in a job's total speed R, so the market's valuations are its slopes at R: w W / R^2 * speed. Full
steps are not monotone, hence the best plan is kept. The swaps repair what linearisation and slow links leave.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heterosched.jps.exchange import neighbourhood, resized
from heterosched.jps.grouped import Grouped
from heterosched.jps.links import Floats, Ints
from heterosched.jps.market import clear, fill
from heterosched.jps.timing import Objective, communication, costs, table_cost, table_seconds

LINEAR_STEPS = 10
TOLERANCE = 1e-10
"""A trade that improves the score by less than this share of it is rounding noise."""

MOST_ROUNDS = 200_000
"""Rounds of three that are looked at in one step; beyond, swaps must do."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A plan (S x M worker counts), the completion times (seconds) and the score; infinite where it is forbidden."""

    table: Ints
    seconds: Floats
    cost: float

    @property
    def feasible(self) -> bool:
        """Whether every job has workers that it may use."""
        return bool(np.isfinite(self.cost))


def place(grouped: Grouped, objective: Objective, sizes: Ints, start: Ints | None = None) -> Placed:
    """The best plan found with these sizes (S), from `start` (a plan with these sizes) where one is given."""
    table = start
    best, least = start, np.inf if start is None else table_cost(grouped, objective, start)
    rate = sizes * _mean_speed(grouped) if start is None else _rate(grouped, start)
    for _ in range(LINEAR_STEPS):
        values = valuations(grouped, objective, rate, sizes if table is None else table)
        holding = fill(values, with_idle(grouped, sizes), grouped.count) if table is None else with_rest(grouped, table)
        table = clear(values, holding).holding[:-1]
        cost = table_cost(grouped, objective, table)
        if best is not None and not cost < least * (1 - TOLERANCE):
            break
        best, least = table, cost
        rate = _rate(grouped, table)
    assert best is not None
    best = swap(grouped, objective, best)
    return Placed(best, table_seconds(grouped, best), table_cost(grouped, objective, best))


def _rate(grouped: Grouped, table: Ints) -> Floats:
    """Total speed of each job; where it holds only forbidden workers, what its size promises."""
    rate = np.asarray((grouped.speed * table).sum(axis=1))
    return np.where(rate > 0, rate, np.maximum(table.sum(axis=1), 1) * _mean_speed(grouped))


def _mean_speed(grouped: Grouped) -> Floats:
    """Mean speed of each job over the workers that it may use."""
    usable = (grouped.speed > 0) * grouped.count
    return np.asarray((grouped.speed * usable).sum(axis=1) / np.maximum(usable.sum(axis=1), 1))


def valuations(grouped: Grouped, objective: Objective, rate: Floats, held: Ints) -> Floats:
    """What one more worker of each class is worth to each job at total speed `rate` (S+1 x M; idle: 0).

    `held` is the plan (S x M), or the sizes (S) while there is none. A forbidden pair is a loss that nothing outweighs.
    """
    weight = objective.time
    values = np.zeros((grouped.jobs + 1, grouped.classes))
    if objective.energy:
        counts = held if held.ndim == 2 else np.outer(held, grouped.count / grouped.workers)
        weight = weight + objective.energy * (grouped.watts * counts).sum(axis=1)
        times = grouped.work / rate
        if held.ndim == 2:
            times = times + communication(grouped, np.arange(grouped.jobs), held)
        values[:-1] -= objective.energy * times[:, None] * grouped.watts
    values[:-1] += (weight * grouped.work / rate**2)[:, None] * grouped.speed
    loss = 1e3 * max(1.0, grouped.workers) * max(1e-300, float(np.abs(values).max(initial=0.0)))
    values[:-1][grouped.speed <= 0] = -loss
    return values


def with_idle(grouped: Grouped, sizes: Ints) -> Ints:
    """The sizes with that of the idle buyer behind them."""
    return np.append(sizes, grouped.workers - sizes.sum())


def with_rest(grouped: Grouped, table: Ints) -> Ints:
    """The plan with the idle workers as its last row."""
    return np.vstack([table, grouped.count - table.sum(axis=0)])


def swap(grouped: Grouped, objective: Objective, table: Ints) -> Ints:
    """The plan after all swaps of two workers, or rounds of three, that improve the score (idle workers included).

    A plan with a forbidden pair stays: the market finds one without wherever the sizes allow it.
    """
    if not np.isfinite(table_cost(grouped, objective, table)):
        return table
    table = with_rest(grouped, table)
    while True:
        around = neighbourhood(grouped, objective, table[:-1])
        # change[e, f]: of the score of e's job when its worker makes way for f's
        change = around.swapped[:, around.good] - around.cost[around.job][:, None]
        change[around.job[:, None] == around.job[None, :]] = np.inf
        limit = -TOLERANCE * float(around.cost.sum())
        rounds = _gainful(change + change.T, limit) or _round_of_three(change, limit)
        if not rounds:
            return table[:-1]
        _carry_out(table, rounds, around.job, around.good)


def _gainful(change: Floats, limit: float) -> list[list[int]]:
    """The pairs of indices whose change is below the limit, best first."""
    rows, columns = np.nonzero(change < limit)
    order = np.argsort(change[rows, columns], kind="stable")
    return [[int(rows[index]), int(columns[index])] for index in order]


def _round_of_three(change: Floats, limit: float) -> list[list[int]]:
    """Three entries, each of which takes the next one's worker, of the best total change below `limit`.

    Every round that gains can be begun so that its first step gains, so only those are looked at.
    """
    first, second = np.nonzero(change < limit)
    if not len(first) or len(first) * len(change) > MOST_ROUNDS:
        return []
    total = change[first, second][:, None] + change[second] + change[:, first].T
    if total.min() >= limit:
        return []
    step, third = np.unravel_index(total.argmin(), total.shape)
    return [[int(first[step]), int(second[step]), int(third)]]


def _carry_out(table: Ints, rounds: list[list[int]], job: Ints, good: Ints) -> None:
    """Let each entry of a round take the next one's worker; skip rounds of jobs that a better one has touched."""
    touched: set[int] = set()
    idle = len(table) - 1
    for entries in rounds:
        jobs = {int(job[entry]) for entry in entries} - {idle}
        if jobs & touched or not all(table[job[entry], good[entry]] for entry in entries):
            continue
        touched |= jobs
        for entry, source in zip(entries, entries[1:] + entries[:1], strict=True):
            table[job[entry], good[entry]] -= 1
            table[job[entry], good[source]] += 1


def polish(grouped: Grouped, objective: Objective, table: Ints) -> Ints:
    """The plan after all swaps, and all moves of one worker (idle ones included), that improve the score."""
    while True:
        table = swap(grouped, objective, table)
        moved = _moved(grouped, objective, table)
        if moved is None:
            return table
        while moved is not None:
            table, moved = moved, _moved(grouped, objective, moved)


def _moved(grouped: Grouped, objective: Objective, table: Ints) -> Ints | None:
    """The plan after the best moves of one worker each, no job touched twice; None where none improves the score."""
    now = np.append(costs(grouped, objective, np.arange(grouped.jobs), table), 0.0)
    if not np.isfinite(now).all():
        return None
    less, more = resized(grouped, objective, table)
    full = with_rest(grouped, table)
    job, good = np.nonzero(full)
    change = (less[job, good] - now[job])[:, None] + more[:, good].T - now[None, :]
    change[np.arange(len(job)), job] = np.inf
    moves = _gainful(change, -TOLERANCE * float(now.sum()))
    touched: set[int] = set()
    for entry, taker in moves:
        jobs = {int(job[entry]), taker} - {grouped.jobs}
        if jobs & touched or not full[job[entry], good[entry]]:
            continue
        touched |= jobs
        full[job[entry], good[entry]] -= 1
        full[taker, good[entry]] += 1
    return full[:-1] if moves else None


def resize(grouped: Grouped, objective: Objective, table: Ints, sizes: Ints) -> Ints:
    """A plan with other sizes, near a given one: jobs release what they value least and take what they value most."""
    full = with_rest(grouped, table)
    values = valuations(grouped, objective, _rate(grouped, table), table)[:-1]
    surplus = table.sum(axis=1) - sizes
    for job in np.flatnonzero(surplus > 0):
        _move(full, int(job), -1, np.argsort(values[job], kind="stable"), int(surplus[job]))
    for job in np.flatnonzero(surplus < 0):
        _move(full, -1, int(job), np.argsort(-values[job], kind="stable"), int(-surplus[job]))
    return full[:-1]


def _move(full: Ints, giver: int, taker: int, order: Ints, amount: int) -> None:
    for good in order:
        part = min(amount, int(full[giver, good]))
        full[giver, good] -= part
        full[taker, good] += part
        amount -= part
        if not amount:
            return
