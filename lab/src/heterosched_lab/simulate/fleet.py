"""Which share of each device is free, and giving them to gangs: best fit inside a node, whole devices first come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from heterosched_lab.simulate.types import Floats, Ints, SimNode

NOISE = 1e-9
"""Shares are sums of fractions: what misses by less than this fits."""


class Fleet:
    """The devices of all nodes, numbered through; those of node n are `first[n]` to `first[n + 1]`."""

    def __init__(self, nodes: Sequence[SimNode]) -> None:
        counts = [node.gpus for node in nodes]
        self.first: Ints = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        self.room: Floats = np.ones(int(self.first[-1]))
        self.free: Floats = np.array(counts, dtype=np.float64)
        self._ends = [int(end) for end in self.first]
        self._node = np.repeat(np.arange(len(nodes)), counts)

    def take(self, nodes: Sequence[int], share: float) -> Ints | None:
        """Devices for a gang, one per worker in the order of `nodes`; None, and nothing taken, where it does not fit.

        A part of a device goes where it leaves least behind, so that whole devices stay whole.
        """
        found: dict[int, list[int]] = {}
        for node, count in Counter(nodes).items():
            own = self._on(node, share, count)
            if own is None:
                for taken in found.values():
                    self._change(taken, share)
                return None
            found[node] = own
            self._change(own, -share)
        turns = {node: iter(own) for node, own in found.items()}
        return np.array([next(turns[node]) for node in nodes], dtype=np.int64)

    def _on(self, node: int, share: float, count: int) -> list[int] | None:
        low, high = self._ends[node], self._ends[node + 1]
        room = self.room[low:high]
        if share > 1 - NOISE:
            whole = np.flatnonzero(room > 1 - NOISE)[:count]
            return [low + int(device) for device in whole] if len(whole) == count else None
        left, found = room.copy(), []
        for _ in range(count):
            fits = np.flatnonzero(left >= share - NOISE)
            if not len(fits):
                return None
            best = int(fits[np.argmin(left[fits])])
            left[best] -= share
            found.append(low + best)
        return found

    def give(self, devices: Sequence[int], share: float) -> None:
        """These are free again."""
        self._change(devices, share)

    def _change(self, devices: Sequence[int], amount: float) -> None:
        for device in devices:
            value = self.room[device] + amount
            self.room[device] = round(value, 9)
            node = self._node[device]
            self.free[node] = round(self.free[node] + amount, 9)

    def lose(self, node: int) -> None:
        """Nothing is free on a node that is down."""
        self._set(node, 0.0)

    def restore(self, node: int) -> None:
        """A node that is back is empty."""
        self._set(node, 1.0)

    def _set(self, node: int, value: float) -> None:
        low, high = self._ends[node], self._ends[node + 1]
        self.room[low:high] = value
        self.free[node] = value * (high - low)

    def node_of(self, device: int) -> int:
        """The node that a device is in."""
        return int(self._node[device])
