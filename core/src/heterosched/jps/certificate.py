"""The proof that comes with an answer: good plans and a lower bound of the mean completion time, by prices.

Where the ways to equip all jobs can be listed, the prices are set against the lists, which shrink as the bound and the
best plan approach each other; otherwise against tangents of the completion time (see prices.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from heterosched.jps.categories import best_sizes
from heterosched.jps.configurations import Choices, choices, ways
from heterosched.jps.grouped import Grouped
from heterosched.jps.links import Floats, Ints, optimistic
from heterosched.jps.parameters import Parameters
from heterosched.jps.place import place, polish
from heterosched.jps.prices import Buyers, Certificate, Menus, Relaxed, certify, first_prices, scaled
from heterosched.jps.score import Judge, Sample
from heterosched.jps.timing import Objective, mean_time, table_cost
from heterosched.jps.typed_dp import fixed

FEW_WAYS, MOST_WAYS = 1e5, 1e7
"""Ways of all jobs together that are listed at once; and listed at all, after a first round of prices has shown which
are worth keeping: some seconds.
"""
TANGENT_WORK = 1.2e7
"""Jobs x workers x rounds that the search against tangents may take: some seconds."""
STAGES = 4
"""How often the price search stops to look for a better plan and to shorten the lists."""


@dataclass(frozen=True, eq=False)
class Proof:
    """bound: of the mean completion time (s). kind: what proves it. menu: for the exact solution, None where too long.

    score: bound of the score, which has no unit; fairness, where it counts, can only add to it. plans (S x M): found on
    the way. prices: per worker of each class, in seconds of the mean.
    """

    bound: float
    kind: str
    prices: Floats
    plans: tuple[Ints, ...]
    menu: list[Choices] | None
    score: float = 0.0

    def proven(self, best: Sample, *, timed: bool) -> Proof:
        """The same with what an exact solution has proven; `timed`: by time alone."""
        if timed:
            return replace(self, bound=best.mean_seconds, kind="exact", score=best.score)
        return replace(self, score=best.score)


def prove(judge: Judge, parameters: Parameters) -> Proof:
    """Plans, prices and bound of an instance; the menu is that of the judge's additive objective."""
    grouped, timed = judge.grouped, mean_time(judge.grouped)
    listed = grouped.jobs * ways(grouped) <= MOST_WAYS
    counted = place(grouped, timed, counted_sizes(grouped))
    first = polish(grouped, timed, counted.table if counted.feasible else judge.equal)
    found = _negotiate(grouped, timed, first, listed, parameters)
    score = parameters.beta * found.bound / judge.mean_ref
    if parameters.energy_weight <= 0:
        return replace(found, score=score)
    score += judge.objective.energy * least_joules(grouped)
    if not listed:
        return replace(found, score=score)
    frugal = _negotiate(grouped, judge.objective, first, listed, parameters)
    return replace(found, menu=frugal.menu, plans=found.plans + frugal.plans, score=max(score, frugal.bound))


def least_joules(grouped: Grouped) -> float:
    """No plan draws less: each sample costs at least what it does on the job's most economical worker."""
    usable = grouped.speed > 0
    each = np.divide(grouped.watts, grouped.speed, out=np.full(grouped.speed.shape, np.inf), where=usable)
    return float((grouped.work * each.min(axis=1)).sum())


def _negotiate(grouped: Grouped, objective: Objective, first: Ints, listed: bool, parameters: Parameters) -> Proof:
    """Raise the bound and improve the plan in turns; `listed`: whether the jobs' ways may be listed."""
    plans, best = [first], table_cost(grouped, objective, first)
    relaxed = Relaxed(grouped, first) if objective.energy <= 0 else None
    few = listed and (relaxed is None or grouped.jobs * ways(grouped) <= FEW_WAYS)
    menu = [choices(grouped, objective, job) for job in range(grouped.jobs)] if few else None
    found: Certificate | None = None
    for _ in range(STAGES):
        buyers: Buyers | None = relaxed if menu is None else Menus(menu)
        assert buyers is not None
        rounds = parameters.price_rounds
        if menu is None:
            rounds = min(rounds, int(TANGENT_WORK / (grouped.jobs * grouped.workers)))
        found = _raised(grouped, objective, buyers, found, first, best, 1 + rounds // STAGES)
        for wanted in (found.wanted, found.bought):
            plan = _sold(grouped, objective, wanted)
            cost = table_cost(grouped, objective, plan)
            if cost < best:
                plans, best = [plan, *plans], cost
        if menu is not None:
            menu = fixed(menu, found.prices, grouped.count, best)
        elif listed and relaxed is not None:
            menu = _promising(grouped, objective, relaxed, found.prices, best)
        if best - found.bound <= best * parameters.enough_percent / 100.0:
            break
    assert found is not None
    kind = "tangents" if menu is None else "configurations"
    return Proof(min(found.bound, best), kind, found.prices, tuple(plans), menu)


def _raised(
    grouped: Grouped,
    objective: Objective,
    buyers: Buyers,
    old: Certificate | None,
    first: Ints,
    best: float,
    rounds: int,
) -> Certificate:
    """A certificate at least as good as the old one; a menu without hopeless ways proves at most `best`."""
    if old is None:
        prices = scaled(buyers, grouped.count, first_prices(grouped, objective, first))
        return certify(buyers, grouped.count, prices, best, rounds)
    new = certify(buyers, grouped.count, old.prices, best, rounds, old.wanted)
    new = replace(new, bound=min(new.bound, best))
    return new if new.bound >= old.bound else old


def _promising(grouped: Grouped, objective: Objective, relaxed: Relaxed, prices: Floats, best: float) -> list[Choices]:
    """The ways that a plan of a score up to `best` can contain, by the relaxed bounds; listed job by job."""
    bound = relaxed.reply(prices).bound
    slack = best * (1 + 1e-9) - (float(bound.sum()) - float(prices @ grouped.count))
    menu = []
    for job in range(grouped.jobs):
        own = choices(grouped, objective, job)
        menu.append(own.kept(own.cost + own.payments(prices) <= bound[job] + slack))
    return menu


def _sold(grouped: Grouped, objective: Objective, wanted: Floats | Ints) -> Ints:
    """A plan with about the sizes that the jobs would buy."""
    sizes = np.clip(np.rint(wanted.sum(axis=1)).astype(np.int64), grouped.least, grouped.most)
    while sizes.sum() > grouped.workers:
        sizes[np.argmax(sizes - grouped.least)] -= 1
    placed = place(grouped, objective, sizes)
    return polish(grouped, objective, placed.table)


def counted_sizes(grouped: Grouped) -> Ints:
    """Sizes that are best if all workers were average and all links as fast as the best group of that size."""
    size = np.arange(grouped.workers + 1)
    usable = (grouped.speed > 0) * grouped.count
    mean = (grouped.speed * usable).sum(axis=1) / usable.sum(axis=1)
    rate = grouped.rate if grouped.link is None else optimistic(grouped.link, grouped.count)
    with np.errstate(divide="ignore", invalid="ignore"):
        times = (grouped.work / mean)[:, None] / size + grouped.exchange[:, None] * (size - 1) / size / rate
    allowed = (size >= grouped.least[:, None]) & (size <= grouped.most[:, None])
    cost = np.where(allowed, grouped.weight[:, None] * times, np.inf)
    return np.array(best_sizes(cost, grouped.workers), dtype=np.int64)
