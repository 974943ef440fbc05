"""What decisions know of each node: what is measured, what is estimated, what is unavailable, and why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from heterosched.model import NO_TELEMETRY, Telemetry
from heterosched.model.devices import CPU
from heterosched.model.telemetry import GPU_WATTS, HOST_WATTS
from heterosched.policy.nodes import SENSED
from heterosched.policy.table import DEFAULT
from heterosched_extender.snapshot import Snapshot

SHOWN = (GPU_WATTS, HOST_WATTS)
"""Metrics that are collected for people alone: no term reads them, so no snapshot and no record of a decision pays."""


class Sample(msgspec.Struct, frozen=True, rename="camel"):
    """A value in the unit of its metric, and the seconds since it was sampled."""

    value: float
    age_seconds: float


class NodeCapabilities(msgspec.Struct, rename="camel"):
    """One node. `measured`: seconds since the sample, by metric; `estimated`: from what; `unavailable`: why.

    `samples`: whatever has been measured, by metric, as old as it may be: each policy has its own limit. Beside the
    metrics of the terms there are watts, `price/POLICY`, `carbon/POLICY` and `tas/METRIC`.
    """

    node: str
    device: str
    measured: dict[str, float]
    estimated: dict[str, str]
    unavailable: dict[str, str]
    samples: dict[str, Sample] = {}


class Capabilities(msgspec.Struct, rename="camel"):
    """`totals`: nodes of the cluster by subject and kind. `nodes`: the first ones by name, or those asked for.

    `version`: of the extender.
    """

    totals: dict[str, dict[str, int]]
    max_age_seconds: float
    telemetry_error: str
    nodes: list[NodeCapabilities]
    version: str = ""


def capabilities(
    snapshot: Snapshot,
    now: float,
    asked: Sequence[str] = (),
    limit: int = 100,
    readings: Telemetry = NO_TELEMETRY,
    version: str = "",
) -> Capabilities:
    """Of those nodes `asked` for that the snapshot knows, else of the first `limit` nodes. `now` in epoch seconds.

    A sample counts as measured up to the age that the built-in policies allow. `readings`: the latest collection, for
    what snapshots leave out.
    """
    max_age = snapshot.policies[DEFAULT].max_age_seconds
    ages = {metric: sensor.ages(now).tolist() for metric, sensor in snapshot.sensors.items()}
    rows = range(len(snapshot.roster.names))
    found = {row: _of_node(snapshot, ages, row, max_age) for row in rows}
    totals: dict[str, Counter[str]] = {}
    for one in found.values():
        for kind in ("measured", "estimated", "unavailable"):
            for subject in getattr(one, kind):
                totals.setdefault(subject, Counter())[kind] += 1
    index = snapshot.roster.index
    shown = [index[name] for name in dict.fromkeys(asked) if name in index] if asked else list(rows[:limit])
    counted = {subject: dict(counts) for subject, counts in totals.items()}
    nodes = [found[row] for row in shown]
    _sampled(snapshot, ages, shown, nodes)
    _watts(readings, now, max_age, nodes)
    return Capabilities(counted, max_age, snapshot.telemetry_error, nodes, version)


def _sampled(
    snapshot: Snapshot, ages: Mapping[str, list[float]], rows: Sequence[int], nodes: Sequence[NodeCapabilities]
) -> None:
    for metric, sensor in snapshot.sensors.items():
        values = sensor.values.tolist()
        for row, one in zip(rows, nodes, strict=True):
            if not math.isnan(ages[metric][row]):
                one.samples[metric] = Sample(values[row], ages[metric][row])


def _watts(readings: Telemetry, now: float, max_age: float, nodes: Sequence[NodeCapabilities]) -> None:
    names = tuple(one.node for one in nodes)
    for metric in SHOWN:
        values, ages = readings.aligned(metric, names, now, max_age)
        for one, value, age in zip(nodes, values.tolist(), ages.tolist(), strict=True):
            if not math.isnan(value):
                one.measured[metric] = age
                one.samples[metric] = Sample(value, age)


def _of_node(snapshot: Snapshot, ages: Mapping[str, list[float]], row: int, max_age: float) -> NodeCapabilities:
    nodes = snapshot.nodes
    device = nodes.devices[nodes.device[row]]
    one = NodeCapabilities(snapshot.roster.names[row], device, {}, {}, {})
    for metric in SENSED:
        age = ages[metric][row] if metric in ages else math.nan
        if age <= max_age:
            one.measured[metric] = age
        elif nodes.gpus[row] > 0 or not metric.startswith("gpu_"):  # where there is no GPU, none is missed
            one.unavailable[metric] = _why_not(snapshot, metric, age)
    if device == CPU or snapshot.devices.whole(device) is not None:
        one.estimated["idle_watts"] = f"device table, {device}"
    else:
        one.unavailable["idle_watts"] = f"the device table has no {device}: only the CPU sockets count"
    _topology(snapshot, row, one)
    return one


def _why_not(snapshot: Snapshot, metric: str, age: float) -> str:
    if not math.isnan(age):
        return f"the last sample is {age:.0f} s old"
    if snapshot.telemetry_error and not snapshot.sensors:
        return snapshot.telemetry_error
    if metric in snapshot.refused:
        return snapshot.refused[metric]
    if metric not in snapshot.sensors:
        return "no exporter publishes it for any node"
    return "no series is about this node"


def _topology(snapshot: Snapshot, row: int, one: NodeCapabilities) -> None:
    zones = snapshot.zones
    if zones is None:
        one.unavailable["numa_topology"] = "no NodeResourceTopology objects in the cluster"
    elif not zones.count[row]:
        one.unavailable["numa_topology"] = "the node has no NodeResourceTopology object with NUMA zones"
    else:
        one.measured["numa_topology"] = max(0.0, snapshot.taken_at - float(zones.updated[row]))
