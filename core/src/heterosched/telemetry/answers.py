"""What Prometheus answered, checked and turned into figures per node; pure.

Nothing in an answer is believed unseen: text, NaN, infinities, negative and absurd figures, sample times in the future,
series about nobody and doubles are rejected, counted by reason, and the first of each reason is named.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from heterosched.telemetry.queries import NODE_LABELS, Combine, Query
from heterosched.telemetry.settings import Inventory, host_of

Answer = Iterable[Any]
"""`data.result` of an instant query: a vector of {"metric": labels, "value": [time, text]}."""

FUTURE_TOLERANCE = 1.0
"""Seconds; Prometheus rounds sample times to milliseconds, everything beyond is a broken clock."""

BLANK: Final = 2.0**53
"""DCGM's blank sensors are integers from 2^63 - 16 on; above 2^53 a double counts nothing any more."""

LONGEST_EXAMPLE = 240
"""Characters; labels may be as long as their author likes."""

_DEVICE_LABELS = ("namespace", "pod", "exported_namespace", "exported_pod")

Labels = Mapping[str, str]
Key = frozenset[tuple[str, str]]


@dataclass
class Reading:
    """One metric: node -> (value, seconds since it was sampled), and what was rejected: how often, and an example."""

    nodes: dict[str, tuple[float, float]] = field(default_factory=dict)
    rejects: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def rejected(self) -> int:
        """How many series were rejected."""
        return self.rejects.total()

    def reject(self, reason: str, labels: Labels, value: object = "") -> None:
        """Count a series that is not believed."""
        self.rejects[reason] += 1
        if reason not in self.examples:
            shown = ", ".join(f"{name}={text}" for name, text in sorted(labels.items())) or "a series without labels"
            self.examples[reason] = f"{reason}: {value!r} of {shown}"[:LONGEST_EXAMPLE]


@dataclass(frozen=True)
class NodeNames:
    """Which node a series is about. `by_instance`: of `node_uname_info`; `by_pod`: addresses of the exporters' pods."""

    inventory: Inventory
    by_instance: Mapping[str, str]
    label: str = ""
    by_pod: Mapping[str, str] = field(default_factory=dict)

    def of(self, labels: Labels) -> str:
        """The node's name, empty where the labels do not tell.

        The first label that names a node of the cluster: an exporter that was not told its node's name puts that of its
        pod where the node's belongs. Where none does, what the first one says.
        """
        said = ""
        for name in (self.label, *NODE_LABELS) if self.label else NODE_LABELS:
            text = labels.get(name)
            if not text or not isinstance(text, str):
                continue
            found = self._at_instance(text) if name == "instance" else self.inventory.node_at(text)
            if found in self.inventory.cores:
                return found
            said = said or found
        return said

    def _at_instance(self, instance: str) -> str:
        found = self.inventory.node_at(instance)
        if found in self.inventory.cores:
            return found
        if host_of(instance) in self.by_pod:
            return self.inventory.node_at(self.by_pod[host_of(instance)])
        return self.inventory.node_at(self.by_instance.get(instance, instance))


def node_names(answer: Answer, key: str = "instance", name: str = "nodename") -> dict[str, str]:
    """`instance` -> `nodename` out of `node_uname_info`, or two other labels out of another answer."""
    named: dict[str, str] = {}
    for series in answer:
        labels = labels_of(series)
        address, node = labels.get(key), labels.get(name)
        if address and node and isinstance(address, str) and isinstance(node, str):
            named[address] = node
    return named


def read(query: Query, values: Answer, sampled: Answer | None, names: NodeNames) -> Reading:
    """One metric of all nodes. Without `sampled` the evaluation counts as the sample.

    Ages are differences of Prometheus' own clock, so a clock of ours that differs makes nothing look old or new.
    """
    reading = Reading()
    times = None if sampled is None else {key_of(series): figure_of(series) for series in sampled}
    devices: dict[str, dict[tuple[str, ...], tuple[float, float]]] = {}
    spoilt: set[str] = set()
    for series in values:
        labels = labels_of(series)
        node = names.of(labels)
        found = believed(query, series, times, node, names.inventory)
        if isinstance(found, str):
            reading.reject(found, labels, series.get("value") if isinstance(series, dict) else series)
            spoilt.add(node)
        else:
            device = tuple(sorted(map(str, labels.items()))) if query.apart else _device(labels)
            _put(reading, devices.setdefault(node, {}), device, labels, found)
    for node, parts in devices.items():
        if query.combine == "sum" and node in spoilt:
            continue  # a total without one of its parts would be too small
        value = _combined(query.combine, [value for value, _ in parts.values()])
        reading.nodes[node] = (value, max(age for _, age in parts.values()))
    return _per_core(reading, names.inventory) if query.per_core else reading


