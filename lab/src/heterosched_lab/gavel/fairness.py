"""Finish-time fairness from a run's log: a job's completion time over that with an N-th of the cluster to itself."""

from __future__ import annotations

import numpy as np

from heterosched.algorithms.rounds import Floats, Ints
from heterosched_lab.gavel.allocation import isolated


def fair_seconds(arrival: Floats, finish: Floats, seconds: Floats, width: Ints, capacity: Ints) -> Floats:
    """Completion time of each job, had it run from its arrival on one N-th of every device type.

    N: the jobs that are in the system meanwhile (Narayanan et al., OSDI 2020, section 4.2), itself included, also
    where it would take longer than it did. seconds: jobs x types, alone; infinite where the job cannot run.
    """
    best = seconds.min(axis=1)
    rate = best[:, None] / seconds
    times = np.unique(np.concatenate([arrival, finish]))
    found = np.empty(len(arrival))
    for job in range(len(arrival)):
        done, now = 0.0, arrival[job]
        for until in np.append(times[times > now], np.inf):
            others = (arrival <= now) & (finish > now)
            others[job] = True
            row = np.flatnonzero(others)
            speed = isolated(
                np.repeat(rate[job : job + 1], len(row), axis=0), np.repeat(width[job], len(row)), capacity
            )[0]
            if done + speed * (until - now) >= best[job]:
                found[job] = now + (best[job] - done) / speed - arrival[job]
                break
            done, now = done + speed * (until - now), until
    return found
