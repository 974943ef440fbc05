"""What can be set: by command line, environment (`HETEROSCHED_EXTENDER_...`) or file, see `heterosched.settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from heterosched.telemetry.options import PrometheusSettings, Queries

ENV_PREFIX = "HETEROSCHED_EXTENDER_"


class Settings(PrometheusSettings):
    """All settings. A port of 0 takes any free one. Seconds and bytes unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX)

    verbs_host: str = Field("127.0.0.1", description="address of the verbs; the scheduler runs beside the extender")
    verbs_port: int = Field(9101, ge=0, le=65535, description="port of the verbs")
    ops_host: str = Field(
        "127.0.0.1", description="address of probes, metrics and decisions; 0.0.0.0 where kubelet and Prometheus ask"
    )
    ops_port: int = Field(9102, ge=0, le=65535, description="port of probes, metrics and decisions")
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
    state_file: Path | None = Field(
        None, description="touched every second; after a restart tells which pods were bound meanwhile"
    )
    log_format: Literal["text", "json"] = Field("text", description="log lines for people, or a JSON object each")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least severe message shown")
