"""Energy-aware HEFT: HEFT's ranks and insertion, but each task goes where time and joules together are best.

The ranks are those of Topcuoglu, Hariri and Wu (2002, see heft.py). Among a task's candidates the one with the largest

    time * minEFT / EFT + energy * minJ / J

wins, where `time` and `energy` are the weights of the problem's objective, EFT is measured from the time at which the
task could run, and the minima are taken over the candidates. J is what the task's devices draw and what its nodes draw
because they have to be on for it (see idle.py); where that differs between nodes, those that are on already and those
that would have to be woken are separate candidates, and so are nodes on which a joule counts differently.
A weight of zero for energy makes it HEFT exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from heterosched.algorithms.base import Objective, Problem
from heterosched.algorithms.candidate import TIE, Arrivals, Candidate, earliest_finish
from heterosched.algorithms.ground import Ground
from heterosched.algorithms.heft import by_order
from heterosched.algorithms.idle import IdleMeter
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.ranks import falling, upward_ranks
from heterosched.model import Schedule


class EnergyHeft:
    """Tasks by upward rank, each where the objective's weighted sum of speed and economy is largest."""

    name = "energy_heft"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        ground = Ground(problem)
        ranks = upward_ranks(ground)
        return by_economy(ground, falling(problem.graph.order, ranks), ranks, problem.objective)


def by_economy(
    ground: Ground,
    order: Sequence[str],
    ranks: Mapping[str, float],
    objective: Objective,
    due: Mapping[str, float] | None = None,
) -> Schedule:
    """List scheduling in the given order, each task where the weighted sum of the objective is largest: among places
    that finish when the task is `due` (seconds after now), as far as there are any.
    """
    if objective.energy <= 0:
        return by_order(ground, order, Placement.soonest, ranks)
    meter = IdleMeter(ground.problem)

    def choose(placement: Placement, name: str, arrivals: Arrivals) -> Candidate:
        candidates = _candidates(placement, name, arrivals, meter)
        if due is not None:
            in_time = [candidate for candidate in candidates if candidate.finish <= due[name] * (1 + TIE)]
            candidates = in_time or [earliest_finish(candidates)]
        joules = [meter.joules(candidate) for candidate in candidates]
        best = _best(candidates, joules, arrivals.ready, objective)
        meter.place(best)
        return best

    return by_order(ground, order, choose, ranks)


def _candidates(placement: Placement, name: str, arrivals: Arrivals, meter: IdleMeter) -> Sequence[Candidate]:
    """The earliest place of each option; on each kind of node where joules count differently there, or idle power
    counts: then on and off.
    """
    if not meter.counts:
        differ = bool(placement.problem.rates)
        return placement.spread(name, arrivals) if differ else placement.candidates(name, arrivals)
    found: list[Candidate] = []
    for option, places in zip(placement.problem.graph.tasks[name].options, placement.ground.places(name), strict=True):
        kinds = places.by_kind.values() if option.workers == 1 else (places.nodes,) if places.nodes else ()
        for nodes in kinds:
            on = [node for node in nodes if meter.awake(node)]
            off = [node for node in nodes if not meter.awake(node)]
            groups = (on, off) if option.workers == 1 else ((*on, *off),)
            found += [placement.first(option, group, arrivals) for group in groups if group]
    return placement.usable(name, found)


def _best(candidates: Sequence[Candidate], joules: Sequence[float], ready: float, objective: Objective) -> Candidate:
    """The candidate of the largest score; among equals the one that finishes first."""

    def eft(candidate: Candidate) -> float:  # the run time where it is lost in the rounding of a far-away finish
        return max(candidate.finish - ready, candidate.option.seconds)

    soonest, least = min(map(eft, candidates)), max(0.0, min(joules))

    def score(candidate: Candidate, own: float) -> float:
        economy = least / own if own > 0 else 1.0
        return objective.time * soonest / eft(candidate) + objective.energy * economy

    scores = [score(candidate, own) for candidate, own in zip(candidates, joules, strict=True)]
    enough = max(scores) * (1 - TIE)
    return earliest_finish([candidate for candidate, own in zip(candidates, scores, strict=True) if own >= enough])
