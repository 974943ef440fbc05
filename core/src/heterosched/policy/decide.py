"""A decision as pure functions of what it depends on: which candidates must not take a pod, how good the others are.

The extender calls them for the scheduler, explanations and `heterosched what-if` call them again on the same input:
there is one piece of code that decides, so what is explained is what was done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from heterosched.policy.hooks import HookEffect
from heterosched.policy.nodes import Floats, Ints, Scene, Signals
from heterosched.policy.score import integers, weigh
from heterosched.policy.terms import Ask, runs_on, term_values


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
    `scored_at`: 0 where that was not asked. `hinted`: cores of pods just advised, by node. `bound`: where the pod went.
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

    @property
    def at(self) -> float:
        """When the latest question came."""
        return max(self.filtered_at, self.scored_at)

    def scores(self) -> Scores:
        """The scores that were given, with the terms that the policy gives no weight too."""
        return score(self.scene, self.asked.ask, self.rows, self.hinted, self.at, every=True)


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


def score(scene: Scene, ask: Ask, rows: Ints, hinted: Floats | None, now: float, every: bool = False) -> Scores:
    """Score the nodes `rows`; `every` also evaluates the terms that the policy gives no weight (for explanations)."""
    values = term_values(ask, scene.nodes, scene.signals(now, ask.row.max_age_seconds, hinted), rows, every)
    raw = weigh(values, ask.row.weights, len(rows))
    return Scores(values, raw, integers(raw))


def reject(scene: Scene, asked: Asked, rows: Ints, strict: bool, now: float) -> dict[str, str]:
    """Nodes of `rows` that must not take the pod, with the reason; evicting pods would cure none of them.

    Always: a device type that the plan does not allow (behind the required node affinity, in case a template lost it).
    `strict` adds what only a call that cannot be skipped may promise: GPUs at their limit, NUMA alignment.
    """
    found: dict[str, str] = {}
    if asked.allowed:
        _reject_devices(scene, asked, rows, found)
    if strict:
        if asked.numa_required:
            _reject_without_topology(scene, rows, found)
        if asked.ask.gpus > 0:
            signals = scene.signals(now, asked.ask.row.max_age_seconds)
            _reject_hot(scene, signals, asked.ask.row.limit_celsius, rows, found)
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


def _reject_without_topology(scene: Scene, rows: Ints, found: dict[str, str]) -> None:
    for row in rows.tolist():
        found.setdefault(scene.roster.names[row], "NUMA alignment is required and the node's topology is not known")


def _reject_hot(scene: Scene, signals: Signals, limit: float, rows: Ints, found: dict[str, str]) -> None:
    names = scene.roster.names
    if signals.throttling is not None:
        for row in rows[signals.throttling[rows] > 0].tolist():
            found.setdefault(names[row], "a GPU throttles for heat or power")
    if signals.temperature is not None:
        for row in rows[signals.temperature[rows] >= limit].tolist():
            found.setdefault(
                names[row], f"a GPU is at {signals.temperature[row]:.0f} degrees Celsius, the limit is {limit:.0f}"
            )
