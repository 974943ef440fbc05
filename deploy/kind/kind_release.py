"""The chart as a release on a kind cluster, handled by helm as an administrator would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from binaries import ControlPlaneError
from kind_cluster import KindCluster

CHART = Path(__file__).resolve().parents[2] / "helm" / "heterosched"
VERSION = (CHART.parents[1] / "VERSION").read_text().strip()
NAME, NAMESPACE = "heterosched", "heterosched-system"
PATIENCE = "--timeout=240s"
COMPONENTS = ("operator", "extender", "cli")
BEFORE = "0.0.9"
"""What stands for the version before this one: the same images and the same chart under a lower number."""
VALUES: Mapping[str, Any] = {
    "prometheus": {"url": "http://prometheus.monitoring:9090"},
    # The GPUs are simulated, and so are their watts; two seconds are the scrape interval.
    "operator": {"config": {"energy_source": "simulated", "telemetry_seconds": 2}},
    "extender": {"config": {"telemetry_seconds": 2}},
}


def image(component: str, version: str = VERSION) -> str:
    """The image of a component."""
    return f"heterosched/{component}:{version}"


@dataclass
class Release:
    """The release `heterosched` in its namespace, which enforces the restricted pod security standard."""

    cluster: KindCluster

    def helm(self, *arguments: str, timeout_s: float = 280.0) -> str:
        """Run helm against the cluster and return its output; ControlPlaneError with its words if it fails."""
        return self.cluster.run(
            str(self.cluster.bin / "helm"), *arguments, f"--namespace={NAMESPACE}", timeout_s=timeout_s
        )

    def package(self, version: str) -> Path:
        """The chart of this checkout, packaged under another version."""
        said = self.helm(
            "package",
            str(CHART),
            f"--version={version}",
            f"--app-version={version}",
            f"--destination={self.cluster.folder}",
        )
        return Path(said.strip().rpartition(" ")[2])

    def install(self) -> str:
        """Install this checkout's chart into a restricted namespace and wait until all of it is ready."""
        label = "pod-security.kubernetes.io/enforce=restricted"
        self.cluster.kubectl("create", "namespace", NAMESPACE)
        self.cluster.kubectl("label", "namespace", NAMESPACE, label)
        values = self.cluster.folder / "values.yaml"
        values.write_text(yaml.safe_dump(dict(VALUES)))
        return self.helm("install", NAME, str(CHART), f"--values={values}", "--wait", PATIENCE)

    def upgrade(self, chart: Path = CHART) -> str:
        """Go to another chart with the same values, and wait until all of it is ready."""
        return self.helm("upgrade", NAME, str(chart), "--reset-then-reuse-values", "--wait", PATIENCE)

    def rollback(self, revision: int) -> str:
        """Go back to a revision and wait until all of it is ready."""
        return self.helm("rollback", NAME, f"{revision}", "--wait", PATIENCE)

    def uninstall(self) -> str:
        """Remove the release and wait until its objects are gone; returns what the hook has said of it."""
        command = (str(self.cluster.bin / "helm"), "uninstall", NAME, f"--namespace={NAMESPACE}", "--wait", PATIENCE)
        done = self.cluster.attempt(*command, timeout_s=280.0)
        if done.returncode != 0:
            raise ControlPlaneError(f"helm uninstall: {done.stderr.strip()}")
        return done.stderr

    def history(self) -> list[dict[str, Any]]:
        """The revisions as helm lists them."""
        found: list[dict[str, Any]] = json.loads(self.helm("history", NAME, "--output=json"))
        return found

    def pods(self, component: str) -> list[dict[str, Any]]:
        """The living pods of a component."""
        selector = f"app.kubernetes.io/component={component}"
        said = self.cluster.kubectl(
            "get", "pods", f"--namespace={NAMESPACE}", f"--selector={selector}", "--output=json"
        )
        items: list[dict[str, Any]] = json.loads(said)["items"]
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]

    def until_ready(self) -> None:
        """Wait until every pod that there should be is ready."""
        for deployment in ("heterosched-operator", "heterosched-scheduler"):
            arguments = ("rollout", "status", f"deployment/{deployment}", f"--namespace={NAMESPACE}", PATIENCE)
            self.cluster.kubectl(*arguments, timeout_s=260.0)
