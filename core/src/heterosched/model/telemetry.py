"""Telemetry as arrays: one row per node, one column per metric, each value with its sample's time and its origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int16]

GPU_TEMPERATURE: Final = "gpu_temperature"  # hottest GPU of the node, degrees Celsius
GPU_WATTS: Final = "gpu_watts"  # all GPUs of the node, watts
GPU_UTILISATION: Final = "gpu_utilisation"  # mean over the node's GPUs, 0..1
GPU_THROTTLING: Final = "gpu_throttling"  # 1 where a GPU throttles for heat or a power brake, else 0
GPU_XID: Final = "gpu_xid"  # the XID of a hardware error that a GPU of the node reported, else 0
GPU_MEMORY: Final = "gpu_memory"  # used share of the GPUs' memory, mean over the node's GPUs, 0..1
GPU_CLOCK: Final = "gpu_clock"  # SM clock, mean over the node's GPUs, hertz
GPU_JOULES: Final = "gpu_joules"  # counters of the node's GPUs since their drivers were loaded, joules
EXPORTERS_DOWN: Final = "exporters_down"  # 1 where Prometheus cannot reach an exporter of the node, else 0
HOST_LOAD: Final = "host_load"  # one-minute load average per core
HOST_CPU: Final = "host_cpu"  # busy share of the host's CPUs, 0..1
HOST_MEMORY: Final = "host_memory"  # used share of the host's memory, 0..1
HOST_DISK: Final = "host_disk"  # share of the time in which the host's busiest disk was busy, 0..1
HOST_NETWORK: Final = "host_network"  # received and sent by the host's own devices, bytes per second
HOST_TEMPERATURE: Final = "host_temperature"  # hottest sensor of the host, degrees Celsius
HOST_WATTS: Final = "host_watts"  # CPU packages and their memory, watts

TAS: Final = "tas/"
"""Before the name of a metric that a TASPolicy names: those have whatever unit the policy's author had in mind."""

PRICE: Final = "price/"
"""Before the name of a SchedulingPolicy: what its `spec.priceQuery` says, in its currency per kilowatt-hour."""

CARBON: Final = "carbon/"
"""Before the name of a SchedulingPolicy: what its `spec.carbonQuery` says, grams of CO2 per kilowatt-hour."""

METRICS: Final = (
    GPU_TEMPERATURE,
    GPU_THROTTLING,
    GPU_XID,
    EXPORTERS_DOWN,
    HOST_LOAD,
    HOST_CPU,
    GPU_WATTS,
    GPU_UTILISATION,
    GPU_MEMORY,
    GPU_CLOCK,
    GPU_JOULES,
    HOST_MEMORY,
    HOST_DISK,
    HOST_NETWORK,
    HOST_TEMPERATURE,
    HOST_WATTS,
)
"""In the order in which they are asked for: what decisions read comes first."""


@dataclass(frozen=True)
class Telemetry:
    """One collection. `values[m][i]` belongs to `nodes[i]`, NaN where there is none; `sampled[m][i]`: when (epoch s).

    `origin[m][i]` is the place in `origins` of the exporter or query that the value came from, -1 where there is none.
    `error` says why the source could not be read; then the arrays are those of the last good collection. `rejects`
    counts the series of this collection that were not believed, by metric and reason; `examples` names some of them.
    `refused`: by metric, why Prometheus refuses its query, also why one of a SchedulingPolicy (`price/NAME`) yielded
    nothing; that is the query's trouble and not the source's, so it stands in no `error`.
    """

    nodes: tuple[str, ...] = ()
    values: Mapping[str, Floats] = field(default_factory=dict)
    sampled: Mapping[str, Floats] = field(default_factory=dict)
    collected_at: float = 0.0
    error: str = ""
    origins: tuple[str, ...] = ()
    origin: Mapping[str, Ints] = field(default_factory=dict)
    rejects: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    examples: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """Row of each node; every job looks its own nodes up in it."""
        return {name: row for row, name in enumerate(self.nodes)}

    @property
    def rejected(self) -> int:
        """How many series were not believed."""
        return sum(sum(reasons.values()) for reasons in self.rejects.values())

    def origin_of(self, metric: str, node: str) -> str:
        """Where the node's value came from; empty where it has none."""
        row, column = self.rows.get(node, -1), self.origin.get(metric)
        if row < 0 or column is None or column[row] < 0:
            return ""
        return self.origins[int(column[row])]

    def origins_of(self, metric: str) -> str:
        """Where the metric's values came from, each origin once."""
        column = self.origin.get(metric)
        if column is None:
            return ""
        return ", ".join(self.origins[place] for place in np.flatnonzero(np.bincount(column[column >= 0])).tolist())

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


NO_TELEMETRY: Final = Telemetry(error="no Prometheus is configured, or none has answered yet")
