"""Every strategy is measured against the same optimum, and none gives a worker to two jobs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heterosched.jps import solve
from heterosched.jps.generate import prototype, random_instance
from heterosched_lab.jps_experiment.strategies import STRATEGIES, TIME_ONLY, checked, compared, occupancy
from heterosched_lab.simulate.log import Broken


def test_the_prototypes_own_instance_has_its_known_optimum() -> None:
    found = compared(prototype(2), "prototype", 2, 0)
    by_name = {result.strategy: result for result in found.results}
    assert tuple(by_name) == STRATEGIES
    assert found.proven
    assert by_name["exact"].mean_seconds == pytest.approx(196.17, abs=0.01)
    assert by_name["exact"].gap_percent == 0.0
    assert by_name["jps"].gap_percent <= by_name["uniform"].gap_percent <= by_name["random"].gap_percent
    assert by_name["equal"].fairness.jain == 1.0
    assert all(result.gap_percent >= 0 and len(result.seconds) == 4 for result in found.results)


def test_equal_seeds_give_equal_results() -> None:
    made = random_instance(np.random.default_rng(1), 3, 6)
    assert compared(made, "x", 1, 0) == compared(made, "x", 1, 0)


def test_a_worker_that_serves_two_jobs_is_caught() -> None:
    made = random_instance(np.random.default_rng(2), 2, 4)
    answer = checked(solve(made, TIME_ONLY, np.random.default_rng(0)), made)
    assert occupancy(answer, made).sum(axis=1) == pytest.approx([1.0, 1.0])
    one, other = answer.placements
    twice = replace(answer, placements=(one, replace(one, job=other.job)))
    with pytest.raises(Broken, match="serves two jobs"):
        checked(twice, made)
    with pytest.raises(Broken, match="a job is not served"):
        checked(replace(answer, placements=(one,)), made)
