"""Readings as arrays over all nodes, and the gaps between one collection and the next; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from heterosched.model.telemetry import METRICS, Floats, Ints, Telemetry
from heterosched.telemetry.answers import Reading

FORGET_AFTER = 900.0
"""Seconds for which the last value of a node stays in the arrays (with its true age) after its series has vanished.

An exporter that times out once is most likely on a node in trouble: its last figures say more than none at all.
"""

MOST_EXAMPLES = 20
"""Rejected series that a collection names; the counts are complete."""


@dataclass
class Gathered:
    """One metric out of several rows: node -> (value, age in seconds, origin); each node's first value stands."""

    nodes: dict[str, tuple[float, float, str]] = field(default_factory=dict)
    rejects: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, reading: Reading, origin: str) -> None:
        """What the next row yielded."""
        for node, (value, age) in reading.nodes.items():
            self.nodes.setdefault(node, (value, age, origin))
        self.rejects.update(reading.rejects)
        self.examples = {**reading.examples, **self.examples}


def as_telemetry(
    readings: Mapping[str, Gathered], now: float, error: str = "", refused: Mapping[str, str] | None = None
) -> Telemetry:
    """Readings as arrays over all nodes that any of them knows, in order of name. `now` in epoch seconds."""
    nodes = tuple(sorted({node for reading in readings.values() for node in reading.nodes}))
    origins = tuple(sorted({origin for reading in readings.values() for _, _, origin in reading.nodes.values()}))
    number = {origin: place for place, origin in enumerate(origins)}
    values: dict[str, Floats] = {}
    sampled: dict[str, Floats] = {}
    origin: dict[str, Ints] = {}
    for metric in dict.fromkeys((*METRICS, *readings)):
        known = readings[metric].nodes if metric in readings else {}
        pairs = [known.get(node, (np.nan, np.nan, "")) for node in nodes]
        values[metric] = np.array([value for value, _, _ in pairs], dtype=np.float64)
        sampled[metric] = now - np.array([age for _, age, _ in pairs], dtype=np.float64)
        origin[metric] = np.array([number.get(source, -1) if source else -1 for _, _, source in pairs], dtype=np.int16)
    rejects = {metric: dict(reading.rejects) for metric, reading in readings.items() if reading.rejects}
    examples = [f"{metric}: {text}" for metric, reading in readings.items() for text in reading.examples.values()]
    named = tuple(examples[:MOST_EXAMPLES])
    return Telemetry(nodes, values, sampled, now, error, origins, origin, rejects, named, dict(refused or {}))


def carried_over(last: Telemetry, fresh: Telemetry) -> Telemetry:
    """`fresh`, with the gaps filled from `last` (at its own sample times) as long as that is not forgotten."""
    if not last.nodes:
        return fresh
    horizon = fresh.collected_at - FORGET_AFTER
    alive = np.zeros(len(last.nodes), dtype=bool)
    for times in last.sampled.values():
        alive |= times >= horizon
    kept = {name for name, living in zip(last.nodes, alive, strict=True) if living}
    nodes = tuple(sorted(kept.union(fresh.nodes)))
    origins = tuple(dict.fromkeys((*fresh.origins, *last.origins)))
    here = np.array([origins.index(name) for name in last.origins] + [-1], dtype=np.int16)
    values: dict[str, Floats] = {}
    sampled: dict[str, Floats] = {}
    origin: dict[str, Ints] = {}
    for metric in dict.fromkeys((*METRICS, *fresh.values, *last.values)):
        new, age = fresh.aligned(metric, nodes, fresh.collected_at, np.inf)
        old, old_age = last.aligned(metric, nodes, fresh.collected_at, FORGET_AFTER)
        gap = np.isnan(new)
        if metric not in METRICS and gap.all() and np.isnan(old).all():
            continue  # of a policy that is gone, or a metric that nobody publishes
        values[metric] = np.where(gap, old, new)
        sampled[metric] = fresh.collected_at - np.where(gap, np.where(np.isnan(old), np.nan, old_age), age)
        came = np.where(gap, here[_spread(last, metric, nodes)], _spread(fresh, metric, nodes)).astype(np.int16)
        came[np.isnan(values[metric])] = -1
        origin[metric] = came
    return replace(fresh, nodes=nodes, values=values, sampled=sampled, origins=origins, origin=origin)


def _spread(telemetry: Telemetry, metric: str, nodes: tuple[str, ...]) -> Ints:
    """The origins of a metric in another order of nodes; -1 where there is none."""
    found = np.full(len(nodes), -1, dtype=np.int16)
    rows = telemetry.rows
    index = np.array([rows.get(name, -1) for name in nodes], dtype=np.int64)
    if len(telemetry.nodes) and metric in telemetry.origin:
        found[index >= 0] = telemetry.origin[metric][index[index >= 0]]
    return found
