"""Reads all metrics from Prometheus into one `Telemetry`. Blocking: it belongs into the collector's child process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.util.retry import Retry

from heterosched.errors import Unavailable
from heterosched.model.telemetry import METRICS, NO_TELEMETRY, Telemetry
from heterosched.telemetry.answers import Answer, NodeNames, Reading, node_names, read
from heterosched.telemetry.queries import NODE_NAMES, Query, table
from heterosched.telemetry.settings import Inventory, TelemetrySettings

FORGET_AFTER = 900.0
"""Seconds for which the last value of a node stays in the arrays (with its true age) after its series has vanished.

An exporter that times out once is most likely on a node in trouble: its last figures say more than none at all.
"""


_REFUSED = ("HTTP Status Code 400", "HTTP Status Code 422")


class BadQuery(Unavailable):
    """Prometheus answered, but refused this query; the others may work."""


class Prometheus:
    """prometheus-api-client with our settings: one try per query, the token read anew each time, our errors."""

    def __init__(self, settings: TelemetrySettings) -> None:
        self._settings = settings
        session = requests.Session()
        if settings.ca_file:
            session.verify = settings.ca_file
        # The collector comes back soon by itself; retries with sleeps in between would only hold it up.
        self._connection = PrometheusConnect(
            settings.url.rstrip("/"), session=session, timeout=settings.timeout, retry=Retry(total=0)
        )

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def query(self, promql: str, at: float | None = None) -> list[Any]:
        """`data.result` of an instant query, now or `at` (epoch seconds). Raises Unavailable, BadQuery."""
        try:
            if self._settings.bearer_token_file:
                token = Path(self._settings.bearer_token_file).read_text("ascii").strip()
                self._connection.headers = {"Authorization": f"Bearer {token}"}
            answer = self._connection.custom_query(promql, {} if at is None else {"time": f"{at:.3f}"})
        except PrometheusApiClientException as error:
            kind = BadQuery if str(error).startswith(_REFUSED) else Unavailable
            raise kind(f"Prometheus at {self._settings.url}: {error}") from error
        except (requests.RequestException, OSError, ValueError, KeyError, TypeError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise Unavailable(f"Prometheus at {self._settings.url} does not answer: {reason}") from error
        return answer if isinstance(answer, list) else []


class Source:
    """Collects again and again, remembering the last good figures. `query` is `Prometheus.query` or a replay of it."""

    def __init__(
        self,
        settings: TelemetrySettings,
        query: Callable[[str], list[Any]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._label, self._query, self._clock = settings.node_label, query, clock
        self._table = table(settings.node_label, settings.queries)
        self._last = NO_TELEMETRY

    def collect(self, inventory: Inventory) -> Telemetry:
        """One collection; never raises for what Prometheus does.

        Prometheus away: the figures of the last time with `error`; a refused query: that metric alone keeps its last
        figures, and `error` names it.
        """
        troubles: list[str] = []
        readings: dict[str, Reading] = {}
        try:
            names = self._names(inventory, troubles)
            for metric in METRICS:
                try:
                    readings[metric] = self._read(self._table[metric], names)
                except BadQuery as error:
                    troubles.append(f"{metric}: {error}")
        except Unavailable as error:
            self._last = replace(self._last, error=str(error))
            return self._last
        fresh = as_telemetry(readings, self._clock(), "; ".join(troubles))
        self._last = carried_over(self._last, fresh)
        return self._last

    def _names(self, inventory: Inventory, troubles: list[str]) -> NodeNames:
        try:
            by_instance = node_names(self._query(self._table[NODE_NAMES].value))
        except BadQuery as error:
            troubles.append(f"{NODE_NAMES}: {error}")
            by_instance = {}
        return NodeNames(inventory, by_instance, self._label)

    def _read(self, query: Query, names: NodeNames) -> Reading:
        values: Answer = self._query(query.value)
        return read(query, values, self._query(query.sampled) if query.sampled else None, names)


def as_telemetry(readings: Mapping[str, Reading], now: float, error: str = "") -> Telemetry:
    """Readings as arrays over all nodes that any of them knows, in order of name."""
    nodes = tuple(sorted({node for reading in readings.values() for node in reading.nodes}))
    values, sampled = {}, {}
    for metric in METRICS:
        known = readings[metric].nodes if metric in readings else {}
        pairs = np.array([known.get(node, (np.nan, np.nan)) for node in nodes], dtype=np.float64).reshape(-1, 2)
        values[metric], sampled[metric] = pairs[:, 0].copy(), now - pairs[:, 1]
    rejected = sum(reading.rejected for reading in readings.values())
    return Telemetry(nodes, values, sampled, now, error, rejected)


def carried_over(last: Telemetry, fresh: Telemetry) -> Telemetry:
    """`fresh`, with the gaps filled from `last` (at its own sample times) as long as that is not forgotten."""
    if not last.nodes:
        return fresh
    horizon = fresh.collected_at - FORGET_AFTER
    alive = np.zeros(len(last.nodes), dtype=bool)
    for metric in METRICS:
        alive |= last.sampled[metric] >= horizon
    kept = {name for name, living in zip(last.nodes, alive, strict=True) if living}
    nodes = tuple(sorted(kept.union(fresh.nodes)))
    values, sampled = {}, {}
    for metric in METRICS:
        new, age = fresh.aligned(metric, nodes, fresh.collected_at, np.inf)
        old, old_age = last.aligned(metric, nodes, fresh.collected_at, FORGET_AFTER)
        values[metric] = np.where(np.isnan(new), old, new)
        sampled[metric] = fresh.collected_at - np.where(np.isnan(new), np.where(np.isnan(old), np.nan, old_age), age)
    return Telemetry(nodes, values, sampled, fresh.collected_at, fresh.error, fresh.rejected)
