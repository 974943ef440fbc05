"""The jobs and the fleet of B2 and B3, and generated traces of the same kind, to develop on and to be held out.

Published: the two job traces of Gavel's physical cluster. Generated: model, batch size, gang and size by lot from
Gavel's table of measured throughputs, with nearly the published traces' mix of gangs and sizes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from heterosched.errors import InvalidInput
from heterosched_lab.readers.gavel import Throughputs, read_throughputs, read_trace, sim_jobs
from heterosched_lab.simulate.types import SimJob, SimNode

FLEET = (SimNode("v100", "v100", 8), SimNode("p100", "p100", 16), SimNode("k80", "k80", 24))
"""Gavel's physical cluster. One node per type: the gang throughputs used are those of workers that sit together."""
DEVICES = tuple(node.device for node in FLEET)
STATIC, CONTINUOUS = "minimize_makespan.trace", "max_min_fairness.trace"
TABLE = "simulation_throughputs.json"
FILES = (STATIC, CONTINUOUS, TABLE)

GANGS = {1: 0.6, 2: 0.2, 4: 0.2}
HOURS = (0.3, 5.0)
"""Hours of a generated job on its best type, uniformly; the published traces reach from 0.1 to 5."""
AT_START, GAP_SECONDS = 36, 772.0
"""Of a continuous trace: jobs that are there at the start, and the mean time between later arrivals, as published."""
STATIC_JOBS, CONTINUOUS_JOBS = 100, 96


def absent(folder: Path) -> list[str]:
    """Names of the files that are not in the folder of Gavel's data."""
    return [name for name in FILES if not (folder / name).is_file()]


def table_of(folder: Path) -> Throughputs:
    """The measured throughputs. Raises InvalidInput where the file is of no use."""
    return read_throughputs(folder / TABLE)


def published(folder: Path, trace: str, table: Throughputs) -> tuple[SimJob, ...]:
    """A published trace. Raises InvalidInput on the first row that cannot be used."""
    return tuple(sim_jobs(read_trace(folder / trace).rows, table))


def generated(table: Throughputs, seed: int, static: bool) -> tuple[SimJob, ...]:
    """Jobs by lot: all at time 0 (static), or some then and the others by Poisson arrivals (continuous).

    Raises InvalidInput where the table has no throughput of the fleet's device types.
    """
    if not any(table.alone.get((device, model, gang)) for device, model, gang in table.alone if _drawn(device, gang)):
        problem = f"no throughput on {', '.join(DEVICES)}"
        raise InvalidInput("throughput table", "device types", problem, f"give Gavel's {TABLE}")
    rng = np.random.default_rng(seed)
    models = sorted({model for _, model, _ in table.alone})
    gangs, chances = list(GANGS), list(GANGS.values())
    now = 0.0
    found: list[SimJob] = []
    while len(found) < (STATIC_JOBS if static else CONTINUOUS_JOBS):
        model = models[int(rng.integers(len(models)))]
        workers = int(rng.choice(gangs, p=chances))
        speeds = {device: table.alone.get((device, model, workers), 0.0) for device in DEVICES}
        if not any(speeds.values()):
            continue
        steps = rng.uniform(*HOURS) * 3600.0 * max(speeds.values())
        if not static and len(found) >= AT_START:
            now += float(rng.exponential(GAP_SECONDS))
        seconds = {device: steps / own for device, own in speeds.items() if own > 0}
        found.append(SimJob(f"job-{len(found):05d}", now, seconds, workers=workers, category=model))
    return tuple(found)


def _drawn(device: str, gang: int) -> bool:
    return device in DEVICES and gang in GANGS
