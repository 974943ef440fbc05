"""An immutable picture of the cluster that the verbs read: nodes, telemetry, policies and profiles as of one moment.

Everything that changes is replaced, never written: a verb keeps the snapshot it began with, a decision record keeps the
one it was made on, and unchanged parts are shared between snapshots.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache

import numpy as np

from heterosched.model.devices import CPU, DEVICE_TYPES, DeviceTable
from heterosched.model.telemetry import CARBON, PRICE, TAS, Telemetry
from heterosched.policy.nodes import SENSED, Ints, Roster, Scene, Sensor
from heterosched.policy.tas import TasPolicy

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
    """What a verb knows. Times are epoch seconds; `version` grows with each snapshot.

    `claims`: how many devices each ResourceClaim asks for, by `namespace/name`. `devices`: the device table. `tas`:
    TASPolicies by namespace and name. `telemetry_rejects`: series that were not believed in the last collection, by
    metric and reason.
    """

    version: int
    taken_at: float
    profiles: Mapping[tuple[str, str], Figures] = field(default_factory=dict)
    claims: Mapping[str, int] = field(default_factory=dict)
    devices: DeviceTable = field(default=DEVICE_TYPES, repr=False)
    tas: Mapping[tuple[str, str], TasPolicy] = field(default_factory=dict)
    telemetry_rejects: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def unknown_devices(self) -> dict[str, int]:
        """Nodes by device type, of the types that the device table lacks."""
        counts = np.bincount(self.nodes.device, minlength=len(self.nodes.devices)).tolist()
        by_type = zip(self.nodes.devices, counts, strict=True)
        return {device: count for device, count in by_type if device != CPU and self.devices.whole(device) is None}

    def parts(self) -> Iterator[tuple[object, int]]:
        """What the snapshot keeps alive, each part with its bytes; snapshots share the parts that have not changed."""
        for array in (getattr(self.nodes, own.name) for own in fields(self.nodes)):
            if isinstance(array, np.ndarray):
                yield array, array.nbytes
        if self.zones is not None:
            for array in (getattr(self.zones, own.name) for own in fields(self.zones)):
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
    order = _order(telemetry.nodes, roster)
    found: dict[str, Sensor] = {}
    for metric in telemetry.values:
        if metric not in SENSED and not metric.startswith((TAS, PRICE, CARBON)):
            continue
        values = np.append(telemetry.values[metric], np.nan)[order]
        sampled = np.append(telemetry.sampled[metric], np.nan)[order]
        sensor = Sensor.of(values, sampled, telemetry.origins_of(metric))
        if sensor is not None:
            found[metric] = sensor
    return found


@lru_cache(maxsize=1)
def _order(nodes: tuple[str, ...], roster: Roster) -> Ints:
    """The place in `nodes` of each node of the roster, -1 where it is not there; the same for collection after
    collection.
    """
    at = np.array(roster.rows(nodes), dtype=np.int64)
    here = np.flatnonzero(at >= 0)
    order = np.full(len(roster.names), -1, dtype=np.int64)
    order[at[here]] = here
    return order


def rows_of(mask: bytes, count: int) -> Ints:
    """The rows of a packed mask of `count` nodes, ascending."""
    return np.flatnonzero(np.unpackbits(np.frombuffer(mask, dtype=np.uint8), count=count))
