"""The score terms: how good each candidate node is for a pod, one pure function per term, vectorised over nodes.

Every term is a float64 array in [0, 1], one entry per candidate, larger is better; NaN means *absent*: there is no data
for that node, and `heterosched.policy.score` gives the term's weight to the node's other terms. A term never turns
missing data into zero or into a guess. None stands for a term that is absent on every candidate.

Relative terms (speed, energy) measure against the best of the candidates, so they say how much slower or hungrier a
node is than the best choice that the scheduler has, not than the best device in the world.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from heterosched.model.devices import CPU
from heterosched.model.topology import NO_NEED, Need
from heterosched.policy.fragmentation import fit
from heterosched.policy.nodes import Flags, Floats, Ints, NodeArrays, Signals
from heterosched.policy.rates import relative
from heterosched.policy.table import PolicyRow
from heterosched.policy.tas import TasPolicy, ordinal
from heterosched.policy.zone_arrays import Reserved, ZoneArrays
from heterosched.policy.zones import numa


@dataclass(frozen=True)
class Ask:
    """What the terms need to know of a pod. `seconds`, `watts` (of one worker): by device type.

    `planned` and `inputs` are row numbers of nodes: where the plan wants this worker, and where each of its inputs lies
    (one entry per input, -1 for a node that is gone). `planned_device` is "" where the plan names none. `need` is what
    kubelets align to NUMA zones, by resource; `numa`: alignment is preferred or required. `tas`: the TASPolicy that the
    pod names.
    """

    row: PolicyRow
    gpus: float = 0.0
    cores: float = 0.0
    seconds: Mapping[str, float] = field(default_factory=dict)
    watts: Mapping[str, float] = field(default_factory=dict)
    planned: tuple[int, ...] = ()
    planned_device: str = ""
    inputs: tuple[int, ...] = ()
    memory: float = 0.0
    need: Need = NO_NEED
    numa: bool = False
    tas: TasPolicy | None = None


def runs_on(device: str, gpus: float, known: Mapping[str, float]) -> str:
    """The device type that a pod would use on a node with `device`: the node's GPU if it asks for one, else its CPU.

    A pod without GPUs whose figures do not mention the CPU is taken at the node's device type: its devices are not
    handed out as `nvidia.com/gpu`, but its author gave figures for them.
    """
    return CPU if gpus <= 0 and CPU in known else device


def by_device(figures: Mapping[str, float], nodes: NodeArrays, rows: Ints, gpus: float) -> Floats | None:
    """A figure per device type spread over the nodes `rows`; NaN for a device without one; None if none has one."""
    if not figures:
        return None
    table = np.array([figures.get(runs_on(device, gpus, figures), np.nan) for device in nodes.devices])
    found: Floats = table[nodes.device[rows]]
    return None if np.isnan(found).all() else found


def speed(seconds: Floats | None) -> Floats | None:
    """Fewest seconds among the candidates, divided by the seconds on this node's device type."""
    return None if seconds is None else np.fmin.reduce(seconds) / seconds


def joules(seconds: Floats, watts: Floats, woken_watts: Floats) -> Floats:
    """Energy that one worker adds on each node: (watts + what waking the node adds) x seconds.

    All workers of a task would multiply every candidate by the same count, so the count drops out of the term.
    """
    return (watts + woken_watts) * seconds


def woken_watts(ask: Ask, nodes: NodeArrays, rows: Ints) -> Floats:
    """Idle power that the pod has to answer for: none where the node is awake anyway, else its share of the node's.

    The share is the larger one of the node's GPUs and cores that it takes: what it leaves will serve the pods after it.
    """
    share = np.fmax(ask.gpus / np.maximum(nodes.gpus[rows], 1.0), ask.cores / np.maximum(nodes.cores[rows], 1.0))
    return np.where(nodes.asleep[rows], nodes.idle_watts[rows] * np.minimum(share, 1.0), 0.0)


def weighed(needed: Floats, rates: Floats | None) -> Floats:
    """The joules by what each counts on its node; NaN where that is not known. Unchanged where nodes do not differ."""
    factors = relative(rates)
    return needed if factors is None else needed * factors


def energy(needed: Floats) -> Floats | None:
    """Fewest (weighed) joules among the candidates, divided by those on this node; 1 where a node adds none."""
    if np.isnan(needed).all():
        return None
    least = np.fmin.reduce(needed)
    return np.where(needed > 0, np.divide(least, needed, out=np.ones_like(needed), where=needed > 0), needed + 1.0)


def plan(
    rows: Ints, planned: tuple[int, ...], same_device: Flags, partial: float, lead: Floats | float
) -> Floats | None:
    """1 on the planned node, `partial` on others of the planned device type, 0 elsewhere; absent without a plan.

    The plan counted on a node that runs at its speed: of the planned node's lead over its device type the share `lead`
    is left (see `lead_left`).
    """
    if not planned:
        return None
    found: Floats = np.where(same_device, partial, 0.0)
    here = np.isin(rows, planned)
    return np.where(here, partial + (1.0 - partial) * lead, found)


def lead_left(enough: float, *headrooms: Floats | None) -> Floats | float:
    """How much of the plan's lead each node keeps: all with `enough` headroom, proportionally less below, none at zero
    (at the thermal limit, throttling, no idle core). The least of the terms counts; an absent one says nothing.
    """
    left: Floats | float = 1.0
    for headroom in headrooms:
        if headroom is not None:
            share = np.clip(headroom / enough, 0.0, 1.0) if enough > 0 else (headroom > 0.0).astype(np.float64)
            left = np.fmin(left, np.where(np.isnan(headroom), 1.0, share))
    return left


