"""Whether training that runs would better be stopped and run with another size, and what that would gain.

Asked before anything of a tier is placed, for the running tasks that allow it together with those that wait. A task
that waits counts as if it got the size it is to get as soon as the first of the running ones ends, so a restart has to
beat mere patience. What is proposed has to fit under caps and quotas as a whole: else what is stopped would come back
with the size that it had. And nobody's deadline or budget is given up for others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from heterosched.jps import Answer, Placement, TrainingJob, Worker
from heterosched.model import Assignment
from heterosched.planning.asking import Asking
from heterosched.planning.ledger import Ledger
from heterosched.planning.market import offered
from heterosched.planning.pools import workers_within
from heterosched.planning.prepared import Prepared
from heterosched.planning.training import Trainer
from heterosched.planning.types import Restart


def restarts(trainer: Trainer, jobs: Sequence[Prepared], ledger: Ledger) -> dict[str, dict[str, Restart]]:
    """Running tasks that would better run elsewhere, by key of the job and task: only where leaving the sizes that run
    gains more than all restarts cost.
    """
    running = trainer.grouped((job, spec) for job in jobs for spec in trainer.running(job))
    waiting = trainer.grouped((job, spec) for job in jobs for spec in trainer.waiting(job)) if running else {}
    found: dict[str, dict[str, Restart]] = defaultdict(dict)
    for gpus, group in running.items():
        for own, restart in _Resizing(trainer, ledger, group, waiting.get(gpus, [])).worthwhile():
            found[own.job.key][own.spec.name] = restart
    return found


class _Resizing:
    """Training whose workers take the same number of GPUs: what runs and what waits."""

    def __init__(self, trainer: Trainer, ledger: Ledger, running: list[Asking], waiting: list[Asking]) -> None:
        self._trainer, self._ledger = trainer, ledger
        self._running, self._waiting = running, waiting
        self._named = {own.name: own for own in (*running, *waiting)}

    def worthwhile(self) -> list[tuple[Asking, Restart]]:
        """The restarts that JPS proposes, if they gain more than they cost."""
        slots, held = self._held()
        slots = [*slots, *self._trainer.market.slots([*self._running, *self._waiting])]
        asked = [self._as_it_runs(own) for own in self._running]
        asked += [own.for_jps(self._trainer.now, self._most(own)) for own in self._waiting]
        answer = self._trainer.market.solved([*self._running, *self._waiting], asked, slots, held)
        if answer is None or not answer.worthwhile:
            return []
        changed = [own for own in answer.placements if own.changed]
        gain, cost = self._gain(answer), sum(own.restart_seconds for own in changed)
        by_name = {slot.name: slot for slot in slots}
        wanted = {own.job: self._told(own, by_name, answer) for own in answer.placements}
        if not changed or gain <= cost or not self._allowed(wanted, [own.job for own in changed]):
            return []
        return [(self._named[own.job], Restart(_alone(wanted[own.job], own), gain, cost)) for own in changed]

    def _told(self, own: Placement, by_name: Mapping[str, Worker], answer: Answer) -> Assignment:
        workers = [by_name[name] for name in own.workers]
        return self._trainer.market.told(self._named[own.job], own, workers, answer).assignment

    def _allowed(self, wanted: Mapping[str, Assignment], changed: Sequence[str]) -> bool:
        """Whether caps and quotas hold what starts by the proposal, and budgets and deadlines what is stopped for it.

        What keeps its size is held anyway.
        """
        ended: dict[str, list[Assignment]] = defaultdict(list)
        for name in changed:
            own = self._named[name]
            running = own.job.fixed[own.spec.name]
            if not _keeps_limits(own.job, running, wanted[name]):
                return False
            ended[own.job.key].append(running)
        fresh = [*changed, *(own.name for own in self._waiting if own.name in wanted)]
        return self._ledger.allows(ended, [(self._named[name].job, wanted[name]) for name in fresh])

    def _gain(self, answer: Answer) -> float:
        """Seconds by which the completion times fall in sum against leaving all as it is."""
        now, freed = self._trainer.now, min(self._left(own) for own in self._running)
        alone: dict[str, float] = {}
        if self._waiting:
            slots = self._trainer.market.slots(self._waiting)
            asked = [own.for_jps(now, self._most(own)) for own in self._waiting]
            before = self._trainer.market.solved(self._waiting, asked, slots)
            alone = {own.job: own.rounded_seconds for own in before.placements} if before is not None else {}
        gain = 0.0
        for own in answer.placements:
            new, asking = own.rounded_seconds - own.restart_seconds, self._named[own.job]
            if asking in self._running:
                gain += self._left(asking) - new
            else:
                gain += alone.get(own.job, freed + new) - new
        return gain

    def _left(self, asking: Asking) -> float:
        """Seconds that a running task still takes as it is."""
        return asking.job.fixed[asking.spec.name].finish - self._trainer.now

    def _most(self, asking: Asking) -> int:
        """Workers that the quota leaves room for; those that run count as free for whoever holds them."""
        most, fixed = asking.spec.workers.most, asking.job.fixed.get(asking.spec.name)
        held = fixed.option.workers if fixed is not None else 0
        room = workers_within(self._ledger.pools(asking.job), asking.demand, most) + held
        return max(asking.spec.workers.min, min(most, room))

    def _held(self) -> tuple[list[Worker], dict[str, str]]:
        """The workers that running tasks hold, and by whom."""
        slots, held = [], {}
        for own in self._running:
            for number, name in enumerate(own.job.fixed[own.spec.name].nodes):
                slot = Worker(f"{name}/{own.name}/{number}", name, offered(self._trainer.node(name), own.demand))
                slots.append(slot)
                held[slot.name] = own.name
        return slots, held

    def _as_it_runs(self, asking: Asking) -> TrainingJob:
        own = asking.job.fixed[asking.spec.name]
        left = min(1.0, self._left(asking) / own.option.seconds)
        return asking.for_jps(self._trainer.now, self._most(asking), left, self._trainer.restart_seconds)


def _alone(wanted: Assignment, own: Placement) -> Assignment:
    """The next attempt with its own run time: what the restart takes beside it comes before its workers run."""
    seconds = max(wanted.option.seconds - own.restart_seconds, 1e-3)
    return replace(wanted, option=replace(wanted.option, seconds=seconds))


def _keeps_limits(job: Prepared, running: Assignment, wanted: Assignment) -> bool:
    """Whether the job's budget holds the rest, and its deadline as well, if it would have been kept."""
    if job.budget is not None and wanted.option.joules > job.budget:
        return False
    return job.deadline is None or wanted.finish <= job.deadline or job.deadline < running.finish
