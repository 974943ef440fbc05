"""Sweeps are nested: more samples never make the gap larger, and alpha, beta and the shapes mean what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heterosched.jps import Parameters, solve
from heterosched.jps.generate import random_instance
from heterosched_lab.jps_experiment import sweeps
from heterosched_lab.jps_experiment.strategies import TIME_ONLY, gap

MADE = random_instance(np.random.default_rng(3), 3, 8, typed=True, rate=1.25e9, spread="wide")


def test_more_samples_never_widen_the_gap_and_all_of_them_close_it() -> None:
    best = sweeps.optimum(MADE)
    for mode in ("uniform", "guided"):
        found = sweeps.gaps_alone(MADE, best, mode, (2, 8, 400), np.random.default_rng(0))
        assert list(found) == sorted(found, reverse=True)
        assert found[-1] <= 1.5  # every category was placed: what is left is the placement's own


def test_the_sampler_alone_is_the_solvers_uniform_mode() -> None:
    best, count = sweeps.optimum(MADE), 9
    parameters = replace(TIME_ONLY, mode="uniform", samples=count, price_rounds=1)
    answer = solve(MADE, parameters, np.random.default_rng(7))
    alone = sweeps.gaps_alone(MADE, best, "uniform", (count,), np.random.default_rng(7))
    assert alone[0] == pytest.approx(gap(answer.mean_seconds, best))


def test_alpha_cuts_the_head_of_the_list_of_categories() -> None:
    sampler = sweeps.alone(MADE, Parameters(fairness_floor=0.0, mode="uniform", alpha=0.8), np.random.default_rng(0))
    drawn = [sampler.space.rank(sampler.space.draw(sampler.rng, 0.8)) for _ in range(50)]
    assert min(drawn) >= int(0.8 * sampler.space.count)


def test_the_front_trades_time_for_fairness() -> None:
    points = sweeps.front(MADE, sweeps.optimum(MADE), 1, 0)
    assert len(points) == len(sweeps.BETAS)
    assert points[0][0] == pytest.approx(0.0, abs=1e-6)
    assert points[-1][1] >= points[0][1]


def test_visited_categories_tell_their_shape() -> None:
    for largest, entropy, variance, distance in sweeps.visited(MADE, sweeps.optimum(MADE), 1, 0, 12):
        assert 1 <= largest <= 8
        assert 0 < entropy <= np.log2(3) + 1e-9
        assert variance >= 0
        assert distance >= 0
