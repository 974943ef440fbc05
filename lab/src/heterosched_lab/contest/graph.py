"""How production's graph strategies meet independent, divisible tasks.

HEFT and its like place whole tasks: each may run on a virtual GPU (transfer included) or on the CPU, so their fractions
are 0 and 1. Whenever a device is idle, all tasks that wait (up to `window`, oldest first) are one problem without
edges, busy devices are reserved until they have done their queues, and the whole plan is carried out.

JPS sizes jobs: a task is a training job of one iteration, a sample is a millionth of it, devices are the workers. A job
on a GPU and the CPU is divided in proportion to speed, which is a fraction; the transfer counts as a slower GPU. No job
gets two GPUs, because no other strategy may use two: the link between GPUs is given as next to none. Whenever devices
are idle, as many of the oldest tasks as there are idle devices are placed on them; where times add up, a job gets one
worker. Where one task or one device leaves nothing to weigh, the answer is the one that the solver would give.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from heterosched.algorithms.base import Problem, strategy
from heterosched.algorithms.fractions import SplitTask
from heterosched.errors import HeteroSchedError
from heterosched.jps import Links, Parameters, Speed, TrainingJob, Worker, build_instance, solve, split_batch
from heterosched.model import Cluster, Demand, Node, Option, Reservation, Task, TaskGraph
from heterosched_lab.contest.entrants import Entrant, Moment, Placing
from heterosched_lab.contest.faults import FailedStrategy
from heterosched_lab.contest.rig import Rig

VIRTUAL_GPU, CPU = "virtual-gpu", "cpu"
MEGABYTE = 1e6
SAMPLES = 1_000_000
NO_LINK = 1e-9
"""Bytes per second between two GPUs: a job of both would take an age, so none gets both."""


class GraphEntrant:
    """A strategy for task graphs (entry point `heterosched.strategies`) in the contest."""

    gathers = True

    def __init__(self, name: str = "heft", window: int = 64) -> None:
        self.name, self._window, self._strategy = name, window, strategy(name)

    def alone(self, task: SplitTask, rig: Rig) -> float:
        """1 where the GPU alone is faster, transfer included, else 0: as the strategy places it."""
        moment = Moment(0.0, (0,), (task,), (0.0,), 0.0, replace(rig, gpus=1))
        return self.place(moment)[0].fraction

    def place(self, moment: Moment) -> Sequence[Placing]:
        """The plan of all that waits, in the order of its starts."""
        rows = tuple(islice(moment.waiting, self._window))
        graph = TaskGraph.build((_task(moment, row) for row in rows), (), object=f"contest of {self.name}")
        try:
            plan = self._strategy.schedule(Problem(graph, _cluster(moment), now=moment.now))
        except HeteroSchedError as error:
            raise FailedStrategy(self.name, moment.tasks[rows[0]].number, str(error)) from error
        placed = sorted(plan.assignments.values(), key=lambda own: (own.start, int(own.task)))
        return [_placing(int(own.task), own.nodes[0]) for own in placed]


def _placing(row: int, node: str) -> Placing:
    return Placing(row, 0.0) if node == CPU else Placing(row, 1.0, int(node.rpartition("-")[2]))


def _task(moment: Moment, row: int) -> Task:
    task, model = moment.tasks[row], moment.rig.model
    seconds = (model.seconds(task, 1.0), model.seconds(task, 0.0))
    held = Demand(memory=task.memory_mb * MEGABYTE, gpus=1)
    return Task(
        str(row),
        (
            Option(VIRTUAL_GPU, seconds[0], held, model.gpu_watts),
            Option(CPU, seconds[1], Demand(cpu=1), model.cpu_watts),
        ),
    )


def _cluster(moment: Moment) -> Cluster:
    rig = moment.rig
    whole = Demand(memory=rig.gpu_memory_mb * MEGABYTE, gpus=1)
    nodes = [Node(f"{VIRTUAL_GPU}-{gpu}", VIRTUAL_GPU, whole) for gpu in range(rig.gpus)]
    nodes.append(Node(CPU, CPU, Demand(cpu=1)))
    frees = [*moment.gpu_free, moment.cpu_free]
    held = [
        Reservation(node.name, node.allocatable, moment.now, free)
        for node, free in zip(nodes, frees, strict=True)
        if free > moment.now
    ]
    return Cluster(tuple(nodes), tuple(held))


@dataclass(frozen=True, slots=True)
class _Idle:
    """Devices that are idle now."""

    gpus: tuple[int, ...]
    cpu: bool

    @property
    def count(self) -> int:
        return len(self.gpus) + self.cpu


class JpsEntrant:
    """JPS in the contest."""

    name = "jps"
    gathers = True

    def __init__(self) -> None:
        self._parameters = Parameters()

    def alone(self, task: SplitTask, rig: Rig) -> float:
        """The GPU's part of a job that has both workers for itself."""
        return self._single(0, task, rig, _Idle((0,), True)).fraction

    def place(self, moment: Moment) -> Sequence[Placing]:
        """As many of the oldest tasks as devices are idle."""
        rig, tasks = moment.rig, moment.tasks
        gpus = tuple(gpu for gpu, free in enumerate(moment.gpu_free) if free <= moment.now)
        idle = _Idle(gpus, moment.cpu_free <= moment.now)
        able = (row for row in moment.waiting if idle.cpu or rig.fits(tasks[row]))
        rows = tuple(islice(able, idle.count))
        if len(rows) == 1 or idle.count == 1:
            return [self._single(row, tasks[row], rig, idle) for row in rows[:1]]
        return self.solved(moment, rows, idle) if rows else ()

    def _single(self, row: int, task: SplitTask, rig: Rig, idle: _Idle) -> Placing:
        """One job on what is idle: both workers where times run side by side, else the faster one."""
        if not idle.gpus or not rig.fits(task):
            return Placing(row, 0.0)
        gpu, cpu = (rig.model.seconds(task, fraction) for fraction in (1.0, 0.0))
        if not idle.cpu:
            return Placing(row, 1.0, idle.gpus[0])
        if rig.model.linear:
            return Placing(row, float(gpu < cpu), idle.gpus[0])
        shares = split_batch(SAMPLES, (SAMPLES / gpu, SAMPLES / cpu))
        return Placing(row, shares[0] / SAMPLES, idle.gpus[0])

    def solved(self, moment: Moment, rows: Sequence[int], idle: _Idle) -> Sequence[Placing]:
        """The production solver's plan for these tasks on the idle devices. Raises FailedStrategy."""
        rig = moment.rig
        workers = [Worker(f"gpu-{gpu}", "rig", VIRTUAL_GPU) for gpu in idle.gpus]
        workers += [Worker(CPU, "rig", CPU)] if idle.cpu else []
        pairs = np.full((len(workers), len(workers)), math.inf)
        pairs[: len(idle.gpus), : len(idle.gpus)] = NO_LINK
        most = 1 if rig.model.linear else None
        jobs = [TrainingJob(str(row), SAMPLES, 1.0, gradient_bytes=1.0, most=most) for row in rows]
        speeds = {str(row): _speeds(moment.tasks[row], rig) for row in rows}
        try:
            answer = solve(
                build_instance(jobs, workers, speeds, links=Links(pairs=pairs)),
                self._parameters,
                np.random.default_rng(rows[0]),
            )
        except HeteroSchedError as error:
            raise FailedStrategy(self.name, moment.tasks[rows[0]].number, str(error)) from error
        found = []
        for own in sorted(answer.placements, key=lambda own: int(own.job)):
            parts = dict(zip(own.workers, own.shares, strict=True))
            gpu = next((name for name in parts if name != CPU), None)
            if gpu is None:
                found.append(Placing(int(own.job), 0.0))
            else:
                found.append(Placing(int(own.job), parts[gpu] / SAMPLES, int(gpu.rpartition("-")[2])))
        return found


def _speeds(task: SplitTask, rig: Rig) -> dict[str, Speed]:
    model = rig.model
    found = {CPU: Speed(SAMPLES / model.seconds(task, 0.0), model.cpu_watts)}
    if rig.fits(task):
        found[VIRTUAL_GPU] = Speed(SAMPLES / model.seconds(task, 1.0), model.gpu_watts)
    return found


def graph_entrants(window: int) -> list[Entrant]:
    """HEFT and JPS."""
    return [GraphEntrant("heft", window), JpsEntrant()]
