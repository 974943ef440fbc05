"""EDF: earliest deadline first, with deadlines handed back along the dependencies.

C. L. Liu, J. W. Layland: Scheduling Algorithms for Multiprogramming in a Hard-Real-Time Environment. Journal of the ACM
20(1), 1973, section 7; the deadlines of a graph as in H. Chetto, M. Silly, T. Bouchentouf: Dynamic Scheduling of
Real-Time Tasks under Precedence Constraints. Real-Time Systems 2(3), 1990: a task is due early enough for its
consumers to keep theirs at their fastest. A task without a deadline of its own or behind it comes after those that have
one; among such tasks the one with the longest way to the end is first. Each goes where it finishes first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from heterosched.algorithms.base import Problem
from heterosched.algorithms.ground import Ground
from heterosched.algorithms.placement import Placement
from heterosched.algorithms.queueing import as_they_come
from heterosched.model import Schedule


class Edf:
    """Tasks by the time at which they are due, each where it finishes first."""

    name = "edf"

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable."""
        return by_due_date(Ground(problem))


def by_due_date(ground: Ground) -> Schedule:
    """The same, on a ground that is there already."""
    return by_deadline(ground, _deadlines(ground))


def due_dates(ground: Ground) -> dict[str, float]:
    """When each task is due, in seconds after now: by its own deadline, the graph's, and what comes behind it."""
    now = ground.problem.now
    return {name: due - now for name, due in handed_back(ground, _deadlines(ground)).items()}


def _deadlines(ground: Ground) -> dict[str, float]:
    graph, whole = ground.problem.graph, ground.problem.deadline
    return {
        name: min(math.inf if task.deadline is None else task.deadline, math.inf if graph.children[name] else whole)
        for name, task in graph.tasks.items()
    }


def by_deadline(ground: Ground, deadlines: Mapping[str, float]) -> Schedule:
    """List scheduling of free tasks by deadline (infinity: none), handed back along the dependencies."""
    due = handed_back(ground, deadlines)
    onward = handed_back(ground, dict.fromkeys(deadlines, 0.0))
    placement = Placement(ground.problem, ground=ground)
    for name in as_they_come(ground.problem, lambda name: (due[name], onward[name])):
        placement.place(name, placement.soonest(name, placement.arrivals(name)))
    return placement.schedule({})


def handed_back(ground: Ground, deadlines: Mapping[str, float]) -> dict[str, float]:
    """The latest finish of each task with which all tasks behind it could keep their deadlines."""
    graph = ground.problem.graph
    due: dict[str, float] = {}
    for name in reversed(graph.order):
        due[name] = min(
            (due[edge.consumer] - fastest(ground, edge.consumer) for edge in graph.children[name]),
            default=math.inf,
        )
        due[name] = min(due[name], deadlines[name])
    return due


def fastest(ground: Ground, name: str) -> float:
    """Least run time of the task on any node, the launch included; zero where none could run it."""
    seconds = min(ground.seconds(name), default=math.inf)
    return seconds if seconds < math.inf else 0.0
