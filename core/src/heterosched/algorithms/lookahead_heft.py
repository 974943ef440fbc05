"""Look-ahead HEFT: HEFT that asks what a place means for the tasks behind.

L. F. Bittencourt, R. Sakellariou, E. R. M. Madeira: DAG Scheduling Using a Lookahead Variant of the Heterogeneous
Earliest Finish Time Algorithm. 18th Euromicro Conference on Parallel, Distributed and Network-based Processing (PDP),
2010, section III. A task is tried at each of its candidates; its consumers are then placed by HEFT, by as much of their
input as is known; it goes where the last of them would finish first. Where a task has more than `MOST_CONSUMERS`, those
of the largest rank are asked: a fan of thousands would cost its square.
"""

from __future__ import annotations

from heterosched.algorithms.base import Problem
from heterosched.algorithms.candidate import TIE, Arrivals, Candidate, earliest_finish
from heterosched.algorithms.ground import Ground
from heterosched.algorithms.heft import by_order
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.ranks import falling, upward_ranks
from heterosched.model import Schedule

MOST_CONSUMERS = 16
"""Consumers that are tried behind a task."""


class LookaheadHeft:
    """Tasks by upward rank, each where its consumers could finish first."""

    name = "lookahead_heft"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        ground = Ground(problem)
        ranks = upward_ranks(ground)

        def choose(placement: Placement, name: str, arrivals: Arrivals) -> Candidate:
            behind = falling({edge.consumer: None for edge in problem.graph.children[name]}, ranks)
            open_ = [consumer for consumer in behind if consumer not in problem.fixed][:MOST_CONSUMERS]
            return _best(placement, name, placement.spread(name, arrivals), open_)

        return by_order(ground, falling(problem.graph.order, ranks), choose, ranks)


def _best(placement: Placement, name: str, candidates: list[Candidate], behind: list[str]) -> Candidate:
    if len(candidates) == 1:
        return candidates[0]
    if not behind:
        return earliest_finish(candidates)
    sizes = {edge.consumer: edge.size_bytes for edge in placement.problem.graph.children[name]}
    ends = [
        _end(placement, candidate, [(consumer, sizes[consumer]) for consumer in behind]) for candidate in candidates
    ]
    enough = min(ends) * (1 + TIE)
    return earliest_finish([candidate for candidate, end in zip(candidates, ends, strict=True) if end <= enough])


def _end(placement: Placement, candidate: Candidate, behind: list[tuple[str, float]]) -> float:
    """When the last consumer would finish if the task ran at the candidate; the placement is left as it was."""
    rows, where, end = placement.timeline.rows, frozenset(candidate.places), candidate.finish
    before = {place: rows[place].copy() for place in where}
    placement.take(candidate)
    for consumer, size in behind:
        own = placement.soonest(consumer, placement.arrivals(consumer, (candidate.finish, size, where)))
        before.update({place: rows[place].copy() for place in own.places if place not in before})
        placement.take(own)
        end = max(end, own.finish)
    placement.restore(before)
    return end
