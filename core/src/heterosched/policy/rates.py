"""What a kilowatt-hour costs or emits on each node, by a policy's queries, and how energy is weighed by it.

A figure too old or never seen is none: for a price the policy's own then stands in, CO2 is not counted. Only how nodes
differ can rank them: one figure for all nodes leaves joules as they are. Below zero a price is real money in a sum, but
counts as zero where nodes are compared, so that nothing is gained by burning more there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from heterosched.model import Schedule, Telemetry
from heterosched.model.telemetry import CARBON, PRICE
from heterosched.policy.nodes import Floats, Scene
from heterosched.policy.table import PolicyRow

JOULES_PER_KWH: Final = 3.6e6

MOST_FACTORS: Final = 16
STEP: Final = 1.05
"""Nodes whose figures are closer than this to each other are alike to a plan, where most nodes have their own."""

PriceSource = Literal["query", "fixed", "mixed"]


def queries_of(rows: Iterable[PolicyRow]) -> dict[str, str]:
    """The PromQL of all policies, by the name under which telemetry keeps the answer."""
    found: dict[str, str] = {}
    for row in rows:
        given = {PRICE + row.name: row.price_query, CARBON + row.name: row.carbon_query}
        found.update({metric: query for metric, query in given.items() if query})
    return found


def weighed_by(row: PolicyRow) -> str:
    """The name of the figures by which the policy weighs energy; empty for joules alone."""
    return {"Cost": PRICE + row.name, "Carbon": CARBON + row.name}.get(row.weigh_energy_by, "")


def scene_rates(scene: Scene, row: PolicyRow, now: float) -> Floats | None:
    """What a kilowatt-hour counts on each node of the scene at `now` (epoch seconds); None for joules alone."""
    metric = weighed_by(row)
    sensor = scene.sensors.get(metric) if metric else None
    fresh = None if sensor is None else sensor.fresh(now, row.max_age_seconds)
    return None if fresh is None else _filled(row, fresh)


def _filled(row: PolicyRow, measured: Floats) -> Floats:
    """The figures with what stands in for a price that is not known; CO2 stays unknown (NaN)."""
    if row.weigh_energy_by != "Cost":
        return measured
    return np.where(np.isnan(measured), row.price_per_kwh, measured)


def relative(rates: Floats | None) -> Floats | None:
    """By how much a joule counts more on each node than on the mean of them; NaN where nothing is known.

    None where they do not differ, so that joules alone count.
    """
    if rates is None:
        return None
    counted = np.maximum(rates, 0.0)
    known = counted[~np.isnan(counted)]
    return counted / known.mean() if len(known) and known.max() > known.min() else None


def node_weights(telemetry: Telemetry, row: PolicyRow, names: tuple[str, ...], now: float) -> dict[str, float]:
    """The same by node, for plans: 1, the mean, where nothing is known of a node; empty where joules alone count.

    A plan tries each kind of node, and another figure makes another kind: where there are many, they go by steps.
    """
    metric = weighed_by(row)
    if not metric:
        return {}
    measured, _ = telemetry.aligned(metric, names, now, row.max_age_seconds)
    found = None if np.isnan(measured).all() else relative(_filled(row, measured))
    if found is None:
        return {}
    return dict(zip(names, _stepped(np.where(np.isnan(found), 1.0, found)).tolist(), strict=True))


def _stepped(factors: Floats) -> Floats:
    """The factors as they are, or, of more than `MOST_FACTORS`, the nearest power of `STEP`; zero stays zero."""
    if len(np.unique(factors)) <= MOST_FACTORS:
        return factors
    least = np.maximum(factors, np.finfo(np.float64).tiny)
    return np.where(factors > 0, STEP ** np.round(np.log(least) / np.log(STEP)), 0.0)


# --- money and CO2 of an amount of energy -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rates:
    """Of one task or plan: the price of a kilowatt-hour, the mean of its nodes' weighed by what each draws, and where
    it comes from; grams of CO2 likewise, None where any of them is not known.
    """

    price: float
    source: PriceSource
    grams: float | None


def rates_for(telemetry: Telemetry, row: PolicyRow, joules: Mapping[str, float], now: float) -> Rates:
    """The rates of the energy that each node draws, by figures not older than the policy allows at `now` (epoch s)."""
    names, shares = tuple(joules), np.array(list(joules.values()), dtype=np.float64)
    shares = shares / shares.sum() if shares.sum() > 0 else np.full(len(names), 1.0 / max(len(names), 1))
    prices = _measured(telemetry, PRICE + row.name if row.price_query else "", names, row, now)
    grams = _measured(telemetry, CARBON + row.name if row.carbon_query else "", names, row, now)
    unknown = np.isnan(prices)
    source: PriceSource = "fixed" if unknown.all() else "mixed" if unknown.any() else "query"
    return Rates(
        price=row.price_per_kwh if source == "fixed" else float(np.where(unknown, row.price_per_kwh, prices) @ shares),
        source=source,
        grams=float(grams @ shares) if names and not np.isnan(grams).any() else None,
    )


def _measured(telemetry: Telemetry, metric: str, names: tuple[str, ...], row: PolicyRow, now: float) -> Floats:
    if not metric:
        return np.full(len(names), np.nan)
    return telemetry.aligned(metric, names, now, row.max_age_seconds)[0]


def joules_by_node(schedule: Schedule) -> dict[str, float]:
    """What the tasks of a schedule draw on each node."""
    found: dict[str, float] = {}
    for own in schedule.assignments.values():
        watts = dict(own.option.node_watts)
        for node in own.nodes:
            found[node] = found.get(node, 0.0) + watts.get(node, own.option.watts) * own.option.seconds
    return found
