"""What can be set: by command line, environment (`HETEROSCHED_EXTENDER_...`) or file, see `heterosched.settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from heterosched.errors import InvalidInput
from heterosched.settings import Namespaces
from heterosched.telemetry.options import PrometheusSettings, Queries

ENV_PREFIX = "HETEROSCHED_EXTENDER_"


class Settings(PrometheusSettings):
    """All settings. A port of 0 takes any free one. Seconds and bytes unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX)

    verbs_host: str = Field("127.0.0.1", description="address of the verbs; the scheduler runs beside the extender")
    verbs_port: int = Field(9101, ge=0, le=65535, description="port of the verbs")
    tls_cert_file: Path | None = Field(None, description="certificate of the verbs, in PEM form: they then speak TLS")
    tls_key_file: Path | None = Field(None, description="its key")
    tls_client_ca_file: Path | None = Field(
        None, description="certificates of which the scheduler's own must be one, or be signed by one"
    )
    namespaces: Namespaces = Field(
        (),
        description="namespaces whose ThroughputProfiles and TASPolicies are read, empty for all; nodes and pods are "
        "read everywhere",
    )
    ops_host: str = Field(
        "127.0.0.1", description="address of probes, metrics and decisions; 0.0.0.0 where kubelet and Prometheus ask"
    )
    ops_port: int = Field(9102, ge=0, le=65535, description="port of probes, metrics and decisions")
    decisions_auth: Literal["auto", "always", "never"] = Field(
        "auto",
        description="who may read decisions: auto asks callers from other addresses than loopback for a bearer token "
        "that the API server confirms and allows; always asks everybody (as behind a mesh's proxy); never asks nobody",
    )
    kubeconfig: Path | None = Field(
        None, description="kubeconfig; else $KUBECONFIG, ~/.kube/config, the service account"
    )
    context: str | None = Field(None, description="context of the kubeconfig")
    snapshot: Path | None = Field(
        None, description="serve the nodes (and pods, policies, profiles) of this List, no cluster"
    )
    telemetry_seconds: float = Field(5.0, gt=0, description="time between two collections")
    body_limit_bytes: int = Field(64 * 2**20, ge=2**16, description="largest body; 5,000 whole nodes take 37 MB")
    decisions_bytes: int = Field(16 * 2**20, ge=2**16, description="memory for decisions that can be explained")
    decisions_hours: float = Field(6.0, gt=0, description="how long they are kept")
    tas_metrics: Queries = Field(
        {},
        description="PromQL by the metric names of TASPolicies (in the environment as JSON); of others the series "
        "of that name counts, or of that name after node_",
    )
    devices_file: Path | None = Field(None, description="your own rows of the device table, before the built-in ones")
    topology_settle_seconds: float = Field(
        5.0, ge=1, description="longest time from a look of a NodeResourceTopology exporter to its being written"
    )
    topology_quiet_seconds: float = Field(
        90.0, ge=1, description="longest time from one look of that exporter to the next"
    )
    flush_seconds: float = Field(0.05, gt=0, description="least time between two snapshots")
    silent_watch_seconds: float = Field(
        240.0, ge=90, description="a watch that neither speaks nor fails this long is dead"
    )
    scheduler_lease: str = Field(
        "",
        pattern=r"^$|^[^/]+/[^/]+$",
        description="NAMESPACE/NAME of the Lease by which one of several schedulers leads: bindings are judged while "
        "the one beside the extender does; empty where there is one",
    )
    state_file: Path | None = Field(
        None, description="touched every second; after a restart tells which pods were bound meanwhile"
    )
    log_format: Literal["text", "json"] = Field("text", description="log lines for people, or a JSON object each")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least severe message shown")

    def problems(self) -> list[InvalidInput]:
        """What is wrong with values that are each of the right type."""
        found = super().problems()
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            found.append(
                InvalidInput("settings", "tls_cert_file", "a certificate goes with its key", "give both files")
            )
        if self.tls_client_ca_file is not None and self.tls_cert_file is None:
            remedy = "give tls_cert_file and tls_key_file too"
            found.append(InvalidInput("settings", "tls_client_ca_file", "without TLS nobody shows one", remedy))
        if self.snapshot is not None and self.decisions_auth == "always":
            trouble, remedy = "a file has no API server that knows users", "leave it out, or serve a cluster"
            found.append(InvalidInput("settings", "decisions_auth", trouble, remedy))
        return found
