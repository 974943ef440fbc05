"""What a term was made of: raw figures of a node, the constants that took part, where data came from, how old it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from heterosched.model.telemetry import (
    EXPORTERS_DOWN,
    GPU_TEMPERATURE,
    GPU_THROTTLING,
    GPU_XID,
    HOST_CPU,
    HOST_LOAD,
    TAS,
)
from heterosched.model.topology import UNALIGNED
from heterosched.policy.decide import Case, Scores
from heterosched.policy.fragmentation import fragments, gradient
from heterosched.policy.nodes import Floats
from heterosched.policy.rates import relative, scene_rates, weighed_by
from heterosched.policy.table import CONSTANTS, PolicyRow
from heterosched.policy.tas import reader
from heterosched.policy.terms import by_device, joules, lead_left, weighed, woken_watts
from heterosched.policy.zones import shares

Columns = Mapping[str, Floats | None]

RATE_INPUTS: Final = {"Cost": "nodePricePerKWh", "Carbon": "nodeGramsPerKWh"}
"""What a kilowatt-hour counts on the node is called, by what the policy weighs energy by."""

RATE_CONSTANTS: Final[Mapping[str, tuple[str, ...]]] = {
    "Joules": (),
    "Cost": ("max_age_seconds", "price_per_kwh"),
    "Carbon": ("max_age_seconds",),
}
"""Which columns of the table the term `energy` then reads; the price is the one that stands in."""


@dataclass(frozen=True)
class Provenance:
    """Where a term's data came from, how old it is on each candidate (seconds; None: no sample), why it is absent."""

    origin: str = ""
    ages: Floats | None = None
    absent: str = ""


def camel(name: str) -> str:
    """`max_age_seconds` as it is written in JSON: `maxAgeSeconds`; kWh keeps its spelling."""
    first, *rest = name.split("_")
    return first + "".join("KWh" if part == "kwh" else part.title() for part in rest)


def constants(term: str, row: PolicyRow) -> dict[str, float]:
    """The columns of the policy table that this term reads, besides its weight."""
    names = CONSTANTS.get(term, ())
    if term == "energy":
        names = RATE_CONSTANTS[row.weigh_energy_by]
    return {camel(name): float(getattr(row, name)) for name in names}


def provenance(case: Case) -> dict[str, Provenance]:
    """Where the data of each term came from, and why it may be absent."""
    scene, ask = case.scene, case.asked.ask
    old = f"no sample younger than {ask.row.max_age_seconds:g} s"  # why so stands once, among the remarks
    hints = "" if case.hinted is None else ", with cores of pods just advised"
    figures = f"{case.asked.origin} figures"
    seen = sum(shape.count for shape in scene.nodes.shapes[: ask.row.typical_shapes])
    return {
        "speed": Provenance(figures, absent="no run time for this device type"),
        "energy": _energy_provenance(case, f"{figures}, idle watts of the model where the node sleeps"),
        "plan": Provenance(
            "plan; its lead shrinks where thermal or CPU headroom is short",
            absent="the pod carries no planned node",
        ),
        "numa": _numa_provenance(case),
        "load": Provenance(f"{_origin(case, HOST_CPU, HOST_LOAD)}{hints}", _ages(case, HOST_CPU, HOST_LOAD), old),
        "fit": Provenance(f"{seen} bound pod(s) with GPUs", absent="no node has GPUs, or no pod with GPUs is known"),
        "data": Provenance("plan", absent="the plan names no input data"),
        "thermal": Provenance(
            _origin(case, GPU_TEMPERATURE, GPU_THROTTLING, GPU_XID),
            _ages(case, GPU_TEMPERATURE, GPU_THROTTLING, GPU_XID, EXPORTERS_DOWN),
            old if ask.gpus > 0 else "the pod uses no GPU",
        ),
        "metric": _metric_provenance(case, old),
    }


