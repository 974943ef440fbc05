"""The table of PromQL queries: the rows of each metric of `heterosched.model.telemetry`, and nothing hidden beside it.

A metric may have several rows, for exporters of different kind or age: a node's value comes from the first row that
has one for it, and carries that row's origin. The names of metrics and labels are those of DCGM exporter's
`default-counters.csv` (3.x and 4.x), node-exporter 1.x, and Kepler before and since 0.10.

Replicas of Prometheus and Thanos show a series once for each: everything is first reduced by `max by` over the labels
that tell nodes and devices apart, before anything is added up. Counters are read by `rate`, which takes a drop as a
reset; a RAPL counter that wraps loses what it grew by before the wrap, in that one interval.

`exporters_down` looks at the jobs whose name says that they are exporters of nodes. kube-state-metrics is optional: it
tells on which node an exporter runs whose series carry nothing but the address of its pod.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from heterosched.errors import InvalidInput
from heterosched.model import telemetry as metrics
from heterosched.telemetry.throttling import HARDWARE_XIDS, throttling, xid

Combine = Literal["max", "sum", "mean"]

NODE_NAMES: Final = "node_names"
"""Row that maps `instance` to a node's name (label `nodename`)."""

POD_NODES: Final = "pod_nodes"
"""Row that maps `pod_ip` to the pod's node (label `node`)."""

SAMPLED: Final = ".sampled"
"""Suffix of an override for the sample times: `gpu_watts.sampled`."""

NODE_LABELS: Final = ("node", "hostname", "Hostname", "node_name", "kubernetes_node", "instance")
"""Labels that may say which node a series is about, in the order in which they are believed."""

DCGM, NODE_EXPORTER, KEPLER = "dcgm-exporter", "node-exporter", "kepler"
OWN: Final = "own query"
"""Origin of what an override yields."""

_OTHERS = "lo|veth.*|cali.*|cni.*|docker.*|flannel.*|br-.*|virbr.*|lxc.*|cilium.*|tun.*|kube-.*|nodelocaldns"
_EXPORTERS = ".*(dcgm|node.?exporter|kepler).*"


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
    origin: str = ""
    codes: tuple[int, ...] = ()
    """Where there are any, the value is one (that of the label `xid` goes before), and all others are as good as 0."""
    apart: bool = False
    """Any label tells devices apart (disks, sensors): nobody knows what the series are about."""


Rows = tuple[Query, ...]


def table(
    node_label: str = "", overrides: Mapping[str, str] | None = None, rate_seconds: float = 120.0
) -> dict[str, Rows]:
    """The queries by metric, with `overrides` in place. Raises InvalidInput for an override of nothing we know.

    An override `<metric>` replaces all rows of the metric, and has no sample times unless `<metric>.sampled` is given.
    Other makers' exporters have other labels, so each of its series counts as a device of its own.
    """
    chosen = _defaults(node_label, f"{rate_seconds:g}s" if rate_seconds % 1 == 0 else f"{rate_seconds * 1000:.0f}ms")
    given = dict(overrides or {})
    for problem in query_problems(given):
        raise problem
    for name, rows in chosen.items():
        if name in given:
            own = replace(rows[0], value=given[name], sampled=given.get(name + SAMPLED, ""), origin=OWN, codes=())
            chosen[name] = (replace(own, apart=True),)
        elif name + SAMPLED in given:
            chosen[name] = (replace(rows[0], sampled=given[name + SAMPLED]), *rows[1:])
    return chosen


def query_problems(overrides: Mapping[str, str]) -> list[InvalidInput]:
    """Overrides of nothing we know, and empty ones, which Prometheus would refuse again and again."""
    known = {*metrics.METRICS, NODE_NAMES, POD_NODES}
    found = []
    for name, promql in overrides.items():
        field = f"prometheus_queries[{name}]"
        if name.removesuffix(SAMPLED) not in known:
            found.append(InvalidInput("settings", field, "no such metric", f"use one of {', '.join(sorted(known))}"))
        elif not promql.strip() and not name.endswith(SAMPLED):
            found.append(InvalidInput("settings", field, "is empty", "write PromQL, or leave it out"))
    return found


