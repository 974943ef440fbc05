"""What can be set: by command line, environment (`HETEROSCHED_OPERATOR_...`) or file, see `heterosched.settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from heterosched.settings import Namespaces
from heterosched.telemetry.options import PrometheusSettings
from heterosched.telemetry.settings import TelemetrySettings
from heterosched_operator.world import Rules

ENV_PREFIX = "HETEROSCHED_OPERATOR_"


class Settings(PrometheusSettings):
    """All settings; times in seconds."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX)

    kubeconfig: Path | None = Field(
        None, description="kubeconfig; else $KUBECONFIG, ~/.kube/config, the service account"
    )
    namespaces: Namespaces = Field(
        (), description="namespaces whose HeteroJobs are managed, empty for all; nodes and pods are read everywhere"
    )
    lease_namespace: str = Field(
        "",
        description="where the Lease is by which two operators notice each other; empty: the service account's "
        "namespace, outside of a cluster heterosched-system",
    )
    host: str = Field("0.0.0.0", description="address of probes and metrics")
    health_port: int = Field(9111, ge=1, le=65535, description="port of the liveness probe, /healthz")
    metrics_port: int = Field(9112, ge=0, le=65535, description="port of /metrics; 0 takes any free one")
    energy_source: Literal["measured", "simulated"] = Field(
        "measured", description="what energy read from Prometheus is called; simulated where the hardware is"
    )
    telemetry_seconds: float = Field(10.0, gt=0, description="time between two looks at Prometheus")
    energy_delay_seconds: float = Field(5.0, ge=0, description="wait before measuring, so that the last samples are in")
    energy_gap_seconds: float = Field(60.0, gt=0, description="samples further apart than this do not cover a run")
    debounce_seconds: float = Field(0.2, gt=0, description="changes this close together share one plan")
    replan_seconds: float = Field(30.0, gt=0, description="time after which the plan is renewed without any change")
    resync_seconds: float = Field(300.0, gt=0, description="time between two full lists of our own objects")
    concurrency: int = Field(16, ge=1, le=128, description="simultaneous requests to the API server")
    retry_base_seconds: float = Field(10.0, gt=0, description="wait before the first retry of a task; doubles")
    retry_cap_seconds: float = Field(360.0, gt=0, description="longest wait before a retry")
    free_retries: int = Field(20, ge=0, le=500, description="retries after drains, evictions and kubelet rejections")
    gang_release_timeout_seconds: float = Field(60.0, gt=0, description="a gang not bound by then is taken back")
    bind_grace_seconds: float = Field(5.0, ge=0, description="wait before an attempt without its nodes is taken back")
    podless_grace_seconds: float = Field(15.0, gt=0, description="a Job without its pods for so long is looked into")
    launch_seconds: float = Field(2.0, ge=0, description="from the Job's creation to running containers, as planned")
    restart_seconds: float = Field(60.0, ge=0, description="what stopping a training and starting it anew takes it")
    stuck_seconds: float = Field(180.0, gt=0, description="liveness fails when no round has ended for this long")
    devices_file: Path | None = Field(None, description="your own rows of the device table, before the built-in ones")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least severe message shown")

    @property
    def telemetry(self) -> TelemetrySettings:
        """How Prometheus is reached."""
        return TelemetrySettings.of(self, self.telemetry_seconds)

    @property
    def rules(self) -> Rules:
        """The part that decisions depend on."""
        return Rules(
            retry_base=self.retry_base_seconds,
            retry_cap=self.retry_cap_seconds,
            free_retries=self.free_retries,
            release_timeout=self.gang_release_timeout_seconds,
            bind_grace=self.bind_grace_seconds,
            launch_seconds=self.launch_seconds,
            energy_source=self.energy_source,
            podless_grace=self.podless_grace_seconds,
            restart_seconds=self.restart_seconds,
        )
