"""How to reach Prometheus, and what the API server knows that Prometheus does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from heterosched.errors import InvalidInput
from heterosched.telemetry.queries import query_problems


class Options(Protocol):
    """The values of `heterosched.telemetry.options.PrometheusSettings`, whatever holds them."""

    prometheus_url: str
    prometheus_token_file: str
    prometheus_ca_file: str
    prometheus_node_label: str
    prometheus_user: str
    prometheus_password_file: str
    prometheus_cert_file: str
    prometheus_key_file: str
    prometheus_queries: dict[str, str]
    prometheus_rate_seconds: float


@dataclass(frozen=True)
class TelemetrySettings:
    """Where telemetry comes from. `interval` between two collections and `timeout` of one query are in seconds.

    `queries` replaces entries of the table in `heterosched.telemetry.queries`; `node_label` names a label that carries
    the node's name, where relabelling gave the series one. Rates are taken over `rate_seconds`, which is to be at least
    twice the scrape interval. A bearer token or a user with a password, not both; their files are read anew for every
    query, because they rotate. `cert_file` and `key_file` are ours, for a Prometheus that asks for a certificate.
    `metrics`: what is collected, for what nobody reads costs Prometheus and us all the same; empty for everything.
    `tas_metrics`: PromQL for metrics that TASPolicy objects name.
    """

    url: str = "http://127.0.0.1:9090"
    interval: float = 15.0
    timeout: float = 5.0
    bearer_token_file: str = ""
    ca_file: str = ""
    node_label: str = ""
    queries: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    password_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    rate_seconds: float = 120.0
    tas_metrics: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        given: Options,
        interval: float = 15.0,
        metrics: tuple[str, ...] = (),
        tas_metrics: Mapping[str, str] | None = None,
    ) -> TelemetrySettings:
        """From the settings of a service."""
        return cls(
            url=given.prometheus_url,
            interval=interval,
            bearer_token_file=given.prometheus_token_file,
            ca_file=given.prometheus_ca_file,
            node_label=given.prometheus_node_label,
            queries=given.prometheus_queries,
            user=given.prometheus_user,
            password_file=given.prometheus_password_file,
            cert_file=given.prometheus_cert_file,
            key_file=given.prometheus_key_file,
            rate_seconds=given.prometheus_rate_seconds,
            metrics=metrics,
            tas_metrics=tas_metrics or {},
        )

    @property
    def budget(self) -> float:
        """Seconds after which a collection asks nothing more; the query under way may take its timeout on top."""
        return max(self.interval, 3 * self.timeout)

    def check(self) -> None:
        """Raises InvalidInput for what contradicts itself, or would put a password into every message."""
        for problem in self.problems():
            raise problem

    def problems(self) -> list[InvalidInput]:
        """All that `check` is about, by the names that the settings of the services have."""
        found = [*_address_problems(self.url), *query_problems(self.queries)]
        if self.bearer_token_file and self.user:
            found.append(_problem("user", "prometheus_token_file is given too", "leave one of them out"))
        if bool(self.user) != bool(self.password_file):
            found.append(
                _problem("password_file", "goes with prometheus_user, and that with it", "give both or neither")
            )
        if self.key_file and not self.cert_file:
            found.append(_problem("key_file", "a key without its certificate", "give prometheus_cert_file too"))
        return found


def _problem(field: str, problem: str, remedy: str) -> InvalidInput:
    return InvalidInput("settings", f"prometheus_{field}", problem, remedy)


def _address_problems(url: str) -> list[InvalidInput]:
    """The address is not repeated: it may hold a password."""
    try:
        given = urlsplit(url)
        whole = given.scheme in ("http", "https") and bool(given.hostname) and given.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        whole = False
    if not whole:
        return [_problem("url", "not an http or https address", "write http://HOST:PORT")]
    if given.username is not None or given.password is not None:
        return [_problem("url", "carries credentials", "use prometheus_user and prometheus_password_file")]
    return []


@dataclass(frozen=True)
class Inventory:
    """The nodes as the API server states them: whose address is it, and how many cores has it.

    `metrics`: what its TASPolicy objects name. `queries`: PromQL of its SchedulingPolicies, by the name under which it
    is read (`price/NAME`, `carbon/NAME`). `zones`: the nodes of each zone and region, where queries are given.
    """

    addresses: Mapping[str, str] = field(default_factory=dict)
    cores: Mapping[str, float] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    queries: Mapping[str, str] = field(default_factory=dict)
    zones: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, nodes: Iterable[tuple[str, Iterable[str], float]]) -> Inventory:
        """From (name, addresses and host names, cores) of each node; a node's own name is one of its addresses."""
        addresses: dict[str, str] = {}
        cores: dict[str, float] = {}
        for name, known_as, count in nodes:
            addresses.update(dict.fromkeys(known_as, name))
            cores[name] = count
        addresses.update({name: name for name in cores})
        return cls(addresses, cores)

    def node_at(self, address: str) -> str:
        """The node at `address` (a host name or IP, with or without a port); the bare address where no node has it."""
        if address in self.addresses:
            return self.addresses[address]
        host = host_of(address)
        return self.addresses.get(host, host)


def host_of(address: str) -> str:
    """A host name or IP without its port; an IPv6 address without its brackets."""
    host = address.rpartition(":")[0] if address.count(":") == 1 or address.startswith("[") else address
    return host.strip("[]") or address
