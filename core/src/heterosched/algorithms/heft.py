"""HEFT: heterogeneous earliest finish time, with insertion.

H. Topcuoglu, S. Hariri, M.-Y. Wu: Performance-Effective and Low-Complexity Task Scheduling for Heterogeneous Computing.
IEEE Transactions on Parallel and Distributed Systems 13(3), 2002, section 4.1. A task with several ways to run counts
on a node with the fastest that the node offers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from heterosched.algorithms.base import Problem
from heterosched.algorithms.placement import Candidate, Placement
from heterosched.model import Schedule

TIE = 1e-9
"""Relative difference up to which two finishes or scores count as equal, so that rounding noise decides nothing."""

Choice = Callable[[Sequence[Candidate], float], Candidate]
"""Picks among a task's candidates, given the time from which it could run."""


class Heft:
    """The exact algorithm: tasks by upward rank, each where it finishes first."""

    name = "heft"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        return by_rank(problem, lambda candidates, ready: earliest_finish(candidates))


def by_rank(problem: Problem, choose: Choice) -> Schedule:
    """List scheduling: tasks by decreasing upward rank, each at the candidate that `choose` picks."""
    placement = Placement(problem)
    ranks = upward_ranks(problem, placement)
    # Rounding keeps noise from ordering equals; the sort is stable, so equals stay in topological order.
    for name in sorted(problem.graph.order, key=lambda name: -float(f"{ranks[name]:.12g}")):
        if name not in problem.fixed:
            arrivals = placement.arrivals(name)
            placement.place(name, choose(placement.candidates(name, arrivals), arrivals.ready))
    return placement.schedule(ranks)


def earliest_finish(candidates: Sequence[Candidate]) -> Candidate:
    """The candidate that finishes first; among equals the one that takes fewest joules, then the first."""
    finish = min(candidate.finish for candidate in candidates)
    equal = [candidate for candidate in candidates if candidate.finish <= finish * (1 + TIE)]
    return min(equal, key=lambda candidate: candidate.option.joules)


def upward_ranks(problem: Problem, placement: Placement) -> dict[str, float]:
    """Upward rank of every task, seconds: its mean cost over the nodes that could run it, plus the longest way on.

    The way on is the largest sum of an edge's mean transfer time (between different nodes) and its consumer's rank.
    """
    graph, link = problem.graph, problem.cluster.link
    apart = len(problem.cluster.nodes) > 1
    ranks: dict[str, float] = {}
    for name in reversed(graph.order):
        onward = (
            ranks[edge.consumer] + (link.seconds(edge.size_bytes) if apart else 0.0) for edge in graph.children[name]
        )
        ranks[name] = _mean_cost(problem, placement, name) + max(onward, default=0.0)
    return ranks


def _mean_cost(problem: Problem, placement: Placement, name: str) -> float:
    task = problem.graph.tasks[name]
    if name in problem.fixed:
        return problem.fixed[name].option.seconds + problem.launch_seconds
    if len(task.options) == 1 and placement.eligible(task, task.options[0]):
        return task.options[0].seconds + problem.launch_seconds
    fastest: dict[int, float] = {}
    for option in sorted(task.options, key=lambda option: -option.seconds):
        fastest.update(dict.fromkeys(placement.eligible(task, option), option.seconds))
    if not fastest:
        return problem.launch_seconds
    return sum(fastest.values()) / len(fastest) + problem.launch_seconds
