"""Prices of workers and the lower bound that they prove: the certificate of an answer.

For any prices p >= 0, sum_i min_A (cost_i(A) + p(A)) - p(all workers) is below the score of every plan (Lagrangian dual
of "each worker serves one job"; idle workers allowed). The best prices give the bound of the configuration LP, which is
close where no job takes a large part of the cluster (Shapley-Folkman). Two ways to answer "what would job i buy?":

- `Menus` looks at every way of every job (few classes): exact.
- `Relaxed` bounds 1/R from below by its tangents, 1/R >= 2 sqrt(g) - g R for every g >= 0, so that for a size the best
  workers are those of least p - g speed (any number of classes, mean completion time only): from below.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from heterosched.jps.configurations import Choices
from heterosched.jps.grouped import Grouped
from heterosched.jps.links import Floats, Ints, optimistic
from heterosched.jps.timing import Objective, costs


@dataclass(frozen=True, eq=False)
class Reply:
    """At some prices: a lower bound of each job's score plus payment, and what it would buy (S x M)."""

    bound: Floats
    wanted: Ints


class Buyers(Protocol):
    """Answers what the jobs would buy at given prices."""

    def reply(self, prices: Floats) -> Reply:
        """The jobs' answers; `prices` per worker of each class, >= 0."""
        ...


class Menus:
    """Buyers that know all their ways."""

    def __init__(self, menu: Sequence[Choices]) -> None:
        self._menu = menu

    def reply(self, prices: Floats) -> Reply:
        """Each job's way of least score plus payment."""
        bound, wanted = [], []
        for ways in self._menu:
            total = ways.cost + ways.payments(prices)
            index = int(total.argmin())
            bound.append(float(total[index]))
            wanted.append(ways.counts[index])
        return Reply(np.array(bound), np.array(wanted, dtype=np.int64))


class Relaxed:
    """Buyers whose completion time is bounded by tangents; each job's tangents follow its last answer."""

    WIDE, NEAR = np.linspace(-1.0, 1.0, 13), np.linspace(-1.0, 1.0, 9)
    REACH, FINEST = math.log(40.0), 2e-3
    """Slopes from a 40th to 40 times the last one are tried, then nearer and nearer around the best, to 0.2 %."""

    def __init__(self, grouped: Grouped, table: Ints) -> None:
        """Tangents start at the total speeds of the plan `table`."""
        self._grouped = grouped
        self._slope = 1.0 / (grouped.speed * table).sum(axis=1) ** 2
        self._wanted = table
        size = np.arange(1, grouped.workers + 1)
        rate = grouped.rate if grouped.link is None else optimistic(grouped.link, grouped.count)[1:]
        ring = grouped.exchange[:, None] * (size - 1) / size / rate
        allowed = (size >= grouped.least[:, None]) & (size <= grouped.most[:, None])
        self._ring = grouped.weight[:, None] * ring
        self._fixed = np.where(allowed, self._ring, np.inf)

    def reply(self, prices: Floats) -> Reply:
        """Each job's bound over all sizes, and the workers behind it."""
        grouped, jobs = self._grouped, np.arange(self._grouped.jobs)
        spent = costs(grouped, Objective(grouped.weight), jobs, self._wanted) + self._wanted @ prices
        order = prices.argsort()
        cheapest = np.repeat(prices[order], grouped.count[order]).cumsum()
        replies = []
        for job in jobs.tolist():  # sizes whose ring and cheapest workers alone cost more than a known way are out
            useful = int(np.count_nonzero(self._ring[job] + cheapest < spent[job]))
            highest = max(int(grouped.least[job]), min(int(grouped.most[job]), useful + 1))
            floor = self._fixed[job, :highest] + cheapest[:highest]  # the tangent of slope zero
            replies.append(self._one(job, prices, floor, order))
        self._wanted = np.array([wanted for _, wanted in replies])
        return Reply(np.array([bound for bound, _ in replies]), self._wanted)

    def _one(self, job: int, prices: Floats, bounds: Floats, cheapest: Ints) -> tuple[float, Ints]:
        """The bound of a job over sizes, from `bounds` by size - 1 on, and the workers behind it."""
        highest = len(bounds)
        paid = np.where(self._grouped.speed[job] > 0, prices, np.inf)
        slopes, orders = np.full(highest, self._slope[job]), np.tile(cheapest, (highest, 1))
        around, reach, size = self._slope[job] * np.exp(self.REACH * self.WIDE), self.REACH / 6, -1
        while reach > self.FINEST:
            found, tangent, order = self._tangents(job, paid, around, highest)
            better = found > bounds
            bounds = np.where(better, found, bounds)
            slopes = np.where(better, around[tangent], slopes)
            orders[better] = order[tangent[better]]
            last, size = size, int(bounds.argmin())
            around = slopes[size] * np.exp(reach * self.NEAR)
            reach = reach / 4 if size == last else reach
        self._slope[job] = slopes[size]
        return self._with_running(job, float(bounds[size]), prices), self._taken(orders[size], size + 1)

    def _tangents(self, job: int, paid: Floats, slopes: Floats, highest: int) -> tuple[Floats, Ints, Ints]:
        """By size - 1: the best bound of any tangent, and which; and the order in which each tangent buys classes."""
        grouped = self._grouped
        scale = grouped.weight[job] * grouped.work[job]
        value = paid - scale * slopes[:, None] * grouped.speed[job]
        order = value.argsort(axis=1)
        ranked = np.take_along_axis(value, order, axis=1)
        many = np.minimum(grouped.count, highest)[order]  # the same number in every row
        each = np.repeat(ranked.ravel(), many.ravel()).reshape(len(slopes), -1)
        total = 2.0 * scale * np.sqrt(slopes)[:, None] + each[:, :highest].cumsum(axis=1)
        tangent = total.argmax(axis=0)
        return total[tangent, np.arange(total.shape[1])] + self._fixed[job, :highest], tangent, order

    def _taken(self, order: Ints, size: int) -> Ints:
        ends = np.minimum(self._grouped.count[order].cumsum(), size)
        wanted = np.zeros(self._grouped.classes, dtype=np.int64)
        wanted[order] = np.diff(ends, prepend=0)
        return wanted

    def _with_running(self, job: int, bound: float, prices: Floats) -> float:
        """A job that runs pays its restart, or keeps what it holds."""
        grouped = self._grouped
        if not grouped.restart[job]:
            return bound
        own = grouped.running[job]
        stay = float(costs(grouped, Objective(grouped.weight), np.array([job]), own[None])[0] + own @ prices)
        size = own.sum()
        if not grouped.least[job] <= size <= grouped.most[job]:
            stay = math.inf
        return min(bound + float(grouped.weight[job] * grouped.restart[job]), stay)


