"""Streams of jobs to tune weights on, drawn from measured tables: Zeus (time and power) and Gavel (time)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from heterosched.model import DEVICE_TYPES
from heterosched_lab.readers.gavel import Throughputs, read_throughputs
from heterosched_lab.readers.generate import gavel_jobs, poisson
from heterosched_lab.simulate.types import SimJob, SimNode
from heterosched_lab.zeus.stream import stream as zeus_jobs
from heterosched_lab.zeus.tables import FILES, Tables, read_tables

GAVEL_DEVICES = ("k80", "p100", "v100")
GAVEL_LOAD_SHARE = 0.7
"""Share of its full power that a device draws at work, estimated: Gavel's table has no power."""
NODES_PER_TYPE, GPUS_PER_NODE = 2, 4
LOAD = 0.6
"""Share of the devices that the stream would keep busy if every job ran at its mean speed."""
SIZES, SIZE_SHARES = (1, 2, 4), (0.7, 0.2, 0.1)
"""GPUs of a job and how often: what the term `fit` has to cope with."""
MEAN_SIZE = sum(size * share for size, share in zip(SIZES, SIZE_SHARES, strict=True))


@dataclass(frozen=True)
class Stream:
    """Jobs and the nodes that they come to."""

    jobs: tuple[SimJob, ...]
    nodes: tuple[SimNode, ...]


def zeus_stream(tables: Tables, rng: np.random.Generator, count: int) -> Stream:
    """`count` jobs of Zeus's settings; most take one GPU, some two or four (each GPU at the power of one)."""
    drawn = zeus_jobs(tables, count, LOAD / MEAN_SIZE, rng)
    return Stream(_sized(drawn, rng), _nodes(tuple(FILES), tuple(FILES)))


def gavel_stream(table: Throughputs, rng: np.random.Generator, count: int) -> Stream:
    """`count` jobs as Gavel's generator draws them, of the same sizes."""
    drawn = gavel_jobs(np.zeros(count), table, rng)
    seconds = [table.seconds(own) for own in drawn]
    mean = float(np.mean([value for own in seconds for value in own.values()]))
    devices = len(GAVEL_DEVICES) * NODES_PER_TYPE * GPUS_PER_NODE
    arrivals = poisson(count, 3600.0 * LOAD * devices / (MEAN_SIZE * mean), rng)
    watts = {device: GAVEL_LOAD_SHARE * DEVICE_TYPES[f"nvidia-{device}"].busy_watts for device in GAVEL_DEVICES}
    jobs = [
        SimJob(f"job-{row:05d}", float(at), own, watts, category=job.type)
        for row, (at, own, job) in enumerate(zip(arrivals, seconds, drawn, strict=True))
    ]
    return Stream(_sized(jobs, rng), _nodes(GAVEL_DEVICES, [f"nvidia-{device}" for device in GAVEL_DEVICES]))


def _sized(jobs: Sequence[SimJob], rng: np.random.Generator) -> tuple[SimJob, ...]:
    sizes = rng.choice(SIZES, size=len(jobs), p=SIZE_SHARES)
    return tuple(replace(job, workers=int(size)) for job, size in zip(jobs, sizes, strict=True))


def _nodes(devices: Sequence[str], types: Sequence[str]) -> tuple[SimNode, ...]:
    """The nodes of each device, with the idle power of its type in the device table."""
    return tuple(
        SimNode(f"{device}-{number}", device, GPUS_PER_NODE, DEVICE_TYPES[known].idle_watts)
        for device, known in zip(devices, types, strict=True)
        for number in range(NODES_PER_TYPE)
    )


@dataclass(frozen=True)
class Sources:
    """What streams are drawn from. Picklable, so that workers need no file."""

    tables: Tables
    table: Throughputs

    def stream(self, trace: str, seed: int, index: int, count: int) -> Stream:
        """Stream `index` of `zeus` or `gavel` under a seed."""
        rng = np.random.default_rng((seed, index, 6))
        return zeus_stream(self.tables, rng, count) if trace == "zeus" else gavel_stream(self.table, rng, count)


def sources(data: Path) -> Sources:
    """Both tables. Raises InvalidInput where one is missing or broken."""
    return Sources(read_tables(data / "zeus"), read_throughputs(data / "gavel" / "simulation_throughputs.json"))
