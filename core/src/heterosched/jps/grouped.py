"""The instance seen by classes of interchangeable workers: what makes exact solutions and large clusters affordable.

Two workers are interchangeable where every job is as fast and draws as much on both and both have the same links to all
others. A plan is then a table jobs x classes of worker counts; which worker of a class a job gets does not matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from heterosched.jps.instance import IDLE, Instance
from heterosched.jps.links import Floats, Ints


@dataclass(frozen=True, eq=False)
class Grouped:
    """S jobs, M classes of `count` workers. speed (samples/s), watts: S x M. link: M x M in B/s, or None for `rate`.

    work: samples that remain; exchange: bytes that a ring of many workers moves in all; weight: sums to one; running:
    S x M worker counts held now; least, most: worker bounds, `most` also bounded by the batch and the usable workers.
    """

    members: tuple[Ints, ...]
    count: Ints
    speed: Floats
    watts: Floats
    link: Floats | None
    rate: float
    work: Floats
    exchange: Floats
    weight: Floats
    restart: Floats
    running: Ints
    least: Ints
    most: Ints

    @property
    def jobs(self) -> int:
        """S."""
        return len(self.work)

    @property
    def classes(self) -> int:
        """M."""
        return len(self.count)

    @property
    def workers(self) -> int:
        """K, the workers of all classes."""
        return int(self.count.sum())


def group(instance: Instance) -> Grouped:
    """The instance by classes. Raises nothing: the instance was checked when it was built."""
    members = _classes(instance)
    first = np.array([own[0] for own in members], dtype=np.int64)
    count = np.array([len(own) for own in members], dtype=np.int64)
    jobs, speed = instance.jobs, instance.speed[:, first]
    usable = ((speed > 0) * count).sum(axis=1)
    bounds = [math.inf if job.most is None else job.most for job in jobs]
    most = np.minimum(np.array(bounds), np.minimum([job.batch for job in jobs], usable)).astype(np.int64)
    held = instance.holders
    running = np.zeros((len(jobs), len(members)), dtype=np.int64)
    for column, own in enumerate(members):
        holding = held[own]
        running[:, column] = np.bincount(holding[holding != IDLE], minlength=len(jobs))
    weight = np.array([job.weight for job in jobs])
    return Grouped(
        members,
        count,
        speed,
        instance.watts[:, first],
        _link(instance, members),
        instance.links.rate,
        np.array([job.iterations * job.batch for job in jobs]),
        np.array([2.0 * job.iterations * job.gradient_bytes for job in jobs]),
        weight / weight.sum() if len(jobs) else weight,
        np.array([job.restart_seconds for job in jobs]) * (running.sum(axis=1) > 0),
        running,
        np.array([job.least for job in jobs], dtype=np.int64),
        most,
    )


def _classes(instance: Instance) -> tuple[Ints, ...]:
    """Workers by class, in the order of the first of each."""
    workers = len(instance.workers)
    columns = np.vstack([instance.speed, instance.watts]).T
    _, alike = np.unique(columns, axis=0, return_inverse=True) if columns.size else (None, np.zeros(workers, int))
    pairs, found = instance.links.pairs, []
    for value in np.unique(alike):
        open_ = np.flatnonzero(alike.ravel() == value)
        while len(open_):
            same = np.ones(len(open_), dtype=bool)
            if pairs is not None:
                differs = pairs[open_] != pairs[open_[0]]
                differs[:, open_[0]] = False
                differs[np.arange(len(open_)), open_] = False
                same = ~differs.any(axis=1)
            found.append(open_[same])
            open_ = open_[~same]
    return tuple(sorted(found, key=lambda own: int(own[0])))


def _link(instance: Instance, members: tuple[Ints, ...]) -> Floats | None:
    pairs = instance.links.pairs
    if pairs is None:
        return None
    first = np.array([own[0] for own in members], dtype=np.int64)
    link: Floats = pairs[np.ix_(first, first)].copy()
    inside = [pairs[own[0], own[1]] if len(own) > 1 else math.inf for own in members]
    np.fill_diagonal(link, inside)
    return link


def workers_of(grouped: Grouped, table: Ints, holders: Ints) -> Ints:
    """The job of each worker (or IDLE) under a plan `table` (S x M); a job keeps the workers that it holds now."""
    plan = np.full(len(holders), IDLE)
    for column, own in enumerate(grouped.members):
        need = table[:, column].copy()
        for worker in own:
            job = holders[worker]
            if job != IDLE and need[job] > 0:
                plan[worker], need[job] = job, need[job] - 1
        free = own[plan[own] == IDLE]
        plan[free[: need.sum()]] = np.repeat(np.arange(len(need)), need)
    return plan
