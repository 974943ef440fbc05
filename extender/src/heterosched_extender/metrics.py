"""Every metric of the extender, listed once (`CATALOGUE`), read from plain numbers when Prometheus asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from heterosched_extender.service import Service
from heterosched_extender.stats import BUCKETS, Histogram
from heterosched_extender.tas import violating
from heterosched_extender.tls import Tls

PREFIX = "heterosched_extender_"

CATALOGUE: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "request_seconds": ("histogram", "Time to answer a verb, from the complete body to the answer", ("verb",)),
    "errors": ("counter", "Calls that were refused (broken body, over the limit) or failed inside", ("verb",)),
    "neutral": (
        "counter",
        "Calls answered neutrally: not our pod, before the first sync, or after an error inside",
        ("verb",),
    ),
    "candidates": ("counter", "Nodes that the scheduler asked about", ("verb",)),
    "rejected": ("counter", "Nodes that a filter turned down", ("verb",)),
    "decisions": ("counter", "Pods scored, by the policy that was applied", ("policy",)),
    "predicted_joules": (
        "counter",
        "Energy of the scored pods by their figures for the advised node's device type, by policy; measured energy is "
        "the operator's to say",
        ("policy",),
    ),
    "terms_absent": ("counter", "Decisions in which a weighted term had data on no candidate", ("term",)),
    "hook_failures": ("counter", "Pods scored by a policy's own weights because its hook gave none", ("hook",)),
    "pods_bound": (
        "counter",
        "Pods of ours seen bound: as_advised, elsewhere, undecided (asked about, no node preferred), or without_advice",
        ("how",),
    ),
    "hints": ("gauge", "Pods just advised that telemetry cannot show yet", ()),
    "nodes": ("gauge", "Nodes in the snapshot", ()),
    "unknown_device_nodes": (
        "gauge",
        "Nodes whose device type the device table lacks: neither favoured nor avoided",
        ("device",),
    ),
    "topology_nodes": ("gauge", "Nodes whose NUMA zones are known", ()),
    "topology_unshown_pods": ("gauge", "Bound pods that no NodeResourceTopology shows yet", ()),
    "tas_policies": ("gauge", "TASPolicies that are known", ()),
    "tas_violating_nodes": (
        "gauge",
        "Nodes that violate a strategy of a TASPolicy (dontschedule, deschedule, labeling)",
        ("namespace", "policy", "strategy"),
    ),
    "snapshot_age_seconds": ("gauge", "Time since the snapshot was last replaced", ()),
    "telemetry_age_seconds": ("gauge", "Age of the oldest sample in use", ("metric",)),
    "telemetry_nodes": ("gauge", "Nodes with a sample of this metric, of any age", ("metric",)),
    "telemetry_rejected": (
        "gauge",
        "Series of the last collection that were not believed, by metric and reason",
        ("metric", "reason"),
    ),
    "telemetry_refused": (
        "gauge",
        "1 for each metric whose query Prometheus refuses, or whose SchedulingPolicy's query yields nothing",
        ("metric",),
    ),
    "telemetry_up": (
        "gauge",
        "1 while the telemetry source answers, else 0; a refused query alone changes nothing",
        (),
    ),
    "watch_age_seconds": ("gauge", "Time since the API server last said anything on this watch", ("path",)),
    "watch_refused": (
        "gauge",
        "1 for each kind that the API server does not let us read: a role lacks it (Forbidden), or there is no such "
        "kind (NotFound); its feature is off",
        ("path", "reason"),
    ),
    "tls_not_after_seconds": ("gauge", "Until when the certificate of the verbs is good, epoch seconds", ()),
    "watch_failures": ("counter", "Watches and lists that failed and were tried again", ("path",)),
    "unreadable": ("counter", "Quantities and objects that could not be read and were left out", ()),
    "decision_records": ("gauge", "Decisions that can be explained", ()),
    "decision_bytes": ("gauge", "Memory that they hold, roughly", ()),
}
"""Name (without the prefix) -> kind, help, labels."""

Watches = Callable[[], Iterable[tuple[str, float, int]]]
"""Path, age in seconds and failures of each watch."""


class ExtenderCollector(Collector):
    """Hands the numbers over at each scrape. `clock` is that of the service: epoch seconds. `refused`: path -> reason
    and words of what cannot be read; `tls` of the verbs.
    """

    def __init__(
        self,
        service: Service,
        watches: Watches = tuple,
        clock: Callable[[], float] = time.time,
        refused: Callable[[], Mapping[str, tuple[str, str]]] = dict,
        tls: Tls | None = None,
    ) -> None:
        self._service, self._watches, self._clock = service, watches, clock
        self._refused, self._tls = refused, tls

    def collect(self) -> Iterator[Metric]:
        """All families of the catalogue, in its order."""
        figures = self._figures()
        histograms = self._service.stats.seconds
        for name, (kind, text, labels) in CATALOGUE.items():
            if kind == "histogram":
                yield _histogram(name, text, labels, histograms)
                continue
            make = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
            family: Metric = make(PREFIX + name, text, labels=labels)
            for values, figure in figures.get(name, {}).items():
                family.add_metric(values, figure)  # type: ignore[attr-defined]
            yield family

    def _figures(self) -> dict[str, dict[tuple[str, ...], float]]:
        service, stats = self._service, self._service.stats
        watches = list(self._watches())
        return {
            **{
                name: {(label,): float(value) for label, value in getattr(stats, field).items()}
                for name, field in _COUNTED.items()
            },
            "pods_bound": {
                ("as_advised",): stats.bound_as_advised,
                ("elsewhere",): stats.bound_elsewhere,
                ("undecided",): stats.bound_undecided,
                ("without_advice",): stats.bound_without_advice,
            },
            "hints": {(): len(service.hints)},
            "watch_age_seconds": {(path,): age for path, age, _ in watches},
            "watch_refused": {(path, reason): 1.0 for path, (reason, _) in self._refused().items()},
            "tls_not_after_seconds": {} if self._tls is None else {(): self._tls.not_after},
            "watch_failures": {(path,): failures for path, _, failures in watches},
            "unreadable": {(): service.problems.count},
            "decision_records": {(): len(service.decisions)},
            "decision_bytes": {(): service.decisions.nbytes},
            **self._of_snapshot(),
        }

    def _of_snapshot(self) -> dict[str, dict[tuple[str, ...], float]]:
        snapshot, now = self._service.snapshot, self._clock()
        if snapshot is None:
            return {}
        zones = snapshot.zones
        return {
            "nodes": {(): len(snapshot.nodes)},
            "unknown_device_nodes": {(device,): count for device, count in snapshot.unknown_devices().items()},
            "topology_nodes": {(): 0 if zones is None else int((zones.count > 0).sum())},
            "topology_unshown_pods": {(): 0 if zones is None else int(zones.unshown.sum())},
            "tas_policies": {(): len(snapshot.tas)},
            "tas_violating_nodes": {labels: count for labels, count in violating(snapshot, now).items()},
            "snapshot_age_seconds": {(): now - snapshot.taken_at},
            "telemetry_age_seconds": {(metric,): now - sensor.oldest for metric, sensor in snapshot.sensors.items()},
            "telemetry_nodes": {(metric,): sensor.known for metric, sensor in snapshot.sensors.items()},
            "telemetry_rejected": {
                (metric, reason): float(count)
                for metric, reasons in snapshot.telemetry_rejects.items()
                for reason, count in reasons.items()
            },
            "telemetry_refused": dict.fromkeys(((metric,) for metric in snapshot.refused), 1.0),
            "telemetry_up": {(): 0.0 if snapshot.telemetry_error else 1.0},
        }


_COUNTED = {
    "errors": "errors",
    "neutral": "neutral",
    "candidates": "candidates",
    "rejected": "rejected",
    "decisions": "decisions",
    "predicted_joules": "predicted_joules",
    "terms_absent": "absent",
    "hook_failures": "hook_failures",
}


def _histogram(name: str, text: str, labels: tuple[str, ...], found: Mapping[str, Histogram]) -> Metric:
    family = HistogramMetricFamily(PREFIX + name, text, labels=labels)
    for label, histogram in found.items():
        running, buckets = 0, []
        for bound, count in zip([*map(str, BUCKETS), "+Inf"], histogram.counts, strict=True):
            running += count
            buckets.append((bound, running))
        family.add_metric((label,), buckets, histogram.total)
    return family


def registry_of(collector: ExtenderCollector) -> CollectorRegistry:
    """A registry of its own: nothing of the process-wide default one shows up in our metrics."""
    registry = CollectorRegistry()
    registry.register(collector)
    return registry