def load(cpu: Floats | None, average: Floats | None, hinted: Floats | None, cores: Floats) -> Floats | None:
    """What is left of the host's CPUs: 1 less the busier of its two figures and the share that hinted pods will take.

    The utilisation of GPUs that others own is no contention and does not count.
    """
    known = [figure for figure in (cpu, average) if figure is not None]
    if not known:
        return None
    busy = known[0] if len(known) == 1 else np.fmax(*known)
    if hinted is not None:
        busy = busy + hinted / np.maximum(cores, 1.0)
    return np.clip(1.0 - busy, 0.0, 1.0)


def data(rows: Ints, inputs: tuple[int, ...]) -> Floats | None:
    """Share of the pod's inputs that lie on the node already, each input counted alike; absent without inputs."""
    if not inputs:
        return None
    found = np.zeros(len(rows))
    for row in inputs:
        found[rows == row] += 1.0
    return found / len(inputs)


def thermal(temperature: Floats | None, throttling: Floats | None, warn: float, limit: float) -> Floats | None:
    """Headroom of the hottest GPU: 1 up to `warn` degrees, falling to 0 at `limit`; 0 where a GPU throttles."""
    if temperature is None and throttling is None:
        return None
    if temperature is None:
        assert throttling is not None
        headroom = np.full(len(throttling), np.nan)
    elif limit > warn:
        headroom = np.clip((limit - temperature) / (limit - warn), 0.0, 1.0)
    else:
        headroom = np.where(np.isnan(temperature), np.nan, temperature < limit)
    if throttling is not None:
        headroom[throttling > 0] = 0.0
    return headroom


def after_faults(
    headroom: Floats | None, xid: Floats | None, unreachable: Floats | None, row: PolicyRow
) -> Floats | None:
    """What faults leave of the headroom, by the policy; where only a fault is known, headroom is what it leaves."""
    for fault, left in ((xid, row.xid_headroom), (unreachable, row.unreachable_headroom)):
        if fault is not None and (fault > 0).any():
            at_most = np.where(fault > 0, left, np.nan)
            headroom = at_most if headroom is None else np.fmin(headroom, at_most)
    return headroom


def term_values(
    ask: Ask,
    nodes: NodeArrays,
    signals: Signals,
    rows: Ints,
    every: bool = False,
    zones: ZoneArrays | None = None,
    reserved: Reserved | None = None,
    measured: Floats | None = None,
) -> dict[str, Floats | None]:
    """The terms of `ask` on the nodes `rows`: those with a weight, or `every` one. Keys in no particular order.

    `measured`: what the pod's TASPolicy puts nodes in order by. A pod that uses no GPU is not measured by the heat of
    GPUs: `thermal` is absent for it.
    """
    weights = ask.row.weights

    def wanted(name: str) -> bool:
        return every or weights.get(name, 0) > 0

    found: dict[str, Floats | None] = {}
    if wanted("speed") or wanted("energy"):
        found |= _by_figures(ask, nodes, rows, _pick(signals.rates, rows), wanted("energy"))
    if wanted("load"):
        found["load"] = _load(nodes, signals, rows)
    if wanted("thermal") and ask.gpus > 0:
        found["thermal"] = _thermal(ask.row, signals, rows)
    if wanted("plan") and ask.planned:
        headrooms = (found.get(name) for name in ("load", "thermal") if weights.get(name, 0))
        lead = lead_left(ask.row.plan_headroom, *headrooms)
        same_device = nodes.device[rows] == _number(ask.planned_device, nodes)
        found["plan"] = plan(rows, ask.planned, same_device, ask.row.plan_same_device, lead)
    if wanted("numa") and ask.numa:
        found["numa"] = numa(zones, ask.need, rows, reserved)
    if wanted("fit"):
        row = ask.row
        found["fit"] = _pick(fit(nodes, ask.gpus, ask.cores, ask.memory, row.typical_shapes, row.any_size_pods), rows)
    if wanted("data"):
        found["data"] = data(rows, ask.inputs)
    if wanted("metric") and ask.tas is not None and ask.tas.order is not None:
        found["metric"] = ordinal(ask.tas.order, _pick(measured, rows))
    return found


def _load(nodes: NodeArrays, signals: Signals, rows: Ints) -> Floats | None:
    hinted = _pick(signals.hinted_cores, rows)
    return load(_pick(signals.host_cpu, rows), _pick(signals.host_load, rows), hinted, nodes.cores[rows])


def _thermal(row: PolicyRow, signals: Signals, rows: Ints) -> Floats | None:
    heat, throttling = _pick(signals.temperature, rows), _pick(signals.throttling, rows)
    headroom = thermal(heat, throttling, row.warn_celsius, row.limit_celsius)
    return after_faults(headroom, _pick(signals.xid, rows), _pick(signals.unreachable, rows), row)


def _by_figures(
    ask: Ask, nodes: NodeArrays, rows: Ints, rates: Floats | None, with_energy: bool
) -> dict[str, Floats | None]:
    """The terms that are made of the pod's own figures."""
    seconds = by_device(ask.seconds, nodes, rows, ask.gpus)
    watts = by_device(ask.watts, nodes, rows, ask.gpus) if with_energy else None
    if seconds is None or watts is None:
        return {"speed": speed(seconds)}
    needed = weighed(joules(seconds, watts, woken_watts(ask, nodes, rows)), rates)
    return {"speed": speed(seconds), "energy": energy(needed)}


def _pick(values: Floats | None, rows: Ints) -> Floats | None:
    """The figures of `rows`, which ascend and do not repeat: all of them are the column itself, which nobody writes."""
    return values if values is None or len(rows) == len(values) else values[rows]


def _number(device: str, nodes: NodeArrays) -> int:
    """Index of a device type; -1, which no node has, where the cluster lacks it."""
    return nodes.devices.index(device) if device in nodes.devices else -1
