"""The tuner touches the search alone: what is wanted of a plan does not change its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from heterosched.jps import Instance, Parameters, tuner
from heterosched.jps.generate import random_instance
from heterosched.jps.tuner import Tuned, tune


def ticking() -> Callable[[], float]:
    times = iter(range(10**6))
    return lambda: float(next(times))


def made(seeds: range) -> list[Instance]:
    return [random_instance(np.random.default_rng(seed), 3, 6, rate=12.5e9) for seed in seeds]


@pytest.fixture(autouse=True)
def few_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuner, "CANDIDATES", 4)
    monkeypatch.setattr(tuner, "RUNGS", (2, 3))


@cache
def tuned(parameters: Parameters) -> Tuned:
    return afresh(parameters)


def afresh(parameters: Parameters) -> Tuned:
    return tune(made(range(3)), made(range(3, 5)), parameters, np.random.default_rng(1), ticking())


def test_beta_energy_and_fairness_change_nothing() -> None:
    one = tuned(Parameters(beta=0.1, energy_weight=0.5, fairness_floor=0.8))
    other = tuned(Parameters())
    assert one.history == other.history
    assert one.parameters == replace(other.parameters, beta=0.1, energy_weight=0.5, fairness_floor=0.8)


def test_the_better_half_goes_on_and_the_held_out_gap_is_told() -> None:
    found = tuned(Parameters())
    assert [trial.instances for trial in found.history] == [2, 2, 2, 2, 3, 3]
    assert found.adopted
    assert found.held_out_interval[0] <= found.held_out_mean <= found.held_out_interval[1]


def test_what_does_not_hold_on_unseen_instances_is_not_adopted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuner, "LIMIT_PERCENT", -1.0)
    found = afresh(Parameters())
    assert not found.adopted
    assert found.parameters == Parameters()
