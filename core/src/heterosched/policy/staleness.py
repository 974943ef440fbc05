"""Which samples a decision had and did not count, because they were older than its policy allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from msgspec.structs import replace

from heterosched.model.telemetry import (
    EXPORTERS_DOWN,
    GPU_TEMPERATURE,
    GPU_THROTTLING,
    GPU_XID,
    HOST_CPU,
    HOST_LOAD,
    TAS,
)
from heterosched.policy.decide import Case
from heterosched.policy.decision import NodeScore, TermShare
from heterosched.policy.nodes import Floats

OF_HOSTS: Final = (HOST_CPU, HOST_LOAD)
OF_GPUS: Final = (GPU_TEMPERATURE, GPU_THROTTLING, GPU_XID, EXPORTERS_DOWN)

Stale = Mapping[str, Mapping[str, Floats]]
"""Term -> metric -> seconds since the sample, by candidate; NaN where the sample counts, or there is none."""


def stale_samples(case: Case) -> Stale:
    """Of all terms that read telemetry for this pod."""
    ask = case.asked.ask
    order = ask.tas.order if ask.tas is not None else None
    read = {
        "load": OF_HOSTS,
        "thermal": OF_GPUS if ask.gpus > 0 else (),
        "metric": (TAS + order.metric,) if order is not None else (),
    }
    found: dict[str, dict[str, Floats]] = {}
    for term, metrics in read.items():
        for metric in metrics:
            sensor = case.scene.sensors.get(metric)
            if sensor is not None and case.at - sensor.oldest > ask.row.max_age_seconds:
                ages = sensor.ages(case.at)[case.rows]
                old = np.where(ages > ask.row.max_age_seconds, ages, np.nan)
                found.setdefault(term, {})[metric.removeprefix(TAS)] = old
    return found


def with_stale(score: NodeScore, stale: Stale, position: int) -> NodeScore:
    """The candidate at `position`, with the samples that did not count named at their terms."""
    if not stale:
        return score
    return replace(score, terms=tuple(_told(share, stale.get(share.term, {}), position) for share in score.terms))


def _told(share: TermShare, columns: Mapping[str, Floats], position: int) -> TermShare:
    old = {metric: float(ages[position]) for metric, ages in columns.items() if not np.isnan(ages[position])}
    if not old:
        return share
    absent = f"stale: {ages_in_words(old)}; {share.absent}" if share.value is None else ""
    return replace(share, stale=old, absent=absent)


def ages_in_words(old: Mapping[str, float]) -> str:
    """`host_cpu 93 s old, host_load 93 s old`."""
    return ", ".join(f"{metric} {age:.0f} s old" for metric, age in old.items())
