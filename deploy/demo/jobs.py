"""The demo's HeteroJobs: measured public figures in, manifests out; the planner reads nothing else."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

NAMESPACE = "demo"
POLICIES = ("Performance", "Balanced", "Energy")

BATCH = 64
GLOBAL_BATCH = 512
ITERATIONS = 120
EPOCH_SHARE = 0.4
WORKFLOW_SCALE = 0.25
REPEATED_SHARE = 0.2
"""Everything is shortened, not sped up: fewer iterations, a share of an epoch, a quarter of each run time."""

REPEATS = 3
PROFILE = "shufflenet"
REPEATED_ON, GUESSED_FROM = "nvidia-p100", "nvidia-v100"
"""The repeats run on the one device type; their profile guesses from the other's published figure."""


def read_table(path: Path) -> list[dict[str, str]]:
    """A small CSV file with comment lines."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def build_training(figures: list[dict[str, str]]) -> dict[str, Any]:
    """Distributed ResNet-50 training with the measured Gavel throughputs (one worker = one GPU)."""
    throughput = [
        {"device": row["device"], "samplesPerSecond": f"{float(row['steps_per_second']) * BATCH:.3f}"}
        for row in figures
    ]
    return _job(
        "resnet50-training",
        "Balanced",
        templates=[_template("trainer", {"requests": {"cpu": "4", "memory": "16Gi"}, "limits": {"nvidia.com/gpu": 1}})],
        tasks=[
            {
                "name": "train",
                "templateRef": "trainer",
                "workers": {"min": 2, "max": 8, "gang": True, "rendezvous": True},
                "devices": {"allow": [row["device"] for row in figures]},
                "work": {
                    "training": {
                        "globalBatch": GLOBAL_BATCH,
                        "iterations": ITERATIONS,
                        "gradientBytes": "100Mi",
                        "throughputOn": throughput,
                    }
                },
            }
        ],
    )


def build_policy_jobs(figures: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Three jobs that differ in their policy only: ShuffleNetV2 with the measured Zeus times and watts."""
    runtimes = [
        {
            "device": row["device"],
            "seconds": f"{float(row['seconds_per_epoch']) * EPOCH_SHARE:.3f}",
            "watts": f"{float(row['watts']):.1f}",
        }
        for row in figures
    ]
    template = _template("shufflenet", {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"nvidia.com/gpu": 1}})
    task = {
        "name": "train",
        "templateRef": "shufflenet",
        "devices": {"allow": [row["device"] for row in figures]},
        "work": {"runtimeOn": runtimes},
    }
    return [_job(f"shufflenet-{policy.lower()}", policy, [template], [task]) for policy in POLICIES]


def build_profile(figures: list[dict[str, str]]) -> dict[str, Any]:
    """A profile that guesses: the repeats' device as fast as another one, its power left to the device table."""
    (known,) = [row for row in figures if row["device"] == GUESSED_FROM]
    seconds = f"{float(known['seconds_per_epoch']) * REPEATED_SHARE:.3f}"
    return {
        "apiVersion": "heterosched.io/v1alpha1",
        "kind": "ThroughputProfile",
        "metadata": {"name": PROFILE, "namespace": NAMESPACE},
        "spec": {"devices": [{"device": REPEATED_ON, "seconds": seconds, "origin": "estimated"}]},
    }


def build_repeats() -> list[dict[str, Any]]:
    """The same task several times; all that is known of it stands in the profile."""
    template = _template("shufflenet", {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"nvidia.com/gpu": 1}})
    task = {
        "name": "train",
        "templateRef": "shufflenet",
        "devices": {"allow": [REPEATED_ON]},
        "work": {"profile": PROFILE},
    }
    return [_job(f"repeat-{number}", "Balanced", [template], [task]) for number in range(1, REPEATS + 1)]


def published(figures: list[dict[str, str]]) -> tuple[float, float]:
    """What a repeat takes by the published figures: seconds, watts."""
    (known,) = [row for row in figures if row["device"] == REPEATED_ON]
    return float(known["seconds_per_epoch"]) * REPEATED_SHARE, float(known["watts"])


def sources(manifests: list[dict[str, Any]]) -> dict[str, str]:
    """Where the plan has the run times and the power of each job from, for people."""
    found = {}
    for manifest in manifests:
        works = [task["work"] for task in manifest["spec"]["tasks"]]
        rows = [row for work in works for row in work.get("runtimeOn") or work["training"]["throughputOn"]]
        power = "the job" if all("watts" in row for row in rows) else "device table"
        found[manifest["metadata"]["name"]] = f"run time: the job; power: {power}"
    return found


def import_workflow(instance: Path) -> dict[str, Any]:
    """The workflow as `heterosched import wfcommons` gives it."""
    command = [
        str(Path(sys.executable).with_name("heterosched")),
        *("import", "wfcommons", str(instance), "--name", "epigenomics", "--time-scale", str(WORKFLOW_SCALE)),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    manifest: dict[str, Any] = yaml.safe_load(done.stdout)
    manifest["metadata"]["namespace"] = NAMESPACE
    return manifest


def _template(name: str, resources: dict[str, Any]) -> dict[str, Any]:
    container = {"name": "main", "image": "example.com/train:1", "resources": resources}
    return {"name": name, "template": {"spec": {"containers": [container], "restartPolicy": "Never"}}}


def _job(name: str, policy: str, templates: list[dict[str, Any]], tasks: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "heterosched.io/v1alpha1",
        "kind": "HeteroJob",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"policy": policy, "templates": templates, "tasks": tasks},
    }
