"""All of HeteroSched on a control plane: CRDs, Prometheus, extender, second scheduler, operator, as plain processes.

with ControlPlane("demo", folder) as plane:
    stack = Stack(plane).up()
    plane.kubectl("apply", "-f", "job.yaml")
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from signal import SIGCONT
from typing import Any

import yaml

from binaries import ControlPlaneError
from cluster import ControlPlane
from processes import Process, free_port, wait_until
from prometheus import Server
from scheduler_config import scheduler_config

CRDS = Path(__file__).resolve().parents[2] / "crds"
START_LIMIT_S = 60.0
ANSWER_LIMIT_S = 30.0
"""How long one answer may take: the last of hundreds of questions must not cost the whole run on a busy machine."""
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open  # loopback: never by a proxy


def past_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that keep Python programs from asking a proxy of `environment` for this very machine.

    Go programs (kubectl, kube-scheduler) never do; ours do unless `NO_PROXY` says so, as is the custom.
    """
    given = environment.get("NO_PROXY") or environment.get("no_proxy", "")
    value = ",".join(filter(None, (given, "127.0.0.1", "localhost")))
    return {"NO_PROXY": value, "no_proxy": value}


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
        self._probes: dict[Process, str] = {}

    @property
    def decisions_url(self) -> str:
        """Where the extender tells the reasons of its decisions."""
        return f"http://127.0.0.1:{self.ops_port}"

    @property
    def metrics_url(self) -> str:
        """Where the operator tells its metrics."""
        return f"http://127.0.0.1:{self.metrics_port}/metrics"

    def up(self) -> Stack:
        """Start everything; returns when it serves. Raises ControlPlaneError with the last words of what does not."""
        self.apply_crds()
        self.prometheus = self.plane.prometheus()
        self._probes[self.prometheus.process] = f"{self.prometheus.url}/-/ready"
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
            **past_proxies(os.environ),
            **self._extender_settings,
            "HETEROSCHED_EXTENDER_STATE_FILE": str(self.plane.folder / "extender-alive"),
        }
        ports = ["--port", str(self.verbs_port), "--ops-port", str(self.ops_port)]
        credentials = str(self.credentials("extender"))
        command = [sys.executable, "-m", "heterosched_extender", "--kubeconfig", credentials, *ports]
        self.extender = self.plane.start_process(
            "extender", [*command, "--prometheus-url", self.prometheus.url], settings
        )
        self._probes[self.extender] = f"{self.decisions_url}/readyz"
        self._wait_for(self.extender)

    def start_scheduler(self) -> None:
        """Start the second kube-scheduler beside the extender."""
        kubeconfig = str(self.credentials("scheduler"))
        config = self.plane.folder / "second-scheduler.yaml"
        config.write_text(yaml.safe_dump(self.scheduler_settings()))
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
            **past_proxies(os.environ),
            "HETEROSCHED_OPERATOR_HOST": "127.0.0.1",
            "HETEROSCHED_OPERATOR_HEALTH_PORT": str(self.health_port),
            "HETEROSCHED_OPERATOR_METRICS_PORT": str(self.metrics_port),
            "HETEROSCHED_OPERATOR_PROMETHEUS_URL": self.prometheus.url,
            "HETEROSCHED_OPERATOR_ENERGY_SOURCE": "simulated",
            "HETEROSCHED_OPERATOR_ENERGY_GAP_SECONDS": "5",
            "HETEROSCHED_OPERATOR_ENERGY_DELAY_SECONDS": "3",
            "HETEROSCHED_OPERATOR_LAUNCH_SECONDS": "1",
            **self._operator_settings,
        }
        command = [sys.executable, "-m", "heterosched_operator", "--kubeconfig", str(self.credentials("operator"))]
        self.operator = self.plane.start_process("operator", command, settings)
        self._probes[self.operator] = f"http://127.0.0.1:{self.health_port}/healthz"
        self._wait_for(self.operator)

    def credentials(self, program: str) -> Path:
        """The kubeconfig of `extender`, `scheduler` or `operator`."""
        return self.plane.kubeconfig

    def scheduler_settings(self) -> dict[str, Any]:
        """The configuration of the second scheduler."""
        kubeconfig = str(self.credentials("scheduler"))
        return scheduler_config(kubeconfig, f"http://127.0.0.1:{self.verbs_port}")

    @property
    def processes(self) -> tuple[Process, ...]:
        """Everything that `up` has started."""
        return self.prometheus.process, self.extender, self.scheduler, self.operator

    def check(self) -> None:
        """Raise ControlPlaneError when one of the processes has ended, with its last words."""
        for process in self.processes:
            if not process.alive():
                raise ControlPlaneError(f"{process.name} has ended: {process.output()[-2000:]}")

    def recover(self) -> None:
        """Start what has ended and wake what hangs, each as it was, in the order of `up`; returns when all serves."""
        for process in self.processes:
            process.start()
            process.send_signal(SIGCONT)
            if process in self._probes:
                self._wait_for(process)

    def decision(self, namespace: str, pod: str, node: str = "") -> dict[str, Any] | None:
        """The extender's decision for a pod; None where it has none any more."""
        query = f"?node={node}" if node else ""
        try:
            found: dict[str, Any] = json.loads(fetch(f"{self.decisions_url}/v1/decisions/{namespace}/{pod}{query}"))
        except urllib.error.HTTPError:
            return None
        return found

    def metric(self, series: str) -> float:
        """A figure of the extender by its whole series, labels included; 0 where it is not told."""
        lines = fetch(f"{self.decisions_url}/metrics").decode().splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{series} ")), 0.0)

    def operator_has_read(self) -> bool:
        """Whether the operator has read telemetry: from then on it tells the watts that it has found."""
        lines = fetch(self.metrics_url).decode().splitlines()
        told = (line.partition('heterosched_operator_watts{origin="measured"} ')[2] for line in lines)
        return any(float(value) > 0 for value in told if value)

    def _wait_for(self, process: Process) -> None:
        url = self._probes[process]
        if not wait_until(lambda: not process.alive() or answers(url), START_LIMIT_S, 0.2) or not process.alive():
            raise ControlPlaneError(f"{process.name} does not come up: {process.output()[-2000:]}")


def fetch(url: str, limit_s: float = ANSWER_LIMIT_S) -> bytes:
    """What `url` answers. Raises HTTPError as it comes, and ControlPlaneError with the address where nothing comes."""
    try:
        with _open(url, timeout=limit_s) as answer:
            body: bytes = answer.read()
    except urllib.error.HTTPError:
        raise
    except OSError as error:
        raise ControlPlaneError(f"{url} did not answer (limit {limit_s:g} s): {error}") from error
    return body


def answers(url: str) -> bool:
    """Whether `url` answers 200."""
    try:
        with _open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
