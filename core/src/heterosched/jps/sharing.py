"""The best plan in which no job is served worse than by the equal split (the sharing incentive), exactly.

That nobody loses is a condition on each job by itself, so dynamic programming keeps it: ways that take a job longer
than the equal split are left out. Where the fastest plan is too unfair this is what may replace it (see docs/adr/0006).
"""

from __future__ import annotations

import numpy as np

from heterosched.jps.certificate import Proof
from heterosched.jps.configurations import choices, ways
from heterosched.jps.links import Ints
from heterosched.jps.parameters import Parameters
from heterosched.jps.prices import Menus, certify
from heterosched.jps.score import Judge
from heterosched.jps.timing import seconds, table_cost
from heterosched.jps.typed_dp import cells, fixed, typed_dp

MOST_WAYS = 1e6
"""Ways of all jobs together that are listed: a part of a second."""
MARGINS = (0.003, 0.01, 0.03, 0.1, 0.3)
"""How far above the bound the best such plan is looked for, in turn; each try leaves out what lies beyond."""


def sharing(judge: Judge, proof: Proof, parameters: Parameters) -> Ints | None:
    """The plan (S x M) of the least additive score in which nobody loses; None where the tables would be too large.

    None also where restarts make somebody lose in every plan.
    """
    grouped, objective = judge.grouped, judge.objective
    if grouped.jobs * ways(grouped) > MOST_WAYS:
        return None
    menu = []
    for job in range(grouped.jobs):
        own = choices(grouped, objective, job)
        times = seconds(grouped, np.full(len(own.cost), job), own.counts)
        menu.append(own.kept(times <= judge.equal_seconds[job] * (1 + 1e-12)))
    if not all(len(own.cost) for own in menu):
        return None
    worst = table_cost(grouped, objective, judge.equal)
    found = certify(Menus(menu), grouped.count, proof.prices, worst, parameters.price_rounds)
    for most in (*(found.bound * (1 + margin) for margin in MARGINS), worst):
        near = fixed(menu, found.prices, grouped.count, most)
        if not all(len(own.cost) for own in near):
            continue
        if cells(grouped.count, near) > parameters.exact_cells:
            return None
        least, table = typed_dp(grouped.count, near)
        if least <= most * (1 + 1e-9):
            return table
    return None
