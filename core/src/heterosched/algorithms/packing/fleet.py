"""Nodes as arrays down to the share that is free of each GPU, and the ways in which a pod could be placed on them.

Everything is counted in thousandths (of a core, of a GPU), so that sums are exact and come out the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heterosched.errors import InvalidInput

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

MILLI = 1000
"""Thousandths of a whole GPU."""

NO_GPU = -1
"""Stands in the table of free GPUs where a node has fewer than the others."""

KINDS = 9
"""Kinds of demand that clustering tells apart: a share of a GPU (0), or 1..8 whole ones."""


@dataclass(frozen=True, slots=True, order=True)
class Ask:
    """What a pod asks for: thousandths of cores, GPUs, thousandths of each GPU, models (none: any), MiB.

    Raises InvalidInput: a share of several GPUs at once, a share above a whole, or a negative amount.
    """

    cores: int
    milli: int = 0
    gpus: int = 0
    models: tuple[str, ...] = ()
    memory: int = 0

    def __post_init__(self) -> None:
        if self.cores < 0 or self.memory < 0 or self.gpus < 0:
            raise InvalidInput("pod", "request", f"a negative amount in {self}", "ask for zero or more")
        if not (0 < self.milli <= MILLI if self.gpus else self.milli == 0) or (self.gpus > 1 and self.milli != MILLI):
            problem = f"{self.gpus} GPUs of {self.milli} thousandths each"
            raise InvalidInput("pod", "request", problem, "ask for a share of one GPU, for whole GPUs, or for none")

    @property
    def shared(self) -> bool:
        """Whether it takes a part of one GPU."""
        return 0 < self.milli < MILLI

    @property
    def kind(self) -> int:
        """Its kind among `KINDS`: 0 for a share, else how many whole GPUs (eight and more alike)."""
        return 0 if self.shared else min(self.gpus, KINDS - 1)


@dataclass(frozen=True, eq=False)
class Fleet:
    """Nodes, one row each, in the order in which they win ties. Thousandths of cores and GPUs, MiB.

    `model[i]` indexes `models`; `free[i, g]`: what is free of GPU g, `NO_GPU` where the node has no such GPU. `mixed`:
    pods on each node by kind. `largest`: the most cores and GPUs of any node. `take` alone writes.
    """

    models: tuple[str, ...]
    model: Ints
    cores: Ints
    gpus: Ints
    free_cores: Ints
    free_memory: Ints
    free: Ints
    mixed: Ints
    largest: tuple[int, int]

    @classmethod
    def idle(
        cls,
        models: Sequence[str],
        names: Sequence[str],
        cores: npt.ArrayLike,
        memory: npt.ArrayLike,
        gpus: npt.ArrayLike,
    ) -> Fleet:
        """A fleet that runs nothing. `names`: of each node's GPU model."""
        counts = np.array(gpus, dtype=np.int64)
        width = max(1, int(counts.max(initial=0)))
        free = np.where(np.arange(width)[None, :] < counts[:, None], MILLI, NO_GPU)
        listed, has = tuple(models), np.array(cores, dtype=np.int64)
        model = np.array([listed.index(name) for name in names], dtype=np.int64)
        mixed = np.zeros((len(counts), KINDS), dtype=np.int64)
        largest = max(1, int(has.max(initial=0))), width * MILLI
        return cls(listed, model, has, counts, has.copy(), np.array(memory, dtype=np.int64), free, mixed, largest)

    def __len__(self) -> int:
        return len(self.model)

    def row(self, node: int) -> Fleet:
        """One node alone; its arrays are views of these."""
        part = slice(node, node + 1)
        return Fleet(
            self.models,
            self.model[part],
            self.cores[part],
            self.gpus[part],
            self.free_cores[part],
            self.free_memory[part],
            self.free[part],
            self.mixed[part],
            self.largest,
        )

    def free_milli(self) -> Ints:
        """What is free of all GPUs of each node together."""
        found: Ints = np.maximum(self.free, 0).sum(axis=1)
        return found

    def take(self, node: int, ask: Ask, gpu: int) -> tuple[int, ...]:
        """Place a pod and tell its GPUs: `gpu` for a share, else the first that are free."""
        chosen = (gpu,) if ask.shared else tuple(np.flatnonzero(self.free[node] == MILLI)[: ask.gpus].tolist())
        self.free_cores[node] -= ask.cores
        self.free_memory[node] -= ask.memory
        if ask.gpus:
            self.free[node, list(chosen)] -= ask.milli
            self.mixed[node, ask.kind] += 1
            return chosen
        return ()


