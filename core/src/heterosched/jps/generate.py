"""Random instances for benchmarks, tuning and tests; synthetic throughput, none of it measured."""

from __future__ import annotations

import math
import random
from typing import Literal

import numpy as np

from heterosched.jps.instance import Instance, TrainingJob, Worker
from heterosched.jps.links import Links

DEVICES = ("nvidia-t4", "nvidia-p100", "nvidia-v100")
BASE = (300.0, 700.0, 1500.0)
WATTS = (70.0, 250.0, 300.0)
Spread = Literal["narrow", "prototype", "wide"]
SPREADS: tuple[Spread, ...] = ("narrow", "prototype", "wide")
RATES = (1.25e9, 12.5e9, math.inf)


def prototype(seed: int) -> Instance:
    """The small set-up of the public prototype of JPS: 4 jobs, 15 workers, 1 GB/s; its draws in its order.

    Batches of 100 000 samples are epochs in truth; the figures are kept for comparison (Unified-AI-Aware-Scheduler).
    """
    generator = random.Random(seed)
    speed = np.zeros((4, 15))
    for job in range(4):
        factor = 0.8 + 0.8 * generator.random()
        for worker in range(15):
            speed[job, worker] = int(BASE[worker % 3] * factor * (0.9 + 0.2 * generator.random()))
    sizes = zip((10, 8, 12, 6), (50e6, 20e6, 40e6, 10e6), strict=True)
    jobs = tuple(TrainingJob(f"job-{row}", 100_000, iterations, size) for row, (iterations, size) in enumerate(sizes))
    return Instance(jobs, _workers([worker % 3 for worker in range(15)]), speed, np.ones((4, 15)), Links(1e9))


def _workers(types: list[int]) -> tuple[Worker, ...]:
    return tuple(Worker(f"gpu-{index:04d}", f"node-{index // 4:03d}", DEVICES[own]) for index, own in enumerate(types))


def random_instance(
    rng: np.random.Generator,
    jobs: int,
    workers: int,
    *,
    spread: Spread = "prototype",
    rate: float = math.inf,
    typed: bool = False,
    most: int | None = None,
) -> Instance:
    """An instance of `jobs` jobs on `workers` workers of three types; `rate` in B/s, `most` workers per job.

    spread `narrow`: types differ little; `prototype`: 1 : 2.3 : 5 and a factor per job; `wide`: the order of the types
    differs by job. typed: workers of a type are alike; otherwise each differs by up to a tenth for each job.
    """
    types = [index % 3 for index in range(workers)]
    base = np.array(BASE)
    scale = rng.uniform(0.8, 1.6, size=(jobs, 1))
    if spread == "narrow":
        base = np.array((700.0, 800.0, 900.0))
    by_type = base * scale
    if spread == "wide":
        by_type = 300.0 * scale * np.exp(rng.uniform(math.log(0.7), math.log(10.0), size=(jobs, 3)))
    speed = by_type[:, types]
    if not typed:
        speed = speed * rng.uniform(0.9, 1.1, size=speed.shape)
    made = tuple(
        TrainingJob(
            f"job-{row}",
            batch=int(2 ** rng.integers(7, 13)),
            iterations=float(round(math.exp(rng.uniform(math.log(500), math.log(20_000))))),
            gradient_bytes=float(math.exp(rng.uniform(math.log(10e6), math.log(1.4e9)))),
            most=most,
        )
        for row in range(jobs)
    )
    watts = np.tile(np.array(WATTS)[types], (jobs, 1))
    return Instance(made, _workers(types), speed, watts, Links(rate))
