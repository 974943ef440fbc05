"""Energy-aware HEFT: HEFT's ranks and insertion, but each task goes where time and joules together are best.

The ranks are those of Topcuoglu, Hariri and Wu (2002, see heft.py). Among a task's candidates the one with the largest

    time * minEFT / EFT + energy * minJ / J

wins, where `time` and `energy` are the weights of the problem's objective, EFT is measured from the time at which the
task could run, and the minima are taken over the candidates. A weight of zero for energy makes it HEFT exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

from heterosched.algorithms.base import Objective, Problem
from heterosched.algorithms.heft import TIE, by_rank, earliest_finish
from heterosched.algorithms.placement import Candidate
from heterosched.model import Schedule


class EnergyHeft:
    """Tasks by upward rank, each where the objective's weighted sum of speed and economy is largest."""

    name = "energy_heft"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        return by_rank(problem, lambda candidates, ready: _best(candidates, ready, problem.objective))


def _best(candidates: Sequence[Candidate], ready: float, objective: Objective) -> Candidate:
    """The candidate of the largest score; among equals the one that finishes first."""
    if objective.energy <= 0:
        return earliest_finish(candidates)

    def eft(candidate: Candidate) -> float:  # the run time where it is lost in the rounding of a far-away finish
        return max(candidate.finish - ready, candidate.option.seconds)

    soonest = min(map(eft, candidates))
    least = min(candidate.option.joules for candidate in candidates)

    def score(candidate: Candidate) -> float:
        joules = candidate.option.joules
        economy = least / joules if joules > 0 else 1.0
        return objective.time * soonest / eft(candidate) + objective.energy * economy

    scores = [score(candidate) for candidate in candidates]
    enough = max(scores) * (1 - TIE)
    return earliest_finish([candidate for candidate, own in zip(candidates, scores, strict=True) if own >= enough])
