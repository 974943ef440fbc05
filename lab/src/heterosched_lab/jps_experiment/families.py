"""Where the instances come from: the public prototype's generator, and jobs measured for Gavel (OSDI'20).

The prototype draws throughput for T4, P100 and V100; none of it is measured. Gavel's table has measured steps per
second on K80, P100 and V100. Both end in a `heterosched.jps.Instance`, which the production solver is given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from heterosched.jps import Instance, Links, TrainingJob, Worker
from heterosched.jps.generate import prototype
from heterosched_lab.readers.gavel import Throughputs

FAMILIES = ("prototype", "gavel")
DEVICES = ("k80", "p100", "v100")
WATTS = (150.0, 250.0, 300.0)
"""Of the makers' data sheets (K80: half a board); energy plays no part in the comparison."""
RATE = 1.25e9
"""Bytes/s between workers, a network of 10 Gbit/s: only bytes over rate acts, and both are inferred with it."""
SIZES = (2, 4, 8)
SCALES = (1, 2, 4, 8)
"""Workers that a job's global batch was meant for, as in Gavel's traces."""
MINUTES = (1.5, 3.0)
"""Decimal logarithm of a job's minutes on one V100: Gavel's generator for four jobs in five."""
GAVEL_JOBS, GAVEL_WORKERS = 5, 15
PER_SEED = 100_000
"""Instances of one seed; numbers beyond belong to the next, so that no two seeds share an instance."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A job type of Gavel's table: samples per worker and step, samples/s of one worker by device type.

    gradient_bytes: exchanged per iteration, inferred from how far 2, 4 and 8 workers on separate servers fall short of
    a linear speed-up. several: whether the table has it on more than one worker at all.
    """

    name: str
    batch: int
    speed: tuple[float, ...]
    gradient_bytes: float
    several: bool


def kinds(table: Throughputs) -> tuple[Kind, ...]:
    """The job types of Gavel's table."""
    names = sorted({name for device, name, workers in table.alone if device == DEVICES[0] and workers == 1})
    found = []
    for name in names:
        size = re.search(r"batch size (\d+)", name)
        batch = int(size[1]) if size else 1
        speed = tuple(batch * table.alone[device, name, 1] for device in DEVICES)
        lost = _lost(table, name)
        found.append(Kind(name, batch, speed, float(np.median(lost)) if lost else 0.0, bool(lost)))
    return tuple(found)


def _lost(table: Throughputs, name: str) -> list[float]:
    """Bytes per iteration that explain what n separate servers lose: n / s_n - 1 / s_1 = 2 (n-1)/n bytes / rate."""
    found = []
    for device in DEVICES:
        for workers in SIZES:
            several = table.apart.get((device, name, workers), 0.0)
            if several > 0:
                seconds = workers / several - 1.0 / table.alone[device, name, 1]
                found.append(max(0.0, seconds) * RATE * workers / (2.0 * (workers - 1)))
    return found


def gavel_instance(
    known: tuple[Kind, ...], rng: np.random.Generator, jobs: int = GAVEL_JOBS, workers: int = GAVEL_WORKERS
) -> Instance:
    """`jobs` random job types of random length on `workers` workers, a third of each device type."""
    types = [index % len(DEVICES) for index in range(workers)]
    made, speed = [], np.zeros((jobs, workers))
    for row in range(jobs):
        kind = known[int(rng.integers(len(known)))]
        batch = kind.batch * int(SCALES[int(rng.integers(len(SCALES)))])
        samples = 60.0 * 10.0 ** rng.uniform(*MINUTES) * kind.speed[-1]
        most = None if kind.several else 1
        made.append(TrainingJob(f"job-{row}: {kind.name}", batch, samples / batch, kind.gradient_bytes, most=most))
        speed[row] = np.array(kind.speed)[types]
    named = tuple(Worker(f"gpu-{index:02d}", f"node-{index:02d}", DEVICES[own]) for index, own in enumerate(types))
    return Instance(tuple(made), named, speed, np.tile(np.array(WATTS)[types], (jobs, 1)), Links(RATE))


def instance(family: str, known: tuple[Kind, ...], seed: int, index: int, workers: int = 0) -> Instance:
    """Instance `index` of a family under a seed; `workers`: of Gavel's family, 0 for its usual number."""
    if family == "prototype":
        return prototype(seed * PER_SEED + index)
    rng = np.random.default_rng((seed, index, 1))
    return gavel_instance(known, rng, workers=workers or GAVEL_WORKERS)
