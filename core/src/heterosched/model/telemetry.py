"""Telemetry as arrays: one row per node, one column per metric, each value with the time at which it was sampled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

GPU_TEMPERATURE: Final = "gpu_temperature"  # hottest GPU of the node, degrees Celsius
GPU_WATTS: Final = "gpu_watts"  # all GPUs of the node, watts
GPU_UTILISATION: Final = "gpu_utilisation"  # mean over the node's GPUs, 0..1
GPU_THROTTLING: Final = "gpu_throttling"  # 1 where a GPU throttles for heat or power, else 0
HOST_LOAD: Final = "host_load"  # one-minute load average per core
HOST_CPU: Final = "host_cpu"  # busy share of the host's CPUs, 0..1
HOST_MEMORY: Final = "host_memory"  # used share of the host's memory, 0..1

METRICS: Final = (GPU_TEMPERATURE, GPU_WATTS, GPU_UTILISATION, GPU_THROTTLING, HOST_LOAD, HOST_CPU, HOST_MEMORY)


@dataclass(frozen=True)
class Telemetry:
    """One collection. `values[m][i]` belongs to `nodes[i]`, NaN where there is none; `sampled[m][i]`: when (epoch s).

    `error` says why the source could not be read; then the arrays are those of the last good collection.
    """

    nodes: tuple[str, ...] = ()
    values: Mapping[str, Floats] = field(default_factory=dict)
    sampled: Mapping[str, Floats] = field(default_factory=dict)
    collected_at: float = 0.0
    error: str = ""
    rejected: int = 0

    @property
    def rows(self) -> Mapping[str, int]:
        """Row of each node."""
        return {name: row for row, name in enumerate(self.nodes)}

    def aligned(self, metric: str, nodes: tuple[str, ...], now: float, max_age: float) -> tuple[Floats, Floats]:
        """Values and ages (seconds) for `nodes` in their order; a value older than `max_age` or unknown is NaN."""
        out = np.full(len(nodes), np.nan)
        age = np.full(len(nodes), np.nan)
        column = self.values.get(metric)
        if column is None or not len(self.nodes):
            return out, age
        rows = self.rows
        index = np.array([rows.get(name, -1) for name in nodes], dtype=np.int64)
        known = index >= 0
        out[known] = column[index[known]]
        age[known] = now - self.sampled[metric][index[known]]
        out[~(age <= max_age)] = np.nan
        return out, age


NO_TELEMETRY: Final = Telemetry(error="no telemetry source")
