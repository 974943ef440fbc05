"""An immutable picture of the cluster that the verbs read: nodes, telemetry, policies and profiles as of one moment.

Everything that changes is replaced, never written: a verb keeps the snapshot it began with, a decision record keeps the
one it was made on, and unchanged parts are shared between snapshots.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from heterosched.model.telemetry import GPU_TEMPERATURE, GPU_THROTTLING, HOST_CPU, HOST_LOAD, Telemetry
from heterosched.policy.table import BUILT_IN, PolicyRow
from heterosched.policy.terms import Floats, Ints, NodeArrays, Signals

_BYTES_PER_NAME = 200
"""About what a node's name takes in a roster: the text, its place in the tuple and in the index."""

SENSED = (HOST_CPU, HOST_LOAD, GPU_TEMPERATURE, GPU_THROTTLING)
"""The metrics that score terms read."""


@dataclass(frozen=True, eq=False)
class Sensor:
    """One metric of all nodes: values (NaN: never seen) and the epoch seconds at which each was sampled."""

    values: Floats
    sampled: Floats
    oldest: float

    @property
    def known(self) -> int:
        """How many nodes have a value."""
        return int((~np.isnan(self.values)).sum())

    @classmethod
    def of(cls, values: Floats, sampled: Floats) -> Sensor | None:
        """None where no node has a value."""
        known = ~np.isnan(values)
        return cls(values, sampled, float(sampled[known].min())) if known.any() else None

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
    """The set of nodes. It is shared by all snapshots until a node comes or goes; `key` tells rosters apart."""

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


@dataclass(frozen=True)
class Figures:
    """A ThroughputProfile in the units of the terms: seconds (or seconds per sample) and watts by device type."""

    seconds: Mapping[str, float]
    watts: Mapping[str, float]
    origin: str


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a verb knows. Times are epoch seconds; `version` grows with each snapshot."""

    version: int
    taken_at: float
    roster: Roster
    nodes: NodeArrays
    sensors: Mapping[str, Sensor] = field(default_factory=dict)
    telemetry_error: str = ""
    policies: Mapping[str, PolicyRow] = field(default_factory=lambda: BUILT_IN)
    profiles: Mapping[tuple[str, str], Figures] = field(default_factory=dict)

    def signals(self, now: float, max_age: float, hinted_cores: Floats | None = None) -> Signals:
        """Telemetry that is not older than `max_age` seconds, and the hints that go with it."""
        fresh = {
            metric: None if (sensor := self.sensors.get(metric)) is None else sensor.fresh(now, max_age)
            for metric in SENSED
        }
        return Signals(fresh[HOST_CPU], fresh[HOST_LOAD], fresh[GPU_TEMPERATURE], fresh[GPU_THROTTLING], hinted_cores)

    def parts(self) -> Iterator[tuple[object, int]]:
        """What the snapshot keeps alive, each part with its bytes; snapshots share the parts that have not changed."""
        for name in ("device", "cores", "gpus", "free_gpus", "asleep", "idle_watts"):
            array = getattr(self.nodes, name)
            yield array, array.nbytes
        for sensor in self.sensors.values():
            yield sensor.values, sensor.values.nbytes
            yield sensor.sampled, sensor.sampled.nbytes
        yield self.roster, _BYTES_PER_NAME * len(self.roster.names)


def sensors_of(telemetry: Telemetry, roster: Roster) -> dict[str, Sensor]:
    """The sensed metrics of a collection in the order of the roster."""
    if not telemetry.nodes:
        return {}
    at = np.array(roster.rows(telemetry.nodes), dtype=np.int64)
    here = at >= 0
    found: dict[str, Sensor] = {}
    for metric in SENSED:
        if metric not in telemetry.values:
            continue
        values, sampled = np.full(len(roster.names), np.nan), np.full(len(roster.names), np.nan)
        values[at[here]] = telemetry.values[metric][here]
        sampled[at[here]] = telemetry.sampled[metric][here]
        sensor = Sensor.of(values, sampled)
        if sensor is not None:
            found[metric] = sensor
    return found


def rows_of(mask: bytes, count: int) -> Ints:
    """The rows of a packed mask of `count` nodes, ascending."""
    return np.flatnonzero(np.unpackbits(np.frombuffer(mask, dtype=np.uint8), count=count))
