"""beta is chosen for fairness first and time second, whatever the other parameters are."""

from __future__ import annotations

from functools import cache

import numpy as np

from heterosched.jps import Parameters
from heterosched.jps.generate import random_instance
from heterosched_lab.jps_experiment.effort import Case
from heterosched_lab.jps_experiment.sweeps import optimum
from heterosched_lab.search.problem import Sheet
from heterosched_lab.tuning.beta import BetaProblem


@cache
def cases() -> tuple[Case, ...]:
    made = [random_instance(np.random.default_rng(seed), 3, 6, typed=True, spread="wide") for seed in range(4)]
    return tuple(Case(own, optimum(own), seed) for seed, own in enumerate(made))


def sheet(beta: float, floor: float) -> Sheet:
    return BetaProblem(cases(), Parameters(fairness_floor=0.9), floor).sheet({"beta": beta})


def test_time_alone_is_the_fastest_and_fairness_alone_the_fairest() -> None:
    fast, fair = sheet(1.0, 0.5), sheet(0.0, 0.5)
    assert fast.cost <= fair.cost
    assert fast.figures["time_over_best"] == 1.0
    assert fair.figures["jain_mean"] >= fast.figures["jain_mean"]


def test_the_floor_must_be_kept_for_sure() -> None:
    fast = sheet(1.0, 0.999)
    assert fast.breach == 0.999 - fast.figures["jain_lower"] > 0
    assert fast.figures["jain_lower"] < fast.figures["jain_mean"]
    assert sheet(0.0, 0.9).breach == 0.0
