"""A HeteroJob as the planner works with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from heterosched.algorithms.base import Objective
from heterosched.model import Assignment, TaskGraph
from heterosched.planning.progress import WAITING
from heterosched.planning.types import JobState, job_key
from heterosched.policy.table import PolicyRow

AUTO = "Auto"


@dataclass(frozen=True)
class Prepared:
    """A job that can be planned. `graph`: all tasks; `live`: without those that will never run, the rest with the ways
    that are open to them; `fixed`: what is done or on its way. Deadline in epoch seconds, budget in joules, cap in
    watts, `created` in epoch seconds (infinite: not yet). `avoided`: nodes that plans go round, with the reason.
    `rates`: what a joule counts on each node (see `Problem`). `cornered`: tasks that could use avoided nodes alone, and
    which.
    """

    state: JobState
    graph: TaskGraph
    live: TaskGraph
    fixed: Mapping[str, Assignment]
    row: PolicyRow
    strategy: str
    deadline: float | None
    budget: float | None
    cap: float | None
    created: float
    avoided: Mapping[str, str]
    objective: Objective
    rates: Mapping[str, float] = field(default_factory=dict)
    cornered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """How the planner knows the job."""
        return job_key(self.state.job)

    @property
    def namespace(self) -> str:
        """The namespace, for quota and fairness."""
        return self.state.job.metadata.namespace

    @property
    def suspended(self) -> bool:
        """Whether nothing of it may start, so that it takes no place from others."""
        return self.state.job.spec.suspend or not self.state.holds

    @cached_property
    def open(self) -> tuple[str, ...]:
        """Tasks that are to be placed, in topological order."""
        return tuple(name for name in self.live.order if name not in self.fixed)

    @cached_property
    def not_before(self) -> dict[str, float]:
        """Epoch seconds before which tasks may not start."""
        return {n: own.not_before for n, own in self.state.progress.items() if own.not_before is not None}

    def ready(self, name: str) -> bool:
        """Whether all producers of the task are done."""
        return all(
            self.state.progress.get(edge.producer, WAITING).state == "Succeeded" for edge in self.live.parents[name]
        )

    def shortest(self, now: float, launch_seconds: float) -> float:
        """Seconds from now that the rest takes at least: its longest chain, each task in its fastest way."""
        finish: dict[str, float] = {}
        for name in self.live.order:
            if name in self.fixed:
                finish[name] = max(0.0, self.fixed[name].finish - now)
                continue
            start = max((finish[edge.producer] for edge in self.live.parents[name]), default=0.0)
            start = max(start, self.not_before.get(name, now) - now)
            fastest = min((option.seconds for option in self.live.tasks[name].options), default=0.0)
            finish[name] = start + launch_seconds + fastest
        return max(finish.values(), default=0.0)
