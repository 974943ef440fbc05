"""What a term was made of: raw figures of a node, the constants that took part, where data came from, how old it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from heterosched.model.telemetry import GPU_TEMPERATURE, GPU_THROTTLING, HOST_CPU, HOST_LOAD
from heterosched.policy.decide import Case, Scores
from heterosched.policy.fragmentation import fragments, gradient
from heterosched.policy.nodes import Floats
from heterosched.policy.table import CONSTANTS, PolicyRow
from heterosched.policy.terms import by_device, joules, lead_left, woken_watts

Columns = Mapping[str, Floats | None]


@dataclass(frozen=True)
class Provenance:
    """Where a term's data came from, how old it is on each candidate (seconds; None: no sample), why it is absent."""

    origin: str = ""
    ages: Floats | None = None
    absent: str = ""


def camel(name: str) -> str:
    """`max_age_seconds` as it is written in JSON: `maxAgeSeconds`."""
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def constants(term: str, row: PolicyRow) -> dict[str, float]:
    """The columns of the policy table that this term reads, besides its weight."""
    return {camel(name): float(getattr(row, name)) for name in CONSTANTS.get(term, ())}


def provenance(case: Case) -> dict[str, Provenance]:
    """Where the data of each term came from, and why it may be absent."""
    scene, ask = case.scene, case.asked.ask
    trouble = f" ({scene.telemetry_error})" if scene.telemetry_error else ""
    old = f"no sample younger than {ask.row.max_age_seconds:g} s{trouble}"
    hints = "" if case.hinted is None else ", with cores of pods just advised"
    figures = f"{case.asked.origin} figures"
    seen = sum(shape.count for shape in scene.nodes.shapes[: ask.row.typical_shapes])
    return {
        "speed": Provenance(figures, absent="no run time for this device type"),
        "energy": Provenance(
            f"{figures}, idle watts of the model where the node sleeps",
            absent="no run time or power for this device type",
        ),
        "plan": Provenance(
            "plan; its lead shrinks where thermal or CPU headroom is short",
            absent="the pod carries no planned node",
        ),
        "numa": Provenance(absent="the topology of nodes is not known"),
        "load": Provenance(f"telemetry{hints}", _ages(case, HOST_CPU, HOST_LOAD), old),
        "fit": Provenance(f"{seen} bound pod(s) with GPUs", absent="no node has GPUs, or no pod with GPUs is known"),
        "data": Provenance("plan", absent="the plan names no input data"),
        "thermal": Provenance(
            "telemetry",
            _ages(case, GPU_TEMPERATURE, GPU_THROTTLING),
            old if ask.gpus > 0 else "the pod uses no GPU",
        ),
    }


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
    return {
        "joules": needed,
        "fewestJoules": _least(needed),
        "seconds": seconds,
        "watts": watts,
        "wakingWatts": woken,
    }


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
    return {"celsius": _pick(case, signals.temperature), "throttling": _pick(case, signals.throttling)}


_RAW: Mapping[str, Callable[[Case, Scores], Columns]] = {
    "speed": _speed,
    "energy": _energy,
    "plan": _plan,
    "load": _load,
    "fit": _fit,
    "data": _data,
    "thermal": _thermal,
}


def _pick(case: Case, values: Floats | None) -> Floats | None:
    return None if values is None else values[case.rows]


def _least(values: Floats | None) -> Floats | None:
    return None if values is None else np.full(len(values), np.fmin.reduce(values, initial=np.nan))
