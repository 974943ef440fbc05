"""Placement inside a category comes close to the best of that category, whatever the links."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from heterosched.jps import Instance
from heterosched.jps.exchange import neighbourhood, resized
from heterosched.jps.generate import SPREADS, random_instance
from heterosched.jps.grouped import Grouped, group, workers_of
from heterosched.jps.place import place, polish, resize
from heterosched.jps.sampler import categories_of
from heterosched.jps.subset_dp import subset_dp
from heterosched.jps.timing import Objective, costs, mean_time, table_cost
from jps_cases import instances


def some_plan(grouped: Grouped) -> np.ndarray | None:
    """A plan with the least sizes, if the jobs fit and may use what they get."""
    if (grouped.most < grouped.least).any() or grouped.least.sum() > grouped.workers:
        return None
    placed = place(grouped, mean_time(grouped), grouped.least)
    return placed.table if placed.feasible else None


@pytest.mark.parametrize("seed", range(12))
def test_the_best_of_all_categories_is_close_to_the_optimum(seed: int) -> None:
    grouped = group(random_instance(np.random.default_rng(seed), 3, 9, spread=SPREADS[seed % 3]))
    objective = mean_time(grouped)
    found = min(place(grouped, objective, np.array(own)).cost for own in categories_of(grouped))
    optimum = subset_dp(grouped, objective)
    assert optimum * (1 - 1e-9) <= found <= optimum * 1.015


@settings(max_examples=60, deadline=None)
@given(instances(workers=8))
def test_the_table_of_swaps_is_what_recomputing_gives(instance: Instance) -> None:
    grouped = group(instance)
    table = some_plan(grouped)
    if table is None:
        return
    for objective in (mean_time(grouped), Objective(grouped.weight, 1e-3)):
        around = neighbourhood(grouped, objective, table)
        for entry, good in itertools.product(range(len(around.job)), range(grouped.classes)):
            job = around.job[entry]
            if job == grouped.jobs:
                assert around.swapped[entry, good] == 0
                continue
            row = table[job].copy()
            row[around.good[entry]] -= 1
            row[good] += 1
            if row[good] <= grouped.count[good]:
                expected = costs(grouped, objective, np.array([job]), row[None])[0]
                assert around.swapped[entry, good] == pytest.approx(expected, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(instances(workers=8))
def test_the_tables_of_sizes_are_what_recomputing_gives(instance: Instance) -> None:
    grouped = group(instance)
    table = some_plan(grouped)
    if table is None:
        return
    objective = mean_time(grouped)
    for sign, target in zip((-1, 1), resized(grouped, objective, table), strict=True):
        for job, good in itertools.product(range(grouped.jobs), range(grouped.classes)):
            row = table[job].copy()
            row[good] += sign
            allowed = row.min() >= 0 and grouped.least[job] <= row.sum() <= grouped.most[job]
            expected = costs(grouped, objective, np.array([job]), row[None])[0] if allowed else np.inf
            if row[good] <= grouped.count[good]:
                assert target[job, good] == pytest.approx(expected, rel=1e-12)
        assert (target[-1] == 0).all()


@settings(max_examples=60, deadline=None)
@given(instances(workers=9))
def test_polishing_and_resizing_keep_plans_sound(instance: Instance) -> None:
    grouped = group(instance)
    table = some_plan(grouped)
    if table is None:
        return
    objective = mean_time(grouped)
    better = polish(grouped, objective, table)
    assert table_cost(grouped, objective, better) <= table_cost(grouped, objective, table) * (1 + 1e-12)
    sizes = better.sum(axis=1)
    back = resize(grouped, objective, table, sizes)
    for plan in (better, back):
        assert (plan >= 0).all()
        assert (plan.sum(axis=0) <= grouped.count).all()
        assert (plan.sum(axis=1) == sizes).all()
    assert (sizes >= grouped.least).all()
    assert (sizes <= grouped.most).all()


def test_a_job_keeps_the_workers_that_it_holds() -> None:
    instance = random_instance(np.random.default_rng(0), 2, 9, typed=True)
    grouped = group(instance)
    assert grouped.classes == 3
    holders = np.full(9, -1)
    holders[[3, 6]] = 1  # two workers of the first class
    plan = workers_of(grouped, np.array([[1, 0, 0], [2, 3, 3]]), holders)
    assert plan[[0, 3, 6]].tolist() == [0, 1, 1]
    assert np.bincount(plan, minlength=2).tolist() == [1, 8]
