"""What a kilowatt-hour costs or emits, as the PromQL of SchedulingPolicies says; pure.

A series is about the node that a label names, else about the nodes of a zone or region, else about all nodes.
`instance` names the exporter, which for a price is one for all: it counts only where several series differ by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from heterosched.model.telemetry import PRICE
from heterosched.telemetry.answers import Labels, NodeNames, Reading, believed, figure_of, key_of, labels_of
from heterosched.telemetry.queries import NODE_LABELS, Query

LARGEST_PRICE: Final = 1e6
"""Of either sign: power markets pay for being relieved of a surplus. As for `spec.pricePerKWh`."""

MOST_GRAMS: Final = 10_000.0
"""Of CO2 per kilowatt-hour, several times what lignite emits; more is another unit."""

TOPOLOGY: Final = {"zone": "topology.kubernetes.io/zone", "region": "topology.kubernetes.io/region"}
"""Labels of nodes that say in which zone and region they stand."""

_PREFIXES = ("", "topology_kubernetes_io_", "label_topology_kubernetes_io_")
AREA_LABELS: Final = {f"{prefix}{kind}": kind for kind in TOPOLOGY for prefix in _PREFIXES}
"""Labels of series that name a zone or region."""

LEVELS: Final = ("by node", "by zone", "by region", "for all nodes")
"""In the order in which they are believed: what is said of a node goes before what is said of its zone."""

Places = tuple[str, ...]


def field_of(metric: str) -> str:
    """Whose query it is: `SchedulingPolicy green: spec.priceQuery` for `price/green`."""
    kind, _, policy = metric.partition("/")
    return f"SchedulingPolicy {policy}: spec.{kind}Query"


def zones_of(nodes: Iterable[tuple[str, Mapping[str, str]]]) -> dict[str, Places]:
    """From (name, labels) of each node: the nodes of each zone and region, by `zone=VALUE`, `region=VALUE`."""
    found: dict[str, list[str]] = {}
    for name, labels in nodes:
        for kind, label in TOPOLOGY.items():
            if labels.get(label):
                found.setdefault(f"{kind}={labels[label]}", []).append(name)
    return {area: tuple(names) for area, names in found.items()}


def rate_query(metric: str, promql: str) -> Query:
    """The query of a policy, with what is possible and when it was sampled.

    `timestamp()` of a bare selector gives the samples' own times; of any other expression the time at which it was
    evaluated, so its age shows only once its series vanish.
    """
    low, high = (-LARGEST_PRICE, LARGEST_PRICE) if metric.startswith(PRICE) else (0.0, MOST_GRAMS)
    return Query(promql, f"timestamp(\n{promql}\n)", low, high, origin=field_of(metric))


def as_vector(answer: list[Any]) -> tuple[list[Any], bool]:
    """The series of an answer, and whether there are any: a scalar counts as one without labels, and has no sample."""
    if len(answer) == 2 and not isinstance(answer[0], Mapping):
        return [{"metric": {}, "value": answer}], False
    return answer, bool(answer)


def read_rates(
    query: Query, values: Iterable[Any], sampled: Iterable[Any] | None, names: NodeNames
) -> list[tuple[Reading, str]]:
    """What each level of series says of the nodes, with its origin, the most specific level first."""
    listed = list(values)
    times = None if sampled is None else {key_of(series): figure_of(series) for series in sampled}
    levels = {level: Reading() for level in LEVELS}
    figures: dict[tuple[str, Places], tuple[float, float]] = {}
    apart = _apart(listed, names)
    for series in listed:
        labels = labels_of(series)
        level, places = _place(labels, names, apart)
        found = believed(query, series, times, places[0] if places else "", names.inventory)
        if isinstance(found, str):
            levels[level].reject(found, labels, series.get("value") if isinstance(series, dict) else series)
            continue
        before = figures.get((level, places))
        if before is not None and before[0] != found[0]:
            levels[level].reject("two series contradict each other", labels, found[0])
        # The newer sample stands; of two as old the dearer one, so that the answer's order decides nothing.
        if before is None or (-found[1], found[0]) > (-before[1], before[0]):
            figures[level, places] = found
    for (level, places), found in figures.items():
        levels[level].nodes.update(dict.fromkeys(places, found))
    return [(levels[level], f"{query.origin} {level}") for level in LEVELS]


def _place(labels: Labels, names: NodeNames, apart: bool) -> tuple[str, Places]:
    """The level of a series and the nodes that it is about; a name that means none of them where it names nobody."""
    node = names.of(_without_instance(labels, names))
    if node:
        return LEVELS[0], (node,)
    for label, kind in AREA_LABELS.items():
        value = labels.get(label)
        if value:
            area = f"{kind}={value}"
            return f"by {kind}", names.inventory.zones.get(area, (area,))
    if apart:
        return LEVELS[0], (names.of(labels),)
    return LEVELS[-1], tuple(names.inventory.cores)


def _without_instance(labels: Labels, names: NodeNames) -> Labels:
    if "instance" not in labels or names.label == "instance":
        return labels
    return {name: text for name, text in labels.items() if name != "instance"}


def _apart(series: Iterable[Any], names: NodeNames) -> bool:
    """Whether nothing but `instance` tells the series apart, and it names several nodes."""
    known = {*NODE_LABELS, *AREA_LABELS, names.label} - {"instance"}
    nodes = {names.of(labels) for own in series if not known & (labels := labels_of(own)).keys()}
    return len(nodes & names.inventory.cores.keys()) > 1
