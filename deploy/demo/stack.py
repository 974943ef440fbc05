"""All of HeteroSched on a control plane: CRDs, Prometheus, extender, second scheduler, operator, as plain processes.

with ControlPlane("demo", folder) as plane:
    stack = Stack(plane).up()
    plane.kubectl("apply", "-f", "job.yaml")
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from binaries import ControlPlaneError
from cluster import ControlPlane
from processes import Process, free_port, wait_until
from prometheus import Server
from scheduler_config import scheduler_config

CRDS = Path(__file__).resolve().parents[2] / "crds"
START_LIMIT_S = 60.0


class Stack:
    """The processes of one installation on `plane`; its guardian ends them with it.

    `extender` and `operator` are extra environment variables (settings) for these processes.
    """

    def __init__(
        self,
        plane: ControlPlane,
        extender: Mapping[str, str] | None = None,
        operator: Mapping[str, str] | None = None,
    ) -> None:
        self.plane = plane
        self.verbs_port, self.ops_port = free_port(), free_port()
        self.health_port, self.metrics_port = free_port(), free_port()
        self._extender_settings = {"HETEROSCHED_EXTENDER_TELEMETRY_SECONDS": "1", **(extender or {})}
        self._operator_settings = {**(operator or {})}
        self.prometheus: Server
        self.extender: Process
        self.scheduler: Process
        self.operator: Process

    @property
    def decisions_url(self) -> str:
        """Where the extender tells the reasons of its decisions."""
        return f"http://127.0.0.1:{self.ops_port}"

    def up(self) -> Stack:
        """Start everything; returns when it serves. Raises ControlPlaneError with the last words of what does not."""
        self.apply_crds()
        self.prometheus = self.plane.prometheus()
        self.start_extender()
        self.start_scheduler()
        self.start_operator()
        return self

    def apply_crds(self) -> None:
        """Apply the CRDs and wait until they are served."""
        self.plane.apply(CRDS)
        self.plane.kubectl("wait", "--for=condition=Established", f"--filename={CRDS}", "--timeout=30s")

    def start_extender(self) -> None:
        """Start the extender; it is ready after its first sync."""
        settings = {
            **self._extender_settings,
            "HETEROSCHED_EXTENDER_STATE_FILE": str(self.plane.folder / "extender-alive"),
        }
        ports = ["--port", str(self.verbs_port), "--ops-port", str(self.ops_port)]
        command = [sys.executable, "-m", "heterosched_extender", "--kubeconfig", str(self.plane.kubeconfig), *ports]
        self.extender = self.plane.start_process(
            "extender", [*command, "--prometheus-url", self.prometheus.url], settings
        )
        self._wait_for(self.extender, f"{self.decisions_url}/readyz")

    def start_scheduler(self) -> None:
        """Start the second kube-scheduler beside the extender."""
        kubeconfig = str(self.plane.kubeconfig)
        config = self.plane.folder / "second-scheduler.yaml"
        config.write_text(yaml.safe_dump(scheduler_config(kubeconfig, f"http://127.0.0.1:{self.verbs_port}")))
        port = free_port()
        self.scheduler = self.plane.start_process(
            "second-scheduler",
            [
                str(self.plane.bin("kube-scheduler")),
                f"--config={config}",
                "--bind-address=127.0.0.1",
                f"--secure-port={port}",
                f"--cert-dir={self.plane.folder / 'second-scheduler-cert'}",
                f"--authentication-kubeconfig={kubeconfig}",
                f"--authorization-kubeconfig={kubeconfig}",
            ],
        )

    def start_operator(self) -> None:
        """Start the operator; it is healthy once it has planned for the first time."""
        settings = {
            "HETEROSCHED_OPERATOR_HOST": "127.0.0.1",
            "HETEROSCHED_OPERATOR_HEALTH_PORT": str(self.health_port),
            "HETEROSCHED_OPERATOR_METRICS_PORT": str(self.metrics_port),
            "HETEROSCHED_OPERATOR_PROMETHEUS_URL": self.prometheus.url,
            "HETEROSCHED_OPERATOR_ENERGY_GAP_SECONDS": "5",
            "HETEROSCHED_OPERATOR_ENERGY_DELAY_SECONDS": "3",
            "HETEROSCHED_OPERATOR_LAUNCH_SECONDS": "1",
            **self._operator_settings,
        }
        command = [sys.executable, "-m", "heterosched_operator", "--kubeconfig", str(self.plane.kubeconfig)]
        self.operator = self.plane.start_process("operator", command, settings)
        self._wait_for(self.operator, f"http://127.0.0.1:{self.health_port}/healthz")

    def check(self) -> None:
        """Raise ControlPlaneError when one of the processes has ended, with its last words."""
        for process in (self.extender, self.scheduler, self.operator, self.prometheus.process):
            if not process.alive():
                raise ControlPlaneError(f"{process.name} has ended: {process.output()[-2000:]}")

    def decision(self, namespace: str, pod: str, node: str = "") -> dict[str, Any] | None:
        """The extender's decision for a pod; None where it has none any more."""
        query = f"?node={node}" if node else ""
        try:
            with urllib.request.urlopen(
                f"{self.decisions_url}/v1/decisions/{namespace}/{pod}{query}", timeout=5
            ) as answer:
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError:
            return None
        return found

    def _wait_for(self, process: Process, url: str) -> None:
        if not wait_until(lambda: not process.alive() or answers(url), START_LIMIT_S, 0.2) or not process.alive():
            raise ControlPlaneError(f"{process.name} does not come up: {process.output()[-2000:]}")


def answers(url: str) -> bool:
    """Whether `url` answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
