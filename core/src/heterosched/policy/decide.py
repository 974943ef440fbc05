"""A decision as pure functions of what it depends on: which candidates must not take a pod, how good the others are.

The extender calls them for the scheduler, explanations and `heterosched what-if` call them again on the same input:
there is one piece of code that decides, so what is explained is what was done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from heterosched.model.topology import Need
from heterosched.policy.hooks import HookEffect
from heterosched.policy.nodes import Floats, Ints, Scene, Signals
from heterosched.policy.rates import scene_rates
from heterosched.policy.score import integers, single_best, weigh
from heterosched.policy.table import PolicyRow
from heterosched.policy.tas import reader, violations
from heterosched.policy.terms import Ask, runs_on, term_values
from heterosched.policy.zone_arrays import Reserved
from heterosched.policy.zones import refusals


@dataclass(frozen=True, slots=True)
class Asked:
    """A pod that wants a node. `allowed`: device types that its plan allows (empty: any). `origin`: whose figures `ask`
    has. `job`, `task`: whose plan it carries, `because`: the planner's reason. `hook`: what a plug-in made of the
    policy's weights.

    `remarks` say what could not be used and what stood in for it.
    """

    namespace: str
    name: str
    uid: str
    ask: Ask
    allowed: frozenset[str] = frozenset()
    numa_required: bool = False
    origin: str = ""
    remarks: tuple[str, ...] = ()
    job: str = ""
    task: str = ""
    because: str = ""
    hook: HookEffect | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """One decision with everything that it depended on, enough to make it again. Times are epoch seconds.

    `rows` are the candidates that were scored, `rejected` those that the filter turned down before (with `strict`: the
    filter that may not be skipped was asked too), `unknown` those of which the scene knows nothing. `filtered_at`,
    `scored_at`: 0 where that was not asked. `hinted`: cores of pods just advised, by node; `reserved`: what
    such pods hold of NUMA zones. `bound`: where the pod went.
    """

    scene: Scene
    asked: Asked
    rows: Ints
    rejected: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    strict: bool = False
    filtered_at: float = 0.0
    scored_at: float = 0.0
    hinted: Floats | None = None
    bound: str = ""
    reserved: Reserved | None = None

    @property
    def at(self) -> float:
        """When the latest question came."""
        return max(self.filtered_at, self.scored_at)

    def scores(self) -> Scores:
        """The scores that were given, with the terms that the policy gives no weight too."""
        return score(self.scene, self.asked.ask, self.rows, self.hinted, self.at, every=True, reserved=self.reserved)


@dataclass(frozen=True, eq=False, slots=True)
class Scores:
    """Of the candidates' rows, in their order: the terms, their weighted mean (NaN: no term), the integers 0..10."""

    values: Mapping[str, Floats | None]
    raw: Floats
    integers: Ints

    @property
    def best(self) -> int:
        """Position of the (first) best candidate; -1 where no term says anything."""
        if not len(self.integers):
            return -1
        position = int(self.integers.argmax())
        return position if self.integers[position] else -1


def score(
    scene: Scene,
    ask: Ask,
    rows: Ints,
    hinted: Floats | None,
    now: float,
    every: bool = False,
    reserved: Reserved | None = None,
) -> Scores:
    """Score the nodes `rows`; `every` also evaluates the terms that the policy gives no weight (for explanations).

    A pod that holds NUMA zones has one best node: where it goes must be known before it is seen there.
    """
    signals = scene.signals(now, ask.row.max_age_seconds, hinted)
    if ask.row.weigh_energy_by != "Joules":
        signals = replace(signals, rates=scene_rates(scene, ask.row, now))
    order = None if ask.tas is None else ask.tas.order
    measured = None if order is None else reader(scene, now, ask.row.max_age_seconds)(order.metric)
    values = term_values(ask, scene.nodes, signals, rows, every, scene.zones, reserved, measured)
    raw = weigh(values, ask.row.weights, len(rows))
    marks = integers(raw)
    return Scores(values, raw, single_best(marks) if scene.zones is not None and ask.need else marks)


class Curable(str):
    """A reason for turning a node down that evicting pods from it would cure: something on it is taken.

    All other reasons stay whatever is evicted (the wrong device, a hot GPU, nothing known), and the scheduler is told
    so, lest it evicts pods in vain.
    """

    __slots__ = ()