def _energy_provenance(case: Case, figures: str) -> Provenance:
    """Also where the price or CO2 came from by which the policy weighs energy, and how old it is."""
    absent = "no run time or power for this device type"
    row, metric = case.asked.ask.row, weighed_by(case.asked.ask.row)
    rates = scene_rates(case.scene, row, case.at)
    if not metric or rates is None:
        return Provenance(figures, absent=absent)
    if relative(rates[case.rows]) is None:
        return Provenance(f"{figures}; {row.weigh_energy_by.lower()} does not differ", _ages(case, metric), absent)
    origin = f"{figures}, weighed by {case.scene.sensors[metric].origin or metric}"
    return Provenance(origin, _ages(case, metric), f"{absent}, or no {row.weigh_energy_by.lower()} of this node")


def _metric_provenance(case: Case, old: str) -> Provenance:
    tas = case.asked.ask.tas
    if tas is None:
        return Provenance(absent="the pod names no TASPolicy, or there is none of that name")
    if tas.order is None:
        return Provenance(absent=f"{tas.key} has no scheduleonmetric rule that puts nodes in an order")
    best = "high" if tas.order.operator == "GreaterThan" else "low"
    origin = f"telemetry; {tas.key} prefers {best} {tas.order.metric}"
    return Provenance(origin, _ages(case, TAS + tas.order.metric), f"{tas.order.metric} of {tas.key}: {old}")


def _numa_provenance(case: Case) -> Provenance:
    """The age of a topology is not that of its knowledge: an exporter that sees nothing new writes nothing."""
    zones, ask = case.scene.zones, case.asked.ask
    if not ask.numa:
        return Provenance(absent="the pod asks for no NUMA alignment")
    if not ask.need:
        return Provenance(absent=UNALIGNED)
    if zones is None:
        return Provenance(absent="the topology of nodes is not known: there is no NodeResourceTopology")
    origin = "NodeResourceTopology, less what pods hold that it does not show yet"
    absent = "the node's topology is not known, or does not show pods that started long ago"
    return Provenance(origin, np.maximum(case.at - zones.updated[case.rows], 0.0), absent)


def _origin(case: Case, *metrics: str) -> str:
    """`telemetry`, and which exporters published it where that is known."""
    sensors = (case.scene.sensors.get(metric) for metric in metrics)
    found = dict.fromkeys(sensor.origin for sensor in sensors if sensor is not None and sensor.origin)
    return f"telemetry of {', '.join(found)}" if found else "telemetry"


def _ages(case: Case, *metrics: str) -> Floats | None:
    """Age of the oldest sample that counted, by candidate."""
    limit = case.asked.ask.row.max_age_seconds
    known = [sensor for metric in metrics if (sensor := case.scene.sensors.get(metric)) is not None]
    ages = [sensor.ages(case.at)[case.rows] for sensor in known]
    return np.fmax.reduce([np.where(age <= limit, age, np.nan) for age in ages]) if ages else None


def raw_inputs(case: Case, scores: Scores) -> dict[str, Columns]:
    """By term the raw figures of all candidates; a figure that a candidate lacks is NaN."""
    return {term: of(case, scores) for term, of in _RAW.items()}


def inputs_at(columns: Columns, position: int) -> dict[str, float]:
    """The figures of one candidate; those that it lacks are left out."""
    return {
        name: float(column[position])
        for name, column in columns.items()
        if column is not None and not np.isnan(column[position])
    }


def _speed(case: Case, scores: Scores) -> Columns:
    ask = case.asked.ask
    seconds = by_device(ask.seconds, case.scene.nodes, case.rows, ask.gpus)
    return {"seconds": seconds, "fewestSeconds": _least(seconds)}


def _energy(case: Case, scores: Scores) -> Columns:
    ask, nodes = case.asked.ask, case.scene.nodes
    seconds, watts = (by_device(figures, nodes, case.rows, ask.gpus) for figures in (ask.seconds, ask.watts))
    if seconds is None or watts is None:
        return {}
    woken = woken_watts(ask, nodes, case.rows)
    needed = joules(seconds, watts, woken)
    found = {
        "joules": needed,
        "fewestJoules": _least(needed),
        "seconds": seconds,
        "watts": watts,
        "wakingWatts": woken,
    }
    rates = _pick(case, scene_rates(case.scene, ask.row, case.at))
    if rates is None:
        return found
    counted = weighed(needed, rates)
    told = {RATE_INPUTS[ask.row.weigh_energy_by]: rates}
    return {**found, **told, "weighedJoules": counted, "fewestWeighedJoules": _least(counted)}


