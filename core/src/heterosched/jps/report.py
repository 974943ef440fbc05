"""Turns the plan that was found into an answer: workers by name, shares, figures, front."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from heterosched.jps.admission import Queued
from heterosched.jps.answer import Answer, Effort, Placement, Point
from heterosched.jps.batch import split_batch
from heterosched.jps.certificate import Proof
from heterosched.jps.fairness import Fairness, fairness
from heterosched.jps.grouped import Grouped, workers_of
from heterosched.jps.instance import IDLE, Instance
from heterosched.jps.links import Floats, Ints
from heterosched.jps.sampler import Sampler
from heterosched.jps.score import Judge, Sample, front
from heterosched.jps.timing import communication, table_seconds

EXACT_PERCENT = 1e-7
"""Below this a gap is rounding noise of the bound."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the search found: the best sample, all samples, the proof; optimal: no plan has a better score;
    cells: table cells that the exact solution visited."""

    best: Sample
    sampler: Sampler
    proof: Proof
    method: str
    optimal: bool
    cells: int = 0


def nothing(queued: tuple[Queued, ...]) -> Answer:
    """The answer where no job can be placed."""
    even = Fairness(1.0, 1.0, 1.0, 1.0)
    return Answer((), queued, 0.0, 0.0, even, 0.0, 0.0, "none", "exact", True, True, (), worthwhile=False)


def report(instance: Instance, rows: Ints, judge: Judge, outcome: Outcome, queued: tuple[Queued, ...]) -> Answer:
    """The answer about the jobs `rows` of the instance, which are the rows of the judge's tables in this order."""
    grouped, best, proof = judge.grouped, outcome.best, outcome.proof
    gap = max(0.0, (best.mean_seconds / proof.bound - 1.0) * 100.0)
    gap = 0.0 if gap < EXACT_PERCENT else gap
    timed = judge.parameters.additive and judge.parameters.energy_weight <= 0
    names = [instance.jobs[row].name for row in rows]
    points = (
        Point(own.mean_seconds, own.jain, own.joules, dict(zip(names, own.category, strict=True)))
        for own in front(list(outcome.sampler.seen.values()))
    )
    placements = _placements(instance, rows, judge, best.table)
    first = [instance.workers[own[0]].name for own in grouped.members]
    return Answer(
        tuple(placements[index] for index in np.argsort(rows)),
        queued,
        best.mean_seconds,
        best.joules,
        fairness(table_seconds(grouped, best.table), judge.equal_seconds),
        min(proof.bound, best.mean_seconds),
        gap,
        outcome.method,
        proof.kind,
        outcome.optimal or (timed and gap == 0.0),
        best.unfair <= 0,
        tuple(points),
        {name: float(price) for name, price in zip(first, proof.prices, strict=True)},
        Effort(outcome.sampler.space.count, len(outcome.sampler.seen), outcome.cells, grouped.classes),
        _worthwhile(grouped, best.table),
        gap if timed and not outcome.optimal else _score_gap(outcome),
    )


def _score_gap(outcome: Outcome) -> float | None:
    """Percent that the score is above its bound at most; None where the bound is zero and proves nothing."""
    if outcome.optimal:
        return 0.0
    if outcome.proof.score <= 0:
        return None
    return max(0.0, (outcome.best.score / outcome.proof.score - 1.0) * 100.0)


def _placements(instance: Instance, rows: Ints, judge: Judge, table: Ints) -> list[Placement]:
    grouped = judge.grouped
    place = np.full(len(instance.jobs) + 1, IDLE)
    place[rows] = np.arange(len(rows))
    plan = workers_of(grouped, table, place[instance.holders])
    every = np.arange(len(rows))
    times, ring = table_seconds(grouped, table), communication(grouped, every, table)
    power = (grouped.watts * table).sum(axis=1)
    restart = grouped.restart * (table != grouped.running).any(axis=1)
    changed = (grouped.running.sum(axis=1) > 0) & (table != grouped.running).any(axis=1)
    found = []
    for index, row in enumerate(rows):
        job, own = instance.jobs[row], np.flatnonzero(plan == index)
        speeds: Floats = instance.speed[row, own]
        shares = split_batch(job.batch, speeds.tolist())
        compute = float(grouped.work[index] / speeds.sum())
        rounded = float((np.array(shares) / speeds).max()) * job.iterations
        found.append(
            Placement(
                job.name,
                tuple(instance.workers[worker].name for worker in own),
                shares,
                float(times[index]),
                float(max(times[index], times[index] - compute + rounded)),
                compute,
                float(ring[index]),
                float(restart[index]),
                float(judge.equal_seconds[index]),
                float(times[index] * power[index]),
                bool(changed[index]),
            )
        )
    return found


def _worthwhile(grouped: Grouped, table: Ints) -> bool:
    """Whether the plan gains more over the running one than its restarts cost in all (seconds)."""
    calm = replace(grouped, restart=np.zeros(grouped.jobs))
    running = table_seconds(calm, grouped.running)
    size = grouped.running.sum(axis=1)
    if not np.isfinite(running).all() or (size < grouped.least).any() or (size > grouped.most).any():
        return True
    gain = float(grouped.weight @ (running - table_seconds(calm, table)))
    return gain > float((grouped.restart * (table != grouped.running).any(axis=1)).sum())
