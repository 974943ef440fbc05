"""What the score terms read of nodes: hardware and what is free on it, telemetry, and which nodes there are.

Everything is an array with one entry per node in the order of a roster, and nothing is ever written to: what changes is
replaced, so that a decision can be explained, and decided again, from the very arrays that it was made on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from heterosched.model.telemetry import (
    EXPORTERS_DOWN,
    GPU_TEMPERATURE,
    GPU_THROTTLING,
    GPU_XID,
    HOST_CPU,
    HOST_LOAD,
)
from heterosched.policy.table import BUILT_IN, PolicyRow
from heterosched.policy.zone_arrays import ZoneArrays

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SENSED = (HOST_CPU, HOST_LOAD, GPU_TEMPERATURE, GPU_THROTTLING, GPU_XID, EXPORTERS_DOWN)
"""The metrics that score terms read."""


FitKey = tuple[float, float, float, int, float]
"""What the term `fit` depends on besides the nodes: GPUs, cores, bytes, and the policy's two figures."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What some pods with GPUs ask for: whole GPUs, cores, bytes; `count` of them are bound and unfinished."""

    gpus: float
    cores: float
    memory: float
    count: int = 1


@dataclass(frozen=True, eq=False)
class NodeArrays:
    """All nodes of a cluster, one entry per node. Cores, bytes, whole GPUs, watts.

    `device[i]` indexes `devices`; `free_...` is allocatable less what bound pods hold; `asleep[i]`: nothing but the
    node's own daemons runs there, so using it costs its `idle_watts` too. `shapes` are those of the pods with GPUs,
    most frequent first. `memo` and `useless` hold what has been derived from all this and is asked for again and again.
    """

    devices: tuple[str, ...]
    device: Ints
    cores: Floats
    memory: Floats
    gpus: Floats
    free_cores: Floats
    free_memory: Floats
    free_gpus: Floats
    asleep: Flags
    idle_watts: Floats
    shapes: tuple[Shape, ...] = ()
    memo: dict[FitKey, Floats] = field(default_factory=dict, init=False, repr=False)
    useless: dict[tuple[int, float], Floats | None] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.device)

    def at(self, rows: Ints) -> NodeArrays:
        """The same of these nodes alone."""
        columns: dict[str, Any] = {own.name: getattr(self, own.name) for own in fields(self) if own.init}
        chosen: dict[str, Any] = {name: value[rows] for name, value in columns.items() if isinstance(value, np.ndarray)}
        return replace(self, **chosen)


@dataclass(frozen=True, eq=False)
class Signals:
    """Telemetry of the same nodes in the same order; NaN where it is unknown or too old, None where no node has any.

    `host_cpu` busy share 0..1, `host_load` load average per core, `temperature` of the hottest GPU in degrees Celsius,
    `throttling` 1 where a GPU throttles, `xid` the hardware error that one reported (0: none), `unreachable` 1 where
    Prometheus cannot reach an exporter of the node. `hinted_cores`: of pods advised to the node that telemetry cannot
    show yet. `rates`: price or CO2 of a kilowatt-hour, by which the pod's policy weighs energy; None for joules alone.
    """

    host_cpu: Floats | None = None
    host_load: Floats | None = None
    temperature: Floats | None = None
    throttling: Floats | None = None
    hinted_cores: Floats | None = None
    xid: Floats | None = None
    unreachable: Floats | None = None
    rates: Floats | None = None


@dataclass(frozen=True, eq=False)
class Sensor:
    """One metric of all nodes: values (NaN: never seen) and the epoch seconds at which each was sampled.

    `origin` names the exporters or queries that the values came from.
    """

    values: Floats
    sampled: Floats
    oldest: float
    origin: str = ""

    @property
    def known(self) -> int:
        """How many nodes have a value."""
        return int((~np.isnan(self.values)).sum())

    @classmethod
    def of(cls, values: Floats, sampled: Floats, origin: str = "") -> Sensor | None:
        """None where no node has a value."""
        known = ~np.isnan(values)
        return cls(values, sampled, float(sampled[known].min()), origin) if known.any() else None

    def fresh(self, now: float, max_age: float) -> Floats | None:
        """The values with those older than `max_age` seconds left out (NaN); None where none is left."""
        if now - self.oldest <= max_age:
            return self.values
        young = now - self.sampled <= max_age
        return np.where(young, self.values, np.nan) if young.any() else None

    def ages(self, now: float) -> Floats:
        """Seconds since each value was sampled; NaN where there is none."""
        return np.where(np.isnan(self.values), np.nan, now - self.sampled)


@dataclass(frozen=True, eq=False)
class Roster:
    """The set of nodes. It is shared by all pictures until a node comes or goes; `key` tells rosters apart."""

    key: int
    names: tuple[str, ...]
    index: Mapping[str, int]

    @classmethod
    def of(cls, key: int, names: Iterable[str]) -> Roster:
        """Number the nodes in the order given."""
        listed = tuple(names)
        return cls(key, listed, {name: row for row, name in enumerate(listed)})

    def rows(self, names: Iterable[str]) -> tuple[int, ...]:
        """The rows of these nodes, -1 for one that is not here."""
        return tuple(self.index.get(name, -1) for name in names)


@dataclass(frozen=True, eq=False, kw_only=True)
class Scene:
    """The cluster as of one moment, as far as decisions read it. `zones`: None where no NUMA topology is known.

    `telemetry_error`: why telemetry could not be read; `refused`: queries of policies that yielded nothing, and why.
    """

    roster: Roster
    nodes: NodeArrays
    zones: ZoneArrays | None = None
    sensors: Mapping[str, Sensor] = field(default_factory=dict)
    telemetry_error: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)
    policies: Mapping[str, PolicyRow] = field(default_factory=lambda: BUILT_IN)

    def signals(self, now: float, max_age: float, hinted_cores: Floats | None = None) -> Signals:
        """Telemetry that is not older than `max_age` seconds at `now`, and the hints that go with it."""
        fresh = {
            metric: None if (sensor := self.sensors.get(metric)) is None else sensor.fresh(now, max_age)
            for metric in SENSED
        }
        return Signals(
            fresh[HOST_CPU],
            fresh[HOST_LOAD],
            fresh[GPU_TEMPERATURE],
            fresh[GPU_THROTTLING],
            hinted_cores,
            fresh[GPU_XID],
            fresh[EXPORTERS_DOWN],
        )