def _defaults(node_label: str, window: str) -> dict[str, Rows]:
    places = ", ".join(dict.fromkeys((*([node_label] if node_label else []), *NODE_LABELS)))
    names = Query("max by (instance, nodename) (node_uname_info)", "", 1.0, 1.0)
    pods = Query(f'max by (pod_ip, node) (kube_pod_info{{pod=~"{_EXPORTERS}"}})', "", 1.0, 1.0)
    return {
        **_of_gpus(places, window),
        **_of_hosts(places, window),
        metrics.EXPORTERS_DOWN: (_down(places),),
        metrics.HOST_WATTS: _host_watts(places, window),
        NODE_NAMES: (names,),
        POD_NODES: (pods,),
    }


def _down(places: str) -> Query:
    """Without sample times: a target that is not reached has a sample of `up` all the same."""
    return Query(f'1 - max by ({places}, job) (up{{job=~"{_EXPORTERS}"}})', "", 0.0, 1.0, origin="up")


def _of_gpus(places: str, window: str) -> dict[str, Rows]:
    device = f"{places}, gpu, UUID"
    gpu, part = f"max by ({device})", f"max by ({device}, GPU_I_ID)"
    # A GPU that pods share by time has a series for each; where UUIDs are missing, only the pod tells devices apart.
    draw = f"max by ({device}, namespace, pod, exported_namespace, exported_pod)"
    counter, used = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "DCGM_FI_DEV_FB_USED"
    # Blank sensors are known by their size, which a quotient or a rate of them has lost.
    share = f"{used} / ({used} + (DCGM_FI_DEV_FB_FREE < 2^53))"
    kepler = f"max by ({places}, gpu, gpu_uuid)"

    def dcgm(by: str, value: str, selector: str, low: float, high: float, combine: Combine = "max") -> Query:
        return Query(f"{by} ({value})", f"{by} (timestamp({selector}))", low, high, combine, origin=DCGM)

    temperature, power, load = (f"DCGM_FI_DEV_{name}" for name in ("GPU_TEMP", "POWER_USAGE", "GPU_UTIL"))
    active, clock = "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "DCGM_FI_DEV_SM_CLOCK"
    held, sampled = throttling(window)
    failed, seen = xid()
    told = f"max by ({device}, xid)"
    return {
        metrics.GPU_TEMPERATURE: (dcgm(gpu, temperature, temperature, -50.0, 150.0),),
        metrics.GPU_THROTTLING: (Query(f"{gpu} ({held})", f"{gpu} ({sampled})", 0.0, 1.0, origin=DCGM),),
        metrics.GPU_XID: (
            # As wide as a count of errors may be, where the label has the code.
            Query(f"{told} ({failed})", f"{told} ({seen})", 0.0, 1e9, origin=DCGM, codes=HARDWARE_XIDS),
        ),
        metrics.GPU_WATTS: (
            dcgm(draw, power, power, 0.0, 3000.0, "sum"),
            replace(
                dcgm(draw, f"rate({counter}[{window}]) / 1000 and {counter} < 2^53", counter, 0.0, 3000.0, "sum"),
                origin=f"{DCGM}, energy counter",
            ),
            _measured(kepler, "kepler_node_gpu_watts", 3000.0, KEPLER),
            _measured(kepler, f"rate(kepler_node_gpu_joules_total[{window}])", 3000.0, f"{KEPLER}, energy counter"),
        ),
        # A GPU cut into MIG instances has no utilisation of its own, but each instance says how busy it is.
        metrics.GPU_UTILISATION: (
            Query(
                f"{part} (({load} < 2^53) / 100 or {active})",
                f"{part} (timestamp({load}) or timestamp({active}))",
                0.0,
                1.0,
                "mean",
                origin=DCGM,
            ),
        ),
        metrics.GPU_MEMORY: (dcgm(part, share, used, 0.0, 1.0, "mean"),),
        metrics.GPU_CLOCK: (dcgm(gpu, f"{clock} * 1e6", clock, 0.0, 1e10, "mean"),),
        metrics.GPU_JOULES: (dcgm(gpu, f"{counter} / 1000", counter, 0.0, 1e13, "sum"),),
    }


