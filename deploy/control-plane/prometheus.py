"""Starts a real Prometheus beside a control plane and asks it questions.

kwok publishes the fake nodes' series and lists them by HTTP service discovery. Prometheus scrapes each fake node as if
its exporters ran there: the DCGM series come from job `dcgm-exporter` and the host's from job `node-exporter`, each
with the node in its `instance` label, as the usual relabelling in a cluster leaves them.
"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from binaries import ControlPlaneError
from processes import Process, wait_until

_HEAD = """\
global:
  scrape_interval: {interval}
  scrape_timeout: {interval}
scrape_configs:
- job_name: fake-nodes
  http_sd_configs:
  - url: http://127.0.0.1:{kwok_port}/discovery/prometheus
    refresh_interval: 2s
  relabel_configs:
  - source_labels: [__metrics_path__]
    regex: /metrics/nodes/([^/]+)/.*
    target_label: instance
    replacement: $1
  - regex: metrics_name
    action: labeldrop
  metric_relabel_configs:
  # A node without the GPU model's label has no GPU, hence no DCGM exporter.
  - source_labels: [__name__, modelName]
    regex: DCGM_[^;]*;
    action: drop
  - source_labels: [__name__]
    regex: DCGM_.*
    target_label: job
    replacement: dcgm-exporter
  - source_labels: [__name__]
    regex: node_.*
    target_label: job
    replacement: node-exporter
"""
_JOB = """\
- job_name: {job}
  static_configs:
  - targets: {targets}
"""


def configuration(kwok_port: int, interval_s: float, targets: Mapping[str, Sequence[str]]) -> str:
    """Return a Prometheus configuration that scrapes the fake nodes and `targets` (job -> `host:port`s).

    `interval_s` is the scrape interval in seconds, with a resolution of a millisecond.
    """
    jobs = "".join(_JOB.format(job=job, targets=json.dumps(list(where))) for job, where in targets.items())
    return _HEAD.format(interval=f"{round(interval_s * 1000)}ms", kwok_port=kwok_port) + jobs


def command(program: str, config: Path, data: Path, port: int) -> list[str]:
    """Return the command line: loopback only, its own data folder, short retention (a test's data is thrown away)."""
    return [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--storage.tsdb.retention.time=6h",
        "--log.level=warn",
    ]


class Client:
    """Asks a Prometheus server on this machine by its HTTP API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open  # loopback: never by a proxy

    def ready(self) -> bool:
        """Return whether the server answers and has loaded its data."""
        try:
            with self._open(f"{self.url}/-/ready", timeout=2):
                return True
        except OSError:
            return False

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return (labels, value) of each series that `expression` gives now; OSError if the server refuses."""
        address = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        with self._open(address, timeout=10) as answer:
            body: dict[str, Any] = json.load(answer)
        return [(dict(series["metric"]), float(series["value"][1])) for series in body["data"]["result"]]


class Server:
    """A running Prometheus: `process` to hang or kill it, `query` to ask it, `url` for others."""

    def __init__(self, process: Process, url: str) -> None:
        self.process = process
        self.url = url
        self._client = Client(url)

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return (labels, value) of each series that `expression` gives now; OSError if it does not answer."""
        return self._client.query(expression)

    def wait_ready(self, timeout_s: float = 30.0) -> None:
        """Wait until it answers; ControlPlaneError if it ends or `timeout_s` seconds pass first."""
        wait_until(lambda: self._client.ready() or not self.process.alive(), timeout_s)
        if not (self.process.alive() and self._client.ready()):
            raise ControlPlaneError(
                f"prometheus did not come up, see {self.process.log}: {self.process.output()[-500:]}"
            )

    def wait_for_nodes(self, count: int, timeout_s: float = 30.0) -> None:
        """Wait until it has scraped `count` fake nodes; a new node takes up to 7 s, so often does discovery look.

        Raises ControlPlaneError after `timeout_s` seconds.
        """
        if not wait_until(lambda: len(self.query("node_load1")) >= count, timeout_s, 0.2):
            raise ControlPlaneError(f"prometheus sees {len(self.query('node_load1'))} of {count} nodes")

    def restart(self) -> None:
        """Kill it, start it on the same data and port, wait until it answers."""
        self.process.restart()
        self.wait_ready()
