"""`kubectl heterosched` answers a user's questions about a real cluster, with nothing but a kubeconfig."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

from examples import EXAMPLES, documents
from kind_cluster import KindCluster
from kind_release import NAMESPACE, Release
from manifests import a_job
from on_kubelets import fitted, sleeping
from spaces import SpaceOn

Space = SpaceOn[KindCluster]
PROGRAMS = Path(sys.executable).parent


def kubectl_heterosched(cluster: KindCluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The plug-in, found by kubectl in the PATH as a user has it."""
    environment = {**cluster.environment, "COLUMNS": "200"}
    environment["PATH"] = f"{PROGRAMS}{os.pathsep}{environment['PATH']}"
    command = [str(cluster.bin / "kubectl"), "heterosched", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=150, check=False)


def answer(cluster: KindCluster, *arguments: str) -> str:
    """What the plug-in says where it is to succeed."""
    done = kubectl_heterosched(cluster, *arguments)
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


def test_doctor_finds_a_healthy_installation(release: Release) -> None:
    done = kubectl_heterosched(release.cluster, "doctor", f"--namespace={NAMESPACE}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout, done.stdout


def test_a_plan_is_asked_for_before_anything_is_applied(space: Space, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump_all(map(fitted, documents(EXAMPLES / "one-task.yaml"))))
    said = answer(space.plane, "plan", "-f", str(file), f"--namespace={space.name}")
    assert any(worker in said for worker in space.plane.workers), said
    assert "render" in said
    assert space.get("heterojobs") == []


def test_why_tells_of_a_pod_that_a_real_kubelet_runs(space: Space) -> None:
    space.apply(a_job("asked").template(sleeping(20)).task("only").gpus(1, "nvidia-t4", "nvidia-v100"))
    space.until("asked", "Running")
    (pod,) = space.pods("asked")
    space.until_bound(pod["metadata"]["name"])
    said = answer(space.plane, "why", pod["metadata"]["name"], f"--namespace={space.name}")
    assert space.places()[pod["metadata"]["name"]] in said, said
    listed = json.loads(answer(space.plane, "jobs", f"--namespace={space.name}", "--output=json"))
    assert "asked" in json.dumps(listed)


def test_top_shows_watts_and_temperature_of_every_gpu_node(release: Release) -> None:
    said = answer(release.cluster, "top")
    for worker in release.cluster.workers:
        assert worker in said, said
    assert "45" in said, said