def _measured(by: str, value: str, high: float, origin: str) -> Query:
    """A figure in watts that is summed over devices; the sample times are those of the selector within `value`."""
    selector = value.removeprefix("rate(").partition("[")[0]
    return Query(f"{by} ({value})", f"{by} (timestamp({selector}))", 0.0, high, "sum", origin=origin)


def _of_hosts(places: str, window: str) -> dict[str, Rows]:
    host = f"max by ({places})"
    idle, free = 'node_cpu_seconds_total{mode="idle"}', "node_memory_MemAvailable_bytes"
    disk, heat, zone = "node_disk_io_time_seconds_total", "node_hwmon_temp_celsius", "node_thermal_zone_temp"
    received, sent = (f'node_network_{way}_bytes_total{{device!~"{_OTHERS}"}}' for way in ("receive", "transmit"))
    traffic = f"max by ({places}, device) (rate({received}[{window}]) + rate({sent}[{window}]))"

    def row(value: str, selector: str, low: float, high: float, per_core: bool = False) -> Rows:
        return (Query(value, f"{host} (timestamp({selector}))", low, high, "max", per_core, NODE_EXPORTER),)

    return {
        metrics.HOST_LOAD: row(f"{host} (node_load1)", "node_load1", 0.0, 100_000.0, per_core=True),
        metrics.HOST_CPU: row(f"clamp(1 - avg by ({places}) (rate({idle}[{window}])), 0, 1)", idle, 0.0, 1.0),
        metrics.HOST_MEMORY: row(f"1 - {host} ({free} / node_memory_MemTotal_bytes)", free, 0.0, 1.0),
        # Scrape times jitter, so a disk that is always busy may seem to be so for more than the whole time.
        metrics.HOST_DISK: row(f"clamp_max({host} (rate({disk}[{window}])), 1)", disk, 0.0, 1.0),
        metrics.HOST_NETWORK: row(f"sum by ({places}) ({traffic})", received, 0.0, 1e13),
        metrics.HOST_TEMPERATURE: (
            *row(f"{host} ({heat})", heat, -50.0, 150.0),
            *row(f"{host} ({zone})", zone, -50.0, 150.0),
        ),
    }


def _host_watts(places: str, window: str) -> Rows:
    """Packages and their memory; what else Kepler knows (core, uncore, psys) is a part of these, or contains them."""
    since, before = 'kepler_node_cpu_watts{zone=~"package.*|dram.*"}', "kepler_node_{}_joules_total"
    by_zone = f"max by ({places}, zone, path)"
    by_socket = f"max by ({places}, index, path)"
    sampled = f"max by ({places}) (timestamp({since}))"
    found = [Query(f"sum by ({places}) ({by_zone} ({since}))", sampled, 0.0, 20_000.0, origin=KEPLER)]
    older = (by_zone.replace("zone, path", "package, mode"), before, f"{KEPLER}, energy counter")
    for by, name, origin in (older, (by_socket, "node_rapl_{}_joules_total", f"{NODE_EXPORTER}, RAPL")):
        package, dram = (
            f"sum by ({places}) ({by} (rate({name.format(kind)}[{window}])))" for kind in ("package", "dram")
        )
        times = f"max by ({places}) (timestamp({name.format('package')}))"
        found.append(Query(f"({package} + {dram}) or {package}", times, 0.0, 20_000.0, origin=origin))
    return tuple(found)
