"""What is searched: dimensions in steps, so that what was evaluated is exactly what a manifest can say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from heterosched.errors import InvalidInput

Values = Mapping[str, float]
DIGITS = 6
"""Steps such as 0.05 add up with rounding noise; beyond these digits there is nothing else."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """A parameter from `low` to `high` in steps of `step`; `log`: drawn evenly by its logarithm (whole numbers)."""

    name: str
    low: float
    high: float
    step: float = 1.0
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether it takes whole numbers only."""
        return all(float(value).is_integer() for value in (self.low, self.high, self.step))

    @property
    def distribution(self) -> BaseDistribution:
        """The same for Optuna."""
        if self.whole:
            return IntDistribution(int(self.low), int(self.high), log=self.log, step=1 if self.log else int(self.step))
        return FloatDistribution(self.low, self.high, step=self.step)


def check(space: Sequence[Dimension], point: Values) -> None:
    """Raises InvalidInput where a point does not lie in the space, or the space is empty or names something twice."""
    names = [dimension.name for dimension in space]
    if not names or len(set(names)) != len(names) or set(names) != set(point):
        problem = f"it has {sorted(names)}, the first point {sorted(point)}"
        raise InvalidInput("search", "space", problem, "name each dimension once, and give each a first value")
    for dimension in space:
        if not dimension.low <= point[dimension.name] <= dimension.high:
            problem = f"{point[dimension.name]:g} is not within {dimension.low:g}..{dimension.high:g}"
            raise InvalidInput("search", dimension.name, problem, "start inside of the space")


def tidy(space: Sequence[Dimension], point: Values) -> dict[str, float]:
    """The point without rounding noise, in the order of the space."""
    return {dimension.name: round(float(point[dimension.name]), DIGITS) for dimension in space}
