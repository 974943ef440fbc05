"""The parameters of JPS: those of `SchedulingPolicy.spec.jps`, and those of the search behind them.

beta, energy_weight and fairness_floor say what is wanted: they are given, never tuned. The others say how hard to look.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from heterosched.errors import InvalidInput

Mode = Literal["auto", "guided", "uniform"]


@dataclass(frozen=True, slots=True)
class Parameters:
    """What is sought and how; shares and probabilities are 0..1.

    samples: categories that are placed at most. alpha: share of the lexicographic list of categories that random draws
    skip. beta: weight of the mean completion time against fairness. energy_weight: weight of the joules. explore:
    chance that a sample is drawn at random instead of near a good one. fairness_floor: least Jain index of the
    speed-ups over an equal split, which a plan may miss only if nobody is served worse than by that split. mode:
    `auto` solves exactly where that fits and samples otherwise, `guided` and `uniform` always sample. exact_cells:
    table cells that an exact solution may visit. elite: how many of the best samples have neighbours drawn. collapse,
    spread, exchange: chances of the three larger steps between categories (the rest are small ones, with `stride` the
    chance that a small step ends after each further worker). price_rounds: steps of the price search behind the bound.
    enough_percent: sampling ends once the gap is proven to be this small.
    """

    samples: int = 128
    alpha: float = 0.0
    beta: float = 1.0
    energy_weight: float = 0.0
    explore: float = 0.15
    fairness_floor: float = 0.9
    mode: Mode = "auto"
    exact_cells: float = 2e8
    elite: int = 4
    collapse: float = 0.30
    spread: float = 0.15
    exchange: float = 0.10
    stride: float = 0.6
    price_rounds: int = 240
    enough_percent: float = 0.01

    @property
    def additive(self) -> bool:
        """Whether the score is a sum over jobs, so that dynamic programming can minimise it."""
        return self.beta >= 1.0

    def check(self, object: str = "JPS parameters") -> None:
        """Raises InvalidInput where a value is out of its range; `object` names the policy in the message."""
        for name in ("beta", "energy_weight", "explore", "fairness_floor", "collapse", "spread", "exchange"):
            _within(object, name, getattr(self, name), 0.0, 1.0)
        _within(object, "alpha", self.alpha, 0.0, math.nextafter(1.0, 0.0))
        _within(object, "stride", self.stride, 0.01, 1.0)
        _within(object, "exact_cells", self.exact_cells, 0.0, 1e12)
        _within(object, "enough_percent", self.enough_percent, 0.0, 100.0)
        for name, most in (("samples", 100_000), ("elite", 1_000), ("price_rounds", 100_000)):
            _within(object, name, getattr(self, name), 1, most)
            if not isinstance(getattr(self, name), int):
                raise InvalidInput(object, name, f"{getattr(self, name)!r}", "give a whole number")
        if self.collapse + self.spread + self.exchange > 1.0:
            raise InvalidInput(
                object, "collapse, spread, exchange", "their sum is above 1", "lower one: they are probabilities"
            )
        if self.mode not in ("auto", "guided", "uniform"):
            raise InvalidInput(object, "mode", f"unknown mode {self.mode!r}", "use auto, guided or uniform")


def _within(object: str, field: str, value: float, least: float, most: float) -> None:
    if not isinstance(value, int | float) or not least <= value <= most:  # false for NaN too
        raise InvalidInput(object, field, f"{value!r} is not within {least:g}..{most:g}", "give a value in this range")
