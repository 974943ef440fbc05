"""What a run came to, worked out again from its placements alone: nothing here asks the policy or the fast tables.

Every rule is tested and every figure summed over plain tables: capacity, GPU models, watts under both power models,
fragmentation. Figures are told at each percent of arrived GPU demand, relative to the fleet's GPUs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heterosched.algorithms.packing.fleet import MILLI, Ask, Floats, Ints
from heterosched_lab.openb.run import Placements
from heterosched_lab.openb.traces import CURVE, CURVE_ENDS, Machines, Trace, power_models
from heterosched_lab.openb.traces import DEVICES as MODELS
from heterosched_lab.simulate.log import Broken

SAVING_AT = tuple(range(10, 81, 10))
"""Percent of demand over which savings are averaged."""

STEP, MEASURED = "step", "measured"
POWER_MODELS = (STEP, MEASURED)

_SOCKET_CORES, _SOCKET_BUSY, _SOCKET_IDLE = 32_000, 120.0, 15.0


@dataclass(frozen=True, eq=False)
class Course:
    """By percent of arrived demand, from 0 on: thousandths of GPUs allocated and arrived, watts, fragmented share.

    `fragmented`: share of the free GPUs that the expected pod cannot use, at each tenth of demand (NaN between).
    """

    allocated: Floats
    arrived: Floats
    watts: dict[str, Floats]
    fragmented: Floats
    dropped: int
    first_dropped: float
    milli: int

    def allocation(self, percent: int) -> float:
        """GPUs allocated in percent of the fleet's; as of the last pod where so much demand never arrived."""
        return 100.0 * float(self.allocated[min(percent, len(self.allocated) - 1)]) / self.milli

    def granted(self, percent: int) -> float:
        """GPUs allocated in percent of those that arrived (GRAR)."""
        place = min(percent, len(self.allocated) - 1)
        return 100.0 * float(self.allocated[place]) / max(1.0, float(self.arrived[place]))


def saving(ours: Course, base: Course, model: str) -> float:
    """Mean over `SAVING_AT` of the power saved against a base run of the same seed, in percent."""
    places = [at for at in SAVING_AT if at < min(len(ours.allocated), len(base.allocated))]
    return 100.0 * float(np.mean([1.0 - ours.watts[model][at] / base.watts[model][at] for at in places]))


def check(machines: Machines, trace: Trace, run: Placements, weighted: Sequence[tuple[Ask, float]]) -> Course:
    """Replay the placements. Raises Broken, naming the policy, where one breaks a rule.

    `weighted`: the typical shapes and their weights, for fragmentation.
    """
    replay = _Replay(machines, run.policy)
    course: list[tuple[float, float, float, float, float]] = []
    arrived = allocated = dropped = 0
    first, milli = float("nan"), machines.milli
    for pod, (ask_number, node) in enumerate(zip(run.pods.tolist(), run.nodes.tolist(), strict=True)):
        ask = trace.asks[ask_number]
        arrived += ask.gpus * ask.milli
        if node >= 0:
            replay.place(pod, ask, node, run.gpus[pod])
            allocated += ask.gpus * ask.milli
        else:
            replay.drop(pod, ask)
            dropped += 1
            first = 100.0 * arrived / milli if dropped == 1 else first
        while arrived * 100 >= len(course) * milli:
            due = len(course) % 10 == 0
            spoilt = replay.fragmented(weighted) if due else float("nan")
            course.append((allocated, arrived, replay.step, replay.measured, spoilt))
    columns = np.array(course, dtype=np.float64).reshape(len(course), 5).T
    watts = {STEP: columns[2], MEASURED: columns[3]}
    return Course(columns[0], columns[1], watts, columns[4], dropped, first, milli)


