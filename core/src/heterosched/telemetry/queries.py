"""The table of PromQL queries: one row for each metric of `heterosched.model.telemetry`, and nothing hidden beside it.

A series says which node it is about by the first of these labels that it has: the configured one, `node`, `hostname`,
`Hostname` (DCGM exporter renamed it in 2026), or, for node-exporter, `instance` (looked up among the nodes' addresses,
then in `node_uname_info`). The names of metrics and labels are those of DCGM exporter's `default-counters.csv` and of
node-exporter 1.x. Throttle reasons are NVML's bits: 0x4 power cap, 0x8 hardware slowdown, 0x20 and 0x40 heat, 0x80
power brake; exporters without them may publish the violation counters, which grow while a GPU is held back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from heterosched.errors import InvalidInput
from heterosched.model import telemetry as metrics

Combine = Literal["max", "sum", "mean"]

NODE_NAMES: Final = "node_names"
"""Row that maps `instance` to a node's name (label `nodename`)."""

SAMPLED: Final = ".sampled"
"""Suffix of an override for the sample times: `gpu_watts.sampled`."""


@dataclass(frozen=True)
class Query:
    """`value` yields the metric in its unit, one series for each device of a node; `sampled` when each was sampled.

    `timestamp()` works on a bare selector only, hence two queries. Without `sampled` (an override may leave it out) the
    evaluation counts as the sample, and staleness shows only once the series has vanished. A value outside `low..high`
    is a broken sensor: blank ones read 9.2e18. `combine` makes one figure of a node's devices.
    """

    value: str
    sampled: str
    low: float
    high: float
    combine: Combine = "max"
    per_core: bool = False
    """Divided by the node's cores as the API server states them."""


def table(node_label: str = "", overrides: Mapping[str, str] | None = None) -> dict[str, Query]:
    """The queries by metric, with `overrides` in place. Raises InvalidInput for an override of nothing we know.

    An override `<metric>` replaces the value query, and drops the sample times unless `<metric>.sampled` is given too.
    """
    chosen = _defaults(f"{node_label}, " if node_label else "")
    given = dict(overrides or {})
    for name in given:
        if name.removesuffix(SAMPLED) not in chosen:
            known = ", ".join(sorted(chosen))
            raise InvalidInput("telemetry settings", f"queries[{name}]", "no such metric", f"use one of {known}")
    for name, query in chosen.items():
        if name in given:
            chosen[name] = replace(query, value=given[name], sampled=given.get(name + SAMPLED, ""))
        elif name + SAMPLED in given:
            chosen[name] = replace(query, sampled=given[name + SAMPLED])
    return chosen


def _defaults(extra: str) -> dict[str, Query]:
    device = f"{extra}node, hostname, Hostname, instance, gpu, UUID"
    gpu = f"max by ({device})"
    # A GPU that pods share by time has a series for each; where UUIDs are missing, only the pod tells devices apart.
    draw = f"max by ({device}, namespace, pod, exported_namespace, exported_pod)"
    host = f"max by ({extra}node, instance)"
    idle, free = 'node_cpu_seconds_total{mode="idle"}', "node_memory_MemAvailable_bytes"
    return {
        metrics.GPU_TEMPERATURE: Query(
            f"{gpu} (DCGM_FI_DEV_GPU_TEMP)", f"{gpu} (timestamp(DCGM_FI_DEV_GPU_TEMP))", 0.0, 150.0
        ),
        metrics.GPU_WATTS: Query(
            f"{draw} (DCGM_FI_DEV_POWER_USAGE)", f"{draw} (timestamp(DCGM_FI_DEV_POWER_USAGE))", 0.0, 3000.0, "sum"
        ),
        metrics.GPU_UTILISATION: Query(
            f"{gpu} (DCGM_FI_DEV_GPU_UTIL) / 100", f"{gpu} (timestamp(DCGM_FI_DEV_GPU_UTIL))", 0.0, 1.0, "mean"
        ),
        metrics.GPU_THROTTLING: _throttling(gpu),
        metrics.HOST_LOAD: Query(
            f"{host} (node_load1)", f"{host} (timestamp(node_load1))", 0.0, 100_000.0, per_core=True
        ),
        metrics.HOST_CPU: Query(
            f"clamp(1 - avg by ({extra}node, instance) (rate({idle}[2m])), 0, 1)",
            f"{host} (timestamp({idle}))",
            0.0,
            1.0,
        ),
        metrics.HOST_MEMORY: Query(
            f"1 - {host} ({free} / node_memory_MemTotal_bytes)", f"{host} (timestamp({free}))", 0.0, 1.0
        ),
        NODE_NAMES: Query("max by (instance, nodename) (node_uname_info)", "", 1.0, 1.0),
    }


def _throttling(gpu: str) -> Query:
    names = ("CLOCKS_EVENT_REASONS", "CLOCK_THROTTLE_REASONS", "THERMAL_VIOLATION", "POWER_VIOLATION")
    events, reasons, heat, power = (f"DCGM_FI_DEV_{name}" for name in names)
    # The bits of a blank sensor mean nothing, and a mask has 32 of them.
    mask = f"({events} < 2^32 or {reasons} < 2^32)"
    bits = f"clamp_max(floor({mask} / 4) % 4 + floor({mask} / 32) % 8, 1)"
    hot, capped = f"(rate({heat}[2m]) > bool 0)", f"(rate({power}[2m]) > bool 0)"
    violated = f"clamp_max({hot} + {capped}, 1) or {hot} or {capped}"
    sampled = " or ".join(f"timestamp({series})" for series in (events, reasons, heat, power))
    return Query(f"{gpu} ({bits} or {violated})", f"{gpu} ({sampled})", 0.0, 1.0)
