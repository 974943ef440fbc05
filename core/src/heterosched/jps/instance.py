"""What JPS is asked: training jobs, workers, the speed of each job on each worker, and what runs already.

All arrays are float64, rows are jobs, columns are workers, in the order of the tuples. A worker is one GPU (or a slice
that a pod of the job gets whole). The global batch of a job is constant: sizing does not touch convergence.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from heterosched.errors import InvalidInput
from heterosched.jps.links import Floats, Ints, Links

IDLE = -1

LARGEST = 1e30
"""Figures beyond it, or below its inverse, are no measurement, and their squares and products would overflow."""
MOST_SAMPLES = 2**53
"""Largest batch: beyond it a float cannot tell one sample more."""


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """A distributed training run. `batch`: samples per iteration over all workers; `iterations`: those that remain.

    gradient_bytes: exchanged per iteration. least, most: bounds of the worker count (None: no upper bound). weight: in
    the mean completion time. priority (larger first) and age (seconds waited) decide who is admitted. restart_seconds:
    what a change of the running allocation costs.
    """

    name: str
    batch: int
    iterations: float
    gradient_bytes: float = 0.0
    least: int = 1
    most: int | None = None
    weight: float = 1.0
    priority: int = 0
    age: float = 0.0
    restart_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Worker:
    """A GPU: `name` is unique; `node` and `device` say where it is and of which type."""

    name: str
    node: str = ""
    device: str = ""


@dataclass(frozen=True, eq=False)
class Instance:
    """A placement problem. speed: samples/s, 0 where the job may not use the worker. watts: of the worker meanwhile.

    running: for each worker the row of the job that holds it now, or IDLE. Raises InvalidInput when built from figures
    that cannot be used; no job or no worker is allowed (nothing is placed then).
    """

    jobs: tuple[TrainingJob, ...]
    workers: tuple[Worker, ...]
    speed: Floats
    watts: Floats
    links: Links = field(default_factory=Links)
    running: Ints | None = None

    def __post_init__(self) -> None:
        shape = (len(self.jobs), len(self.workers))
        for name in ("speed", "watts"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array = array if array.size else np.zeros(shape)
            if array.shape != shape:
                raise InvalidInput("JPS instance", name, f"shape {array.shape}, not {shape}", "give jobs x workers")
            self._check_figures(name, array)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        self._check_names()
        for job in self.jobs:
            _check_job(job)
        self.links.check(len(self.workers))
        self._check_running()

    def _check_figures(self, name: str, array: Floats) -> None:
        """Name the job and the worker of the first figure that cannot be used."""
        usable = (array == 0) | ((array >= 1 / LARGEST) & (array <= LARGEST))  # false for NaN
        for row, column in np.argwhere(~usable)[:1]:
            problem = f"{float(array[row, column])!r} on {self.workers[column].name}"
            raise InvalidInput(f"JPS job {self.jobs[row].name}", name, problem, f"give 0, or {_RANGE}")

    def _check_names(self) -> None:
        for kind, names in (("jobs", [j.name for j in self.jobs]), ("workers", [w.name for w in self.workers])):
            if len(set(names)) != len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise InvalidInput("JPS instance", kind, f"{twice!r} stands in it twice", "give each its own name")

    def _check_running(self) -> None:
        running = np.full(len(self.workers), IDLE) if self.running is None else np.array(self.running, dtype=np.int64)
        if running.shape != (len(self.workers),) or (running < IDLE).any() or (running >= len(self.jobs)).any():
            raise InvalidInput(
                "JPS instance", "running", "not one job row or -1 per worker", "give -1 for idle workers"
            )
        running.setflags(write=False)
        object.__setattr__(self, "running", running)

    @property
    def holders(self) -> Ints:
        """`running`, which is always filled in."""
        assert self.running is not None
        return self.running

    def restricted(self, rows: Ints) -> Instance:
        """The instance with the jobs `rows` only, in this order; workers that others hold count as idle."""
        place = np.full(len(self.jobs) + 1, IDLE)
        place[rows] = np.arange(len(rows))
        jobs = tuple(self.jobs[row] for row in rows)
        return Instance(jobs, self.workers, self.speed[rows], self.watts[rows], self.links, place[self.holders])


_RANGE = f"a figure from {1 / LARGEST:g} to {LARGEST:g}"


def _check_job(job: TrainingJob) -> None:
    label = f"JPS job {job.name}"
    for name in ("batch", "least", "most", "priority"):
        value = getattr(job, name)
        if not isinstance(value, int | np.integer) and not (name == "most" and value is None):
            raise InvalidInput(label, name, f"{value!r}", "give a whole number")
    if not 1 <= job.batch <= MOST_SAMPLES:
        raise InvalidInput(label, "batch", f"{job.batch} samples", f"give at least one, at most {MOST_SAMPLES}")
    for name in ("iterations", "weight"):
        _check_figure(label, name, getattr(job, name))
    for name in ("gradient_bytes", "age", "restart_seconds"):
        _check_figure(label, name, getattr(job, name), zero="0, or ")
    if not 1 <= job.least <= MOST_SAMPLES:
        raise InvalidInput(label, "least", f"{job.least} workers", f"give at least one, at most {MOST_SAMPLES}")
    if job.most is not None and job.most < job.least:
        raise InvalidInput(label, "most", f"{job.most} workers, {job.least} at least", "give most >= least")


def _check_figure(label: str, name: str, value: object, zero: str = "") -> None:
    """`zero`: what the remedy says beside the range where zero is allowed, which it is only then."""
    number = isinstance(value, int | float | np.number)
    if not number or not (1 / LARGEST <= value <= LARGEST or (zero and value == 0)):  # type: ignore[operator]
        raise InvalidInput(label, name, f"{value!r}", f"give {zero}{_RANGE}")
