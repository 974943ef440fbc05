"""Where and when a task could run, and which of several places is the earliest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from heterosched.model import Option

TIE = 1e-9
"""Relative difference up to which two finishes or scores count as equal, so that rounding noise decides nothing."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place for one option: start and finish in seconds after the problem's `now`."""

    option: Option
    places: tuple[int, ...]
    start: float
    finish: float


@dataclass(frozen=True, slots=True)
class Arrivals:
    """From when on a task can start: at `anywhere`, or earlier at positions that hold its latest data (`here`).

    `ready` is when its producers have finished, transfers not counted.
    """

    ready: float
    anywhere: float
    here: Mapping[int, float]

    def at(self, position: int) -> float:
        """The time at which all inputs are on the node."""
        return self.here.get(position, self.anywhere)

    @property
    def earliest(self) -> float:
        """A lower bound of every start."""
        return min(self.here.values(), default=self.anywhere)


def earliest_finish(candidates: Sequence[Candidate]) -> Candidate:
    """The candidate that finishes first; among equals the one that takes fewest joules, then the first."""
    finish = min(candidate.finish for candidate in candidates)
    equal = [candidate for candidate in candidates if candidate.finish <= finish * (1 + TIE)]
    return min(equal, key=lambda candidate: candidate.option.joules)
