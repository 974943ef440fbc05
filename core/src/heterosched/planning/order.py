"""Whose turn it is: priority, then near deadlines, then namespaces that are worse off, then age.

A deadline is near where it leaves less slack than the policy calls urgent: slack is the time to the deadline beyond the
longest chain of the job's remaining work. Less slack goes first; jobs that cannot be in time any more come behind those
that can. All other jobs take turns by finish-time fairness (K. Mahajan et al.: Themis, NSDI 2020): rho is a job's
predicted time from creation to completion over that on an equal share of the cluster, and the namespace whose next job
has the largest rho goes first. The n-th job of a namespace would have to wait for the n-1 before it on the equal share
too, so a namespace that has been given much falls back. Time that a job has waited counts as far as its namespace went
without its equal share of the cluster: who holds that share waits for himself alone, and a backlog earns him no turn.

A job that keeps room free (see `JobPlan.reserved`) stays in front of other namespaces until it has started. Otherwise
every job that outranks it for a moment would undo what has been kept free, and it might never be enough.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from heterosched.model import Cluster, Demand, Option
from heterosched.planning.prepared import Prepared

LATE, NEAR, ANY = 1, 0, 2
"""Classes within a priority: a near deadline that can be kept, one that cannot, all other jobs."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A job with the class in which it takes its turn; jobs of one tier are planned side by side."""

    job: Prepared
    tier: tuple[bool, int, int]


def in_turn(
    jobs: Iterable[Prepared], cluster: Cluster, now: float, launch_seconds: float, reserved: Collection[str] = ()
) -> list[Turn]:
    """All jobs in the order in which they take their places; suspended ones last. `reserved`: keys of jobs that keep
    room free.
    """
    tiers: dict[tuple[bool, int, int], list[tuple[float, Prepared]]] = defaultdict(list)
    jobs = list(jobs)
    for job in jobs:
        urgency, slack = _urgency(job, now, launch_seconds)
        tiers[(job.suspended, -job.state.priority, urgency)].append((slack, job))
    shares = _Shares(jobs, cluster, now, launch_seconds, reserved)
    found = []
    for tier in sorted(tiers):
        own = tiers[tier]
        if tier[2] == ANY:
            turns = shares.fair([job for _, job in own])
        else:
            turns = [job for slack, job in sorted(own, key=lambda pair: (pair[0], *_age(pair[1])))]
            shares.give(turns)
        found += [Turn(job, tier) for job in turns]
    return found


def _urgency(job: Prepared, now: float, launch_seconds: float) -> tuple[int, float]:
    if job.deadline is None:
        return ANY, math.inf
    slack = job.deadline - now - job.shortest(now, launch_seconds)
    if slack > job.row.urgent_seconds:
        return ANY, slack
    return (NEAR if slack >= 0 else LATE), slack


def _age(job: Prepared) -> tuple[float, str]:
    return job.created, job.state.job.key


class _Shares:
    """What each namespace has been given so far, as seconds of the whole cluster, and the part that it holds now."""

    def __init__(
        self,
        jobs: Sequence[Prepared],
        cluster: Cluster,
        now: float,
        launch_seconds: float,
        reserved: Collection[str],
    ) -> None:
        self._now, self._launch, self._reserved = now, launch_seconds, reserved
        self._total = Demand()
        for node in cluster.nodes:
            self._total += node.allocatable
        self._tenants = len({job.namespace for job in jobs if not job.suspended})
        self._given: dict[str, float] = defaultdict(float)
        self._held: dict[str, float] = defaultdict(float)
        for job in jobs:
            for own in job.fixed.values():
                self._given[job.namespace] += self._load(own.option, max(0.0, own.finish - now))
                self._held[job.namespace] += self._load(own.option, 1.0) if own.finish > now else 0.0

    def _load(self, option: Option, seconds: float) -> float:
        """Seconds for which the whole cluster would be busy, by the resource of which the task takes most."""
        cpu = option.demand.cpu / self._total.cpu if self._total.cpu > 0 else 0.0
        gpu = option.demand.gpus / self._total.gpus if self._total.gpus > 0 else 0.0
        return seconds * option.workers * max(cpu, gpu)

    def _work(self, job: Prepared) -> float:
        work = 0.0
        for name in job.open:
            options = job.live.tasks[name].options
            work += min((self._load(option, option.seconds) for option in options), default=0.0)
        return work

    def give(self, jobs: Iterable[Prepared]) -> None:
        """These jobs have had their turn."""
        if self._tenants > 1:
            for job in jobs:
                self._given[job.namespace] += self._work(job)

    def fair(self, jobs: Sequence[Prepared]) -> list[Prepared]:
        """The jobs in fair turns; those of one namespace by age."""
        queue = sorted(jobs, key=_age)
        if len({job.namespace for job in jobs}) < 2:
            self.give(queue)
            return queue
        queues: dict[str, list[tuple[Prepared, float, float]]] = defaultdict(list)
        for job in reversed(queue):
            queues[job.namespace].append((job, self._work(job), job.shortest(self._now, self._launch)))
        wait, found = sum(self._given.values()), []
        while queues:

            def rank(namespace: str, wait: float = wait) -> tuple[bool, float, float, str]:
                job, work, shortest = queues[namespace][-1]
                alone = max(shortest, self._tenants * (self._given[namespace] + work))
                age = max(0.0, self._now - job.created)
                alone += age * min(1.0, self._tenants * self._held[namespace])
                rho = (age + wait + shortest) / alone if alone > 0 else math.inf
                return (job.key not in self._reserved, -float(f"{rho:.9g}"), *_age(job))

            namespace = min(queues, key=rank)
            job, work, _ = queues[namespace].pop()
            found.append(job)
            self._given[namespace] += work
            wait += work
            if not queues[namespace]:
                del queues[namespace]
        return found
