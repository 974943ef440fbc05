"""Whole-GPU pods of openb land where the score terms say, through the extender's HTTP verbs and the real scheduler.

Every twelfth node of the public fleet, and pods that ask for whole GPUs, one after another. For each pod three answers
are compared in one and the same state: the terms called in this process (as the lab calls them), the extender over
HTTP, and the node to which kube-scheduler binds the pod. What they have in common is written beside the logs.
"""

from __future__ import annotations

import csv
import json
import os
import random
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from cluster import ControlPlane
from heterosched.api import PlanNote, encode_note
from heterosched.model.devices import DEVICE_TYPES
from heterosched.policy.decide import Scores, score
from heterosched.policy.nodes import NodeArrays, Roster, Scene, Shape
from heterosched.policy.table import BUILT_IN
from heterosched.policy.terms import Ask
from processes import Process, free_port, wait_until
from scheduler_config import scheduler_config

DATA = Path(os.environ.get("HETEROSCHED_DATA", Path(__file__).parents[3] / "shared" / "data")) / "openb"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the public data is not here")

EVERY, PODS = 12, 120
LEAST_AGREED = 0.9
"""Share of the pods that have to be bound to a node which the terms, asked in this process, call best as well."""
PRODUCTS = {
    "T4": "Tesla-T4",
    "A10": "NVIDIA-A10",
    "G2": "NVIDIA-A10",
    "P100": "Tesla-P100-PCIE-16GB",
    "V100M16": "Tesla-V100-SXM2-16GB",
    "V100M32": "Tesla-V100-SXM2-32GB",
    "G3": "NVIDIA-A100-SXM4-40GB",
}
MIB = 2**20
WATTS = {name: device.busy_watts - device.idle_watts for name, device in DEVICE_TYPES.items()}
NOTE = PlanNote(policy="Energy", seconds=dict.fromkeys(WATTS, 600.0), watts=WATTS)


@dataclass(frozen=True)
class Pod:
    """What a pod of the trace asks for: thousandths of cores, MiB, whole GPUs."""

    name: str
    cores: int
    memory: int
    gpus: int

    def manifest(self) -> dict[str, Any]:
        amounts = {"cpu": f"{self.cores}m", "memory": f"{self.memory}Mi", "nvidia.com/gpu": self.gpus}
        container = {"name": "main", "image": "busybox", "resources": {"requests": amounts, "limits": amounts}}
        annotations = {"heterosched.io/plan": encode_note(NOTE)}
        metadata = {"name": self.name, "namespace": "default", "uid": self.name, "annotations": annotations}
        spec = {"schedulerName": "heterosched", "containers": [container]}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    def ask(self) -> Ask:
        seconds, watts, row = NOTE.seconds, NOTE.watts, BUILT_IN["Energy"]
        return Ask(row, float(self.gpus), self.cores / 1000, seconds, watts, memory=float(self.memory * MIB))