def believed(
    query: Query,
    series: Any,
    times: Mapping[Key, tuple[float, float] | None] | None,
    node: str,
    inventory: Inventory,
) -> tuple[float, float] | str:
    """(value, age in seconds) of a series about `node`, or the reason for not believing it."""
    figure = figure_of(series)
    if figure is None:
        return "not a finite number"
    if not node:
        return "no label names a node"
    if inventory.cores and node not in inventory.cores:
        return "no node of the cluster"
    if abs(figure[1]) >= BLANK:
        return "blank sensor"
    if not query.low <= figure[1] <= query.high:
        return f"not within {query.low:g} and {query.high:g}"
    value = _code(query.codes, series, figure[1]) if query.codes else figure[1]
    if times is None:
        return value, 0.0
    sampled = times.get(key_of(series))
    if sampled is None:
        return "without the time of its sample"
    age = sampled[0] - sampled[1]
    return (value, max(0.0, age)) if age >= -FUTURE_TOLERANCE else "sampled in the future"


def _code(codes: tuple[int, ...], series: Any, value: float) -> float:
    """The code that a series tells of, 0 for one that is not among `codes`."""
    label = str(labels_of(series).get("xid", ""))
    code = float(label) if label.isascii() and label.isdigit() else value
    return code if code in codes else 0.0


def _put(
    reading: Reading,
    parts: dict[tuple[str, ...], tuple[float, float]],
    device: tuple[str, ...],
    labels: Labels,
    found: tuple[float, float],
) -> None:
    """One device's figure; of two that contradict each other the newer sample stands."""
    if device in parts and parts[device][0] != found[0]:
        reading.reject("two exporters contradict each other", labels, found[0])
    if device not in parts or found[1] < parts[device][1]:
        parts[device] = found


def _per_core(reading: Reading, inventory: Inventory) -> Reading:
    known: dict[str, tuple[float, float]] = {}
    for node, (value, age) in reading.nodes.items():
        cores = inventory.cores.get(node, 0.0)
        if cores > 0:
            known[node] = (value / cores, age)
        else:
            reading.reject("the node's cores are not known", {"node": node}, value)
    reading.nodes = known
    return reading


def labels_of(series: Any) -> Labels:
    """The labels of a series; none where it is no series."""
    labels = series.get("metric") if isinstance(series, dict) else None
    return labels if isinstance(labels, dict) else {}


def key_of(series: Any) -> Key:
    """The labels but for the metric's name; of a label that is no text, its text stands in."""
    labels = labels_of(series)
    if "__name__" in labels:
        labels = {name: text for name, text in labels.items() if name != "__name__"}
    try:
        return frozenset(labels.items())
    except TypeError:
        return frozenset((name, str(text)) for name, text in labels.items())


def figure_of(series: Any) -> tuple[float, float] | None:
    """(evaluation time, value), both finite; None for anything else (a histogram, text, NaN)."""
    pair = series.get("value") if isinstance(series, dict) else None
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return None
    try:
        evaluated, value = float(pair[0]), float(pair[1])
    except (TypeError, ValueError, OverflowError):
        return None
    return (evaluated, value) if math.isfinite(evaluated) and math.isfinite(value) else None


def _device(labels: Labels) -> tuple[str, ...]:
    """What tells a node's devices apart: a UUID, with the MIG instance, the error, and for `up` the exporter's job."""
    uuid = labels.get("UUID") or labels.get("gpu_uuid")
    own = (labels.get("GPU_I_ID", ""), labels.get("job", ""), labels.get("xid", ""))
    told = (uuid, *own) if uuid else (labels.get("gpu", ""), *own, *(labels.get(name, "") for name in _DEVICE_LABELS))
    return tuple(map(str, told))


def _combined(combine: Combine, values: list[float]) -> float:
    if combine == "max":
        return max(values)
    total = math.fsum(values)
    return total if combine == "sum" else total / len(values)
