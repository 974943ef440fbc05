"""Fairness is measured against the equal split; a plan keeps the floor, or lets nobody lose."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heterosched.jps import Instance, Parameters, solve
from heterosched.jps.certificate import prove
from heterosched.jps.configurations import choices
from heterosched.jps.fairer import fairer
from heterosched.jps.fairness import fairness, jain
from heterosched.jps.generate import random_instance
from heterosched.jps.grouped import group
from heterosched.jps.score import judge
from heterosched.jps.sharing import sharing
from heterosched.jps.timing import mean_time, table_cost, table_seconds
from jps_cases import instances

times = st.lists(st.floats(0.1, 1e6), min_size=1, max_size=20).map(np.array)


@given(times)
def test_jain_lies_between_one_over_n_and_one(values: np.ndarray) -> None:
    assert 1 / len(values) - 1e-12 <= jain(values) <= 1
    assert jain(np.full(len(values), values[0])) == pytest.approx(1.0)


def test_the_figures_of_a_known_case() -> None:
    found = fairness(np.array([10.0, 40.0]), np.array([20.0, 20.0]))
    assert found.jain == pytest.approx(2.5**2 / (2 * (4 + 0.25)))  # speed-ups 2 and 1/2
    assert found.jain_of_ratios == pytest.approx(found.jain)
    assert found.worst_ratio == 2.0
    assert found.spread == 4.0


def test_without_jobs_all_are_served_alike() -> None:
    assert fairness(np.zeros(0), np.zeros(0)).jain == 1.0
    assert jain(np.zeros(0)) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_the_floor_is_kept_at_the_least_cost_in_time(seed: int) -> None:
    made = random_instance(np.random.default_rng(seed), 5, 14, rate=1.25e9, spread="wide")
    free = solve(made, Parameters(fairness_floor=0.0), np.random.default_rng(0))
    held = solve(made, Parameters(fairness_floor=0.95), np.random.default_rng(0))
    assert held.fair
    assert held.fairness.jain >= 0.95 - 1e-9 or held.fairness.worst_ratio <= 1 + 1e-9
    assert held.mean_seconds >= free.mean_seconds * (1 - 1e-9)
    assert held.lower_bound_seconds == pytest.approx(free.mean_seconds)


def slow(jobs: int, workers: int) -> Instance:
    return random_instance(np.random.default_rng(0), jobs, workers, typed=True, rate=1.25e9)


def test_where_gains_differ_and_nobody_loses_a_plan_is_fair_and_costs_little_time() -> None:
    free, held = (solve(slow(10, 32), Parameters(fairness_floor=own), np.random.default_rng(0)) for own in (0.0, 1.0))
    assert (free.fair, held.fair) == (True, True)
    assert free.fairness.worst_ratio > 1.0 >= held.fairness.worst_ratio - 1e-9
    assert held.fairness.jain < 0.99
    assert free.mean_seconds <= held.mean_seconds <= free.mean_seconds * 1.05


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(instances(workers=6, jobs=3, plain=True))
def test_no_plan_in_which_nobody_loses_is_faster_than_the_one_that_is_found(instance: Instance) -> None:
    grouped = group(instance)
    if grouped.jobs > grouped.workers:
        return
    parameters = Parameters()
    arbiter = judge(grouped, parameters)
    found = sharing(arbiter, prove(arbiter, parameters), parameters)
    assert found is not None  # the equal split is such a plan
    assert (table_seconds(grouped, found) <= arbiter.equal_seconds * (1 + 1e-9)).all()
    menu = [choices(grouped, mean_time(grouped), job) for job in range(grouped.jobs)]
    least = np.inf
    for plan in itertools.product(*(own.counts for own in menu)):
        table = np.array(plan)
        within = (table_seconds(grouped, table) <= arbiter.equal_seconds * (1 + 1e-12)).all()
        if within and (table.sum(axis=0) <= grouped.count).all():
            least = min(least, table_cost(grouped, mean_time(grouped), table))
    assert table_cost(grouped, mean_time(grouped), found) == pytest.approx(least, rel=1e-9)


def test_where_tables_are_too_large_losers_gain_weight_until_nobody_loses() -> None:
    parameters = Parameters(exact_cells=0.0, fairness_floor=1.0)
    answer = solve(slow(10, 32), parameters, np.random.default_rng(0))
    assert answer.method == "guided"
    assert answer.fairness.worst_ratio <= 1 + 1e-9
    assert answer.gap_percent < 10.0


def test_plans_between_the_fastest_one_and_the_equal_split_are_ever_fairer() -> None:
    grouped = group(slow(10, 32))
    parameters = Parameters(fairness_floor=1.0)
    arbiter = judge(grouped, parameters)
    fastest = prove(arbiter, parameters).plans[0]
    jains = [arbiter.sample(table).jain for table in (fastest, *fairer(arbiter, fastest))]
    assert max(jains[1:]) > jains[0] + 0.05


@settings(max_examples=20, deadline=None)
@given(instances(workers=9, plain=True))
def test_beta_zero_gives_the_fairest_plan_and_beta_one_the_fastest(instance: Instance) -> None:
    fairest = solve(instance, Parameters(beta=0.0, samples=32), np.random.default_rng(0))
    fastest = solve(instance, Parameters(beta=1.0, fairness_floor=0.0), np.random.default_rng(0))
    assert fairest.fairness.jain == pytest.approx(1.0)  # the equal split is always among the samples
    assert fastest.mean_seconds <= fairest.mean_seconds * (1 + 1e-9)


def test_the_front_of_an_exact_answer_shows_what_less_energy_and_more_fairness_would_cost() -> None:
    made = random_instance(np.random.default_rng(4), 4, 12, spread="wide", typed=True)
    answer = solve(made, Parameters(fairness_floor=0.0), np.random.default_rng(0))
    assert answer.method == "typed-dp"
    assert answer.front[0].mean_seconds == answer.mean_seconds
    assert min(point.joules for point in answer.front) < answer.joules * 0.98
    assert max(point.jain for point in answer.front) > answer.fairness.jain


@settings(max_examples=20, deadline=None)
@given(instances(workers=9))
def test_no_point_of_the_front_covers_another_and_the_answer_is_on_it(instance: Instance) -> None:
    answer = solve(instance, Parameters(mode="guided", samples=32), np.random.default_rng(0))
    points = [(point.mean_seconds, -point.jain, point.joules) for point in answer.front]
    for one in points:
        for other in points:
            assert one is other or any(a > b for a, b in zip(one, other, strict=True))
    if answer.placements:
        assert any(point[0] <= answer.mean_seconds * (1 + 1e-9) for point in points)
