"""Pods placed one by one by the production score, as the extender scores them for the kube-scheduler."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from heterosched.policy.decide import score
from heterosched.policy.nodes import NodeArrays, Roster, Scene, Shape
from heterosched.policy.table import PolicyRow
from heterosched.policy.terms import Ask
from heterosched_lab.simulate.types import Action, Floats, SimNode, Start, View

CORES_PER_GPU, POD_CORES_PER_GPU = 8.0, 4.0
BYTES_PER_GPU, POD_BYTES_PER_GPU = 64e9, 16e9
"""What a node has beside each GPU, and what a pod asks for; the term `fit` reads both."""


class ScoredNodes:
    """First come, first served; who does not fit lets others pass. The node with the best score gets the pod.

    Terms that nothing in the simulation feeds (load, thermal, numa, data, plan, metric) are absent, as they are in a
    cluster without telemetry: their weights go to the others. Of equal scores the first node wins.
    """

    round_seconds = 0.0

    def __init__(self, row: PolicyRow) -> None:
        self.name, self._row = row.name, row

    def decide(self, view: View) -> Iterable[Action]:
        """Starts of waiting jobs, each scored on what the ones before it left."""
        free = view.free.copy()
        shapes = _shapes(view)
        waiting = sorted(view.waiting.tolist(), key=lambda job: (view.jobs[job].arrival, job))
        for job in waiting:
            own = view.jobs[job]
            figures = {
                device: float(seconds)
                for device, seconds in zip(view.devices, view.estimates[job], strict=True)
                if np.isfinite(seconds)
            }
            runs = np.array([node.device in figures for node in view.nodes])
            rows = np.flatnonzero(runs & (free >= own.workers) & ~np.isin(np.arange(len(free)), list(view.lost)))
            if not len(rows):
                continue
            ask = Ask(
                self._row,
                gpus=float(own.workers),
                cores=POD_CORES_PER_GPU * own.workers,
                memory=POD_BYTES_PER_GPU * own.workers,
                seconds=figures,
                watts={device: own.watts[device] * own.workers for device in figures},
            )
            best = score(_scene(view.nodes, view.devices, free, shapes), ask, rows, None, view.now).best
            node = int(rows[max(best, 0)])
            free[node] -= own.workers
            yield Start(job, (node,) * own.workers)


def _shapes(view: View) -> tuple[Shape, ...]:
    """Shapes of the running pods, most frequent first."""
    sizes = [view.jobs[job].workers for job in view.running.tolist()]
    counted = sorted(((sizes.count(size), size) for size in set(sizes)), key=lambda own: (-own[0], own[1]))
    return tuple(Shape(size, POD_CORES_PER_GPU * size, POD_BYTES_PER_GPU * size, count) for count, size in counted)


def _scene(nodes: Sequence[SimNode], devices: Sequence[str], free: Floats, shapes: tuple[Shape, ...]) -> Scene:
    """The cluster as the extender would see it now."""
    gpus = np.array([float(node.gpus) for node in nodes])
    held = gpus - free
    arrays = NodeArrays(
        tuple(devices),
        np.array([list(devices).index(node.device) for node in nodes], dtype=np.int64),
        gpus * CORES_PER_GPU,
        gpus * BYTES_PER_GPU,
        gpus,
        gpus * CORES_PER_GPU - held * POD_CORES_PER_GPU,
        gpus * BYTES_PER_GPU - held * POD_BYTES_PER_GPU,
        free,
        held <= 0,
        np.array([node.idle_watts * node.gpus + node.host_watts for node in nodes]),
        shapes,
    )
    return Scene(roster=Roster.of(0, [node.name for node in nodes]), nodes=arrays)
