"""What is measured of the live cluster's nodes, for plans: an extender tells it, so no way to Prometheus is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from heterosched.errors import HeteroSchedError, InvalidInput
from heterosched.model import NO_TELEMETRY, Telemetry
from heterosched.policy.rates import queries_of
from heterosched.policy.table import PolicyRow
from heterosched_cli.devices import Devices, ask_devices
from heterosched_cli.output import note
from heterosched_cli.places import Extenders

MOST_NODES = 20_000
"""As many as an extender tells of at once."""


def live_telemetry(extenders: Extenders, now: float, rows: Sequence[PolicyRow], nodes: int) -> Telemetry:
    """The figures of the first extender that answers, as of `now` (epoch seconds); what is missing is a remark.

    `rows`: the policies of the jobs; `nodes`: how many the cluster has. Raises InvalidInput (several installations),
    BadParameter (an address that is none).
    """
    try:
        found = ask_devices({"limit": str(MOST_NODES)}, extenders)[1]
    except InvalidInput:
        raise
    except HeteroSchedError as error:
        note(f"heat and faults of nodes, and measured prices and CO2, are not considered: {error}")
        return NO_TELEMETRY
    telemetry = telemetry_of(found, now)
    for remark in remarks(found, telemetry, rows, nodes):
        note(remark)
    return telemetry


def telemetry_of(found: Devices, now: float) -> Telemetry:
    """The samples as telemetry; each keeps its age, so that every policy's own limit holds for it."""
    count = len(found.nodes)
    metrics = dict.fromkeys(metric for own in found.nodes for metric in own.samples)
    values = {metric: np.full(count, np.nan) for metric in metrics}
    sampled = {metric: np.full(count, np.nan) for metric in metrics}
    for row, own in enumerate(found.nodes):
        for metric, sample in own.samples.items():
            values[metric][row], sampled[metric][row] = sample.value, now - sample.age_seconds
    if not metrics:
        return Telemetry(error=found.telemetry_error)
    return Telemetry(tuple(own.node for own in found.nodes), values, sampled, now, found.telemetry_error)


def remarks(found: Devices, telemetry: Telemetry, rows: Sequence[PolicyRow], nodes: int) -> Iterator[str]:
    """What the plan lacks, or rests on that is old."""
    if not telemetry.nodes:
        why = found.telemetry_error or "the extender has no measurements (or is older than this program)"
        yield f"heat and faults of nodes, and measured prices and CO2, are not considered: {why}"
        return
    if found.telemetry_error:
        yield f"telemetry: {found.telemetry_error}; what is not too old yet counts"
    if len(found.nodes) < nodes:
        yield f"the extender tells of {len(found.nodes)} of {nodes} nodes; of the others nothing is measured"
    for metric in queries_of(rows):
        if metric not in telemetry.values:
            kind, _, policy = metric.partition("/")
            yield f"SchedulingPolicy {policy}: spec.{kind}Query: the extender has no figure; the plan goes without"
