"""A gain is claimed where there is one, and refused inside the noise: nobody is told that chance was an improvement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest

from heterosched_lab.search.problem import Objective, Sheet, Tuned, gain, tune
from heterosched_lab.search.space import Dimension
from heterosched_lab.search.study import FORBIDDEN, Spreading

SPACE = (Dimension("share", 0.0, 1.0, 0.05),)
HERE = Spreading(workers=1)


@dataclass(frozen=True)
class Noisy:
    """Cases whose cost is the distance to 0.3 times `effect`, and noise of the case and the point."""

    seed: int
    effect: float
    cases: int = 16
    floor: float = 0.0

    def sheet(self, point: Mapping[str, float]) -> Sheet:
        rng = np.random.default_rng((self.seed, round(point["share"] * 100)))
        costs = 5.0 + self.effect * abs(point["share"] - 0.3) + rng.normal(0.0, 0.2, self.cases)
        margins = point["share"] + rng.normal(0.0, 0.01, self.cases)
        breach = max(0.0, self.floor - float(margins.mean()))
        return Sheet(tuple(costs.tolist()), breach, tuple(margins.tolist()), {"share": point["share"]})


def tuned(seed: int, effect: float, first: float = 1.0, floor: float = 0.0) -> Tuned:
    training, own, other = (Noisy(3 * seed + index, effect, floor=floor) for index in range(3))
    unseen = {"other seeds": own, "other trace": other}
    return tune(SPACE, training, unseen, {"share": first}, trials=24, seed=seed, spreading=HERE)


def test_a_known_optimum_is_found_and_its_gain_claimed_with_an_interval() -> None:
    found = tuned(1, effect=4.0)
    assert found.chosen.values["share"] == pytest.approx(0.3, abs=0.1)
    assert found.claimed
    own = found.gains[0]
    assert 0 < own.lower < own.percent < own.upper
    assert own.lower < 100 * 2.8 / 7.8 < own.upper
    assert "gain: other seeds: +" in found.verdict


@pytest.mark.slow
def test_without_any_effect_hardly_ever_a_gain_is_claimed() -> None:
    claimed = sum(tuned(seed, effect=0.0).claimed for seed in range(40))
    assert claimed <= 3


def test_a_gain_elsewhere_lost_is_none() -> None:
    training, own = Noisy(1, 4.0), Noisy(2, 4.0)
    unseen = {"other seeds": own, "other trace": Noisy(3, -4.0)}
    found = tune(SPACE, training, unseen, {"share": 1.0}, trials=16, seed=1, spreading=HERE)
    assert found.gains[0].claimed
    assert not found.claimed
    assert "no gain can be claimed" in found.verdict


def test_nothing_better_than_the_present_point_is_said_so() -> None:
    found = tuned(4, effect=50.0, first=0.3)
    assert not found.claimed
    assert "nothing that was tried beats the present parameters" in found.verdict


def test_a_condition_comes_before_the_cost_and_mending_it_is_a_gain_at_a_price() -> None:
    found = tuned(5, effect=4.0, first=0.3, floor=0.6)
    assert found.chosen.values["share"] == pytest.approx(0.6, abs=0.06)
    assert found.gains[0].upper < 0
    assert found.gains[0].mends
    assert found.claimed
    assert not found.trials[0].allowed


def test_the_more_a_condition_is_broken_the_more_it_costs() -> None:
    cost = Objective(Noisy(1, 0.0, floor=2.0))
    assert cost({"share": 0.2})[0] > cost({"share": 0.9})[0] > FORBIDDEN


def test_a_single_pair_proves_nothing() -> None:
    own = gain("one case", Sheet((9.0,)), Sheet((1.0,)))
    assert not own.claimed
