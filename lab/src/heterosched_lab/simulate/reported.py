"""Power of nodes as it is reported: late and blurred, as telemetry is."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

import numpy as np

from heterosched_lab.simulate.types import Conditions, Floats, SimNode


def blur(relative: float, size: int | tuple[int, ...], draws: np.random.Generator) -> Floats:
    """Factors of mean 1 and this relative standard deviation, all above zero (log-normal)."""
    if relative == 0:
        return np.ones(size)
    variance = math.log1p(relative * relative)
    return np.exp(draws.normal(-variance / 2, math.sqrt(variance), size))


class Reported:
    """Collects changes of power as they are known to come and tells what has been reported by a given time."""

    def __init__(
        self, nodes: Sequence[SimNode], conditions: Conditions, begin: float, draws: np.random.Generator
    ) -> None:
        self._delay, self._noise = conditions.telemetry_delay, conditions.telemetry_noise
        self._draws, self._first = draws, begin + conditions.telemetry_delay
        self.idle = [node.host_watts + node.gpus * node.idle_watts for node in nodes]
        self._watts: Floats = np.array(self.idle, dtype=np.float64)
        self._up = np.ones(len(nodes), dtype=bool)
        self._changes: list[tuple[float, int, int, float]] = []
        self._turns: list[tuple[float, int, int, bool]] = []
        self._count = 0

    def change(self, at: float, node: int, watts: float) -> None:
        """From `at` on the node draws so much more."""
        self._count += 1
        heapq.heappush(self._changes, (at, self._count, node, watts))

    def turn(self, at: float, node: int, up: bool) -> None:
        """From `at` on the node reports, or no longer does."""
        self._count += 1
        heapq.heappush(self._turns, (at, self._count, node, up))
        self.change(at, node, self.idle[node] if up else -self.idle[node])

    def at(self, now: float) -> Floats:
        """Watts by node as last reported; NaN where nothing is."""
        known = now - self._delay
        while self._changes and self._changes[0][0] <= known:
            _, _, node, watts = heapq.heappop(self._changes)
            self._watts[node] += watts
        while self._turns and self._turns[0][0] <= known:
            _, _, node, up = heapq.heappop(self._turns)
            self._up[node] = up
        if now < self._first:
            return np.full(len(self._watts), np.nan)
        seen = np.maximum(self._watts, 0.0) * blur(self._noise, len(self._watts), self._draws)
        return np.where(self._up, seen, np.nan)
