"""A stream of training jobs: the data set is drawn first, then its setting, then one of the runs that were measured."""

from __future__ import annotations

import math

import numpy as np

from heterosched.errors import InvalidInput
from heterosched_lab.readers.zeus import Setting
from heterosched_lab.simulate.types import SimJob
from heterosched_lab.zeus.tables import FILES, GPUS, Tables


def stream(tables: Tables, count: int, load: float, draw: np.random.Generator) -> list[SimJob]:
    """`count` jobs that arrive by a Poisson process.

    At `load` 1 they bring, in the mean, just the work that the fleet does where every job goes to its types in turn
    (the mean of its run times over the types that were measured, without a cap); a scheduler that matches jobs and
    types well gets through more than that. Raises InvalidInput.
    """
    if count < 1 or not 0 < load < math.inf:
        raise InvalidInput(
            "stream", "load", f"{count} jobs at load {load!r}", "give at least one job and a load above 0"
        )
    tasks = tables.by_task
    names = list(tasks)
    gap = mean_seconds(tables) / (load * GPUS * len(FILES))
    arrivals = np.cumsum(draw.exponential(gap, count))
    found = []
    for number, arrival in enumerate(arrivals - arrivals[0]):
        settings = tasks[names[int(draw.integers(len(names)))]]
        setting = settings[int(draw.integers(len(settings)))]
        runs = tables.epochs[setting]
        found.append(_job(tables, number, float(arrival), setting, runs[int(draw.integers(len(runs)))]))
    return found


def _job(tables: Tables, number: int, arrival: float, setting: Setting, epochs: int) -> SimJob:
    points = tables.points[setting]
    return SimJob(
        name=f"{number}-{setting.network}-{setting.batch_size}",
        arrival=arrival,
        seconds={device: own[0][1] * epochs for device, own in points.items()},
        watts={device: own[0][2] for device, own in points.items()},
        category=setting.dataset,
        caps={
            device: tuple((cap, seconds * epochs, watts) for cap, seconds, watts in own[1:])
            for device, own in points.items()
        },
    )


def mean_seconds(tables: Tables) -> float:
    """Expected run time of a job, over data sets, settings, runs and device types."""
    of_tasks = []
    for settings in tables.by_task.values():
        own = [
            float(np.mean(tables.epochs[one])) * float(np.mean([p[0][1] for p in tables.points[one].values()]))
            for one in settings
        ]
        of_tasks.append(float(np.mean(own)))
    return float(np.mean(of_tasks))
