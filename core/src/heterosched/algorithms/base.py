"""The small interface that every strategy has, and the registry that finds them by entry point."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

from heterosched.errors import InvalidInput
from heterosched.model import Cluster, Schedule, TaskGraph

ENTRY_POINTS = "heterosched.strategies"


@dataclass(frozen=True, slots=True)
class Objective:
    """How much time and energy count against each other; only the proportion matters."""

    time: float = 1.0
    energy: float = 0.0


@dataclass(frozen=True, slots=True)
class Problem:
    """A graph to be placed on a cluster from `now` on; what others hold there stands in the cluster's reservations.

    `ready` holds tasks back until a time (seconds, same origin as `now`): producers that already run are not part of
    the graph any more, but their consumers still have to wait for them.
    """

    graph: TaskGraph
    cluster: Cluster
    now: float = 0.0
    objective: Objective = Objective()
    ready: tuple[tuple[str, float], ...] = ()


@runtime_checkable
class Strategy(Protocol):
    """Decides where and when each task of a problem runs."""

    name: str

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task. Raises Unplaceable where a task fits on no node even when that is idle."""
        ...


def strategies() -> dict[str, type[Strategy]]:
    """All installed strategies by name."""
    return {point.name: point.load() for point in entry_points(group=ENTRY_POINTS)}


def strategy(name: str, object: str = "strategy") -> Strategy:
    """A strategy by its name. Raises InvalidInput with the known names."""
    known = strategies()
    if name not in known:
        raise InvalidInput(
            object, "spec.strategy", f"unknown strategy {name!r}", f"use one of {', '.join(sorted(known))}"
        )
    return known[name]()
