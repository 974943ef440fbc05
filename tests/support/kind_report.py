"""What a run on kind tells: how long an installation takes to its first finished job, what ran, what was survived."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import Engine
from kind_cluster import KindCluster
from kind_release import VERSION


@dataclass
class Report:
    """Gathers figures during the session and writes them to `file`."""

    engine: Engine
    file: Path
    facts: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    pods: set[str] = field(default_factory=set)
    versions: dict[str, str] = field(default_factory=lambda: {"heterosched": VERSION})
    _began: float = field(default_factory=time.monotonic)
    _installed: float = 0.0

    def installing(self) -> None:
        """`helm install` begins now."""
        self._installed = time.monotonic()

    def first_job_done(self) -> None:
        """The first HeteroJob is done."""
        self.facts["seconds_from_helm_install_to_first_heterojob_done"] = round(time.monotonic() - self._installed, 1)

    def ran(self, *pods: str) -> None:
        """These pods have run on a kubelet to their end."""
        self.pods |= set(pods)

    def survived(self, fault: str) -> None:
        """A fault, and the work that was under way is done."""
        self.faults.append(fault)

    def versions_of(self, cluster: KindCluster) -> None:
        """Note what the cluster and its engine are made of."""
        info = json.loads(cluster.kubectl("get", "nodes", "--output=json"))["items"][0]["status"]["nodeInfo"]
        self.versions |= {
            "kubernetes": info["kubeletVersion"],
            "container runtime": info["containerRuntimeVersion"],
            "kernel": info["kernelVersion"],
            "node image": cluster.engine.kind_node_image or "kind's own",
            "engine": cluster.docker("version", "--format", "{{.Server.Version}}").strip(),
            "kind": cluster.kind("version").strip(),
            "helm": cluster.run(str(cluster.bin / "helm"), "version", "--short").strip(),
            "base image": cluster.engine.base_image,
        }

    def write(self) -> None:
        """Write the file."""
        told = {
            **self.facts,
            "seconds_in_all": round(time.monotonic() - self._began, 1),
            "pods_run": len(self.pods),
            "faults_survived": self.faults,
            "versions": self.versions,
            "engine": self.engine.origin,
            "processors": os.cpu_count(),
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(told, indent=2) + "\n")
