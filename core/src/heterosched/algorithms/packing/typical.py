"""The pods that are expected to come, and what a node's free GPUs are worth to them.

Two measures. `fragments` is that of fragmentation gradient descent (Weng et al., USENIX ATC 2023, section 4): free GPUs
of a node that the expected pod cannot use, where one pod of each shape is asked about. `usable` fills the node with one
shape after the other instead: a node with eight free GPUs and the cores for one more pod counts one GPU, not eight, so
cores that GPUs will need are seen to be scarce long before they run out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from heterosched.algorithms.packing.fleet import MILLI, Ask, Fleet, Floats, Ints, Ways

COVERED = 0.95
"""Share of pods that the typical shapes stand for (Weng et al. 2023, section 4)."""


def typical(asks: Iterable[Ask], covered: float = COVERED) -> list[tuple[Ask, float]]:
    """The most frequent shapes (memory aside) that cover this share of the pods, with their weights; sum 1."""
    counts = Counter(Ask(ask.cores, ask.milli, ask.gpus, ask.models) for ask in asks)
    total, seen = counts.total(), 0
    found: list[tuple[Ask, int]] = []
    for ask, count in sorted(counts.items(), key=lambda item: (item[1], item[0]), reverse=True):
        found.append((ask, count))
        seen += count
        if seen >= covered * total:
            break
    return [(ask, (count / total) / (seen / total)) for ask, count in found]


def filled(slots: Floats | Ints, by_cores: Floats) -> Floats:
    """How many pods of a shape fill a node: GPUs have room for `slots`; of cores there is enough for `by_cores`.

    A part of a pod counts beyond the first one, since other shapes take what is left over; below one none fits.
    """
    return np.where(by_cores < 1.0, 0.0, np.minimum(slots, by_cores))


class Typical:
    """Typical shapes, made ready for one set of GPU models. Arrays are typical shapes x ways (or x nodes)."""

    def __init__(self, weighted: Sequence[tuple[Ask, float]], models: Sequence[str]) -> None:
        left = np.arange(MILLI + 2) % (MILLI + 1)  # the last column answers for NO_GPU: nothing is left
        self.weight: Floats = np.array([[weight] for _, weight in weighted]).reshape(-1, 1)
        asks = [ask for ask, _ in weighted]
        self.cores: Ints = np.array([[ask.cores] for ask in asks], dtype=np.int64).reshape(-1, 1)
        self.count: Ints = np.array([[ask.gpus] for ask in asks], dtype=np.int64).reshape(-1, 1)
        self.milli: Ints = np.array([[ask.milli] for ask in asks], dtype=np.int64).reshape(-1, 1)
        self.shared = (self.milli > 0) & (self.milli < MILLI)
        size, needs_gpu = np.maximum(self.milli, 1), self.count > 0
        self.pods: Ints = np.where(needs_gpu, left // size, 0)  # by milli left on one GPU
        self.enough: Ints = (needs_gpu & (left >= self.milli)).astype(np.int64)
        self.useless: Ints = np.where(left < self.milli, left, 0)
        self.useful: Ints = np.where(needs_gpu, left - self.useless, 0)
        self.refill: Ints = np.where(self.shared & (left < MILLI), self.pods * self.milli, 0)
        allowed = [[not ask.models or model in ask.models for model in models] for ask in asks]
        self.allowed = np.array(allowed, dtype=np.bool_).reshape(len(asks), len(models))

    def state(self, table: Ints, fleet: Fleet) -> Ints:
        """Sum of a figure by milli left over the GPUs of each node: shapes x nodes."""
        found: Ints = table[:, fleet.free].sum(axis=2)
        return found

    def after(self, table: Ints, fleet: Fleet, ways: Ways) -> Ints:
        """The same after each way: shapes x ways."""
        change = table[:, ways.taken - ways.milli] - table[:, ways.taken]
        return self.state(table, fleet)[:, ways.node] + ways.count * change

    def lost(self, fleet: Fleet, ways: Ways) -> Floats:
        """Thousandths of GPUs that the expected pod could use before each way and cannot after it."""
        before = self.usable(self.state(self.pods, fleet), fleet.free_cores, fleet.model)
        left = fleet.free_cores[ways.node] - ways.cores
        return before[ways.node] - self.usable(self.after(self.pods, fleet, ways), left, fleet.model[ways.node])

    def spoilt(self, fleet: Fleet, ways: Ways) -> Floats:
        """What `fragmented` tells, summed the short way: equal but for the last bits of rounding."""
        enough, useful = self.state(self.enough, fleet), self.state(self.useful, fleet)
        before = self._of_use(enough, useful, fleet.free_cores, fleet.model)
        enough, useful = self.after(self.enough, fleet, ways), self.after(self.useful, fleet, ways)
        left, model = fleet.free_cores[ways.node] - ways.cores, fleet.model[ways.node]
        after = self._of_use(enough, useful, left, model)
        return before[ways.node] - after - ways.count * ways.milli

    def _of_use(self, enough: Ints, useful: Ints, cores: Ints, model: Ints) -> Floats:
        fits = (enough >= self.count) & (cores >= self.cores) & self.allowed[:, model]
        found: Floats = (self.weight * useful * fits).sum(axis=0)
        return found

    def usable(self, pods: Ints, cores: Ints, model: Ints) -> Floats:
        """Thousandths of GPUs that are in use once a node is filled with one shape, over shapes by weight."""
        fit = filled(pods // np.maximum(self.count, 1), cores / np.maximum(self.cores, 1))
        taken = fit * (self.weight * self.count * self.milli) * self.allowed[:, model]
        found: Floats = taken.sum(axis=0)
        return found

    def fragments(self, enough: Ints, useless: Ints, total: Ints, cores: Ints, model: Ints) -> Floats:
        """Free thousandths that the expected pod cannot use. Classes are summed apart and then in the paper's
        simulator's order: its scores are floored, which makes rounding visible.
        """
        cpu_only, access = self.count == 0, self.allowed[:, model]
        fed, room = cores >= self.cores, enough >= self.count
        inside = ~cpu_only & access
        all_free, some = self.weight * total, self.weight * useless
        classes = (
            np.where(inside & ~room & ~fed, all_free, 0.0),
            np.where(inside & room & fed, some, np.where(inside & ~room & fed, all_free, 0.0)),
            np.where(inside & room & ~fed, all_free, 0.0),
            np.where(cpu_only & fed, all_free, 0.0),
            np.where(cpu_only & ~fed, all_free, 0.0),
            np.where(~cpu_only & ~access, all_free, 0.0),
        )
        found = np.zeros(len(cores))
        for part in classes:
            found = found + part.sum(axis=0)
        return found

    def fragmented(self, fleet: Fleet, ways: Ways) -> Floats:
        """Free thousandths that become useless by each way (negative: useful again)."""
        total = fleet.free_milli()
        states = self.state(self.enough, fleet), self.state(self.useless, fleet)
        before = self.fragments(*states, total, fleet.free_cores, fleet.model)
        after = self.fragments(
            self.after(self.enough, fleet, ways),
            self.after(self.useless, fleet, ways),
            total[ways.node] - ways.count * ways.milli,
            fleet.free_cores[ways.node] - ways.cores,
            fleet.model[ways.node],
        )
        return after - before[ways.node]