def pods() -> list[Pod]:
    with (DATA / "openb_pod_list_default.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["num_gpu"] != "0" and row["gpu_milli"] == "1000"]
    chosen = random.Random(42).sample(rows, PODS)
    return [Pod(row["name"], int(row["cpu_milli"]), int(row["memory_mib"]), int(row["num_gpu"])) for row in chosen]


def nodes() -> list[dict[str, Any]]:
    with (DATA / "openb_node_list_gpu_node.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[::EVERY]
    found = []
    for row in rows:
        labels = {"nvidia.com/gpu.product": PRODUCTS[row["model"]], "nvidia.com/gpu.count": row["gpu"]}
        metadata = {"name": row["sn"], "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}}
        amounts = {"cpu": f"{row['cpu_milli']}m", "memory": f"{row['memory_mib']}Mi", "pods": "500"}
        capacity = {**amounts, "nvidia.com/gpu": row["gpu"]}
        found.append({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": {"capacity": capacity}})
    return found


class Lab:
    """The same fleet as the arrays that score terms read, kept up to date by what has been bound."""

    def __init__(self, listed: list[dict[str, Any]]) -> None:
        capacity = [node["status"]["capacity"] for node in listed]
        products = [node["metadata"]["labels"]["nvidia.com/gpu.product"] for node in listed]
        kinds = [DEVICE_TYPES.of_product(product) for product in products]
        devices = tuple(sorted(set(kinds)))
        cores = np.array([int(own["cpu"][:-1]) / 1000 for own in capacity])
        memory = np.array([float(own["memory"][:-2]) * MIB for own in capacity])
        gpus = np.array([float(own["nvidia.com/gpu"]) for own in capacity])
        idle = [DEVICE_TYPES.idle_watts(*own) for own in zip(kinds, cores, gpus, strict=True)]
        device = np.array([devices.index(kind) for kind in kinds])
        asleep = np.ones(len(listed), dtype=np.bool_)
        free = cores.copy(), memory.copy(), gpus.copy()
        self.nodes = NodeArrays(devices, device, cores, memory, gpus, *free, asleep, np.array(idle))
        self.roster = Roster.of(1, [node["metadata"]["name"] for node in listed])
        self._seen: Counter[tuple[int, float, float]] = Counter()

    def fitting(self, pod: Pod) -> np.ndarray[Any, np.dtype[np.int64]]:
        own = self.nodes
        room = (own.free_gpus >= pod.gpus) & (own.free_cores * 1000 >= pod.cores)
        return np.flatnonzero(room & (own.free_memory >= pod.memory * MIB))

    def scores(self, pod: Pod) -> Scores:
        """Of the nodes that have room, in their order."""
        scene = Scene(roster=self.roster, nodes=self.nodes)
        return score(scene, pod.ask(), self.fitting(pod), None, 0.0)

    def take(self, pod: Pod, node: str) -> None:
        self._seen[pod.gpus, pod.cores / 1000, float(pod.memory * MIB)] += 1
        shapes = [Shape(float(gpus), cores, size, count) for (gpus, cores, size), count in self._seen.items()]
        shapes.sort(key=lambda shape: (shape.count, shape.gpus, shape.cores, shape.memory), reverse=True)
        row, old = self.roster.index[node], self.nodes
        new = replace(old, shapes=tuple(shapes), asleep=old.asleep.copy(), free_cores=old.free_cores.copy())
        new = replace(new, free_memory=old.free_memory.copy(), free_gpus=old.free_gpus.copy())
        new.asleep[row] = False
        new.free_cores[row] -= pod.cores / 1000
        new.free_memory[row] -= pod.memory * MIB
        new.free_gpus[row] -= pod.gpus
        self.nodes = new


@dataclass
class Parts:
    """The processes under test."""

    plane: ControlPlane
    extender: Process
    verbs: str
    lab: Lab

    def asked(self, pod: Pod, names: list[str]) -> dict[str, int]:
        """The extender's scores over HTTP."""
        call = {"Pod": pod.manifest(), "NodeNames": names}
        request = urllib.request.Request(
            f"{self.verbs}/prioritize", json.dumps(call).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return {found["Host"]: found["Score"] for found in json.load(answer)}

    def bound(self, pod: Pod) -> str:
        """Create the pod and tell the node to which the scheduler binds it."""
        manifest = pod.manifest()
        del manifest["metadata"]["uid"]
        self.plane.kubectl("create", "--filename=-", stdin=json.dumps(manifest))
        read = ("get", "pod", pod.name, "--namespace=default", "--output=jsonpath={.spec.nodeName}")
        assert wait_until(lambda: bool(self.plane.kubectl(*read)), 60.0, 0.1), self.extender.output()[-2000:]
        return self.plane.kubectl(*read).strip()


@pytest.fixture(scope="module")
def parts(control_plane: ControlPlane) -> Iterator[Parts]:
    plane, listed = control_plane, nodes()
    plane.kubectl("create", "--filename=-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": listed}))
    plane.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=120s")
    verbs, ops = free_port(), free_port()
    command = [sys.executable, "-m", "heterosched_extender", "--kubeconfig", str(plane.kubeconfig)]
    settings = {"HETEROSCHED_EXTENDER_STATE_FILE": str(plane.folder / "extender-alive")}
    extender = plane.start_process("extender", [*command, "--port", str(verbs), "--ops-port", str(ops)], settings)
    address = f"http://127.0.0.1:{verbs}"
    assert wait_until(lambda: _ready(f"http://127.0.0.1:{ops}/readyz"), 60.0, 0.2), extender.output()
    config = plane.folder / "scheduler-openb.yaml"
    # A busy machine's late answer would put a pod where nobody advised it: here the scheduler may wait.
    config.write_text(yaml.safe_dump(scheduler_config(str(plane.kubeconfig), address, http_timeout="20s")))
    credentials = [f"--authentication-kubeconfig={plane.kubeconfig}", f"--authorization-kubeconfig={plane.kubeconfig}"]
    listen = [f"--secure-port={free_port()}", f"--cert-dir={plane.folder / 'scheduler-openb-cert'}"]
    binary = str(plane.bin("kube-scheduler"))
    scheduler = plane.start_process("scheduler-openb", [binary, f"--config={config}", *listen, *credentials])
    yield Parts(plane, extender, address, Lab(listed))
    for process in (scheduler, extender):
        process.stop()


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.read() == b"ok")
    except OSError:
        return False


def test_the_scheduler_binds_whole_gpu_pods_where_the_terms_say(parts: Parts) -> None:
    same_scores, among_best, first_best, dropped, odd = 0, 0, 0, 0, []
    for pod in pods():
        rows = parts.lab.fitting(pod)
        if not len(rows):
            dropped += 1
            continue
        names = [parts.lab.roster.names[row] for row in rows]
        own = parts.lab.scores(pod)
        expected = dict(zip(names, own.integers.tolist(), strict=True))
        answered = parts.asked(pod, names)
        node = parts.bound(pod)
        best = [name for name, mark in expected.items() if mark == 10]
        same_scores += answered == expected
        among_best += node in best
        first_best += node == min(best)
        if node not in best or answered != expected:
            odd.append({"pod": pod.name, "bound": node, "lab": best[:5], "extender": _best(answered)[:5]})
        parts.lab.take(pod, node)
        time.sleep(0.05)  # the watch has to show the binding before the next question
    placed = PODS - dropped
    report = {
        "nodes": len(parts.lab.roster.names),
        "pods": placed,
        "dropped": dropped,
        "extenderScoresAsInTheLab": same_scores / placed,
        "boundToANodeThatTheLabCallsBest": among_best / placed,
        "boundToTheFirstOfThem": first_best / placed,
        "why": "several nodes are often equally good, and in-tree scorers choose among them; typical shapes are "
        "counted anew once a second in the extender, after every pod in the lab",
        "differing": odd,
    }
    (parts.plane.folder / "openb.json").write_text(json.dumps(report, indent=1))
    print(json.dumps({**report, "differing": odd[:3]}))
    assert among_best / placed >= LEAST_AGREED, odd[:5]


def _best(scores: dict[str, int]) -> list[str]:
    return [name for name, mark in scores.items() if mark == max(scores.values())]
