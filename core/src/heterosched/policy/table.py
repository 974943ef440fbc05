"""The policy table: the only place where a weight, threshold or price that influences a decision may stand.

`Performance`, `Balanced` and `Energy` are its three built-in rows; a SchedulingPolicy object adds a row of its own (and
may not redefine a built-in one), so does a plug-in (`heterosched.policy.hooks`). Weights are integers in percent of
their sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from heterosched.api.policy import PowerCaps, SchedulingPolicy, SchedulingPolicySpec
from heterosched.errors import InvalidInput
from heterosched.jps.parameters import Parameters
from heterosched.units import parse_duration, parse_quantity

TERMS: Final = ("speed", "energy", "plan", "numa", "load", "fit", "data", "thermal", "metric")
"""Score terms in the order in which they are shown and summed."""

EnergyMeasure = Literal["Joules", "Cost", "Carbon"]
Exclusion = Literal["Preferred", "Required"]

CONSTANTS: Final[Mapping[str, tuple[str, ...]]] = {
    "plan": ("plan_same_device", "plan_headroom"),
    "load": ("max_age_seconds", "hint_seconds"),
    "fit": ("typical_shapes", "any_size_pods"),
    "thermal": ("max_age_seconds", "warn_celsius", "limit_celsius", "xid_headroom", "unreachable_headroom"),
    "metric": ("max_age_seconds",),
}
"""Which columns of the table, besides the weights, each score term reads; an explanation shows them beside the term."""


@dataclass(frozen=True, slots=True)
class PowerCap:
    """A cap in watts over the nodes with the labels `selector` (none: all nodes). `name` is empty for the cluster's."""

    watts: float
    name: str = ""
    selector: Mapping[str, str] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """Where it stands in a SchedulingPolicy."""
        return f"spec.powerCaps.groups[{self.name}].watts" if self.name else "spec.powerCaps.clusterWatts"


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One policy. Price in `currency` per kWh, temperatures in degrees Celsius, ages in seconds.

    `plan_same_device` is what the term `plan` grants a node that is not the planned one but has its device type, 0..1.
    `plan_headroom`: share of headroom (the lesser of the terms load and thermal) below which the planned node's lead
    over its device type shrinks, in proportion down to none at no headroom. At 0.75 that is a host that is more than a
    quarter busy, or a GPU in the last three quarters between the two temperatures.
    `xid_headroom`, `unreachable_headroom`: the most, 0..1, that is left of the thermal headroom of a node with a GPU
    that reported a hardware error, or with an exporter out of reach; at none the strict entry turns the node down.
    `exclusion`: whether pods of the policy's HeteroJobs that use GPUs ask the strict entry, so that none goes to a node
    that it turns down (Required), or plan and score alone hold against such nodes (Preferred).
    `hint_seconds`: how long a node counts the cores of a pod that was just advised to it (host load is a one-minute
    average and is scraped every few seconds, so telemetry does not show the pod earlier); it acts on `load` alone.
    `typical_shapes`: how many of the most frequent shapes of pods with GPUs the term `fit` keeps room for;
    `any_size_pods`: how many observed pods the assumption weighs that a pod may have any size up to a whole node.
    `hook` names the plug-in that adjusts the weights pod by pod, "" for none.
    `caps` hold the policy's jobs back while all HeteroJobs together would draw more. A job whose deadline leaves less
    than `urgent_seconds` of slack goes before jobs of its priority that have none. What waits moves to another place
    only where its job gains more than `keep_share` of what the policy weighs. `jps` is for distributed training.
    Tasks that wait for a device type in `autoscaled` are created all the same, so that an autoscaler sees them.
    `node_selector`: labels of the nodes that jobs of the policy may use; empty for all nodes.
    `price_query`, `carbon_query`: PromQL for the price and the grams of CO2 of a kWh, "" for none; `price_per_kwh`
    stands in where the former has no figure. `weigh_energy_by`: what energy counts by where nodes differ in it.
    `idle` names fields of the object that are set although nothing acts on them in this version.
    """

    name: str
    weights: Mapping[str, int]
    price_per_kwh: float = 0.15
    currency: str = "USD"
    warn_celsius: float = 80.0
    limit_celsius: float = 90.0
    max_age_seconds: float = 60.0
    plan_same_device: float = 0.5
    plan_headroom: float = 0.75
    hint_seconds: float = 30.0
    typical_shapes: int = 8
    any_size_pods: float = 10.0
    hook: str = ""
    caps: tuple[PowerCap, ...] = ()
    urgent_seconds: float = 3600.0
    keep_share: float = 0.1
    jps: Parameters = field(default_factory=Parameters)
    autoscaled: tuple[str, ...] = ()
    node_selector: Mapping[str, str] = field(default_factory=dict)
    xid_headroom: float = 0.0
    unreachable_headroom: float = 0.5
    exclusion: Exclusion = "Preferred"
    idle: tuple[str, ...] = ()
    price_query: str = ""
    carbon_query: str = ""
    weigh_energy_by: EnergyMeasure = "Joules"

    def share(self, term: str) -> float:
        """Weight of a term as a share of all weights, 0..1."""
        return self.weights.get(term, 0) / sum(self.weights.values())

    def cost(self, joules: float) -> float:
        """Price of an amount of energy."""
        return joules / 3.6e6 * self.price_per_kwh

    def weighing(self, weights: Mapping[str, int]) -> PolicyRow:
        """The same row with other weights."""
        return replace(self, weights=weights)


def _row(name: str, *weights: int, jps: Parameters) -> PolicyRow:
    return PolicyRow(name, dict(zip(TERMS, weights, strict=True)), jps=jps)


BUILT_IN: Final[Mapping[str, PolicyRow]] = {
    row.name: row
    for row in (
        # `metric` outweighs what a pod of a TASPolicy usually has besides: load, fit and thermal.
        #                   speed energy plan numa load fit data thermal metric
        _row("Performance", 50, 0, 25, 5, 15, 2, 5, 15, 50, jps=Parameters()),
        _row("Balanced", 25, 25, 25, 5, 15, 2, 5, 15, 50, jps=Parameters(energy_weight=0.5)),
        _row("Energy", 0, 50, 25, 5, 15, 2, 5, 15, 50, jps=Parameters(beta=0.2, energy_weight=1.0)),
    )
}
DEFAULT: Final = "Balanced"


def row_of(policy: SchedulingPolicy) -> PolicyRow:
    """The row that a SchedulingPolicy object adds.

    Raises InvalidInput: weights zero or negative, a built-in name, a cap or a parameter of JPS that cannot be used.
    """
    name, spec = policy.metadata.name, policy.spec
    label = f"SchedulingPolicy {name}"
    if name in BUILT_IN:
        raise InvalidInput(label, "metadata.name", f"{name} is a built-in policy", "choose another name")
    weights = {term: getattr(spec.weights, term) for term in TERMS}
    check_weights(weights, label)
    scoring = spec.scoring
    return PolicyRow(
        name,
        weights,
        price_per_kwh=parse_quantity(spec.price_per_kwh, object=label, field="spec.pricePerKWh"),
        currency=spec.currency,
        price_query=spec.price_query,
        carbon_query=spec.carbon_query,
        weigh_energy_by=_measure(spec, label),
        warn_celsius=spec.thermal.warn_celsius,
        limit_celsius=spec.thermal.limit_celsius,
        xid_headroom=spec.thermal.xid_percent / 100,
        unreachable_headroom=spec.thermal.unreachable_percent / 100,
        exclusion=spec.thermal.exclusion,
        max_age_seconds=spec.telemetry.max_age_seconds,
        plan_same_device=scoring.same_device_percent / 100,
        plan_headroom=scoring.headroom_percent / 100,
        hint_seconds=scoring.hint_seconds,
        typical_shapes=scoring.typical_shapes,
        any_size_pods=scoring.any_size_pods,
        hook=spec.hook,
        caps=_caps(spec.power_caps, label),
        urgent_seconds=parse_duration(spec.waiting.urgent_slack, object=label, field="spec.waiting.urgentSlack"),
        keep_share=spec.waiting.keep_percent / 100,
        jps=_jps(policy, label),
        autoscaled=tuple(spec.waiting.autoscaled_devices),
        node_selector=spec.node_selector,
        idle=_idle(spec),
    )


def _measure(spec: SchedulingPolicySpec, label: str) -> EnergyMeasure:
    """What energy is weighed by: nodes can only differ by what a query tells of them."""
    queries = {"Cost": ("priceQuery", spec.price_query), "Carbon": ("carbonQuery", spec.carbon_query)}
    field, query = queries.get(spec.weigh_energy_by, ("", "-"))
    if not query:
        problem = f"is {spec.weigh_energy_by}, but spec.{field} is not set"
        raise InvalidInput(label, "spec.weighEnergyBy", problem, f"set spec.{field}, or weigh energy by Joules")
    return spec.weigh_energy_by


def _caps(caps: PowerCaps, label: str) -> tuple[PowerCap, ...]:
    """The caps; a group's cap above the cluster's is no contradiction, it just never acts."""
    found = []
    if caps.cluster_watts is not None:
        cap = PowerCap(0.0)
        watts = parse_quantity(caps.cluster_watts, object=label, field=cap.where, positive=True)
        found.append(replace(cap, watts=watts))
    for group in caps.groups:
        cap = PowerCap(0.0, group.name, group.node_selector)
        if not group.node_selector:
            where = f"spec.powerCaps.groups[{group.name}].nodeSelector"
            raise InvalidInput(label, where, "it selects no node", "name at least one label, or use clusterWatts")
        watts = parse_quantity(group.watts, object=label, field=cap.where, positive=True)
        found.append(replace(cap, watts=watts))
    return tuple(found)


def _jps(policy: SchedulingPolicy, label: str) -> Parameters:
    given = policy.spec.jps

    def number(name: str, wire: str) -> float:
        return parse_quantity(getattr(given, name), object=label, field=f"spec.jps.{wire}")

    parameters = Parameters(
        samples=given.samples,
        alpha=number("alpha", "alpha"),
        beta=number("beta", "beta"),
        explore=number("explore", "explore"),
        energy_weight=number("energy_weight", "energyWeight"),
        fairness_floor=number("fairness_floor", "fairnessFloor"),
        mode=given.mode,
    )
    parameters.check(f"{label}: spec.jps")
    return parameters


def check_weights(weights: Mapping[str, object], object: str) -> None:
    """Raises InvalidInput unless these are weights of terms: whole numbers, none negative, not all zero."""
    unknown = [str(term) for term in weights if term not in TERMS]
    if unknown:
        raise InvalidInput(object, "spec.weights", f"no term {', '.join(unknown)}", f"terms are {', '.join(TERMS)}")
    wrong = [term for term, weight in weights.items() if type(weight) is not int or weight < 0]
    if wrong or not any(weights.values()):
        problem = "they are negative or all zero" if not wrong else f"{', '.join(wrong)} is no whole number from 0 on"
        raise InvalidInput(object, "spec.weights", problem, "give at least one term a weight")


FILLED_IN: Final[Mapping[str, Mapping[str, object]]] = {
    "preemption": {"mode": "Never", "minRuntime": "5m", "maxPerTask": 2},
}
"""What the API server writes into fields that nobody has set."""


def _idle(spec: SchedulingPolicySpec) -> tuple[str, ...]:
    """Fields that somebody has set and that nothing acts on."""
    filled = {"preemption": spec.preemption}
    found = [name for name, value in filled.items() if any(FILLED_IN[name].get(key) != value[key] for key in value)]
    return tuple(f"spec.{name}" for name in found)


def policy_row(name: str, rows: Mapping[str, PolicyRow], object: str) -> PolicyRow:
    """The row of this name. Raises InvalidInput with the known names."""
    if name not in rows:
        known = ", ".join(sorted(rows))
        raise InvalidInput(object, "spec.policy", f"unknown policy {name!r}", f"use one of {known}")
    return rows[name]
