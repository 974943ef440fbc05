"""The small interface that every strategy has, and the registry that finds them by entry point."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from heterosched.errors import InvalidInput
from heterosched.model import Assignment, Cluster, Schedule, TaskGraph

ENTRY_POINTS = "heterosched.strategies"


@dataclass(frozen=True, slots=True)
class Objective:
    """How much time and energy count against each other; only the proportion matters. Raises InvalidInput."""

    time: float = 1.0
    energy: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.time < math.inf and 0 <= self.energy < math.inf):
            problem = f"weights {self.time!r} (time) and {self.energy!r} (energy)"
            raise InvalidInput("objective", "weights", problem, "give finite weights, zero or more")


@dataclass(frozen=True, slots=True)
class Problem:
    """A graph to be placed on a cluster from `now` on; what others hold there stands in the cluster's reservations.

    `fixed` are tasks of the graph that are done or on their way: a strategy takes their nodes and finish as they are
    and does not return them; what they still hold stands in the reservations too. `ready` holds tasks back to a time.
    Every task occupies its nodes for `launch_seconds` before its run time begins. A reservation that outlasts `horizon`
    is taken to end there, and a place behind it is chosen only where nothing ends earlier: without it a task that finds
    every node held for good is Unplaceable. `deadline`: when the whole graph should have finished; single tasks may
    have earlier ones. `seed` is what strategies that draw lots start from. All times in seconds with the same origin
    as `now`. `rates`: what a joule counts on each node where energy is weighed (dearer power counts more); empty where
    nodes do not differ in it, and 1 for those that it does not name.
    """

    graph: TaskGraph
    cluster: Cluster
    now: float = 0.0
    objective: Objective = Objective()
    ready: tuple[tuple[str, float], ...] = ()
    fixed: Mapping[str, Assignment] = field(default_factory=dict)
    launch_seconds: float = 0.0
    horizon: float = math.inf
    deadline: float = math.inf
    seed: int = 0
    rates: Mapping[str, float] = field(default_factory=dict)


@runtime_checkable
class Strategy(Protocol):
    """Decides where and when each task of a problem runs."""

    name: str

    def schedule(self, problem: Problem) -> Schedule:
        """Place every task that is not fixed. Raises Unplaceable where no node could run a task, even an idle one."""
        ...


@cache
def strategies() -> Mapping[str, type[Strategy]]:
    """All installed strategies by name; what is installed is looked up once."""
    return MappingProxyType({point.name: point.load() for point in entry_points(group=ENTRY_POINTS)})


def strategy(name: str, object: str = "strategy") -> Strategy:
    """A strategy by its name. Raises InvalidInput with the known names."""
    known = strategies()
    if name not in known:
        raise InvalidInput(
            object, "spec.strategy", f"unknown strategy {name!r}", f"use one of {', '.join(sorted(known))}"
        )
    return known[name]()
