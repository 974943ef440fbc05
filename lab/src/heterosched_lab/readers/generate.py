"""Arrivals and jobs drawn by lot, for load that no trace has. All lots come from the generator that is passed in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from heterosched.errors import InvalidInput
from heterosched_lab.readers.gavel import GavelJob, Throughputs
from heterosched_lab.simulate.types import Floats, SimJob

SCALES = ((1, 0.70), (2, 0.10), (4, 0.15), (8, 0.05))
"""GPUs per job and how often: the mix that Gavel's paper takes from the Philly trace (OSDI 2020, section 7.1)."""


def poisson(count: int, per_hour: float, draws: np.random.Generator) -> Floats:
    """Seconds of `count` arrivals of a Poisson process; an infinite rate has all of them at 0. Raises InvalidInput."""
    _check(count, per_hour)
    return np.cumsum(draws.exponential(3600.0 / per_hour, count)) if per_hour < math.inf else np.zeros(count)


def bursts(
    count: int, per_hour: float, draws: np.random.Generator, *, size: float = 10.0, within: float = 60.0
) -> Floats:
    """Arrivals in bursts: their starts are a Poisson process, each has a geometric number of jobs (mean `size`) spread
    evenly over `within` seconds; in the long run `per_hour` jobs an hour. Raises InvalidInput.
    """
    _check(count, per_hour)
    if not 1 <= size < math.inf or not 0 <= within < math.inf:
        raise InvalidInput("bursts", "size, within", f"{size!r} jobs, {within!r} s", "give at least 1 job, 0 s")
    starts = np.cumsum(draws.exponential(3600.0 * size / per_hour, count))
    sizes = draws.geometric(1.0 / size, count)
    times = np.repeat(starts, sizes)[:count]
    return np.sort(times + draws.uniform(0.0, within, count))


def _check(count: int, per_hour: float) -> None:
    if count < 0 or not per_hour > 0:
        problem = f"{count} jobs, {per_hour!r} an hour"
        raise InvalidInput("arrivals", "count, per_hour", problem, "give no negative count and a rate above zero")


def arriving(jobs: Sequence[SimJob], arrivals: Floats) -> list[SimJob]:
    """The jobs with other arrivals; a deadline keeps its distance."""
    if len(jobs) != len(arrivals):
        raise InvalidInput("arrivals", "count", f"{len(arrivals)} for {len(jobs)} jobs", "give one for each")
    pairs = zip(jobs, map(float, arrivals), strict=True)
    return [replace(job, arrival=at, deadline=job.deadline - job.arrival + at) for job, at in pairs]


def gavel_jobs(
    arrivals: Floats,
    table: Throughputs,
    draws: np.random.Generator,
    *,
    reference: str = "v100",
    several_gpus: bool = False,
) -> list[GavelJob]:
    """Jobs as Gavel's generator draws them (OSDI 2020, section 7.1): a type that runs on all device types by even
    lot; a run time on the reference type of 10^x minutes, x even in 1.5..3 for four fifths and in 3..4 for the rest.
    """
    scales = [scale for scale, _ in SCALES] if several_gpus else [1]
    shares = [share for _, share in SCALES] if several_gpus else [1.0]
    fit = {scale: _everywhere(table, scale) for scale in scales}
    found = []
    for at in map(float, arrivals):
        scale = int(draws.choice(scales, p=shares))
        name = fit[scale][int(draws.integers(len(fit[scale])))]
        exponent = draws.uniform(1.5, 3.0) if draws.random() < 0.8 else draws.uniform(3.0, 4.0)
        steps = math.ceil(60.0 * 10.0**exponent * table.alone[reference, name, scale])
        found.append(GavelJob(name, steps, scale, at))
    return found


def _everywhere(table: Throughputs, scale: int) -> list[str]:
    types = sorted({name for _, name, own in table.alone if own == scale})
    found = [t for t in types if all(table.alone.get((device, t, scale), 0.0) > 0 for device in table.devices)]
    if not found:
        raise InvalidInput("throughputs", f"scale {scale}", "no job type runs on all device types", "choose another")
    return found
