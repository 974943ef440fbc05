"""Places one job on what the jobs before it have left: its strategy, its limits, and what was planned before.

Limits first: where the policy's plan would miss the deadline or pass the energy budget, faster and cheaper ways are
tried, and the one that breaks least is taken; where either limit can be kept but not both, the budget is. Then calm: a
plan that still stands is kept unless another one gains more than a stated share of what the policy weighs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from heterosched.algorithms.base import Objective, Problem, Strategy
from heterosched.algorithms.eligible import runs
from heterosched.algorithms.idle import schedule_joules
from heterosched.model import Assignment, Option, Schedule, Task, TaskGraph
from heterosched.planning.because import LIMIT, WEIGHING
from heterosched.planning.board import Board
from heterosched.planning.pools import Pool
from heterosched.planning.prepared import Prepared
from heterosched.planning.trial import Trial
from heterosched.planning.types import Point

ECONOMY = (0.5, 0.75, 1.0)
"""How far the dearest ways of each task are left out where a limit is broken: 1 leaves the cheapest alone."""

FASTEST = Objective(1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Way:
    """A schedule of the open tasks; `waiting`: tasks that a pool holds back, and why, `limits`: the pool's name.

    `rule` is LIMIT where a deadline or a budget asked for this way, else empty.
    """

    schedule: Schedule
    waiting: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Placing:
    """One job before a board. `fixed` are its tasks that have their place; `pools` are those that hold it back; `left`
    are tasks that `graph` lacks because they find no place now.
    """

    job: Prepared
    graph: TaskGraph
    fixed: Mapping[str, Assignment]
    board: Board
    pools: Sequence[Pool]
    strategy: type[Strategy]
    objective: Objective
    left: tuple[str, ...] = ()

    @property
    def open(self) -> list[str]:
        """Tasks to be placed."""
        return [name for name in self.graph.order if name not in self.fixed]

    def problem(self, graph: TaskGraph, objective: Objective) -> Problem:
        """The job as a problem: on the whole cluster, or for a single task on the best nodes of its ways."""
        board, job = self.board, self.job
        alone = self._alone(graph)
        return Problem(
            graph,
            board.whole() if alone is None else board.part(alone),
            board.now,
            objective,
            tuple(job.not_before.items()),
            self.fixed,
            board.launch,
            board.horizon,
            job.deadline if job.deadline is not None else math.inf,
            rates=job.rates,
        )

    def _alone(self, graph: TaskGraph) -> list[int] | None:
        if len(graph.tasks) != 1 or self.fixed or self.job.rates:
            return None  # where joules count differently, a later start elsewhere may be better
        (task,) = graph.tasks.values()
        if any(option.workers > 1 for option in task.options):
            return None
        ready = max(0.0, self.job.not_before.get(task.name, 0.0) - self.board.now)
        found = [self.board.soonest(task, option, ready)[1] for option in task.options]
        found = [place for place in found if place >= 0]
        return found or None  # nothing fits: the strategy says what is missing on the whole cluster

    def fresh(self, graph: TaskGraph, objective: Objective) -> Way:
        """The strategy's schedule, held under the pools. Raises what the strategy raises."""
        if not self.open:
            return Way(Schedule({}))
        problem = self.problem(graph, objective)
        schedule = self.strategy().schedule(problem)
        if len(problem.cluster.nodes) < len(self.board.cluster.nodes) and schedule.ranks:
            ranks = {name: self.board.mean_seconds(graph.tasks[name]) + self.board.launch for name in schedule.ranks}
            schedule = replace(schedule, ranks=ranks)
        return self._held(graph, schedule) if self.pools else Way(schedule)

    def _held(self, graph: TaskGraph, schedule: Schedule) -> Way:
        trial = Trial(self.board, self.pools)
        moved = trial.follow(graph, schedule.assignments, self.fixed, self.job.not_before)
        return Way(replace(moved, ranks=schedule.ranks), trial.waiting, trial.limits)

    def kept(self, previous: Schedule | None) -> Way | None:
        """The previous places at their new times; None where they do not do for all open tasks any more."""
        if previous is None:
            return None
        places: dict[str, Assignment] = {}
        for name in self.open:
            own = previous.assignments.get(name)
            again = None if own is None else self._again(self.graph.tasks[name], own)
            if again is None:
                return None
            places[name] = again
        return self._held(self.graph, Schedule(places, previous.ranks)) if places else None

    def _again(self, task: Task, own: Assignment) -> Assignment | None:
        wanted = (own.option.device, own.option.variant, own.option.workers, own.option.cap_watts)
        for option in task.options:
            if (option.device, option.variant, option.workers, option.cap_watts) == wanted:
                nodes = [self.board.timeline.positions.get(node) for node in own.nodes]
                fits = all(place is not None and runs(self.board.cluster.nodes[place], task, option) for place in nodes)
                return replace(own, option=option) if fits and len(nodes) == option.workers else None
        return None

    # --- judging -----------------------------------------------------------------------------------------------------

    def point(self, way: Way) -> Point:
        """When the job ends by this way, from now, and what all its tasks draw."""
        ends = [own.finish for own in (*self.fixed.values(), *way.schedule.assignments.values())]
        spent = sum(own.option.joules for own in self.fixed.values())
        return Point(max(ends, default=self.board.now) - self.board.now, spent + way.schedule.joules)

    def broken(self, way: Way) -> tuple[int, float, float]:
        """How many limits a way breaks, by how many joules and by how many seconds."""
        point = self.point(way)
        late = over = 0.0
        if self.job.deadline is not None:
            late = max(0.0, self.board.now + point.seconds - self.job.deadline)
        if self.job.budget is not None:
            over = max(0.0, point.joules - self.job.budget)
        return (late > 0) + (over > 0), over, late

    def gain(self, way: Way, over: Way) -> float:
        """What a way gains over another one, as a share of what the policy weighs; below zero where it loses."""
        time, energy = self._weights
        new, old = self.point(way), self.point(over)
        faster = (old.seconds - new.seconds) / old.seconds if old.seconds > 0 else 0.0
        spent, before = (schedule_joules(own.schedule, self.job.rates) for own in (way, over))
        more = sum(own.option.joules for own in self.fixed.values())
        cheaper = (before - spent) / (before + more) if before + more > 0 else 0.0
        return (time * faster + energy * cheaper) / (time + energy)

    def better(self, kept: Way, keep_share: float) -> Way:
        """The strategy's way where it gains more than `keep_share` and breaks no more limits, else the kept one."""
        fresh = self.fresh(self.graph, self.objective)
        if self.broken(fresh) > self.broken(kept) or self.gain(fresh, kept) <= keep_share:
            return kept
        return fresh

    def much_better(self, fresh: Way, kept: Way, keep_share: float) -> bool:
        """Whether it pays to leave a kept way that breaks a limit: the other one breaks one limit less, or breaks the
        one that counts by less than the share, so that the noise of other jobs' finishes moves nothing.
        """
        (fewer, over, late), (before, too_dear, too_late) = self.broken(fresh), self.broken(kept)
        if fewer != before:
            return fewer < before
        if abs(too_dear - over) > keep_share * max(too_dear, over):
            return over < too_dear
        return late < too_late * (1.0 - keep_share)

    @property
    def _weights(self) -> tuple[float, float]:
        """Of time and energy, as the strategy weighs them: most look at time alone."""
        if self.strategy.name in WEIGHING:
            return self.objective.time, self.objective.energy
        return 1.0, 0.0

    def best(self) -> tuple[Way, tuple[Point, ...]]:
        """The strategy's way, or one that breaks less, and the frontier where it still does. Raises Unplaceable."""
        fresh = self.fresh(self.graph, self.objective)
        if not self.open or not self.broken(fresh)[0] or not all(self.graph.tasks[name].known for name in self.open):
            return fresh, ()
        ways = [fresh, *self._others()]
        best = min(ways, key=self.broken)
        if best is not fresh:
            best = replace(best, rule=LIMIT)
        return best, frontier([self.point(own) for own in ways]) if self.broken(best)[0] else ()

    def tempting(self, kept: Way, keep_share: float) -> bool:
        """Whether one of the tasks alone could gain more than `keep_share` elsewhere: then it pays to ask the strategy.

        The board holds the kept way. Where joules count differently on nodes, the strategy alone can tell.
        """
        if self.job.rates and self._weights[1] > 0:
            return True
        graph, now, places = self.graph, self.board.now, kept.schedule.assignments
        for name, own in places.items():
            task, ready = graph.tasks[name], max(0.0, self.job.not_before.get(name, now) - now)
            for edge in graph.parents[name]:
                ready = max(ready, (places.get(edge.producer) or self.fixed[edge.producer]).finish - now)
            offers = [(own.option, own.finish - now - ready)]
            for option in task.options:
                seconds = option.seconds + self.board.launch
                start = self.board.soonest(task, option, ready)[0]
                if start < math.inf:
                    offers.append((option, start + seconds - ready))
            if self._worth(offers) > 1.0 + keep_share:
                return True
        return False

    def _worth(self, offers: Sequence[tuple[Option, float]]) -> float:
        """How much more the best of some ways (option, seconds to its finish) is worth than the first."""
        time, energy = self._weights
        soonest = min(seconds for _, seconds in offers)
        least = min(option.joules for option, _ in offers)

        def worth(option: Option, seconds: float) -> float:
            economy = least / option.joules if option.joules > 0 else 1.0
            return time * (soonest / seconds if seconds > 0 else 1.0) + energy * economy

        return max(worth(*offer) for offer in offers) / worth(*offers[0])

    def _others(self) -> Iterator[Way]:
        """Faster and cheaper ways, as far as there are any."""
        if self.objective != FASTEST:
            yield self.fresh(self.graph, FASTEST)
        for share in ECONOMY:
            yield self.fresh(self._economic(share), self.objective)

    def _economic(self, share: float) -> TaskGraph:
        """The graph without the dearest ways of each task; a way for which no node would do does not count."""
        tasks = {}
        for name, task in self.graph.tasks.items():
            usable = [option for option in task.options if self.board.soonest(task, option)[1] >= 0] or task.options
            joules = [option.joules for option in usable]
            limit = max(joules, default=0.0) - share * (max(joules, default=0.0) - min(joules, default=0.0))
            kept = tuple(option for option in usable if option.joules <= limit * (1 + 1e-9))
            tasks[name] = replace(task, options=kept or task.options)
        return TaskGraph(tasks, self.graph.edges, self.graph.object)


def frontier(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points that no other one beats in time and energy, fastest first."""
    found: list[Point] = []
    least = math.inf
    for point in sorted(points, key=lambda point: (point.seconds, point.joules)):
        if point.joules < least:
            found.append(point)
            least = point.joules
    return tuple(found)
