"""Money and CO2 in a job's status, by what the queries of its policy say of the nodes on which it runs.

A finished task keeps the rates of the moment at which its energy was measured: prices change while a job goes on, and
nobody asks for old ones. Where a node has none, the policy's fixed price counts, and CO2 does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace

from heterosched.api.status import Outcome, PlanStatus, TaskStatus
from heterosched.model import Schedule, Telemetry
from heterosched.model.telemetry import CARBON, PRICE
from heterosched.policy.rates import JOULES_PER_KWH, joules_by_node, rates_for
from heterosched.policy.table import PolicyRow
from heterosched.units import format_quantity
from heterosched_operator.world import World

DIGITS: Final = 6
SHOWN: Final = 240
"""Characters of an answer of Prometheus that a condition repeats."""


def with_bill(status: PlanStatus, schedule: Schedule, row: PolicyRow, world: World) -> PlanStatus:
    """The plan's summary with what its energy costs and emits by the rates of now, on the nodes that are planned."""
    rates = rates_for(world.readings, row, joules_by_node(schedule), world.now)
    hours = schedule.joules / JOULES_PER_KWH
    return replace(
        status,
        cost=format_quantity(hours * rates.price, DIGITS),
        currency=row.currency,
        price_per_kwh=format_quantity(rates.price, DIGITS),
        price_source=rates.source,
        carbon_grams="" if rates.grams is None else format_quantity(hours * rates.grams),
    )


def settled_bill(old: PlanStatus, new: PlanStatus, settle: float) -> PlanStatus:
    """The new summary, with the old rates as long as they have moved by less than the share `settle`."""
    same = (old.energy_joules, old.price_source, old.currency) == (new.energy_joules, new.price_source, new.currency)
    near = _near(old.price_per_kwh, new.price_per_kwh, settle) and _near(old.carbon_grams, new.carbon_grams, settle)
    if not same or not near:
        return new
    return replace(new, cost=old.cost, price_per_kwh=old.price_per_kwh, carbon_grams=old.carbon_grams)


def _near(old: str, new: str, share: float) -> bool:
    if not old or not new:
        return old == new
    return abs(float(new) - float(old)) <= share * abs(float(old))


def with_rates(record: TaskStatus, row: PolicyRow | None, world: World) -> TaskStatus:
    """The record of a task whose energy has just been found, with the rates on its nodes where all of them have one."""
    nodes = {worker.node: 1.0 for worker in record.workers if worker.node}
    if row is None or not nodes or not (row.price_query or row.carbon_query):
        return record
    rates = rates_for(world.readings, row, nodes, world.now)
    return replace(
        record,
        price_per_kwh=format_quantity(rates.price, DIGITS) if rates.source == "query" else "",
        carbon_per_kwh="" if rates.grams is None else format_quantity(rates.grams),
    )


def charged(outcome: Outcome, tasks: Sequence[TaskStatus], row: PolicyRow) -> Outcome:
    """The outcome with what the energy of its tasks, all of which is known, has cost and emitted."""
    hours = [float(record.energy_joules) / JOULES_PER_KWH for record in tasks]
    prices = [float(record.price_per_kwh) if record.price_per_kwh else row.price_per_kwh for record in tasks]
    cost = sum(own * price for own, price in zip(hours, prices, strict=True))
    told = [bool(record.price_per_kwh) for record in tasks]
    grams = [float(record.carbon_per_kwh) for record in tasks if record.carbon_per_kwh]
    return replace(
        outcome,
        cost=format_quantity(cost, DIGITS),
        currency=row.currency,
        price_per_kwh=format_quantity(cost / sum(hours) if sum(hours) > 0 else sum(prices) / len(prices), DIGITS),
        price_source="query" if all(told) else "mixed" if any(told) else "fixed",
        carbon_grams=format_quantity(sum(a * b for a, b in zip(hours, grams, strict=True)))
        if len(grams) == len(tasks)
        else "",
    )


