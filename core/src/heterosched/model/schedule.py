"""What a strategy decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from heterosched.model.tasks import Option


@dataclass(frozen=True, slots=True)
class Assignment:
    """A task's way, place and time. `nodes` has one entry per worker (a node may stand in it more than once)."""

    task: str
    option: Option
    nodes: tuple[str, ...]
    start: float
    finish: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """The outcome of a strategy: one assignment per task, and the ranks behind it (empty where it has none)."""

    assignments: Mapping[str, Assignment]
    ranks: Mapping[str, float] = field(default_factory=dict)

    @property
    def start(self) -> float:
        """When the first task starts."""
        return min((a.start for a in self.assignments.values()), default=0.0)

    @property
    def finish(self) -> float:
        """When the last task has finished."""
        return max((a.finish for a in self.assignments.values()), default=0.0)

    @property
    def joules(self) -> float:
        """Energy that the tasks add."""
        return sum(a.option.joules for a in self.assignments.values())
