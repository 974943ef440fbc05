"""Reads all metrics from Prometheus into one `Telemetry`. Blocking: it belongs into the collector's child process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.util.retry import Retry

from heterosched.errors import Unavailable
from heterosched.model.telemetry import METRICS, NO_TELEMETRY, TAS, Telemetry
from heterosched.telemetry.answers import NodeNames, node_names, read
from heterosched.telemetry.arrays import Gathered, as_telemetry, carried_over
from heterosched.telemetry.failures import REFUSED, brief, reason_of, refusal
from heterosched.telemetry.queries import NODE_NAMES, POD_NODES, Query, Rows, table
from heterosched.telemetry.rates import as_vector, rate_query, read_rates
from heterosched.telemetry.settings import Inventory, TelemetrySettings
from heterosched.telemetry.tas import tas_query

MOST_FAILURES = 3
"""Queries of one collection that may go unanswered before the others are left for the next one."""


class BadQuery(Unavailable):
    """Prometheus answered, but refused this query; the others may work."""


class Prometheus:
    """prometheus-api-client with our settings: one try per query, credentials read anew each time, our errors.

    Raises InvalidInput for settings that contradict each other.
    """

    def __init__(self, settings: TelemetrySettings) -> None:
        settings.check()
        self._settings = settings
        session = requests.Session()
        # Proxies and .netrc of the environment are not among our settings, and .netrc would replace the bearer token.
        session.trust_env = False
        if settings.ca_file:
            session.verify = settings.ca_file
        if settings.cert_file:
            session.cert = (settings.cert_file, settings.key_file) if settings.key_file else settings.cert_file
        # The collector comes back soon by itself; retries with sleeps in between would only hold it up.
        self._connection = PrometheusConnect(
            settings.url.rstrip("/"), session=session, timeout=settings.timeout, retry=Retry(total=0)
        )

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def query(self, promql: str, at: float | None = None) -> list[Any]:
        """`data.result` of an instant query, now or `at` (epoch seconds). Raises Unavailable, BadQuery."""
        where = f"Prometheus at {self._settings.url}"
        try:
            self._show_credentials()
            answer = self._connection.custom_query(promql, {} if at is None else {"time": f"{at:.3f}"})
        except PrometheusApiClientException as error:
            status, text = refusal(error)
            if status in REFUSED:
                raise BadQuery(brief(f"{where} refuses the query: {text}")) from error
            raise Unavailable(brief(f"{where} does not answer: {text}")) from error
        except (requests.RequestException, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            reason = reason_of(error, self._settings.timeout)
            raise Unavailable(brief(f"{where} does not answer: {reason}")) from error
        return answer if isinstance(answer, list) else []

    def _show_credentials(self) -> None:
        given = self._settings
        if given.bearer_token_file:
            token = Path(given.bearer_token_file).read_text("ascii").strip()
            self._connection.headers = {"Authorization": f"Bearer {token}"}
        elif given.user:
            password = Path(given.password_file).read_text("utf-8").rstrip("\r\n")
            self._connection.auth = (given.user.encode(), password.encode())


class Source:
    """Collects again and again, remembering the last good figures. `query` is `Prometheus.query` or a replay of it.

    `clock` gives epoch seconds, `ticks` seconds since whenever, without jumps.
    """

    def __init__(
        self,
        settings: TelemetrySettings,
        query: Callable[[str], list[Any]],
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label, self._query, self._clock, self._ticks = settings.node_label, query, clock, ticks
        self._table = table(settings.node_label, settings.queries, settings.rate_seconds)
        self._metrics = tuple[str, ...](name for name in METRICS if name in (settings.metrics or METRICS))
        self._budget, self._tas_metrics = settings.budget, settings.tas_metrics
        self._last = NO_TELEMETRY
        self._named: dict[str, dict[str, str]] = {NODE_NAMES: {}, POD_NODES: {}}
        self._first, self._turn = 0, 0
        self._refused: dict[str, str] = {}

    def collect(self, inventory: Inventory) -> Telemetry:
        """One collection; never raises for what Prometheus does.

        What could not be read keeps its last figures, and `error` names it. A refused query costs that query alone and
        is no error of the source: `refused` names it.
        When queries go unanswered, or all together take longer than a collection may, the rest is left for the next
        one, which begins there: a Prometheus that is slow or fails now and then still tells everything in turn.
        """
        attempt = _Attempt(self._query, self._ticks() + self._budget, self._ticks)
        names = self._names(inventory, attempt)
        readings: dict[str, Gathered] = {}
        rows = {metric: self._table[metric] for metric in self._metrics}
        rows.update({TAS + metric: (tas_query(metric, self._tas_metrics),) for metric in inventory.metrics})
        asked = list(rows)
        ordered = asked[self._first :] + asked[: self._first]
        self._first = 0
        for metric in ordered:
            if attempt.over:
                attempt.leave(metric)
                self._first = asked.index(metric)
                break
            found = self._gather(metric, rows[metric], names, attempt)
            if found is not None:
                readings[metric] = found
        self._remember(attempt, {*rows, NODE_NAMES, POD_NODES, *inventory.queries})
        if not readings:
            error = attempt.last_failure or attempt.troubles or f"no query is answered; {attempt.first_refusal}"
            self._last = replace(self._last, error=error, refused=dict(self._refused))
            return self._last
        if not attempt.over:
            self._ask_for_policies(inventory, names, readings, attempt)
        fresh = as_telemetry(readings, self._clock(), attempt.troubles, self._refused)
        self._last = carried_over(self._last, fresh)
        return self._last

    def _remember(self, attempt: _Attempt, known: set[str]) -> None:
        """Keep what was refused before and not answered since: not everything is asked each time."""
        old = {name: why for name, why in self._refused.items() if name in known and name not in attempt.answered}
        self._refused = {**old, **attempt.refused}

    def _names(self, inventory: Inventory, attempt: _Attempt) -> NodeNames:
        """Names that could not be asked for are those of the last time: exporters rarely move."""
        for row, labels in ((NODE_NAMES, ("instance", "nodename")), (POD_NODES, ("pod_ip", "node"))):
            answer = attempt.ask(row, self._table[row][0].value)
            if answer is not None:
                self._named[row] = node_names(answer, *labels)
        return NodeNames(inventory, self._named[NODE_NAMES], self._label, self._named[POD_NODES])

    def _ask_for_policies(
        self, inventory: Inventory, names: NodeNames, readings: dict[str, Gathered], attempt: _Attempt
    ) -> None:
        """What SchedulingPolicies want to know, after everything else: nobody has tried their PromQL before.

        One that is not answered ends it for this collection, and is the last in the next; so does the time being up.
        """
        asked = sorted(inventory.queries)
        turn = self._turn % len(asked) if asked else 0
        answers: dict[str, tuple[list[Any], list[Any] | None]] = {}
        for number, metric in enumerate(asked[turn:] + asked[:turn]):
            if attempt.over:
                self._turn = turn + number
                return
            promql = inventory.queries[metric]
            query = rate_query(metric, promql)
            try:
                if promql not in answers:
                    answers[promql] = self._answered(query)
            except Unavailable as error:
                self._refused[metric] = str(error)
                if not isinstance(error, BadQuery):
                    self._turn = turn + number + 1
                    return
                continue
            values, sampled = answers[promql]
            found = readings[metric] = Gathered()
            for reading, origin in read_rates(query, values, sampled, names):
                found.add(reading, origin)
            self._refused.pop(metric, None)
            if not values:
                self._refused[metric] = "it yields no series"

    def _answered(self, query: Query) -> tuple[list[Any], list[Any] | None]:
        """A policy's series and their sample times; None where only the evaluation's is known. Raises Unavailable."""
        values, timed = as_vector(self._query(query.value))
        try:
            return values, self._query(query.sampled) if timed else None
        except BadQuery:  # of several series of other names but the same labels
            return values, None

    def _gather(self, metric: str, rows: Rows, names: NodeNames, attempt: _Attempt) -> Gathered | None:
        """From the metric's rows in turn, until each node has a value; None where none of them was answered."""
        found, answered = Gathered(), False
        for query in rows:
            values = attempt.ask(metric, query.value)
            # Without its sample times an answer is worth nothing: even a slow Prometheus is asked for both.
            sampled = attempt.ask(metric, query.sampled, late=True) if values and query.sampled else None
            if values is None or (sampled is None and values and query.sampled):
                continue
            answered = True
            found.add(read(query, values, sampled, names), query.origin)
            if names.inventory.cores and names.inventory.cores.keys() <= found.nodes.keys():
                break
        return found if answered else None


