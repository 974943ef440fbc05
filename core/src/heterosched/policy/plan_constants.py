"""Which columns of the policy table a plan rests on, with their values: the planner's side of an explanation.

Score terms name theirs in `heterosched.policy.inputs`. What is listed here acts on plans alone. A column is named only
where it could have mattered, so that nothing stands in an explanation that had no say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from heterosched.jps.parameters import Parameters
from heterosched.policy.inputs import camel
from heterosched.policy.table import PolicyRow

Constant = float | str


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a plan had to do with. `previous`: there was a plan that may be kept; `sized`: JPS was asked about it."""

    previous: bool = False
    deadline: bool = False
    telemetry: bool = False
    sized: bool = False


OBJECTIVE: Final = ("speed", "energy")
"""Terms whose weights are the planner's weights of time and energy."""

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "previous": ("keep_share",),
    "deadline": ("urgent_seconds",),
    "telemetry": ("max_age_seconds", "limit_celsius", "xid_headroom", "unreachable_headroom"),
}
"""Columns by the ground on which they act; what may be empty (caps, nodes, devices) acts wherever it is not."""


def plan_constants(row: PolicyRow, grounds: Grounds) -> dict[str, Constant]:
    """By name (`weights.speed`, `urgentSeconds`, `powerCaps.clusterWatts`, `jps.beta`, ...) what the plan rests on."""
    found: dict[str, Constant] = {f"weights.{term}": row.weights.get(term, 0) for term in OBJECTIVE}
    for ground, columns in COLUMNS.items():
        if getattr(grounds, ground):
            found.update({camel(column): getattr(row, column) for column in columns})
    if row.weigh_energy_by != "Joules":
        found["weighEnergyBy"] = row.weigh_energy_by
        found.update({"pricePerKWh": row.price_per_kwh} if row.weigh_energy_by == "Cost" else {})
    found.update({cap.where.removeprefix("spec."): cap.watts for cap in row.caps})
    if row.node_selector:
        found["nodeSelector"] = ",".join(f"{key}={value}" for key, value in row.node_selector.items())
    if row.autoscaled:
        found["autoscaledDevices"] = ",".join(row.autoscaled)
    if grounds.sized:
        found.update({f"jps.{camel(own.name)}": getattr(row.jps, own.name) for own in fields(Parameters)})
    return found
