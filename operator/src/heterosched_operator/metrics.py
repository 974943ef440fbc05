"""Prometheus metrics of the operator itself, in a registry of their own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """All metrics; names begin with `heterosched_operator_`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.actions = self._counter("actions", "Actions carried out", "kind")
        self.failures = self._counter("action_failures", "Actions that failed and are tried again", "kind")
        self.events_dropped = self._counter("events_dropped", "Kubernetes Events that could not be posted")
        self.jobs_created = self._counter("jobs_created", "Child Jobs created or found created")
        self.deadlines_missed = self._counter("deadlines_missed", "Deadlines that passed before their job had ended")
        self.errors = self._counter("errors", "Unexpected errors in the decision of a single job")
        self.joules = self._counter("joules", "Measured energy of finished tasks", "source")
        self.rounds = self._histogram("round_seconds", "Duration of a round: observe, plan, decide")
        self.jobs = self._gauge("heterojobs", "HeteroJobs that have not ended")
        self.busy = self._gauge("busy", "HeteroJobs whose decisions are being carried out")
        self.others = self._gauge("others", "1 while another operator is at work too, else 0")
        self.forbidden = self._gauge(
            "watch_refused",
            "1 for each kind that the API server does not let us read: a role lacks it (Forbidden), or there is no "
            "such kind (NotFound)",
            "path",
            "reason",
        )
        self.age = self._gauge("watch_age_seconds", "Seconds since the API server last spoke on the quietest watch")
        self.watts = self._gauge("watts", "What all nodes draw now, by where the figure comes from", "origin")
        self.telemetry = self._gauge(
            "telemetry_available", "1 where Prometheus answers and has GPU power samples to measure energy by, else 0"
        )
        self.refused = self._gauge(
            "telemetry_refused",
            "1 for each metric whose query Prometheus refuses, or whose SchedulingPolicy's query yields nothing",
            "metric",
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"heterosched_operator_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"heterosched_operator_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(f"heterosched_operator_{name}", text, buckets=SECONDS, registry=self.registry)
