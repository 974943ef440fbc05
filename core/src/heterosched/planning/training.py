"""Sizes distributed training: all training tasks of a turn that could start now, over the GPUs that are free, by JPS.

A worker is a slot on a node that stays free for as long as the longest of the tasks may take: whole GPUs, with the
cores and memory that the neediest of the tasks asks for. Tasks for which the nodes have unlike numbers of slots are
sized one group after the other. Workers may be of several device types where one variant of the task serves them all,
since a Job has one pod template; the batch is split by their speed. Tasks that do not fit now are planned like others,
and sized again when something is freed. The first in turn of them is planned before others are sized, so that these
leave it its place: otherwise small training would take every GPU that is freed, and a gang would never start.

Under power caps only as many slots are offered, the most economical first, as may be busy together. A job whose energy
budget the sizes would pass is left to its strategy, which looks for cheaper ways.

What runs keeps its size, unless a restart is worth it (`resizing`); nothing is planned on what that would free before
it is free.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from heterosched.algorithms.eligible import eligible, idle_workers
from heterosched.api.heterojob import TaskSpec
from heterosched.jps import split_batch
from heterosched.model import Assignment, Node, Schedule
from heterosched.planning.asking import Asking, variants
from heterosched.planning.board import Board
from heterosched.planning.market import Market, Pools, Sized, offered
from heterosched.planning.pools import Pool, workers_within
from heterosched.planning.prepared import AUTO, Prepared
from heterosched.planning.progress import WAITING
from heterosched.planning.types import PlanRequest

JPS = "jps"

PATIENCE_SECONDS = 900.0
"""Training that exists for longer and does not fit keeps room free even behind training that fits."""

NO_QUOTA = "the quota of its namespace leaves no room for its fewest workers"
UNSOLVED = "its figures cannot be sized together with those beside it"
LIMITED = "the size found would pass a cap or its energy budget"
TOO_LONG = "with the size found it would not end before what is to start on its nodes"

Groups = dict[float, list[Asking]]


class Trainer:
    """Sizes the training of a plan. `restart_seconds`: what a restart costs in all. `unsized`: why training that could
    have been sized was left to its strategy, by the name by which JPS knows the task.
    """

    def __init__(self, request: PlanRequest, board: Board) -> None:
        self._request, self._board, self.market = request, board, Market(board)
        self.unsized: dict[str, str] = {}
        self.now = request.now
        self.restart_seconds = request.restart_seconds + request.launch_seconds

    def concerns(self, job: Prepared) -> bool:
        """Whether JPS sizes tasks of the job."""
        return bool(self.waiting(job) or self.running(job))

    def _training(self, job: Prepared, state: str) -> list[TaskSpec]:
        """Training tasks of the job in this state that are JPS's, and whose throughput is known."""
        if job.state.job.spec.strategy not in (AUTO, JPS):
            return []
        return [
            spec
            for spec in job.state.job.spec.tasks
            if spec.work.training is not None
            and spec.name in job.live.tasks
            and job.live.tasks[spec.name].known
            and job.state.progress.get(spec.name, WAITING).state == state
        ]

    def waiting(self, job: Prepared) -> list[TaskSpec]:
        """Those that could start now."""
        return [
            spec
            for spec in self._training(job, "Waiting")
            if spec.name not in job.fixed
            and job.ready(spec.name)
            and job.not_before.get(spec.name, 0.0) <= self._request.now
        ]

    def running(self, job: Prepared) -> list[TaskSpec]:
        """Those that may be restarted with another size: all workers bound."""
        if not self._request.may_restart or job.suspended:
            return []
        return [
            spec
            for spec in self._training(job, "Running")
            if spec.work.training is not None
            and spec.work.training.allow_restarts
            and spec.name in job.fixed
            and not job.state.progress[spec.name].kept
            and len(job.fixed[spec.name].nodes) == job.fixed[spec.name].option.workers
            and job.fixed[spec.name].finish > self._request.now
        ]

    def grouped(self, askings: Iterable[tuple[Prepared, TaskSpec]]) -> Groups:
        """The tasks by the GPUs of a worker."""
        found: Groups = defaultdict(list)
        for asking in self._askings(askings):
            found[asking.demand.gpus].append(asking)
        return found

    def _askings(self, tasks: Iterable[tuple[Prepared, TaskSpec]]) -> Iterator[Asking]:
        """Those that the cluster could hold at all: one that asks for too much must not narrow what others get."""
        for job, spec in tasks:
            asking = self._asking(job, spec)
            if asking is not None and self._able(asking):
                yield asking

    def _able(self, asking: Asking) -> bool:
        """Whether the cluster, were it idle, would hold as many workers as the task needs."""
        names = asking.nodes
        nodes = (
            node
            for node in self._board.cluster.nodes
            if node.ready and (names is None or node.name in names) and offered(node, asking.demand) in asking.ways
        )
        return idle_workers(nodes, asking.demand, asking.spec.workers.min) == asking.spec.workers.min

    def blocked(self, jobs: Sequence[Prepared], pools: Pools) -> Iterator[Prepared]:
        """Jobs, in turn, that keep room free for their training before other training is sized: those in front of which
        no training waits that fits, and those that wait for long. Each is to be placed before the next is asked for.
        """
        first = True
        for job in jobs:
            if not first and self.now - job.created < PATIENCE_SECONDS:
                continue
            waiting = list(self._askings((job, spec) for spec in self.waiting(job)))
            if any(self._fits(own, pools) for own in waiting):
                first = False
            elif waiting:
                for own in waiting:
                    self.unsized[own.name] = f"the {own.spec.workers.min} workers that it needs are not free together"
                yield job

    def _fits(self, own: Asking, pools: Pools) -> bool:
        """Whether the fewest workers of a task may start now."""
        least, names = own.spec.workers.min, own.nodes
        if self._room(own, pools) < least:
            return False
        slots = [slot for slot in self.market.slots([own], self._longest(own)) if names is None or slot.node in names]
        return len(self.market.affordable(slots, [own], pools)) >= least

    def size(self, jobs: Sequence[Prepared], pools: Pools) -> Iterator[tuple[Prepared, Sized]]:
        """Workers for as many tasks of the jobs as fit now. Each one that is taken counts before the next group."""
        turns = [own for own in self._askings((job, spec) for job in jobs for spec in self.waiting(job))]
        for alike in self.market.alike(turns):
            rooms = {own.name: self._room(own, pools) for own in alike}
            group = [own for own in alike if rooms[own.name] >= own.spec.workers.min]
            self.unsized |= {own.name: NO_QUOTA for own in alike if own not in group}
            if not group:
                continue
            seconds = max(self._longest(own) for own in group)
            slots = self.market.affordable(self.market.slots(group, seconds), group, pools)
            asked = [own.for_jps(self.now, rooms[own.name]) for own in group]
            # Whoever is first in turn is the first that JPS admits.
            asked = [replace(own, age=float(len(asked) - turn)) for turn, own in enumerate(asked)]
            answer = self.market.solved(group, asked, slots)
            if answer is None:
                self.unsized |= {own.name: UNSOLVED for own in group}
                continue
            self.unsized |= {own.job: own.reason for own in answer.queued}
            named, by_name = {own.name: own for own in group}, {slot.name: slot for slot in slots}
            for placement in answer.placements:
                own = named[placement.job]
                sized = self.market.told(own, placement, [by_name[name] for name in placement.workers], answer)
                if not _allowed(own.job, sized.assignment, pools(own.job)):
                    self.unsized[own.name] = LIMITED
                elif not self.market.free(sized.assignment):
                    self.unsized[own.name] = TOO_LONG
                else:
                    yield own.job, sized

    def _longest(self, own: Asking) -> float:
        """Seconds that the task takes at most, however it is sized, but for what whole samples add."""
        options = own.job.live.tasks[own.spec.name].options
        return self._request.launch_seconds + max(option.seconds for option in options)

    def _room(self, own: Asking, pools: Pools) -> int:
        """Workers that a task may have now by its namespace's quota."""
        return workers_within(pools(own.job), own.demand, own.spec.workers.most)

    def later(self, job: Prepared) -> Iterator[Assignment]:
        """Where and when training that no strategy can place could start with its fewest workers: it keeps room free
        by this.
        """
        for name in self.mixed_alone(job):
            spec = next(spec for spec in job.state.job.spec.tasks if spec.name == name)
            asking = self._asking(job, spec)
            found = None if asking is None else self.market.soonest(asking, self._longest(asking))
            if asking is not None and found is not None and any(own.name == name for own in self.waiting(job)):
                yield found

    def node(self, name: str) -> Node:
        """A node of the cluster by its name."""
        return self._board.cluster.nodes[self._board.timeline.positions[name]]

    def mixed_alone(self, job: Prepared) -> list[str]:
        """Open training tasks that only fit on several device types together: no strategy can place them, and they
        wait until JPS can.
        """
        found = []
        for spec in self._training(job, "Waiting"):
            asking, task = self._asking(job, spec), job.live.tasks[spec.name]
            nodes = self._board.cluster.nodes
            if asking is None or any(eligible(nodes, task, option) for option in task.options):
                continue
            names = asking.nodes
            allowed = [node for node in nodes if names is None or node.name in names]
            able = [node for node in allowed if node.ready and offered(node, asking.demand) in asking.ways]
            if idle_workers(able, asking.demand, spec.workers.min) >= spec.workers.min:
                found.append(spec.name)
        return found

    def _asking(self, job: Prepared, spec: TaskSpec) -> Asking | None:
        """The task with the variant that would be fastest on what is free."""
        own = job.fixed.get(spec.name)
        found = [
            asking
            for asking in variants(job, spec, self._board.cluster, self._request)
            if own is None or own.option.device in asking.ways
        ]
        return max(found, key=self._promise) if len(found) > 1 else next(iter(found), None)

    def _promise(self, asking: Asking) -> float:
        """Samples per second on the best of what is free, as many workers as the task may have."""
        slots = self.market.slots([asking])
        speeds = sorted((asking.figures[slot.device].value for slot in slots), reverse=True)
        return sum(speeds[: asking.spec.workers.most])

    def shares(self, job: Prepared, schedule: Schedule, sized: Mapping[str, Sized]) -> dict[str, tuple[int, ...]]:
        """Samples of the global batch by worker, of all training tasks of the schedule: in proportion to speed."""
        found = {}
        for spec in job.state.job.spec.tasks:
            own, training = schedule.assignments.get(spec.name), spec.work.training
            if training is None or own is None:
                continue
            workers = max(1, own.option.workers)
            if spec.name in sized:
                found[spec.name] = sized[spec.name].shares
            elif training.global_batch >= workers:
                found[spec.name] = split_batch(training.global_batch, self._speeds(job, spec, own) or [1.0] * workers)
        return found

    def _speeds(self, job: Prepared, spec: TaskSpec, own: Assignment) -> list[float]:
        """Samples per second of each worker where it is; empty where they are alike or not known of all of them."""
        there = [name for name in own.nodes if name in self._board.timeline.positions]
        kinds = [offered(self.node(name), own.option.demand) for name in there]
        asking = self._asking(job, spec) if len(set(kinds)) > 1 and len(kinds) == own.option.workers else None
        if asking is None or any(kind not in asking.ways for kind in kinds):
            return []
        return [asking.figures[kind].value for kind in kinds]


def _allowed(job: Prepared, own: Assignment, pools: Sequence[Pool]) -> bool:
    """Whether a task may start now, as far as pools and its job's budget are concerned."""
    seconds = own.finish - own.start
    if any(pool.earliest(0.0, seconds, own.option, own.nodes) > 0.0 for pool in pools):
        return False
    return job.budget is None or own.option.joules <= job.budget
