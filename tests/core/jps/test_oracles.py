"""Three exact methods that share only the cost formula agree, with each other and with trying everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heterosched.errors import InvalidInput
from heterosched.jps import Instance, Parameters, solve
from heterosched.jps.branch import branch
from heterosched.jps.configurations import choices
from heterosched.jps.generate import random_instance
from heterosched.jps.grouped import group
from heterosched.jps.prices import Menus, Relaxed, certify, first_prices
from heterosched.jps.subset_dp import subset_dp
from heterosched.jps.timing import mean_time, table_cost
from heterosched.jps.typed_dp import fixed, typed_dp
from jps_cases import brute_force, instances


@settings(max_examples=40, deadline=None)
@given(instances(workers=8))
def test_the_three_oracles_agree(instance: Instance) -> None:
    grouped = group(instance)
    objective = mean_time(grouped)
    menu = [choices(grouped, objective, job) for job in range(grouped.jobs)]
    subset = subset_dp(grouped, objective)
    typed, table = typed_dp(grouped.count, menu)
    assert typed == pytest.approx(subset, rel=1e-9)
    if table is None:
        return
    assert table_cost(grouped, objective, table) == pytest.approx(typed, rel=1e-9)
    prices = first_prices(grouped, objective, table)
    branched = branch(grouped.count, menu, prices)
    assert branched.best == pytest.approx(subset, rel=1e-9)
    assert branched.exact


@settings(max_examples=25, deadline=None)
@given(instances(workers=5, jobs=3))
def test_the_subset_oracle_agrees_with_trying_everything(instance: Instance) -> None:
    grouped = group(instance)
    assert subset_dp(grouped, mean_time(grouped)) == pytest.approx(brute_force(instance), rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(instances(workers=7, plain=True), st.integers(0, 2**32 - 1))
def test_any_prices_prove_a_bound(instance: Instance, seed: int) -> None:
    grouped = group(instance)
    objective = mean_time(grouped)
    menu = [choices(grouped, objective, job) for job in range(grouped.jobs)]
    optimum, table = typed_dp(grouped.count, menu)
    if table is None:
        return
    prices = np.random.default_rng(seed).exponential(optimum / 3, size=grouped.classes)
    for buyers in (Menus(menu), Relaxed(grouped, table)):
        reply = buyers.reply(prices)
        assert reply.bound.sum() - prices @ grouped.count <= optimum * (1 + 1e-9)
        found = certify(buyers, grouped.count, prices, optimum, 60)
        assert found.bound <= optimum * (1 + 1e-9)


@settings(max_examples=40, deadline=None)
@given(instances(workers=7), st.integers(0, 2**32 - 1))
def test_leaving_out_ways_by_prices_keeps_the_optimum(instance: Instance, seed: int) -> None:
    grouped = group(instance)
    objective = mean_time(grouped)
    menu = [choices(grouped, objective, job) for job in range(grouped.jobs)]
    optimum, table = typed_dp(grouped.count, menu)
    if table is None:
        return
    prices = np.random.default_rng(seed).exponential(optimum / 3, size=grouped.classes)
    assert typed_dp(grouped.count, fixed(menu, prices, grouped.count, optimum))[0] == pytest.approx(optimum, rel=1e-12)


def test_a_search_that_is_stopped_early_still_proves_a_bound() -> None:
    grouped = group(random_instance(np.random.default_rng(1), 4, 9))
    objective = mean_time(grouped)
    menu = [choices(grouped, objective, job) for job in range(grouped.jobs)]
    optimum, _ = typed_dp(grouped.count, menu)
    stopped = branch(grouped.count, menu, np.zeros(grouped.classes), nodes=3)
    assert not stopped.exact
    assert stopped.bound <= optimum <= stopped.best


def test_the_subset_oracle_refuses_what_it_cannot_enumerate() -> None:
    grouped = group(random_instance(np.random.default_rng(1), 4, 20))
    with pytest.raises(InvalidInput, match="3\\^20 pairs of sets; use at most 13"):
        subset_dp(grouped, mean_time(grouped))


def test_a_table_that_is_too_large_is_sampled() -> None:
    made = random_instance(np.random.default_rng(2), 4, 12)
    answer = solve(made, Parameters(exact_cells=10.0, fairness_floor=0.0), np.random.default_rng(0))
    assert answer.method == "guided"
    assert answer.bound in ("configurations", "tangents")
