"""The tuner of JPS's effort touches the search alone: what is wanted of a plan does not change its sheet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heterosched.jps import Parameters
from heterosched.jps.generate import random_instance
from heterosched_lab.jps_experiment.effort import (
    SPACE,
    Case,
    EffortProblem,
    WantedProblem,
    case,
    effort_of,
    node_instance,
    point_of,
)
from heterosched_lab.jps_experiment.sweeps import alone, optimum
from heterosched_lab.search.space import check

MADE = [random_instance(np.random.default_rng(seed), 3, 6, typed=True, rate=1.25e9) for seed in (1, 2)]
CASES = tuple(Case(made, optimum(made), seed) for seed, made in enumerate(MADE))
POINT = {"samples": 16.0, "alpha": 0.2, "explore": 0.3}


def test_beta_energy_and_fairness_change_nothing() -> None:
    plain = EffortProblem(CASES, Parameters()).sheet(POINT)
    wanted = Parameters(beta=0.1, energy_weight=0.5, fairness_floor=0.8)
    assert EffortProblem(CASES, wanted).sheet(POINT) == plain
    assert effort_of(wanted, POINT) == replace(wanted, samples=16, alpha=0.2, explore=0.3)


def test_effort_is_counted_and_the_gap_is_the_condition() -> None:
    sheet = EffortProblem(CASES).sheet(POINT)
    assert all(placed == int(placed) >= 1 for placed in sheet.costs)
    assert sheet.figures["placed_mean"] == pytest.approx(np.mean(sheet.costs))
    assert sheet.breach == max(0.0, sheet.figures["gap_p95_percent"] - 2.04)
    assert EffortProblem(CASES, target=-1.0).sheet(POINT).breach > 0


def test_what_is_wanted_is_scored_as_the_solver_scores_it() -> None:
    fast = WantedProblem(CASES, Parameters(fairness_floor=0.0)).sheet(POINT)
    for own, cost in zip(CASES, fast.costs, strict=True):
        mean_ref = alone(own.made, Parameters(), np.random.default_rng(0)).judge.mean_ref
        assert cost == pytest.approx(own.best / mean_ref, rel=0.02)
    frugal = WantedProblem(CASES, Parameters(fairness_floor=0.0, energy_weight=1.0)).sheet(POINT)
    assert all(more > less for more, less in zip(frugal.costs, fast.costs, strict=True))


def test_present_parameters_are_a_point_of_the_space() -> None:
    check(SPACE, point_of(Parameters()))
    check(SPACE, point_of(Parameters(samples=1000, alpha=0.95, explore=1.0)))
    assert point_of(Parameters()) == {"samples": 128.0, "alpha": 0.0, "explore": 0.15}


def test_a_prototype_case_knows_its_optimum() -> None:
    assert case("prototype", (), 0, 2).best == pytest.approx(196.17, abs=0.01)


def test_servers_have_fast_links_inside_and_a_network_between() -> None:
    made = node_instance(1, 0)
    assert made.links.pairs is not None
    assert made.links.pairs[0, 1] > made.links.pairs[0, 4]
