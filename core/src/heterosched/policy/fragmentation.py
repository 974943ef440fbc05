"""The term `fit`: how much of the free GPUs a placement makes useless, or useful again, for the pods that come.

Fragmentation gradient descent (Weng et al., USENIX ATC 2023, "Beware of Fragmentation", section 4): the fragmentation
of a node is the expectation, over the shapes of typical pods, of the free GPUs that a pod of that shape cannot use
there for want of GPUs, cores or memory; a pod goes where it raises that figure least, or lowers it most. Ours differs
in three points. Typical are the pods with GPUs that are bound now, together with the assumption that a pod may take any
share of a node up to the whole (an empty cluster has shown nothing yet). A shape is asked about twice, and the two
answers count alike: whether one more pod of it fits, as in the paper, and how many GPUs would be in use if such pods
filled the node, so that cores are seen to be scarce long before they run out (as in the strategy `frugal`, which the
benchmark on openb measures). And the gradient is put on a straight scale from 0 to 1, the largest node's GPUs on either
side of the middle, where the paper's simulator takes a sigmoid: it keeps the order, and comes out the same to the last
bit on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from heterosched.algorithms.packing.typical import filled
from heterosched.model.cluster import EPSILON
from heterosched.policy.nodes import FitKey, Floats, Ints, NodeArrays, Shape

MOST_REMEMBERED = 8
"""Columns kept per picture of the cluster; the pods of a job, which come together, share one."""


def fragments(nodes: NodeArrays, shapes: tuple[Shape, ...], any_size: float) -> Floats | None:
    """Free GPUs of each node that the typical pod cannot use, in GPUs; None where nothing is known of typical pods."""
    return _expected(nodes, (nodes.free_gpus, nodes.free_cores, nodes.free_memory), shapes, any_size)


def gradient(
    nodes: NodeArrays, gpus: float, cores: float, memory: float, shapes: tuple[Shape, ...], any_size: float
) -> Floats | None:
    """GPUs that become useless (negative: useful again) on each node by a pod of this demand being placed there."""
    return _gradient(nodes, gpus, cores, memory, shapes, any_size, fragments(nodes, shapes, any_size))


def _gradient(
    nodes: NodeArrays,
    gpus: float,
    cores: float,
    memory: float,
    shapes: tuple[Shape, ...],
    any_size: float,
    before: Floats | None,
) -> Floats | None:
    if before is None:
        return None
    left = (
        np.maximum(nodes.free_gpus - gpus, 0.0),
        np.maximum(nodes.free_cores - cores, 0.0),
        np.maximum(nodes.free_memory - memory, 0.0),
    )
    after = _expected(nodes, left, shapes, any_size)
    if after is None:
        return None
    change: Floats = after - before
    return change


def fit(
    nodes: NodeArrays, gpus: float, cores: float, memory: float, typical_shapes: int, any_size: float
) -> Floats | None:
    """1 where the placement makes as many GPUs useful again as the largest node has, 0.5 where it changes nothing.

    None where no node has a GPU, or where neither a pod with GPUs has been seen nor `any_size` assumes one.
    """
    key = gpus, cores, memory, typical_shapes, any_size
    known = nodes.memo.get(key)
    if known is not None:
        return known
    found = _column(nodes, key, nodes.gpus.max(initial=0.0))
    if found is None:
        return None
    if len(nodes.memo) >= MOST_REMEMBERED:
        nodes.memo.clear()
    nodes.memo[key] = found
    return found


def carry_over(old: NodeArrays, new: NodeArrays, rows: Ints) -> None:
    """Let `new`, which differs from `old` in what is free on `rows` alone, take over the columns that `old` remembers.

    Each node's figure depends on that node and the typical shapes only, so the columns come out as if worked out anew.
    """
    if old.shapes != new.shapes:
        return
    largest, part = new.gpus.max(initial=0.0), new.at(rows)
    for key, column in list(old.memo.items()):  # at once: an explanation in another thread may add to it
        changed = _column(part, key, largest)
        if changed is not None:
            new.memo[key] = _patched(column, rows, changed)
    for own, before in part.useless.items():
        known = old.useless.get(own)
        if known is not None and before is not None:
            new.useless[own] = _patched(known, rows, before)


def _patched(column: Floats, rows: Ints, changed: Floats) -> Floats:
    carried = column.copy()
    carried[rows] = changed
    return carried


def _column(nodes: NodeArrays, key: FitKey, largest: float) -> Floats | None:
    if not largest > 0:
        return None
    gpus, cores, memory, typical_shapes, any_size = key
    shapes = nodes.shapes[:typical_shapes]
    if (typical_shapes, any_size) not in nodes.useless:
        nodes.useless[typical_shapes, any_size] = fragments(nodes, shapes, any_size)
    change = _gradient(nodes, gpus, cores, memory, shapes, any_size, nodes.useless[typical_shapes, any_size])
    return None if change is None else np.clip(0.5 * (1.0 - change / largest), 0.0, 1.0)


def _expected(
    nodes: NodeArrays, free: tuple[Floats, Floats, Floats], shapes: tuple[Shape, ...], any_size: float
) -> Floats | None:
    """The sum runs over the shapes in their order, node by node alike: machines, and parts of a fleet, agree."""
    seen = float(sum(shape.count for shape in shapes))
    if seen + any_size <= 0:
        return None
    gpus, cores, memory = free
    useless = (seen + any_size * (1.0 - _largest_share(nodes, free))) * gpus
    if shapes:
        table = _table(shapes)
        pods = filled(
            np.floor(table.per_gpu * (gpus + EPSILON)),
            np.minimum(table.per_core * (cores + EPSILON), table.per_byte * (memory * (1 + EPSILON) + 1)),
        )
        used = table.half_gpus * pods
        used += 0.5 * gpus
        used *= pods > 0
        for shape, row in zip(shapes, used, strict=True):
            useless -= shape.count * row
    found: Floats = useless / (seen + any_size)
    return found


@dataclass(frozen=True, slots=True)
class _Table:
    """Columns of what a pod of each shape takes: pods per GPU, core and byte, and half its GPUs. Of a shape that fits
    half of what its pods leave over counts as useless, of one that does not fit all.
    """

    per_gpu: Floats
    per_core: Floats
    per_byte: Floats
    half_gpus: Floats


@lru_cache(maxsize=MOST_REMEMBERED)
def _table(shapes: tuple[Shape, ...]) -> _Table:
    def column(values: Iterable[float]) -> Floats:
        return np.array(list(values), dtype=np.float64)[:, None]

    return _Table(
        column(1 / shape.gpus for shape in shapes),
        column(1 / max(shape.cores, EPSILON) for shape in shapes),
        column(1 / max(shape.memory, EPSILON) for shape in shapes),
        column(0.5 * shape.gpus for shape in shapes),
    )


def _largest_share(nodes: NodeArrays, free: tuple[Floats, Floats, Floats]) -> Floats:
    """The largest share of a node that is free in GPUs, cores and memory alike, 0..1: pods up to it find room there."""
    share = np.ones(len(nodes))
    for part, whole in zip(free, (nodes.gpus, nodes.cores, nodes.memory), strict=True):
        share = np.minimum(share, np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))
    return share
