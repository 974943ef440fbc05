"""Who is placed now and who waits, when there are more jobs than workers.

By priority, then age. A job that waits keeps its claim: later ones only get workers that it could not use, so that none
overtakes it. Jobs of one worker each are ordered as in AlloX (Le et al., EuroSys 2020): a matching of jobs
to positions in the workers' queues of least mean completion time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from heterosched.jps.flow import Flow
from heterosched.jps.grouped import Grouped
from heterosched.jps.instance import Instance
from heterosched.jps.links import Ints
from heterosched.jps.market import clear, fill

MOST_QUEUED = 300
"""AlloX's matching grows with the square of the jobs; beyond this many the shortest remaining time decides."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A job that is not placed. possible: whether the workers would do for it if they were free."""

    job: str
    reason: str
    possible: bool


def admit(instance: Instance, grouped: Grouped) -> tuple[Ints, tuple[Queued, ...]]:
    """Rows of the jobs that are placed, and the others with the reason."""
    flow, rows, queued = Flow(grouped), [], []
    claimed = np.zeros(grouped.classes, dtype=bool)
    for row in _order(instance, grouped):
        job, least = instance.jobs[row], int(grouped.least[row])
        usable = int(grouped.count[grouped.speed[row] > 0].sum())
        if grouped.most[row] < least:
            cause = f"{usable} of the workers can run it" if usable < least else f"its batch is {job.batch} samples"
            queued.append(Queued(job.name, f"needs {least} workers; {cause}", possible=False))
            continue
        flow.usable[row] &= ~claimed
        if flow.give(row, least):
            rows.append(row)
            continue
        wanted = grouped.speed[row] > 0
        queued.append(Queued(job.name, f"needs {least} of {usable} workers that jobs before it hold", possible=True))
        claimed |= wanted
    return np.array(sorted(rows), dtype=np.int64), tuple(queued)


def _order(instance: Instance, grouped: Grouped) -> list[int]:
    """Rows of the jobs, the one to be served first in front."""
    jobs = instance.jobs
    rows = list(range(len(jobs)))
    turn = dict.fromkeys(rows, 0)
    if len(jobs) > grouped.workers and all(job.most == 1 for job in jobs):
        for priority in {job.priority for job in jobs}:
            peers = [row for row in rows if jobs[row].priority == priority and grouped.most[row] >= 1]
            turn |= {row: position for position, row in enumerate(allox(grouped, np.array(peers, dtype=np.int64)))}
    return sorted(rows, key=lambda row: (-jobs[row].priority, turn[row], -jobs[row].age, jobs[row].name))


def allox(grouped: Grouped, rows: Ints) -> list[int]:
    """The jobs `rows`, of one worker each, in the order in which AlloX starts them.

    Being q-th from the end of a worker's queue adds q run times to the sum of completion times: a matching of jobs to
    (class, q). Weights are not considered.
    """
    if not len(rows):
        return []
    with np.errstate(divide="ignore"):
        times = grouped.work[rows, None] / grouped.speed[rows]
    if len(rows) > MOST_QUEUED:
        return [int(rows[index]) for index in np.argsort(times.min(axis=1), kind="stable")]
    depth = len(rows)
    cost = np.concatenate([times * q for q in range(1, depth + 1)], axis=1)
    finite = cost[np.isfinite(cost)].max()
    values = np.where(np.isfinite(cost), finite - cost, -finite * len(rows))
    values = np.vstack([values, np.zeros(values.shape[1])])
    count = np.tile(grouped.count, depth)
    sizes = np.append(np.ones(len(rows), dtype=np.int64), count.sum() - len(rows))
    held = clear(values, fill(values, sizes, count)).holding[:-1].argmax(axis=1)
    level, good = held // grouped.classes, held % grouped.classes
    starts = []
    for column in range(grouped.classes):
        own = sorted(np.flatnonzero(good == column), key=lambda index: (-level[index], index))
        starts += [(position // int(grouped.count[column]), int(rows[index])) for position, index in enumerate(own)]
    return [row for _, row in sorted(starts)]


def admitted(grouped: Grouped, rows: Ints) -> Grouped:
    """The grouped instance with the jobs `rows` only, in this order."""
    weight = grouped.weight[rows]
    return replace(
        grouped,
        speed=grouped.speed[rows],
        watts=grouped.watts[rows],
        work=grouped.work[rows],
        exchange=grouped.exchange[rows],
        weight=weight / weight.sum() if len(rows) else weight,
        restart=grouped.restart[rows],
        running=grouped.running[rows],
        least=grouped.least[rows],
        most=grouped.most[rows],
    )
