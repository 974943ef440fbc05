"""What Prometheus answered, checked and turned into figures per node; pure.

Nothing in an answer is believed unseen: text, NaN, infinities, negative and absurd figures, sample times in the future,
series about nobody and doubles are rejected and counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from heterosched.telemetry.queries import Combine, Query
from heterosched.telemetry.settings import Inventory

Answer = Iterable[Any]
"""`data.result` of an instant query: a vector of {"metric": labels, "value": [time, text]}."""

FUTURE_TOLERANCE = 1.0
"""Seconds; Prometheus rounds sample times to milliseconds, everything beyond is a broken clock."""

_DEVICE_LABELS = ("namespace", "pod", "exported_namespace", "exported_pod")


@dataclass
class Reading:
    """One metric: node -> (value, seconds since it was sampled), and how many series were rejected."""

    nodes: dict[str, tuple[float, float]] = field(default_factory=dict)
    rejected: int = 0


@dataclass(frozen=True)
class NodeNames:
    """Which node a series is about."""

    inventory: Inventory
    by_instance: Mapping[str, str]
    label: str = ""

    def of(self, labels: Mapping[str, str]) -> str:
        """The node's name, empty where the labels do not tell."""
        for name in (self.label, "node", "hostname", "Hostname"):
            if name and labels.get(name):
                return self.inventory.node_at(labels[name])
        instance = labels.get("instance", "")
        if not instance:
            return ""
        found = self.inventory.node_at(instance)
        if found in self.inventory.cores or instance not in self.by_instance:
            return found
        return self.inventory.node_at(self.by_instance[instance])


def node_names(answer: Answer) -> dict[str, str]:
    """`instance` -> `nodename` out of `node_uname_info`."""
    named: dict[str, str] = {}
    for series in answer:
        labels = _labels(series)
        if labels.get("instance") and labels.get("nodename"):
            named[labels["instance"]] = labels["nodename"]
    return named


def read(query: Query, values: Answer, sampled: Answer | None, names: NodeNames) -> Reading:
    """One metric of all nodes. Without `sampled` the evaluation counts as the sample.

    Ages are differences of Prometheus' own clock, so a clock of ours that differs makes nothing look old or new.
    """
    reading = Reading()
    times = None if sampled is None else {_key(series): _figure(series) for series in sampled}
    devices: dict[str, dict[tuple[str, ...], tuple[float, float]]] = {}
    spoilt: set[str] = set()
    for series in values:
        labels, figure = _labels(series), _figure(series)
        node = names.of(labels)
        age = _age(_key(series), figure, times)
        if not node or figure is None or age is None or not query.low <= figure[1] <= query.high:
            reading.rejected += 1
            spoilt.add(node)
            continue
        found = devices.setdefault(node, {})
        device = _device(labels)
        if device in found and found[device][0] != figure[1]:
            reading.rejected += 1  # two exporters contradict each other: the newer sample stands
        if device not in found or age < found[device][1]:
            found[device] = (figure[1], age)
    for node, found in devices.items():
        if query.combine == "sum" and node in spoilt:
            continue  # a total without one of its parts would be too small
        value = _combined(query.combine, [value for value, _ in found.values()])
        reading.nodes[node] = (value, max(age for _, age in found.values()))
    return _per_core(reading, names.inventory) if query.per_core else reading


def _per_core(reading: Reading, inventory: Inventory) -> Reading:
    known: dict[str, tuple[float, float]] = {}
    for node, (value, age) in reading.nodes.items():
        cores = inventory.cores.get(node, 0.0)
        if cores > 0:
            known[node] = (value / cores, age)
        else:
            reading.rejected += 1
    return Reading(known, reading.rejected)


def _labels(series: Any) -> Mapping[str, str]:
    labels = series.get("metric") if isinstance(series, dict) else None
    return labels if isinstance(labels, dict) else {}


def _key(series: Any) -> frozenset[tuple[str, str]]:
    return frozenset((name, text) for name, text in _labels(series).items() if name != "__name__")


def _figure(series: Any) -> tuple[float, float] | None:
    """(evaluation time, value), both finite; None for anything else (a histogram, text, NaN)."""
    pair = series.get("value") if isinstance(series, dict) else None
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return None
    try:
        evaluated, value = float(pair[0]), float(pair[1])
    except (TypeError, ValueError):
        return None
    return (evaluated, value) if math.isfinite(evaluated) and math.isfinite(value) else None


def _age(
    key: frozenset[tuple[str, str]],
    figure: tuple[float, float] | None,
    times: Mapping[frozenset[tuple[str, str]], tuple[float, float] | None] | None,
) -> float | None:
    if figure is None:
        return None
    if times is None:
        return 0.0
    sampled = times.get(key)
    if sampled is None:
        return None
    age = sampled[0] - sampled[1]
    return max(0.0, age) if age >= -FUTURE_TOLERANCE else None


def _device(labels: Mapping[str, str]) -> tuple[str, ...]:
    if labels.get("UUID"):
        return (labels["UUID"],)
    return (labels.get("gpu", ""), *(labels.get(name, "") for name in _DEVICE_LABELS))


def _combined(combine: Combine, values: list[float]) -> float:
    if combine == "max":
        return max(values)
    total = math.fsum(values)
    return total if combine == "sum" else total / len(values)
