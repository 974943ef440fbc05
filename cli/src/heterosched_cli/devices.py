"""`heterosched devices`: what decisions know of each node, how old that is, and what TASPolicies say of the nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from heterosched.model.telemetry import (
    CARBON,
    EXPORTERS_DOWN,
    GPU_TEMPERATURE,
    GPU_THROTTLING,
    GPU_WATTS,
    GPU_XID,
    HOST_CPU,
    HOST_LOAD,
    HOST_WATTS,
    PRICE,
    TAS,
)
from heterosched.units import format_duration
from heterosched_cli.absent import absent
from heterosched_cli.extenders import NoRecord, Query, first
from heterosched_cli.output import Format, note, write_data, write_table
from heterosched_cli.places import Extenders

FIGURES = {
    "GPU CELSIUS": (GPU_TEMPERATURE, "{:.0f}"),
    "GPU WATTS": (GPU_WATTS, "{:.0f}"),
    "HOST WATTS": (HOST_WATTS, "{:.0f}"),
    "CPU": (HOST_CPU, "{:.0%}"),
    "LOAD": (HOST_LOAD, "{:.2f}"),
}
"""Columns with a metric each: what a glance is for. The load is per core."""

FAULTS = {GPU_THROTTLING: "throttles", GPU_XID: "XID {:.0f}", EXPORTERS_DOWN: "exporter out of reach"}
"""Metrics that are above zero where something is wrong."""

COLUMNS = ("NODE", "DEVICE", *FIGURES, "FAULTS", "OLDEST", "ESTIMATED", "UNAVAILABLE")
WIDE_COLUMNS = ("NODE", "DEVICE", "MEASURED (AGE)", "ESTIMATED (FROM)", "UNAVAILABLE")
TAS_COLUMNS = ("TASPOLICY", "STRATEGY", "NODES", "VIOLATING", "WITHOUT A FIGURE")
EXAMPLES = 3
"""Nodes that a sentence names."""

TOPOLOGY = "numa_topology"
"""Its age says when it changed: an exporter that sees nothing new writes nothing, so it makes no node look stale."""


class _Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the extender answers; fields that a later version adds are no matter."""


class Sample(_Wire, frozen=True, kw_only=True):
    """A value in the unit of its metric, and the seconds since it was sampled."""

    value: float
    age_seconds: float


class Device(_Wire, frozen=True, kw_only=True):
    """A node. `measured`: seconds since the sample, by metric; `estimated`: from what; `unavailable`: why.

    `samples`: all that was ever measured, also what is too old to count as measured.
    """

    node: str
    device: str
    measured: dict[str, float] = {}
    estimated: dict[str, str] = {}
    unavailable: dict[str, str] = {}
    samples: dict[str, Sample] = {}

    def value(self, metric: str) -> float | None:
        """What is measured now; None where nothing is."""
        sample = self.samples.get(metric) if metric in self.measured else None
        return None if sample is None else sample.value


class Devices(_Wire, frozen=True, kw_only=True):
    """`totals`: nodes of the whole cluster by subject and kind. `max_age_seconds`: older samples do not count.

    `version`: of the extender.
    """

    nodes: list[Device]
    version: str = ""
    totals: dict[str, dict[str, int]] = {}
    max_age_seconds: float = 0.0
    telemetry_error: str = ""


class Violated(_Wire, frozen=True, kw_only=True):
    """A strategy of a TASPolicy: how many nodes violate it, examples with the rule at fault, metrics without figure."""

    strategy: str
    nodes: int
    examples: dict[str, str] = {}
    unknown: dict[str, int] = {}


class TasPolicy(_Wire, frozen=True, kw_only=True):
    """A TASPolicy; `order`: its rule of scheduleonmetric in words."""

    namespace: str
    name: str
    order: str = ""
    strategies: list[Violated] = []


class TasReport(_Wire, frozen=True, kw_only=True):
    """All TASPolicies. `telemetry_error`: why figures may be missing."""

    policies: list[TasPolicy]
    telemetry_error: str = ""


Report = TypeVar("Report", Devices, TasReport)


def ask_devices(query: Query, extenders: Extenders) -> tuple[dict[str, Any], Devices]:
    """What the first extender that answers knows of nodes, as it said it and as we read it.

    Raises NoRecord (none of the nodes is known), Unavailable, InvalidInput (an address).
    """
    return first("/v1/capabilities", query, extenders, lambda text: _read(text, Devices))


def list_devices(names: Sequence[str], limit: int, extenders: Extenders, format: Format) -> None:
    """Print the nodes, or those of `names` alone; known ones are shown even if others are not.

    Raises NoRecord (no such node), Unavailable, InvalidInput (an address).
    """
    raw, found = ask_devices({"node": names} if names else {"limit": str(limit)}, extenders)
    if format in (Format.JSON, Format.YAML):
        write_data(raw, format)
    elif format is Format.NAME:
        for own in found.nodes:
            print(f"node/{own.node}")
    else:
        _write_devices(found, format is Format.WIDE)
    total = max((sum(counts.values()) for counts in found.totals.values()), default=0)
    if missing := absent(names, (own.node for own in found.nodes)):
        raise NoRecord(f"the extender knows no node {missing}; check the name")
    if not names and len(found.nodes) < total:
        note(f"the first {len(found.nodes)} of {total} nodes by name; name a NODE, or give a higher --limit")