def _plan(case: Case, scores: Scores) -> Columns:
    """`leadLeft`: the share of the planned node's lead that short headroom leaves."""
    ask, nodes = case.asked.ask, case.scene.nodes
    if not ask.planned:
        return {}
    same = [device == ask.planned_device for device in nodes.devices]
    headrooms = (scores.values.get(term) for term in ("load", "thermal") if ask.row.weights.get(term, 0))
    lead = lead_left(ask.row.plan_headroom, *headrooms)
    return {
        "planned": np.isin(case.rows, ask.planned).astype(np.float64),
        "sameDevice": np.array(same, dtype=np.float64)[nodes.device[case.rows]],
        "leadLeft": np.broadcast_to(lead, len(case.rows)).astype(np.float64),
    }


def _load(case: Case, scores: Scores) -> Columns:
    signals = case.scene.signals(case.at, case.asked.ask.row.max_age_seconds, case.hinted)
    return {
        "hostCpu": _pick(case, signals.host_cpu),
        "hostLoad": _pick(case, signals.host_load),
        "hintedCores": _pick(case, signals.hinted_cores),
        "cores": _pick(case, case.scene.nodes.cores),
    }


def _fit(case: Case, scores: Scores) -> Columns:
    ask, nodes, row = case.asked.ask, case.scene.nodes, case.asked.ask.row
    shapes = nodes.shapes[: row.typical_shapes]
    return {
        "freeGpus": _pick(case, nodes.free_gpus),
        "unusableGpus": _pick(case, fragments(nodes, shapes, row.any_size_pods)),
        "change": _pick(case, gradient(nodes, ask.gpus, ask.cores, ask.memory, shapes, row.any_size_pods)),
        "largestNodeGpus": _pick(case, np.full(len(nodes), nodes.gpus.max(initial=0.0))),
    }


def _numa(case: Case, scores: Scores) -> Columns:
    """`share`: of what the pod needs, the largest part that one zone has free; `unshownPods` count in every zone."""
    zones, ask = case.scene.zones, case.asked.ask
    if zones is None or not ask.numa or not ask.need:
        return {}
    return {
        "share": shares(zones, ask.need, case.rows, case.reserved),
        "zones": _pick(case, zones.count.astype(np.float64)),
        "nearness": _pick(case, zones.near),
        "unshownPods": _pick(case, zones.unshown.astype(np.float64)),
    }


def _data(case: Case, scores: Scores) -> Columns:
    inputs = case.asked.ask.inputs
    if not inputs:
        return {}
    here = np.array([inputs.count(row) for row in case.rows.tolist()], dtype=np.float64)
    return {"inputsHere": here, "inputs": np.full(len(case.rows), float(len(inputs)))}


def _thermal(case: Case, scores: Scores) -> Columns:
    if case.asked.ask.gpus <= 0:
        return {}
    signals = case.scene.signals(case.at, case.asked.ask.row.max_age_seconds)
    return {
        "celsius": _pick(case, signals.temperature),
        "throttling": _pick(case, signals.throttling),
        "xid": _pick(case, signals.xid),
        "exportersDown": _pick(case, signals.unreachable),
    }


def _metric(case: Case, scores: Scores) -> Columns:
    tas = case.asked.ask.tas
    if tas is None or tas.order is None:
        return {}
    read = reader(case.scene, case.at, case.asked.ask.row.max_age_seconds)
    return {"value": _pick(case, read(tas.order.metric))}


_RAW: Mapping[str, Callable[[Case, Scores], Columns]] = {
    "speed": _speed,
    "energy": _energy,
    "plan": _plan,
    "numa": _numa,
    "load": _load,
    "fit": _fit,
    "data": _data,
    "thermal": _thermal,
    "metric": _metric,
}


def _pick(case: Case, values: Floats | None) -> Floats | None:
    return None if values is None else values[case.rows]


def _least(values: Floats | None) -> Floats | None:
    return None if values is None else np.full(len(values), np.fmin.reduce(values, initial=np.nan))
