"""The policy table: the only place where a weight, threshold or price that influences a decision may stand.

`Performance`, `Balanced` and `Energy` are its three built-in rows; a SchedulingPolicy object adds a row of its own (and
may not redefine a built-in one). Weights are integers in percent of their sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from heterosched.api.policy import SchedulingPolicy, SchedulingPolicySpec
from heterosched.errors import InvalidInput
from heterosched.units import parse_quantity

TERMS: Final = ("speed", "energy", "plan", "numa", "load", "fit", "data", "thermal")
"""Score terms in the order in which they are shown and summed."""

HINT_SECONDS: Final = 30.0
"""How long a node counts the cores of a pod that was just advised to it: host load is a one-minute average and is
scraped every few seconds, so telemetry does not show a pod earlier. It acts on the term `load` alone.
"""


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One policy. Price in `currency` per kWh, temperatures in degrees Celsius, ages in seconds.

    `plan_same_device` is what the term `plan` grants a node that is not the planned one but has its device type, 0..1.
    `plan_headroom`: share of headroom (the lesser of the terms load and thermal) below which the planned node's lead
    over its device type shrinks, in proportion down to none at no headroom. At 0.75 that is a host that is more than a
    quarter busy, or a GPU in the last three quarters between the two temperatures.
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
    idle: tuple[str, ...] = ()

    def share(self, term: str) -> float:
        """Weight of a term as a share of all weights, 0..1."""
        return self.weights.get(term, 0) / sum(self.weights.values())

    def cost(self, joules: float) -> float:
        """Price of an amount of energy."""
        return joules / 3.6e6 * self.price_per_kwh


def _row(name: str, *weights: int) -> PolicyRow:
    return PolicyRow(name, dict(zip(TERMS, weights, strict=True)))


BUILT_IN: Final[Mapping[str, PolicyRow]] = {
    row.name: row
    for row in (
        #                   speed energy plan numa load fit data thermal
        _row("Performance", 50, 0, 25, 5, 15, 2, 5, 15),
        _row("Balanced", 25, 25, 25, 5, 15, 2, 5, 15),
        _row("Energy", 0, 50, 25, 5, 15, 2, 5, 15),
    )
}
DEFAULT: Final = "Balanced"


def row_of(policy: SchedulingPolicy) -> PolicyRow:
    """The row that a SchedulingPolicy object adds. Raises InvalidInput (weights zero or negative, a built-in name)."""
    name, spec = policy.metadata.name, policy.spec
    label = f"SchedulingPolicy {name}"
    if name in BUILT_IN:
        raise InvalidInput(label, "metadata.name", f"{name} is a built-in policy", "choose another name")
    weights = {term: getattr(spec.weights, term) for term in TERMS}
    if any(weight < 0 for weight in weights.values()) or not any(weights.values()):
        raise InvalidInput(label, "spec.weights", "they are negative or all zero", "give at least one term a weight")
    return PolicyRow(
        name,
        weights,
        price_per_kwh=parse_quantity(spec.price_per_kwh, object=label, field="spec.pricePerKWh"),
        currency=spec.currency,
        warn_celsius=spec.thermal.warn_celsius,
        limit_celsius=spec.thermal.limit_celsius,
        max_age_seconds=spec.telemetry.max_age_seconds,
        idle=_idle(spec),
    )


FILLED_IN: Final[Mapping[str, Mapping[str, object]]] = {
    "jps": {
        "samples": 128,
        "alpha": "0",
        "beta": "1",
        "energyWeight": "0",
        "explore": "0.15",
        "fairnessFloor": "0.9",
    },
    "preemption": {"mode": "Never", "minRuntime": "5m", "maxPerTask": 2},
    "waiting": {"maxDelay": "1h", "releaseTimeout": "2m"},
}
"""What the API server writes into fields that nobody has set."""


def _idle(spec: SchedulingPolicySpec) -> tuple[str, ...]:
    """Fields that somebody has set and that nothing acts on."""
    plain = {
        "priceQuery": spec.price_query,
        "carbonQuery": spec.carbon_query,
        "nodeSelector": spec.node_selector,
        "powerCaps": spec.power_caps,
    }
    filled = {"jps": spec.jps, "preemption": spec.preemption, "waiting": spec.waiting}
    found = [name for name, value in plain.items() if value]
    found += [name for name, value in filled.items() if any(FILLED_IN[name].get(key) != value[key] for key in value)]
    return tuple(f"spec.{name}" for name in found)


def policy_row(name: str, rows: Mapping[str, PolicyRow], object: str) -> PolicyRow:
    """The row of this name. Raises InvalidInput with the known names."""
    if name not in rows:
        known = ", ".join(sorted(rows))
        raise InvalidInput(object, "spec.policy", f"unknown policy {name!r}", f"use one of {known}")
    return rows[name]