class _Replay:
    """The fleet as plain lists, and its power kept up node by node."""

    def __init__(self, machines: Machines, policy: str) -> None:
        self._policy = policy
        self._full: set[Ask] = set()
        self._models = [list(MODELS).index(model) for model in machines.model]
        self._names = machines.model
        self._cores: list[int] = machines.cores.tolist()
        self._left: list[int] = machines.cores.tolist()
        self._memory: list[int] = machines.memory.tolist()
        self._gpus: list[list[int]] = [[MILLI] * count for count in machines.gpus.tolist()]
        self._ends = [(model.watts(0.0), model.watts(1.0)) for model in power_models()]
        self.step = sum(self._watts(node, measured=False) for node in range(len(self._left)))
        self.measured = sum(self._watts(node, measured=True) for node in range(len(self._left)))

    def place(self, pod: int, ask: Ask, node: int, gpus: tuple[int, ...]) -> None:
        """Hold what a pod asks for."""
        where = f"pod {pod} on node {node}"
        if ask.gpus and ask.models and self._names[node] not in ask.models:
            raise Broken(self._policy, f"{where}: it may not use {self._names[node]}")
        if len(set(gpus)) != ask.gpus or any(not 0 <= gpu < len(self._gpus[node]) for gpu in gpus):
            raise Broken(self._policy, f"{where}: it was given the GPUs {gpus}, it asks for {ask.gpus}")
        if ask.cores > self._left[node] or ask.memory > self._memory[node]:
            raise Broken(self._policy, f"{where}: cores or memory are used twice")
        if any(self._gpus[node][gpu] < ask.milli for gpu in gpus):
            raise Broken(self._policy, f"{where}: a GPU is used twice")
        self.step -= self._watts(node, measured=False)
        self.measured -= self._watts(node, measured=True)
        self._left[node] -= ask.cores
        self._memory[node] -= ask.memory
        for gpu in gpus:
            self._gpus[node][gpu] -= ask.milli
        self.step += self._watts(node, measured=False)
        self.measured += self._watts(node, measured=True)

    def drop(self, pod: int, ask: Ask) -> None:
        """A pod is dropped only where no node has room; since nothing ends, an ask that fits nowhere never will."""
        if ask in self._full:
            return
        for node, name in enumerate(self._names):
            fits = ask.cores <= self._left[node] and ask.memory <= self._memory[node]
            fits = fits and sum(free >= ask.milli for free in self._gpus[node]) >= ask.gpus
            if fits and (not ask.gpus or not ask.models or name in ask.models):
                raise Broken(self._policy, f"pod {pod} is dropped, and node {node} has room")
        self._full.add(ask)

    def _watts(self, node: int, *, measured: bool) -> float:
        idle, busy = self._ends[self._models[node]]
        used, total = self._cores[node] - self._left[node], -(-self._cores[node] // _SOCKET_CORES)
        awake = -(-used // _SOCKET_CORES)
        watts = awake * _SOCKET_BUSY + (total - awake) * _SOCKET_IDLE
        for free in self._gpus[node]:
            load = 1.0 - free / MILLI
            watts += idle + (busy - idle) * (_measured(load) if measured else float(free < MILLI))
        return watts

    def fragmented(self, weighted: Sequence[tuple[Ask, float]]) -> float:
        """Share of the free GPUs that the expected pod cannot use (FGD's measure); 0 where none is free."""
        free = [sum(gpus) for gpus in self._gpus]
        if not sum(free):
            return 0.0
        width = max(len(gpus) for gpus in self._gpus)
        table: Ints = np.array([gpus + [0] * (width - len(gpus)) for gpus in self._gpus], dtype=np.int64)
        left, used = np.array(self._left), 0.0
        for ask, weight in weighted:
            if not ask.gpus:
                continue
            enough = table >= ask.milli
            fits = (enough.sum(axis=1) >= ask.gpus) & (left >= ask.cores)
            fits &= np.array([not ask.models or name in ask.models for name in self._names])
            used += weight * float((np.where(enough, table, 0).sum(axis=1) * fits).sum())
        return 1.0 - used / sum(free)


def _measured(load: float) -> float:
    """How far from idle to full power an A100 is at a load of 0..1, by measurement."""
    low, high = CURVE_ENDS
    points = [(0.0, 0.0), *((x, (watts - low) / (high - low)) for x, watts in CURVE), (1.0, 1.0)]
    found: float = np.interp(load, [x for x, _ in points], [y for _, y in points])
    return float(found)