def reject(
    scene: Scene, asked: Asked, rows: Ints, strict: bool, now: float, reserved: Reserved | None = None
) -> dict[str, str]:
    """Nodes of `rows` that must not take the pod, with the reason: a `Curable` where evicting pods would help.

    Always: a device type that the plan does not allow (behind the required node affinity, in case a template lost it),
    and what the pod's TASPolicy says dontschedule of. `strict` adds what only a call that cannot be skipped may
    promise: GPUs at their limit, NUMA alignment.
    """
    found: dict[str, str] = {}
    if asked.allowed:
        _reject_devices(scene, asked, rows, found)
    if asked.ask.tas is not None:
        _reject_violating(scene, asked.ask, rows, now, found)
    if strict:
        if asked.numa_required:
            _reject_unaligned(scene, asked.ask.need, rows, reserved, found)
        for node, reason in unhealthy(scene, asked.ask, rows, now).items():
            found.setdefault(node, reason)
    return found


def unhealthy(scene: Scene, ask: Ask, rows: Ints, now: float) -> dict[str, str]:
    """Nodes of `rows` with a GPU at a limit of the pod's policy or with a fault to which it leaves no headroom, and
    why; none for a pod without GPUs.
    """
    found: dict[str, str] = {}
    if ask.gpus > 0:
        signals = scene.signals(now, ask.row.max_age_seconds)
        _reject_hot(scene, signals, ask.row.limit_celsius, rows, found)
        _reject_faulty(scene, signals, ask.row, rows, found)
    return found


def _reject_devices(scene: Scene, asked: Asked, rows: Ints, found: dict[str, str]) -> None:
    nodes, names = scene.nodes, scene.roster.names
    known = dict.fromkeys(asked.allowed, 0.0)
    allowed = np.array(
        [runs_on(device, asked.ask.gpus, known) in asked.allowed for device in nodes.devices], dtype=np.bool_
    )
    if allowed.all():
        return
    permitted = ", ".join(sorted(asked.allowed))
    for row in rows[~allowed[nodes.device[rows]]].tolist():
        found[names[row]] = f"offers {nodes.devices[nodes.device[row]]}, the plan allows {permitted}"


def _reject_violating(scene: Scene, ask: Ask, rows: Ints, now: float, found: dict[str, str]) -> None:
    """Nodes that break a rule of the pod's TASPolicy; those without a figure break none."""
    assert ask.tas is not None
    names = scene.roster.names
    for broken, rules in violations(ask.tas.dontschedule, reader(scene, now, ask.row.max_age_seconds)):
        for row in rows[broken[rows]].tolist():
            found.setdefault(names[row], f"{ask.tas.key} says dontschedule: {rules}")


def _reject_unaligned(scene: Scene, need: Need, rows: Ints, reserved: Reserved | None, found: dict[str, str]) -> None:
    """Nodes whose kubelet would refuse the pod, could not align it, or would not care."""
    names = scene.roster.names
    for refused, reason, full in refusals(scene.zones, need, rows, reserved):
        told = Curable(reason) if full else reason
        for row in refused.tolist():
            found.setdefault(names[row], told)


def _reject_faulty(scene: Scene, signals: Signals, row: PolicyRow, rows: Ints, found: dict[str, str]) -> None:
    """Nodes with faults that leave no headroom by the policy."""
    names = scene.roster.names
    if signals.xid is not None and row.xid_headroom <= 0:
        for place in rows[signals.xid[rows] > 0].tolist():
            found.setdefault(names[place], f"a GPU reported a hardware error (XID {signals.xid[place]:.0f})")
    if signals.unreachable is not None and row.unreachable_headroom <= 0:
        for place in rows[signals.unreachable[rows] > 0].tolist():
            found.setdefault(names[place], "Prometheus cannot reach an exporter of the node")


def _reject_hot(scene: Scene, signals: Signals, limit: float, rows: Ints, found: dict[str, str]) -> None:
    names = scene.roster.names
    if signals.throttling is not None:
        for row in rows[signals.throttling[rows] > 0].tolist():
            found.setdefault(names[row], "a GPU throttles for heat or a power brake")
    if signals.temperature is not None:
        for row in rows[signals.temperature[rows] >= limit].tolist():
            found.setdefault(
                names[row], f"a GPU is at {signals.temperature[row]:.0f} degrees Celsius, the limit is {limit:.0f}"
            )
