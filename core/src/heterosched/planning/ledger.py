"""What the jobs of a plan take: of the nodes, of every power cap, of their namespaces' quotas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from heterosched.model import Assignment, Option
from heterosched.planning.board import Board
from heterosched.planning.pools import Pool, cap_pools, power_pool, quota_pools
from heterosched.planning.prepared import Prepared
from heterosched.planning.progress import WAITING
from heterosched.planning.types import PlanRequest


class Ledger:
    """Enters what runs or is about to run, and then whatever is placed. `endless`: whether anything is held beyond the
    board's horizon.
    """

    def __init__(self, request: PlanRequest, jobs: Sequence[Prepared], board: Board) -> None:
        self._now, self._board = request.now, board
        self._power: dict[str, list[Pool]] = {}
        for job in jobs:
            if job.row.name not in self._power:
                self._power[job.row.name] = cap_pools(job.row, request.cluster, request.now, board.horizon)
        self._quota = {namespace: quota_pools(quotas) for namespace, quotas in request.quotas.items()}
        self._caps = list(chain.from_iterable(self._power.values()))
        held = [(job, self.holding(job)) for job in jobs]
        running = chain.from_iterable(own for _, own in held)
        ends = [*(own.finish for own in request.cluster.reservations), *(own.finish for own in running)]
        self.endless = any(end > board.horizon for end in ends)
        for job, assignments in held:
            self.take(job, assignments)
            self._take_shared(job, self._placeless(job))

    def _placeless(self, job: Prepared) -> list[Assignment]:
        """Tasks that have their Job and no place yet: their pods count under a quota already, and they may draw power
        as soon as a node is there.
        """
        created = [name for name in job.open if job.state.progress.get(name, WAITING).state == "Created"]
        return [self.placeless(name, job.live.tasks[name].options[0]) for name in created]

    def placeless(self, name: str, option: Option) -> Assignment:
        """A task as if it ran from now on, on nodes that are not known."""
        finish = self._now + self._board.launch + option.seconds
        return Assignment(name, option, ("",) * option.workers, self._now, finish)

    def granted(
        self, job: Prepared, wanted: Iterable[Assignment], beside: Iterable[Assignment]
    ) -> tuple[dict[str, Option], dict[str, tuple[str, str]]]:
        """Which of some placeless tasks may have their Job now, each counting for the next ones; and what forbids the
        others: the reason to wait, and the limit by name. `beside`: what the job has been given otherwise.
        """
        found: dict[str, Option] = {}
        refused: dict[str, tuple[str, str]] = {}
        own_cap = [pool for pool in self.pools(job) if all(pool is not other for other in self._shared(job))]
        for pool in own_cap:
            for own in beside:
                pool.take(*self._span(own), own.option, own.nodes)
        for own in wanted:
            seconds = own.finish - own.start
            full = (p for p in (*self._shared(job), *own_cap) if p.earliest(0.0, seconds, own.option, own.nodes) > 0.0)
            first = next(full, None)
            if first is not None:
                refused[own.task] = first.reason, first.told(0.0, seconds, own.option, own.nodes)
                continue
            found[own.task] = own.option
            self._take_shared(job, [own])
            for pool in own_cap:
                pool.take(*self._span(own), own.option, own.nodes)
        return found, refused

    def holding(self, job: Prepared) -> list[Assignment]:
        """The job's tasks that run or are about to."""
        return [own for own in job.fixed.values() if own.finish > self._now]

    def take(self, job: Prepared, assignments: Iterable[Assignment]) -> None:
        """The assignments hold their nodes, their part of every cap and of their namespace's quota."""
        assignments = list(assignments)
        self._board.take(assignments)
        self._take_shared(job, assignments)

    def _take_shared(self, job: Prepared, assignments: Iterable[Assignment]) -> None:
        for own in assignments:
            for pool in (*self._caps, *self._quota.get(job.namespace, ())):
                pool.take(*self._span(own), own.option, own.nodes)

    def give(self, job: Prepared, assignments: Iterable[Assignment]) -> None:
        """Undo `take`."""
        assignments = list(assignments)
        self._board.give(assignments)
        self._give_shared(job, assignments)

    def _give_shared(self, job: Prepared, assignments: Iterable[Assignment]) -> None:
        for own in assignments:
            for pool in (*self._caps, *self._quota.get(job.namespace, ())):
                pool.give(*self._span(own), own.option, own.nodes)

    def _span(self, own: Assignment) -> tuple[float, float]:
        return own.start - self._now, min(own.finish, self._board.horizon) - self._now

    def pools(self, job: Prepared) -> list[Pool]:
        """What holds the job back beside the nodes."""
        found = self._shared(job)
        if job.cap is not None:
            own = power_pool(job.cap, "spec.powerCapWatts")
            for held in (*self.holding(job), *self._placeless(job)):
                own.take(*self._span(held), held.option, held.nodes)
            found.append(own)
        return found

    def _shared(self, job: Prepared) -> list[Pool]:
        return [*self._power[job.row.name], *self._quota.get(job.namespace, ())]

    def allows(
        self, instead_of: Mapping[str, Sequence[Assignment]], wanted: Sequence[tuple[Prepared, Assignment]]
    ) -> bool:
        """Whether caps and quotas hold all of `wanted` from now on once `instead_of` (by key of the job) has ended."""
        jobs = {job.key: job for job, _ in wanted}
        for key, ended in instead_of.items():
            self._give_shared(jobs[key], ended)
        entered: list[tuple[Prepared, Assignment]] = []
        try:
            for job, own in wanted:
                seconds = own.finish - own.start
                if any(pool.earliest(0.0, seconds, own.option, own.nodes) > 0.0 for pool in self._shared(job)):
                    return False
                self._take_shared(job, [own])
                entered.append((job, own))
            return True
        finally:
            for job, own in entered:
                self._give_shared(job, [own])
            for key, ended in instead_of.items():
                self._take_shared(jobs[key], ended)
