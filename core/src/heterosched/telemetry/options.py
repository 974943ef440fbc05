"""How a service is told to reach Prometheus: the settings that extender and operator have in common."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from pydantic import BeforeValidator, Field

from heterosched.errors import InvalidInput
from heterosched.settings import ServiceSettings
from heterosched.telemetry.settings import TelemetrySettings


def _from_json(given: Any) -> Any:
    """A mapping fits into an environment variable as JSON only."""
    try:
        return msgspec.json.decode(given) if isinstance(given, str) else given
    except msgspec.DecodeError as error:
        raise ValueError(f"it is no JSON object: {error}") from error


Queries = Annotated[dict[str, str], BeforeValidator(_from_json)]
"""PromQL by name; in the environment a JSON object."""


class PrometheusSettings(ServiceSettings):
    """Base of a service's settings that reads telemetry; `TelemetrySettings.of` turns them into what a reader needs."""

    prometheus_url: str = Field(
        "", description="where telemetry is read; empty: without it, energy is estimated and no node is hot"
    )
    prometheus_token_file: str = Field("", description="bearer token for it, read anew for every query")
    prometheus_ca_file: str = Field("", description="certificates that its own is checked against")
    prometheus_node_label: str = Field("", description="label that carries the node's name, where there is one")
    prometheus_user: str = Field("", description="user for basic authentication, instead of a token")
    prometheus_password_file: str = Field("", description="that user's password, read anew for every query")
    prometheus_cert_file: str = Field("", description="our certificate, for a Prometheus that asks for one")
    prometheus_key_file: str = Field("", description="its key, where it is not in the same file")
    prometheus_queries: Queries = Field(
        {},
        description="PromQL instead of rows of the table in reference/telemetry.md, by metric (in the environment as "
        "JSON)",
    )
    prometheus_rate_seconds: float = Field(
        120.0, gt=0, description="time over which counters are read; at least twice the scrape interval"
    )

    def problems(self) -> list[InvalidInput]:
        """What a reader of telemetry would refuse once it starts; without an address there is none to be wrong."""
        found = TelemetrySettings.of(self).problems()
        return [problem for problem in found if self.prometheus_url or problem.field != "prometheus_url"]
