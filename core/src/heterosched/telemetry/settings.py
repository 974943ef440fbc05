"""How to reach Prometheus, and what the API server knows that Prometheus does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TelemetrySettings:
    """Where telemetry comes from. `interval` between two collections and `timeout` of one query are in seconds.

    `queries` replaces entries of the table in `heterosched.telemetry.queries`; `node_label` names a label that carries
    the node's name, where relabelling gave the series one. The token file is read anew for every query: tokens rotate.
    """

    url: str = "http://127.0.0.1:9090"
    interval: float = 15.0
    timeout: float = 5.0
    bearer_token_file: str = ""
    ca_file: str = ""
    node_label: str = ""
    queries: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Inventory:
    """The nodes as the API server states them: whose address is it, and how many cores has it."""

    addresses: Mapping[str, str] = field(default_factory=dict)
    cores: Mapping[str, float] = field(default_factory=dict)

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
        host = address.rpartition(":")[0] if address.count(":") == 1 or address.startswith("[") else address
        host = host.strip("[]") or address
        return self.addresses.get(host, host)
