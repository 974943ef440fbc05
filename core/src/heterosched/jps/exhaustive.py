"""Exact oracle 3: every plan there is, where there are few.

The typed dynamic programme minimises a sum over jobs and cannot tell which plans are fair. Where the plan that it finds
is not, only a look at all of them proves which fair plan is best; tiny instances allow that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from heterosched.jps.configurations import choices, ways
from heterosched.jps.links import Ints
from heterosched.jps.score import Judge, Sample

MOST_PLANS = 2000
"""Combinations of the jobs' ways that are looked at: a tenth of a second."""


def every_plan(judge: Judge) -> list[Sample]:
    """All plans of an instance; none where it has too many to look at each."""
    grouped = judge.grouped
    if ways(grouped) > MOST_PLANS:
        return []
    menu = [choices(grouped, judge.objective, job).counts for job in range(grouped.jobs)]
    total = 1
    for counts in menu:
        total *= len(counts)
        if total > MOST_PLANS:
            return []
    return [judge.sample(np.array(rows, dtype=np.int64)) for rows in _combined(menu, grouped.count)]


def _combined(menu: Sequence[Ints], left: Ints) -> Iterator[list[Ints]]:
    """One way of each job, together no more workers of any class than there are."""
    if not menu:
        yield []
        return
    for way in menu[0]:
        if (way <= left).all():
            for rest in _combined(menu[1:], left - way):
                yield [way, *rest]
