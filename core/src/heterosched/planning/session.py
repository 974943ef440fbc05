"""One plan in the making: the board, what is shared beside it, and the jobs in their turns.

Jobs of a tier (same priority, same urgency) do not push each other about: those whose last plan still does keep their
places, new ones are placed in turn, and then each may move into what is left where it gains enough. Higher tiers come
first and know nothing of lower ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import groupby

from heterosched.algorithms.base import Objective, Problem, Strategy
from heterosched.algorithms.eligible import eligible
from heterosched.errors import HeteroSchedError, Unplaceable
from heterosched.model import Assignment, Schedule
from heterosched.planning.board import Board
from heterosched.planning.ledger import Ledger
from heterosched.planning.market import Sized
from heterosched.planning.order import in_turn
from heterosched.planning.placing import Placing, Way
from heterosched.planning.prepared import Prepared
from heterosched.planning.progress import with_followers, without
from heterosched.planning.resizing import restarts
from heterosched.planning.resuming import grown
from heterosched.planning.telling import Placed, Teller
from heterosched.planning.training import Trainer
from heterosched.planning.types import JobPlan, PlanRequest, Point, Restart

BASELINE = "fifo"

HELD_SECONDS = 30 * 86400.0
"""Nodes that are held until further notice count as held for 30 days, so that the rest of a job can be planned."""


class Session:
    """Plans jobs that can be planned. `known`: strategies by name."""

    def __init__(self, request: PlanRequest, jobs: Sequence[Prepared], known: Mapping[str, type[Strategy]]) -> None:
        self._request, self._known = request, known
        self._horizon = request.now + HELD_SECONDS
        self._board = Board(request.cluster, request.now, self._horizon, request.launch_seconds)
        self._ledger = Ledger(request, jobs, self._board)
        reserved = {key for key, own in request.previous.items() if own.reserved}
        self._turns = in_turn(jobs, request.cluster, request.now, request.launch_seconds, reserved)
        self._trainer = Trainer(request, self._board)
        self._teller = Teller(request, self._board, self._trainer, self._ledger)
        self._sized: dict[str, dict[str, Sized]] = {}
        self._keeping: set[str] = set()  # jobs for which room is kept that no assignment shows
        self._restarts: Mapping[str, Mapping[str, Restart]] = {}

    def plans(self) -> Iterator[tuple[str, JobPlan]]:
        """The plans of all jobs by their keys, tier by tier."""
        for _, turns in groupby(self._turns, key=lambda turn: turn.tier):
            jobs = [turn.job for turn in turns]
            placed: list[Placed] = []
            for job in self._sequence(jobs):
                try:
                    placed.append(self._placed(job))
                except Unplaceable as error:
                    named = Unplaceable(f"{error.task} of {job.state.job.label}", error.missing)
                    yield job.key, JobPlan(job.strategy, job.graph, error=named, verdict=f"NeedsDevice: {error}")
                except HeteroSchedError as error:
                    yield job.key, JobPlan(job.strategy, job.graph, error=error)
                except Exception as error:  # a strategy may be anybody's: the other jobs go on
                    yield job.key, JobPlan(job.strategy, job.graph, error=_unforeseen(job, error))
            for own in placed:
                if own.calm:
                    with suppress(Exception):  # whatever a strategy fails of: the way that the job has still stands
                        self._improve(own)
            reserved = self._reserved(jobs, placed)
            for own in placed:
                key = own.placing.job.key
                told = self._teller.plan(own, self._sized.get(key, {}), self._restarts.get(key, {}))
                yield key, replace(told, reserved=True) if key == reserved else told
            self._sized, self._restarts = {}, {}

    def _sequence(self, jobs: Sequence[Prepared]) -> Iterator[Prepared]:
        """The jobs of a tier as they are to be placed, each before the next is asked for: in turn, but training that
        keeps room free before the rest of the training is sized, which is when the first of it has its turn.
        """
        ahead: set[str] = set()
        for place, job in enumerate(jobs):
            if not self._sized and self._trainer.concerns(job):
                rest = jobs[place:]
                with suppress(Exception):  # what cannot be sized together is left to the strategies
                    self._restarts = restarts(self._trainer, rest, self._ledger)
                    for resized, more in grown(rest, self._restarts, self._request.now):
                        self._ledger.take(resized, [more])
                for blocked in self._trainer.blocked(rest, self._ledger.pools):
                    ahead.add(blocked.key)
                    yield blocked
                    later = [] if blocked.suspended else list(self._trainer.later(blocked))
                    self._ledger.take(blocked, later)
                    self._keeping |= {blocked.key} if later else set()
                with suppress(Exception):
                    self._size([own for own in rest if own.key not in ahead])
                self._sized.setdefault("", {})  # done, even where nothing fits
            if job.key not in ahead:
                yield job

    def _reserved(self, jobs: Sequence[Prepared], placed: Iterable[Placed]) -> str:
        """The key of the first job in turn that has to wait, if it waits for several workers' room at once."""
        by_key = {own.placing.job.key: own for own in placed if not own.placing.job.suspended}
        for job in jobs:
            own = by_key.get(job.key)
            places = own.way.schedule.assignments if own is not None else {}
            late = [one for name, one in places.items() if job.ready(name) and one.start > self._request.now]
            late = [one for one in late if one.start < self._horizon and own and one.task not in own.way.waiting]
            if job.key in self._keeping:
                return job.key
            if late:
                return job.key if any(one.option.workers > 1 for one in late) else ""
        return ""

    def _size(self, jobs: Sequence[Prepared]) -> None:
        """Size the training of the jobs together."""
        for job, sized in self._trainer.size(jobs, self._ledger.pools):
            self._sized.setdefault(job.key, {})[sized.assignment.task] = sized
            if not job.suspended:
                self._ledger.take(job, [sized.assignment])

    def _placed(self, job: Prepared) -> Placed:
        """A first way for the job: the one of the last plan where it does, else a new one."""
        given = {name: own.assignment for name, own in self._sized.get(job.key, {}).items()}
        strategy, objective, pools = self._known[job.strategy], job.objective, self._ledger.pools(job)
        placing = Placing(job, job.live, {**job.fixed, **given}, self._board, pools, strategy, objective)
        wanted = job.key in self._request.baselines
        baseline = self._baseline(job, given.values()) if wanted else None
        last = self._request.previous.get(job.key)
        kept = placing.kept(last.schedule) if last is not None else None
        if kept is not None and not placing.broken(kept)[0] and not job.suspended:
            found = Placed(placing, kept, (), baseline, calm=True)
        else:
            placing, way, frontier, needs = self._best(placing)
            calm = kept is not None and not job.suspended and not placing.left
            if kept is not None and calm and not placing.much_better(way, kept, job.row.keep_share):
                way = replace(kept, rule=way.rule)
            found = Placed(placing, way, frontier, baseline, needs=needs)
        if not job.suspended:
            self._ledger.take(job, found.way.schedule.assignments.values())
        return found

    def _best(self, placing: Placing) -> tuple[Placing, Way, tuple[Point, ...], str]:
        """The best way; without the training that only fits on several device types together, while it does not, and
        without what needs a device that no node offers but that can be brought: with the fourth value saying which.
        """
        try:
            return placing, *placing.best(), ""
        except Unplaceable as error:
            mixed = [name for name in self._trainer.mixed_alone(placing.job) if name not in placing.fixed]
            absent = [name for name in self._absent(placing) if name not in mixed]
            if not mixed and not absent:
                raise
            needs = str(error) if absent else ""
        smaller = without(placing.graph, with_followers(placing.graph, [*mixed, *absent]))
        placing = replace(placing, graph=smaller, left=(*mixed, *absent))
        return placing, *placing.best(), needs

    def _absent(self, placing: Placing) -> list[str]:
        """Open tasks that no node could run, and that could run on a device type that an autoscaler brings."""
        nodes, brought = self._board.cluster.nodes, placing.job.row.autoscaled
        found = []
        for name in placing.open if brought else ():
            task = placing.graph.tasks[name]
            able = any(eligible(nodes, task, option) for option in task.options)
            if not able and any(option.device in brought for option in task.options):
                found.append(name)
        return found

    def _improve(self, own: Placed) -> None:
        """Let a job move into what all others of its tier have left, where it gains enough."""
        job = own.placing.job
        share = job.row.keep_share
        if not own.placing.tempting(own.way, share):
            return
        self._ledger.give(job, own.way.schedule.assignments.values())
        try:
            own.way = own.placing.better(own.way, share)
        finally:
            self._ledger.take(job, own.way.schedule.assignments.values())

    def _baseline(self, job: Prepared, given: Iterable[Assignment]) -> Schedule | None:
        """The job by `fifo` on the same nodes, without caps, as if its training had not been sized; None where `fifo`
        cannot place it, because it would have to mix device types.
        """
        request = self._request
        problem = Problem(
            job.live,
            self._board.whole(given),
            request.now,
            Objective(),
            tuple(job.not_before.items()),
            job.fixed,
            request.launch_seconds,
            self._horizon,
        )
        try:
            return self._known[BASELINE]().schedule(problem)
        except Unplaceable:
            return None


def _unforeseen(job: Prepared, error: Exception) -> HeteroSchedError:
    return HeteroSchedError(f"{job.state.job.label}: strategy {job.strategy} failed: {type(error).__name__}: {error}")