@dataclass(frozen=True, eq=False)
class Ways:
    """Placements that are possible: which ask goes to which row of the fleet, and the GPU that a share would take.

    `taken`: what is free on that GPU before (a whole one: 1000, no GPU: 0); `cores`, `count`, `milli`: of the ask.
    """

    ask: Ints
    node: Ints
    gpu: Ints
    taken: Ints
    cores: Ints
    count: Ints
    milli: Ints
    kind: Ints

    def __len__(self) -> int:
        return len(self.ask)

    def first_best(self, score: Floats) -> Ints:
        """Of each pair of ask and node the way with the highest score, the first GPU among equals; in their order."""
        order = np.lexsort((self.gpu, -score, self.node, self.ask))
        ask, node = self.ask[order], self.node[order]
        first = np.ones(len(order), dtype=np.bool_)
        first[1:] = (ask[1:] != ask[:-1]) | (node[1:] != node[:-1])
        return order[first]


class Asks:
    """Several kinds of pods as arrays, to be looked up on many nodes at once."""

    def __init__(self, asks: Sequence[Ask], models: Sequence[str]) -> None:
        self.listed = tuple(asks)
        self.cores = np.array([ask.cores for ask in asks], dtype=np.int64)
        self.memory = np.array([ask.memory for ask in asks], dtype=np.int64)
        self.count = np.array([ask.gpus for ask in asks], dtype=np.int64)
        self.milli = np.array([ask.milli for ask in asks], dtype=np.int64)
        self.kind = np.array([ask.kind for ask in asks], dtype=np.int64)
        self.shared: Flags = (self.milli > 0) & (self.milli < MILLI)
        self.allowed: Flags = np.array(
            [[not ask.gpus or not ask.models or model in ask.models for model in models] for ask in asks],
            dtype=np.bool_,
        ).reshape(len(asks), len(models))

    def ways(self, fleet: Fleet) -> Ways:
        """All placements that the filters let through: cores, memory, GPU model, and room on the GPUs.

        GPUs of a node that have the same left differ in nothing: the first of them stands for all.
        """
        fits: Flags = (self.cores[:, None] <= fleet.free_cores) & (self.memory[:, None] <= fleet.free_memory)
        fits &= self.allowed[:, fleet.model]
        room: Flags = fleet.free[None, :, :] >= self.milli[:, None, None]
        whole_ask, whole_node = np.nonzero(fits & ~self.shared[:, None] & (room.sum(axis=2) >= self.count[:, None]))
        room &= fits[:, :, None] & self.shared[:, None, None] & _first_of_its_size(fleet.free)[None, :, :]
        ask, node, gpu = np.nonzero(room)
        taken = np.concatenate((fleet.free[node, gpu], np.where(self.count[whole_ask] > 0, MILLI, 0)))
        ask, node = np.concatenate((ask, whole_ask)), np.concatenate((node, whole_node))
        gpu = np.concatenate((gpu, np.full(len(whole_ask), -1)))
        return Ways(ask, node, gpu, taken, self.cores[ask], self.count[ask], self.milli[ask], self.kind[ask])


def _first_of_its_size(free: Ints) -> Flags:
    found = np.ones(free.shape, dtype=np.bool_)
    for gpu in range(1, free.shape[1]):
        found[:, gpu] = (free[:, :gpu] != free[:, gpu : gpu + 1]).all(axis=1)
    return found
