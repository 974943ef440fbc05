"""Plans between the fastest one and the equal split: where the fastest one is too unfair, weights make it fairer.

Multiplicative weights: after each plan the jobs that are served worse than others, measured against the equal split,
count more, and the plan is improved for the new weights. The fairness floor then has more to choose from than
categories that sampling happens to meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from heterosched.jps.links import Ints
from heterosched.jps.place import polish
from heterosched.jps.score import Judge
from heterosched.jps.timing import table_seconds

ROUNDS = 12
EAGERNESS = 0.7
"""Power of a job's relative slow-down by which its weight grows in a round."""
LOSERS_EAGERNESS, LEAST_GROWTH = 3.0, 1.25
"""The same where only losers gain weight: a power of the slow-down against the equal split, and at least this factor,
because workers are whole and a little more weight changes nothing.
"""


def fairer(judge: Judge, table: Ints, *, losers: bool = False) -> Iterator[Ints]:
    """Plans (S x M), most of them ever fairer, from the plan `table` on, until it is fair or ROUNDS have passed.

    losers: only jobs that lose by the plan gain weight, otherwise all that are served worse than others.
    """
    grouped, objective = judge.grouped, judge.objective
    weights = objective.time
    for _ in range(ROUNDS):
        ratio = table_seconds(grouped, table) / judge.equal_seconds
        if losers:
            weights = weights * np.where(ratio > 1.0, LEAST_GROWTH * ratio**LOSERS_EAGERNESS, 1.0)
        else:
            weights = weights * (ratio / np.exp(np.log(ratio).mean())) ** EAGERNESS
            weights = weights * (objective.time.sum() / weights.sum())
        table = polish(grouped, replace(objective, time=weights), table)
        yield table
        if judge.sample(table).unfair <= 0:
            return