def rate_doubts(row: PolicyRow, world: World, summary: PlanStatus) -> Iterator[str]:
    """Which of the policy's queries say nothing, why, and what counts instead; else whether they said it too late for
    the plan's `summary`, which keeps its price once a task has started.
    """
    price_is_silent = False
    for name, metric, instead in _queries(row):
        why = _silent(metric, row, world)
        if why:
            price_is_silent |= name == "priceQuery"
            yield f"SchedulingPolicy {row.name} spec.{name} {why}; until then {instead}"
    if row.price_query and not price_is_silent and summary.price_source in ("fixed", "mixed"):
        whom = "any" if summary.price_source == "fixed" else "all"
        where = f"SchedulingPolicy {row.name} spec.priceQuery"
        yield f"status.plan was priced before {where} was answered for {whom} of its nodes, so pricePerKWh counts in it"


def refused_queries(row: PolicyRow, readings: Telemetry) -> Iterator[str]:
    """The policy's queries that Prometheus refuses, or answers with nothing, each beginning with its field: what can be
    said of the policy itself, whatever jobs name it.
    """
    for name, metric, instead in _queries(row):
        if metric in readings.refused:
            yield f"spec.{name} {_refused(metric, readings)}; until then {instead}"


def unanswered(row: PolicyRow, readings: Telemetry) -> bool:
    """Whether one of the policy's queries has had no answer of any kind yet, as after a restart."""
    known = (readings.values, readings.rejects, readings.refused)
    return any(all(metric not in told for told in known) for _, metric, _ in _queries(row))


def _queries(row: PolicyRow) -> Iterator[tuple[str, str, str]]:
    """Field, metric and what counts without an answer, of each query that the policy has."""
    if row.price_query:
        yield "priceQuery", PRICE + row.name, "pricePerKWh counts"
    if row.carbon_query:
        yield "carbonQuery", CARBON + row.name, "CO2 is not counted"


def _refused(metric: str, readings: Telemetry) -> str:
    return f"yields nothing ({readings.refused[metric][:SHOWN]}): correct the PromQL"


def _silent(metric: str, row: PolicyRow, world: World) -> str:
    readings = world.readings
    if not world.telemetry.configured:
        return "is not read, as no Prometheus is configured: set prometheus_url"
    if metric in readings.refused:
        return _refused(metric, readings)
    away = "has had no answer lately, as Prometheus cannot be read: see TelemetryAvailable"
    if metric not in readings.values and metric not in readings.rejects:
        return away if _away(world) else "has not been answered yet: it is asked with the next reading of telemetry"
    measured, _ = readings.aligned(metric, tuple(world.nodes), world.now, row.max_age_seconds)
    missing = np.isnan(measured)
    if not missing.any():
        return ""
    if _away(world):
        return away
    reasons = ", ".join(sorted(readings.rejects.get(metric, {})))
    whom = "any node" if missing.all() else "some nodes"
    told = f" ({reasons})" if reasons else ""
    return f"has no figure younger than {row.max_age_seconds:g} s for {whom}{told}: look at its series and their labels"


def _away(world: World) -> bool:
    """Whether Prometheus itself, and not a query, is why figures are missing: both who ask it found that it is."""
    state = world.telemetry
    return not state.available and bool(state.message and world.readings.error)


def repriced(before: Telemetry, now: Telemetry, settle: float) -> bool:
    """Whether what a kilowatt-hour costs or emits has moved anywhere by more than the share `settle`."""
    metrics = [metric for metric in {*before.values, *now.values} if metric.startswith((PRICE, CARBON))]
    for metric in metrics:
        if before.nodes != now.nodes or metric not in before.values or metric not in now.values:
            return True
        if not np.allclose(now.values[metric], before.values[metric], rtol=settle, atol=0.0, equal_nan=True):
            return True
    return before.refused.keys() != now.refused.keys()
