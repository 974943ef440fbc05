"""An immutable picture of the cluster that the verbs read: nodes, telemetry, policies and profiles as of one moment.

Everything that changes is replaced, never written: a verb keeps the snapshot it began with, a decision record keeps the
one it was made on, and unchanged parts are shared between snapshots.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from heterosched.model.telemetry import Telemetry
from heterosched.policy.nodes import SENSED, Ints, Roster, Scene, Sensor

_BYTES_PER_NAME = 200
"""About what a node's name takes in a roster: the text, its place in the tuple and in the index."""


@dataclass(frozen=True)
class Figures:
    """A ThroughputProfile in the units of the terms: seconds (or seconds per sample) and watts by device type."""

    seconds: Mapping[str, float]
    watts: Mapping[str, float]
    origin: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Snapshot(Scene):
    """What a verb knows. Times are epoch seconds; `version` grows with each snapshot."""

    version: int
    taken_at: float
    profiles: Mapping[tuple[str, str], Figures] = field(default_factory=dict)

    def parts(self) -> Iterator[tuple[object, int]]:
        """What the snapshot keeps alive, each part with its bytes; snapshots share the parts that have not changed."""
        for array in (getattr(self.nodes, own.name) for own in fields(self.nodes)):
            if isinstance(array, np.ndarray):
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
