"""Builds an instance from what a planner knows: throughput per device type, free GPUs per node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from heterosched.errors import InvalidInput
from heterosched.jps.instance import IDLE, Instance, TrainingJob, Worker
from heterosched.jps.links import Links


@dataclass(frozen=True, slots=True)
class Speed:
    """One worker of a job on a device type: samples per second and mean watts meanwhile."""

    samples_per_second: float
    watts: float = 0.0


def build_instance(
    jobs: Sequence[TrainingJob],
    workers: Sequence[Worker],
    speeds: Mapping[str, Mapping[str, Speed]],
    *,
    links: Links | None = None,
    nodes: Mapping[str, frozenset[str]] | None = None,
    factors: Mapping[str, float] | None = None,
    running: Mapping[str, str] | None = None,
) -> Instance:
    """The instance of `jobs` on `workers`, which are sorted by node and name so that ties are reproducible.

    speeds: job -> device type -> speed; a device that is missing is forbidden to the job. links: by the order of the
    workers as given here (default: infinitely fast). nodes: job -> nodes that it may use (absent: all). factors: node
    -> measured speed over the table's (absent: 1). running: worker -> the job
    that holds it. Raises InvalidInput where a job has no speed at all, or `running` names what is not there.
    """
    order = sorted(range(len(workers)), key=lambda index: (workers[index].node, workers[index].name))
    placed = tuple(workers[index] for index in order)
    speed, watts = np.zeros((len(jobs), len(placed))), np.zeros((len(jobs), len(placed)))
    for row, job in enumerate(jobs):
        known = speeds.get(job.name, {})
        if not known:
            raise InvalidInput(
                f"JPS job {job.name}", "throughputOn", "no throughput is known", "give samples/s for a device type"
            )
        allowed = None if nodes is None else nodes.get(job.name)
        for column, worker in enumerate(placed):
            own = known.get(worker.device)
            if own is not None and (allowed is None or worker.node in allowed):
                speed[row, column] = own.samples_per_second * (factors or {}).get(worker.node, 1.0)
                watts[row, column] = own.watts
    sorted_links = (links or Links()).restricted(np.array(order, dtype=np.int64))
    return Instance(tuple(jobs), placed, speed, watts, sorted_links, _holders(jobs, placed, running or {}))


def _holders(
    jobs: Sequence[TrainingJob], workers: Sequence[Worker], running: Mapping[str, str]
) -> np.typing.NDArray[np.int64]:
    rows = {job.name: row for row, job in enumerate(jobs)}
    columns = {worker.name: column for column, worker in enumerate(workers)}
    held = np.full(len(workers), IDLE, dtype=np.int64)
    for worker, job in running.items():
        if worker not in columns or job not in rows:
            problem = f"{job} on {worker}: no such job or worker"
            raise InvalidInput("JPS instance", "running", problem, "name jobs and workers of the instance")
        held[columns[worker]] = rows[job]
    return held
