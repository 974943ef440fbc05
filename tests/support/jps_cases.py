"""JPS instances and a checker of answers that shares no line with the solver."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from heterosched.jps import Answer, Instance, Links, TrainingJob, Worker
from heterosched.jps.generate import RATES, SPREADS, random_instance


def jct(instance: Instance, row: int, own: list[int]) -> float:
    """Completion time of a job on the workers `own`, restarts not counted, straight from the formulas."""
    job = instance.jobs[row]
    speeds = [float(instance.speed[row, worker]) for worker in own]
    if not own or min(speeds) <= 0:
        return math.inf
    ring = 0.0
    if len(own) > 1:
        pairs = instance.links.pairs
        slowest = (
            instance.links.rate
            if pairs is None
            else min(pairs[one, two] for one, two in itertools.combinations(own, 2))
        )
        ring = 2 * (len(own) - 1) / len(own) * job.gradient_bytes / slowest
    return float(job.iterations * (job.batch / sum(speeds) + ring))


def faults(instance: Instance, answer: Answer) -> list[str]:
    """Everything that is wrong with an answer."""
    rows = {job.name: row for row, job in enumerate(instance.jobs)}
    columns = {worker.name: column for column, worker in enumerate(instance.workers)}
    found, times, weights, joules = [], [], [], 0.0
    used = [worker for placed in answer.placements for worker in placed.workers]
    if len(set(used)) != len(used):
        found.append("a worker serves two jobs")
    told = [placed.job for placed in answer.placements] + [queued.job for queued in answer.queued]
    if sorted(told) != sorted(rows):
        found.append("jobs are lost or doubled")
    for placed in answer.placements:
        row = rows[placed.job]
        job, own = instance.jobs[row], [columns[name] for name in placed.workers]
        seconds = jct(instance, row, own) + placed.restart_seconds
        if not job.least <= len(own) <= (math.inf if job.most is None else job.most):
            found.append(f"{job.name}: {len(own)} workers")
        if not math.isclose(seconds, placed.seconds, rel_tol=1e-9):
            found.append(f"{job.name}: {placed.seconds} s, not {seconds}")
        if sum(placed.shares) != job.batch or min(placed.shares) < 1 or len(placed.shares) != len(own):
            found.append(f"{job.name}: shares {placed.shares}")
        held = {column for column, holder in enumerate(instance.holders) if holder == row}
        if placed.changed != (bool(held) and held != set(own)):
            found.append(f"{job.name}: changed is {placed.changed}")
        if placed.restart_seconds != job.restart_seconds * placed.changed:
            found.append(f"{job.name}: restart {placed.restart_seconds}")
        times.append(seconds)
        weights.append(job.weight)
        joules += seconds * sum(float(instance.watts[row, worker]) for worker in own)
    if times and not math.isclose(np.average(times, weights=weights), answer.mean_seconds, rel_tol=1e-9):
        found.append("the mean is wrong")
    if times and not math.isclose(joules, answer.joules, rel_tol=1e-9, abs_tol=1e-9):
        found.append("the energy is wrong")
    if times and not math.isclose(
        answer.gap_percent, (answer.mean_seconds / answer.lower_bound_seconds - 1) * 100, abs_tol=1e-6
    ):
        found.append("the gap is not that to the bound")
    return found


def brute_force(instance: Instance) -> float:
    """The least weighted mean completion time, by trying all assignments of workers to jobs."""
    best = math.inf
    weights = np.array([job.weight for job in instance.jobs])
    for plan in itertools.product(range(-1, len(instance.jobs)), repeat=len(instance.workers)):
        total = 0.0
        for row, job in enumerate(instance.jobs):
            own = [worker for worker, holder in enumerate(plan) if holder == row]
            if not job.least <= len(own) <= min(job.batch, len(plan) if job.most is None else job.most):
                total = math.inf
                break
            moved = [worker for worker, holder in enumerate(instance.holders) if holder == row]
            restart = job.restart_seconds if moved and moved != own else 0.0
            total += weights[row] / weights.sum() * (jct(instance, row, own) + restart)
        best = min(best, total)
    return best


@st.composite
def instances(draw: st.DrawFn, *, workers: int = 10, jobs: int = 4, plain: bool = False) -> Instance:
    """Instances of up to `jobs` jobs; unless `plain` with bounds, weights, forbidden pairs, links, running plans."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    many, count = draw(st.integers(1, jobs)), draw(st.integers(1, workers))
    typed, rate = draw(st.booleans()), draw(st.sampled_from(RATES))
    base = random_instance(rng, many, count, spread=draw(st.sampled_from(SPREADS)), rate=rate, typed=typed)
    if plain:
        return base
    made = []
    for job in base.jobs:
        least = int(rng.choice([1, 1, 1, 2, 3]))
        most = None if rng.random() < 0.5 else least + int(rng.integers(0, 4))
        made.append(
            replace(
                job,
                least=least,
                most=most,
                weight=float(rng.choice([1.0, 1.0, 3.0])),
                priority=int(rng.integers(0, 3)),
                age=float(rng.integers(0, 100)),
                restart_seconds=float(rng.choice([0.0, 30.0, 3000.0])),
            )
        )
    speed = np.where(rng.random(base.speed.shape) < 0.15, 0.0, base.speed)
    links = base.links
    if draw(st.booleans()):
        links = Links.by_node([worker.node for worker in base.workers], 50e9, 1.25e9)
    running = rng.integers(-1, many, size=count) if draw(st.booleans()) else None
    return Instance(tuple(made), base.workers, speed, base.watts, links, running)


def simple(speeds: list[list[float]], *, workers: str = "w", **job: float) -> Instance:
    """Jobs `a`, `b`, ... of 100 samples x 100 iterations on workers of the given speeds, 100 W each, fast links."""
    made = tuple(TrainingJob(chr(97 + row), 100, 100.0, **job) for row in range(len(speeds)))  # type: ignore[arg-type]
    names = tuple(Worker(f"{workers}{index}") for index in range(len(speeds[0])))
    return Instance(made, names, np.array(speeds), np.full((len(speeds), len(names)), 100.0))
