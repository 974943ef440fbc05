"""PromQL for the metrics that TASPolicy objects name; pure text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from heterosched.telemetry.queries import SAMPLED, Query

LARGEST: Final = 9e18
"""Of either sign. Targets are int64; blank sensors read 9.2e18."""

ORIGIN: Final = "TASPolicy metric"


def tas_query(metric: str, given: Mapping[str, str]) -> Query:
    """The query of `metric`: the one `given` for it, else the series of that name, else of that name after `node_`.

    The prefix is what the usual rule of the Prometheus adapter takes off (`matches: ^node_(.*)` in the configuration
    that comes with Telemetry Aware Scheduling). Of several series about a node the highest counts. A given query has no
    sample times unless `<metric>.sampled` is given too. Units are the author's, so only what no int64 holds is refused.
    """
    if metric in given:
        return Query(given[metric], given.get(metric + SAMPLED, ""), -LARGEST, LARGEST, origin=ORIGIN, apart=True)
    names = [f'{{__name__="{name}"}}' for name in (metric, f"node_{metric}")]
    sampled = " or ".join(f"timestamp({name})" for name in names)
    return Query(" or ".join(names), sampled, -LARGEST, LARGEST, origin=ORIGIN, apart=True)
