"""What else there is to know of a decision: what could not be used or promised, and what stood in for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from heterosched.constants import STRICT_RESOURCE, TAS_RESOURCE
from heterosched.model.telemetry import TAS
from heterosched.policy.decide import Case, unhealthy
from heterosched.policy.nodes import SENSED
from heterosched.policy.rates import queries_of, relative, weighed_by
from heterosched.policy.tas import reader, without_figure

SHOWN: Final = 3
"""Nodes that a remark names."""


def remarks(case: Case) -> tuple[str, ...]:
    """All that is to be told, most general first."""
    told = list(case.asked.remarks)
    if case.asked.hook is not None and case.asked.hook.problem:
        told.append(f"policy hook {case.asked.hook.hook}: {case.asked.hook.problem}; the policy's own weights count")
    if case.asked.numa_required and not case.strict:
        told.append(
            f"NUMA alignment is required; only the strict entry can hold to it: let the pod ask for {STRICT_RESOURCE}"
        )
    told.extend(_heat_remarks(case))
    told.extend(_tas_remarks(case))
    told.extend(_rate_remarks(case))
    if not case.scored_at:
        told.append(
            f"{len(case.rows)} node(s) passed the filter; "
            "the scheduler asked for no scores, as it does for a single one"
        )
    if case.unknown:
        told.append(f"{len(case.unknown)} candidate(s) were not known and scored 0: {', '.join(case.unknown[:3])}")
    if case.scene.telemetry_error:
        told.append(f"telemetry: {case.scene.telemetry_error}")
    priced = queries_of([case.asked.ask.row])
    told.extend(f"{metric}: {why}" for metric, why in refused(case).items() if metric not in priced)
    return tuple(told)


def refused(case: Case) -> dict[str, str]:
    """Of the queries that were refused or yielded nothing those that the decision would have read."""
    tas = case.asked.ask.tas
    read = {*SENSED, *queries_of([case.asked.ask.row]), *(TAS + metric for metric in (tas.metrics() if tas else ()))}
    return {metric: why for metric, why in case.scene.refused.items() if metric in read}


def _heat_remarks(case: Case) -> Iterable[str]:
    """Candidates, the bound node first, that only the strict entry would have turned down."""
    ask = case.asked.ask
    found = {} if case.strict else unhealthy(case.scene, ask, case.rows, case.at)
    if not found:
        return
    names = sorted(found, key=lambda name: name != case.bound)
    shown = ", ".join(f"{name} ({found[name]})" for name in names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    yield (
        f"{shown}{more}: that lowers the score and no more; only the strict entry can hold to it: let the pod ask for "
        f"{STRICT_RESOURCE}, or give its HeteroJob a SchedulingPolicy with spec.thermal.exclusion Required"
    )


def _rate_remarks(case: Case) -> Iterable[str]:
    """Where the policy weighs energy by figures that are not there."""
    row, metric = case.asked.ask.row, weighed_by(case.asked.ask.row)
    if not metric:
        return
    cost = row.weigh_energy_by == "Cost"
    field = f"spec.{'price' if cost else 'carbon'}Query of SchedulingPolicy {row.name}"
    sensor = case.scene.sensors.get(metric)
    fresh = None if sensor is None else sensor.fresh(case.at, row.max_age_seconds)
    missing = len(case.rows) if fresh is None else int(np.isnan(fresh[case.rows]).sum())
    if not missing:
        return
    why = f": {case.scene.refused[metric]}" if metric in case.scene.refused else ""
    if missing == len(case.rows):
        yield f"{field} says nothing younger than {row.max_age_seconds:g} s{why}; energy counts in joules"
    elif cost:
        yield f"{field} says nothing of {missing} candidate(s){why}; spec.pricePerKWh {row.price_per_kwh:g} stands in"
    elif fresh is not None and relative(fresh[case.rows]) is not None:
        yield f"{field} says nothing of {missing} candidate(s){why}; their term energy is absent"


def _tas_remarks(case: Case) -> Iterable[str]:
    """What of dontschedule could not be held to, or not be promised."""
    ask = case.asked.ask
    if ask.tas is None or not ask.tas.dontschedule.rules:
        return
    if not case.strict:
        yield (
            f"{ask.tas.key} keeps the pod off nodes; only the strict entry can hold to it: "
            f"let the pod ask for {TAS_RESOURCE} or {STRICT_RESOURCE}"
        )
    read = reader(case.scene, case.at, ask.row.max_age_seconds)
    for metric, missing in without_figure(ask.tas.dontschedule.rules, read, len(case.scene.nodes)).items():
        count = int(missing[case.rows].sum())
        if count:
            age = f"younger than {ask.row.max_age_seconds:g} s"
            yield f"{ask.tas.key}: {count} candidate(s) have no sample of {metric} {age}, and passed without it"
