"""Plans that trade completion time for energy or fairness: what the front of an answer shows beside the plan chosen.

An exact solution looks at one plan, and samples crowd around what is sought; without these the front would not show
what another wish would have cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from heterosched.jps.fairer import fairer
from heterosched.jps.links import Ints
from heterosched.jps.place import polish
from heterosched.jps.score import Judge
from heterosched.jps.timing import Objective

ENERGY = (0.3, 1.0, 3.0)
"""Weights of the joules against the mean completion time, both relative to the equal split."""
FAIRER = 2
"""Steps towards fairness."""


def trades(judge: Judge, table: Ints) -> Iterator[Ints]:
    """A few plans (S x M) near `table`, most of them cheaper in energy or fairer."""
    grouped, plan = judge.grouped, table
    for energy in ENERGY if judge.joules_ref > 0 else ():
        plan = polish(grouped, Objective(grouped.weight / judge.mean_ref, energy / judge.joules_ref), plan)
        yield plan
    yield from islice(fairer(judge, table), FAIRER)