class _Attempt:
    """One collection's dealings with Prometheus: what went wrong, and whether it is worth going on."""

    def __init__(self, query: Callable[[str], list[Any]], until: float, ticks: Callable[[], float]) -> None:
        self._query, self._until, self._ticks = query, until, ticks
        self._failures = 0
        self._unanswered: dict[str, list[str]] = {}
        self._left = ""
        self.last_failure = ""
        self.answered: set[str] = set()
        self.refused: dict[str, str] = {}

    @property
    def over(self) -> str:
        """Why no more is asked; empty while there is no reason."""
        if self._failures >= MOST_FAILURES:
            return self.last_failure
        return "Prometheus is slow" if self._ticks() > self._until else ""

    @property
    def troubles(self) -> str:
        """What was not answered, each reason once; empty where nothing went wrong."""
        told = [f"{', '.join(dict.fromkeys(names))}: {why}" for why, names in self._unanswered.items()]
        return "; ".join([*told, *([self._left] if self._left else [])])

    @property
    def first_refusal(self) -> str:
        """What was said to the first query that was refused, and whose it was."""
        return next((f"{name}: {why}" for name, why in self.refused.items()), "nothing was asked")

    def leave(self, metric: str) -> None:
        """Note that `metric` and what comes after it were not asked for."""
        slow = "" if self.over == self.last_failure else f": {self.over}"
        self._left = f"{metric} and others were left for the next time{slow}"

    def ask(self, name: str, promql: str, late: bool = False) -> list[Any] | None:
        """The answer, None where there is none; with `late` the time may be up."""
        if self.over and not (late and self._failures < MOST_FAILURES):
            return None
        try:
            found = self._query(promql)
        except BadQuery as error:
            self.refused.setdefault(name, str(error))
        except Unavailable as error:
            self._failures += 1
            self.last_failure = str(error)
            self._unanswered.setdefault(str(error), []).append(name)
        else:
            self.answered.add(name)
            return found
        return None