def list_policies(extenders: Extenders, format: Format) -> None:
    """Print what the TASPolicies say of the nodes. Raises NoRecord, Unavailable, InvalidInput (an address)."""
    raw, found = first("/v1/tas", {}, extenders, lambda text: _read(text, TasReport))
    if format in (Format.JSON, Format.YAML):
        write_data(raw, format)
    elif format is Format.NAME:
        for own in found.policies:
            print(f"taspolicy/{own.name}")
    elif not found.policies:
        note("no TASPolicy in the cluster; docs/guide/tas-migration.md says what they do")
    else:
        write_table(TAS_COLUMNS, [cells for policy in found.policies for cells in _policy_rows(policy)])
        _tell_trouble(found.telemetry_error)


def _read(text: bytes, type: type[Report]) -> tuple[dict[str, Any], Report]:
    raw = msgspec.json.decode(text)
    return raw, msgspec.convert(raw, type)


def _write_devices(found: Devices, wide: bool) -> None:
    write_table(WIDE_COLUMNS if wide else COLUMNS, [cells(own, wide) for own in found.nodes])
    for sentence in reasons(found.nodes):
        print(sentence)
    some = any(own.samples for own in found.nodes)
    _tell_trouble(found.telemetry_error, found.max_age_seconds if some else 0.0)
    if found.max_age_seconds:
        print(f"a sample older than {format_duration(found.max_age_seconds)} does not count")


def _tell_trouble(error: str, max_age: float = 0.0) -> None:
    """`max_age`: seconds for which the figures that are there still count; 0 where there are none."""
    if error:
        still = f"figures count until they are {format_duration(max_age)} old, " if max_age else ""
        print(f"telemetry: {error}; {still}terms without figures are absent, all others decide")


def cells(own: Device, wide: bool = False) -> list[str]:
    """The cells of a node; a figure that is too old to count is left to `wide`, or empty."""
    missing = ", ".join(own.unavailable)
    if wide:
        measured = (_measured(own, metric) for metric in dict.fromkeys((*own.measured, *_others(own))))
        estimated = (f"{subject} ({source})" for subject, source in own.estimated.items())
        return [own.node, own.device, ", ".join(measured), ", ".join(estimated), missing]
    ages = [age for metric, age in own.measured.items() if metric != TOPOLOGY]
    oldest = format_duration(max(ages)) if ages else ""
    values = ((own.value(metric), shape) for metric, shape in FIGURES.values())
    shown = ("" if value is None else shape.format(value) for value, shape in values)
    return [own.node, own.device, *shown, ", ".join(faults_of(own)), oldest, ", ".join(own.estimated), missing]


def faults_of(own: Device) -> Iterator[str]:
    """What is wrong with it, in words."""
    return (word.format(value) for metric, word in FAULTS.items() if (value := own.value(metric)))


def _measured(own: Device, metric: str) -> str:
    """`gpu_temperature 60 (12.0s)`: the value and how old it is."""
    sample = own.samples.get(metric)
    age = format_duration(own.measured[metric] if sample is None else sample.age_seconds)
    return f"{metric} ({age})" if sample is None else f"{metric} {sample.value:.4g} ({age})"


def _others(own: Device) -> Iterator[str]:
    """Figures that policies name: each has its own limit of age."""
    return (metric for metric in own.samples if metric.startswith((PRICE, CARBON, TAS)))


def reasons(nodes: Iterable[Device]) -> Iterator[str]:
    """Why figures are unavailable, each reason once with the metrics and nodes that it holds for."""
    nodes_of: dict[tuple[str, str], list[str]] = {}
    for own in nodes:
        for subject, why in own.unavailable.items():
            nodes_of.setdefault((subject, why), []).append(own.node)
    subjects: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (subject, why), names in nodes_of.items():
        subjects.setdefault((why, tuple(names)), []).append(subject)
    for (why, where), metrics in subjects.items():
        yield f"unavailable: {', '.join(metrics)} on {_named(where)}: {why}"


def _policy_rows(policy: TasPolicy) -> Iterator[list[str]]:
    name = f"{policy.namespace}/{policy.name}"
    if policy.order:
        yield [name, "scheduleonmetric", "", f"orders nodes by {policy.order}", ""]
    for own in policy.strategies:
        more = f" and {own.nodes - EXAMPLES} more" if own.nodes > EXAMPLES else ""
        examples = [f"{node} ({why})" for node, why in list(own.examples.items())[:EXAMPLES]]
        yield [name, own.strategy, str(own.nodes), ", ".join(examples) + more, _counted(own.unknown)]


def _counted(unknown: Mapping[str, int]) -> str:
    return ", ".join(f"{metric} on {count} nodes" for metric, count in unknown.items() if count)


def _named(nodes: Sequence[str]) -> str:
    shown = ", ".join(nodes[:EXAMPLES])
    return f"{shown} and {len(nodes) - EXAMPLES} more" if len(nodes) > EXAMPLES else shown
