"""What JPS answers: who gets which workers, what that amounts to, how good it provably is, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from heterosched.jps.admission import Queued
from heterosched.jps.categories import Category
from heterosched.jps.fairness import Fairness


@dataclass(frozen=True, slots=True)
class Placement:
    """A job's workers by name and the samples of the global batch that each computes per iteration.

    seconds: completion time from now; compute, communication and restart are its parts. equal_seconds: what the equal
    split would have given. rounded_seconds: with whole samples, never less than `seconds`. changed: whether a running
    job has to restart.
    """

    job: str
    workers: tuple[str, ...]
    shares: tuple[int, ...]
    seconds: float
    rounded_seconds: float
    compute_seconds: float
    communication_seconds: float
    restart_seconds: float
    equal_seconds: float
    joules: float
    changed: bool


@dataclass(frozen=True, slots=True)
class Point:
    """A plan of the front: mean completion time (s), Jain index, joules, workers per job."""

    mean_seconds: float
    jain: float
    joules: float
    sizes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Effort:
    """What was done: categories that exist, that were placed, table cells of the exact solution, worker classes."""

    categories: int = 0
    placed: int = 0
    cells: int = 0
    classes: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A plan for all jobs that fit; `queued` says why the others wait.

    mean_seconds: weighted mean completion time, proven not to fall below lower_bound_seconds by any plan, fair or not;
    gap_percent is the distance, 0 where the plan is optimal. method: `typed-dp`, `guided`, `uniform`, `enumerated`,
    `none` (nothing to place). bound: `exact`, `configurations` or `tangents`, by what proves it. optimal: whether no
    plan that may be chosen has a better score. fair: whether the fairness floor is met, or nobody is served worse than
    by the equal split. prices: what one more worker would be worth, by the name of the first worker of each class, in
    seconds of the mean. worthwhile: whether leaving the running plan gains more than the restarts cost.
    score_gap_percent: by how many percent the score (time, fairness and energy: what was sought in all) is at most
    above that of the best plan that may be chosen; None where nothing is proven.
    """

    placements: tuple[Placement, ...]
    queued: tuple[Queued, ...]
    mean_seconds: float
    joules: float
    fairness: Fairness
    lower_bound_seconds: float
    gap_percent: float
    method: str
    bound: str
    optimal: bool
    fair: bool
    front: tuple[Point, ...]
    prices: Mapping[str, float] = field(default_factory=dict)
    effort: Effort = Effort()
    worthwhile: bool = True
    score_gap_percent: float | None = 0.0

    @property
    def sizes(self) -> Category:
        """Workers per placed job."""
        return tuple(len(placement.workers) for placement in self.placements)

    @property
    def reason(self) -> str:
        """The answer in a sentence, for people."""
        if not self.placements:
            return "no job can be placed"
        gap = "how good the score is, is not proven"
        if self.score_gap_percent is not None:
            gap = f"gapPercent {self.score_gap_percent:.3g} (score at most so far above the best possible)"
        gap = "optimal" if self.score_gap_percent == 0 else gap
        waiting = f"; {len(self.queued)} wait" if self.queued else ""
        unfair = "" if self.fair else "; no plan that was looked at meets the fairness floor"
        return (
            f"{len(self.placements)} jobs on {sum(self.sizes)} workers by {self.method}: mean completion "
            f"{self.mean_seconds:.6g} s, {gap}; fairness {self.fairness.jain:.3f}{unfair}{waiting}"
        )