@dataclass(frozen=True, eq=False)
class Certificate:
    """A proven lower bound of the score, the prices that prove it (per worker of each class), and what the jobs want.

    wanted: S x M, a mean over many replies, so not whole. bought: S x M, what the jobs would buy at these prices.
    """

    bound: float
    prices: Floats
    wanted: Floats
    bought: Ints


def first_prices(grouped: Grouped, objective: Objective, table: Ints) -> Floats:
    """Prices that a plan suggests: the largest slope of any job's score, per class."""
    rate = (grouped.speed * table).sum(axis=1)
    slope = objective.time * grouped.work / rate**2
    return np.asarray((slope[:, None] * grouped.speed).max(axis=0, initial=0.0))


FIRST_STEP, LEAST_STEP = 0.5, 1e-4
PATIENCE = 8
"""Rounds without a better bound after which steps become shorter."""
LEAST_SHARE, MOST_SHARE = 0.02, 0.3
"""Bounds of the weight of a new reply in the running mean."""
STRETCH = 2.0
"""A price changes by this factor at most in one step: far from the optimum the step length is a wild guess."""


def scaled(buyers: Buyers, count: Ints, prices: Floats, rounds: int = 12) -> Floats:
    """The prices times the factor of the best bound, by golden-section search: the bound is concave in the factor."""

    def bound(exponent: float) -> float:
        at = prices * math.exp(exponent)
        return float(buyers.reply(at).bound.sum() - at @ count)

    low, high, golden = math.log(0.01), math.log(10.0), (math.sqrt(5.0) - 1.0) / 2.0
    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = bound(left), bound(right)
    for _ in range(rounds):
        if at_left >= at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = bound(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = bound(right)
    return prices * math.exp(left if at_left >= at_right else right)


def certify(
    buyers: Buyers, count: Ints, prices: Floats, best: float, rounds: int, wanted: Floats | None = None
) -> Certificate:
    """Raise the bound by `rounds` steps of the volume algorithm (Barahona, Anbil, 2000) towards a plan's score `best`.

    A single reply jumps between jobs that want the same workers; the running mean of replies approaches the fractional
    optimum, so its excess demand is the better direction. `wanted` is that mean, also that of an earlier call.
    """
    reply = buyers.reply(prices)
    mean = reply.wanted.astype(np.float64) if wanted is None else wanted
    found = Certificate(float(reply.bound.sum() - prices @ count), prices, mean, reply.wanted)
    step, since = FIRST_STEP, 0
    for _ in range(rounds - 1):
        excess = _excess(mean, count, found.prices)
        if not excess.any():  # the mean is of other prices: begin it again
            mean, excess = found.bought.astype(np.float64), _excess(found.bought, count, found.prices)
        length = float(excess @ (excess / count))  # classes differ in size: steps in the payment for a whole class
        gap = best - found.bound
        if length <= 0 or gap <= 1e-9 * abs(best) or step < LEAST_STEP:
            break
        prices = _near(found.prices + step * gap / length * excess / count, found.prices)
        reply = buyers.reply(prices)
        bound = float(reply.bound.sum() - prices @ count)
        own = _excess(reply.wanted, count, prices)
        mean = mean + _share(own, excess, count) * (reply.wanted - mean)
        if bound > found.bound:
            step, since = step * (1.1 if own @ (excess / count) >= 0 else 1.0), 0
            found = Certificate(bound, prices, mean, reply.wanted)
        else:
            since += 1
            if since >= PATIENCE:
                step, since = step * 0.66, 0
    return replace(found, wanted=mean)


def _near(prices: Floats, old: Floats) -> Floats:
    """The prices, not below zero and not too far from the old ones."""
    return np.clip(prices, old / STRETCH, old * STRETCH + 1e-3 * old.mean())


def _excess(wanted: Floats | Ints, count: Ints, prices: Floats) -> Floats:
    """Demand beyond supply per class; a price does not fall below zero, so lacking demand does not count there."""
    excess = wanted.sum(axis=0) - count
    return np.where((excess < 0) & (prices <= 0), 0.0, excess)


def _share(own: Floats, mean: Floats, count: Ints) -> float:
    """Weight of a new reply that makes the mean's excess demand shortest."""
    change = own - mean
    length = float(change @ (change / count))
    best = -float(change @ (mean / count)) / length if length > 0 else LEAST_SHARE
    return min(MOST_SHARE, max(LEAST_SHARE, best))
