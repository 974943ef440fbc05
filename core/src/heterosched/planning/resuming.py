"""Training that is being resized keeps the nodes that it is stopped for, until it has been created there.

A restart is decided on by what it gains on those very nodes; whoever took them in between would have it all for
nothing. They are held from the decision on: while the old attempt is on its way out, and after it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from heterosched.algorithms.eligible import runs
from heterosched.model import Assignment, Demand, Node, Option, Reservation, Task
from heterosched.planning.prepared import Prepared
from heterosched.planning.progress import OVERDUE_LEAST_SECONDS, placed_option
from heterosched.planning.types import PlanRequest, Restart, TaskProgress


@dataclass(frozen=True, slots=True)
class Resumed:
    """The jobs with the next attempts in their places, and what the old attempts still hold on their way out."""

    jobs: list[Prepared]
    leaving: list[Reservation]


def resumed(request: PlanRequest, jobs: Sequence[Prepared]) -> Resumed:
    """Every task that is being resized where it is to go on, as far as these nodes still do and have room."""
    concerned = [job for job in jobs if not job.suspended and any(own.kept for own in job.state.progress.values())]
    if not concerned:
        return Resumed(list(jobs), [])
    return _Resuming(request, jobs).done()


class _Resuming:
    """Finds the places; `_free`: what is free on each node once the old attempts are gone."""

    def __init__(self, request: PlanRequest, jobs: Sequence[Prepared]) -> None:
        self._request, self._jobs = request, jobs
        self._nodes: Mapping[str, Node] = {node.name: node for node in request.cluster.nodes}
        self._devices = {node.name: node.device for node in request.cluster.nodes}
        stopping = {(job.key, name) for job in jobs for name in job.state.progress if _stopping(job, name)}
        places = [(key, job.fixed[key[1]]) for job in jobs for key in stopping if key[0] == job.key]
        self._leaving = frozenset(node for _, own in places for node in own.nodes)
        self._free = {node.name: node.allocatable for node in request.cluster.nodes}
        for held in request.cluster.reservations:
            if held.start <= request.now < held.finish:
                self._take(held.node, held.demand)
        for job in jobs:
            for own in job.fixed.values():
                if own.finish > request.now and (job.key, own.task) not in stopping:
                    for node in own.nodes:
                        self._take(node, own.option.demand)

    def _take(self, node: str, demand: Demand) -> None:
        if node in self._free:
            self._free[node] -= demand

    def done(self) -> Resumed:
        jobs: list[Prepared] = []
        leaving: list[Reservation] = []
        for job in self._jobs:
            places = dict(self._places(job)) if not job.suspended else {}
            for name in places:
                if name in job.fixed:
                    leaving += _old(job.fixed[name], job.state.progress[name], self._request.now)
            jobs.append(replace(job, fixed={**job.fixed, **places}) if places else job)
        return Resumed(jobs, leaving)

    def _places(self, job: Prepared) -> Iterator[tuple[str, Assignment]]:
        workers = {task.name: task.workers for task in job.state.job.spec.tasks}
        for name, own in job.state.progress.items():
            stopping = _stopping(job, name)
            if not own.kept or name not in job.live.tasks or name not in workers:
                continue
            if not (stopping or own.state == "Waiting") or not workers[name].min <= len(own.kept) <= workers[name].most:
                continue
            task = job.live.tasks[name]
            option = self._option(task, own)
            if not self._fits(task, option, own.kept):
                continue
            for node in own.kept:
                self._take(node, option.demand)
            late = stopping or not self._leaving.isdisjoint(own.kept)
            start = self._request.now + (OVERDUE_LEAST_SECONDS if late else 0.0)
            yield name, Assignment(name, option, own.kept, start, start + self._request.launch_seconds + option.seconds)

    def _option(self, task: Task, own: TaskProgress) -> Option:
        device = self._devices.get(own.kept[0], own.device)
        next_ = replace(own, device=device, nodes=own.kept, planned=(), workers=len(own.kept))
        return placed_option(task, next_, own.kept, self._devices)

    def _fits(self, task: Task, option: Option, places: Collection[str]) -> bool:
        for name, count in Counter(places).items():
            node = self._nodes.get(name)
            way = None if node is None else next((one for one in task.options if runs(node, task, one)), None)
            if way is None or not option.demand.times(count).fits(self._free[name]):
                return False
        return True


def _stopping(job: Prepared, name: str) -> bool:
    own = job.state.progress[name]
    return own.state == "Running" and bool(own.kept) and name in job.fixed


def _old(running: Assignment, own: TaskProgress, now: float) -> Iterator[Reservation]:
    """What the old attempt holds for the moments that its pods take to end."""
    for node, demand in own.taken or [(node, running.option.demand) for node in running.nodes]:
        yield Reservation(node, demand, now, now + OVERDUE_LEAST_SECONDS)


def grown(
    jobs: Iterable[Prepared], restarts: Mapping[str, Mapping[str, Restart]], now: float
) -> Iterator[tuple[Prepared, Assignment]]:
    """What restarts take beyond the nodes that all of them together free: nobody else may have it in the same plan."""
    named = {job.key: job for job in jobs}
    freed: Counter[str] = Counter()
    for key, own in restarts.items():
        for name in own:
            freed.update(named[key].fixed[name].nodes)
    for key, own in restarts.items():
        for name, restart in own.items():
            wanted = restart.assignment
            more: dict[str, int] = defaultdict(int)
            for node in wanted.nodes:
                if freed[node] > 0:
                    freed[node] -= 1
                else:
                    more[node] += 1
            nodes = tuple(node for node, count in more.items() for _ in range(count))
            if nodes:
                option = replace(wanted.option, workers=len(nodes))
                yield named[key], Assignment(name, option, nodes, now, wanted.finish)
