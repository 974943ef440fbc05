"""An unmodified kube-scheduler with the extender puts pods where plan and telemetry say, and works on without it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from signal import SIGCONT, SIGSTOP
from typing import Any

import pytest
import yaml

from cluster import ControlPlane
from heterosched.api import PlanNote, encode_note
from processes import Process, free_port, wait_until
from prometheus import Server
from scheduler_config import scheduler_config

NODES = {
    "t4-801": "Tesla-T4",
    "t4-802": "Tesla-T4",
    "v100-801": "Tesla-V100-SXM2-16GB",
    "v100-802": "Tesla-V100-SXM2-16GB",
}
SUITE = {"suite": "extender"}
BOTH = {"nvidia-t4": 20.0, "nvidia-v100": 10.0}
WATTS = {"nvidia-t4": 70.0, "nvidia-v100": 300.0}


@dataclass
class Stack:
    """The processes under test and where they answer."""

    plane: ControlPlane
    extender: Process
    prometheus: Server
    ops: str

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"{self.ops}{path}", timeout=5) as answer:
            text: str = answer.read().decode()
            return text

    def ready(self) -> bool:
        try:
            return self.get("/readyz") == "ok"
        except OSError:
            return False

    def metric(self, series: str) -> float:
        lines = self.get("/metrics").splitlines()
        return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(series + " ")), 0.0)

    def decision(self, namespace: str, pod: str, query: str = "") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.get(f"/v1/decisions/{namespace}/{pod}{query}"))
        return found

    def create(self, namespace: str, *pods: dict[str, Any]) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": list(pods)}
        self.plane.kubectl("create", f"--namespace={namespace}", "--filename=-", stdin=json.dumps(listed))

    def places(self, namespace: str) -> dict[str, str]:
        """Node of each bound pod."""
        found = json.loads(self.plane.kubectl("get", "pods", f"--namespace={namespace}", "--output=json"))["items"]
        return {pod["metadata"]["name"]: pod["spec"]["nodeName"] for pod in found if pod["spec"].get("nodeName")}

    def bound(self, namespace: str, count: int, timeout_s: float = 30.0) -> dict[str, str]:
        assert wait_until(lambda: len(self.places(namespace)) >= count, timeout_s, 0.3), self.extender.output()[-2000:]
        return self.places(namespace)


def a_node(name: str, product: str) -> dict[str, Any]:
    labels = {**SUITE, "kubernetes.io/hostname": name, "nvidia.com/gpu.product": product, "nvidia.com/gpu.count": "8"}
    capacity = {"cpu": "64", "memory": "256Gi", "pods": "110", "nvidia.com/gpu": "8"}
    metadata = {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": {"capacity": capacity}}


def a_pod(name: str, note: PlanNote | None = None, index: int = 0, strict: bool = False) -> dict[str, Any]:
    annotations = {} if note is None else {"heterosched.io/plan": encode_note(note)}
    limits = {"nvidia.com/gpu": 1, **({"heterosched.io/strict": 1} if strict else {})}
    container = {"name": "main", "image": "busybox", "resources": {"requests": {"cpu": "1"}, "limits": limits}}
    labels = {"batch.kubernetes.io/job-completion-index": str(index)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "spec": {"schedulerName": "heterosched", "nodeSelector": SUITE, "containers": [container]},
    }


@pytest.fixture(scope="module")
def stack(control_plane: ControlPlane) -> Iterator[Stack]:
    plane = control_plane
    nodes = {"apiVersion": "v1", "kind": "List", "items": [a_node(*node) for node in NODES.items()]}
    plane.kubectl("create", "--filename=-", stdin=json.dumps(nodes))
    prometheus = plane.prometheus(name="prometheus-extender")
    verbs, ops = free_port(), free_port()
    settings = {
        "HETEROSCHED_EXTENDER_TELEMETRY_SECONDS": "1",
        "HETEROSCHED_EXTENDER_STATE_FILE": str(plane.folder / "extender-alive"),
    }
    command = [sys.executable, "-m", "heterosched_extender", "--kubeconfig", str(plane.kubeconfig)]
    ports = ["--port", str(verbs), "--ops-port", str(ops), "--prometheus-url", prometheus.url]
    extender = plane.start_process("extender", [*command, *ports], settings)
    running = Stack(plane, extender, prometheus, f"http://127.0.0.1:{ops}")
    assert wait_until(running.ready, 30.0, 0.2), extender.output()
    scheduler = _scheduler(plane, f"http://127.0.0.1:{verbs}")
    yield running
    for process in (scheduler, extender, prometheus.process):
        process.stop()
    plane.kubectl("delete", "nodes", "--selector=suite=extender", "--wait=false")


def _scheduler(plane: ControlPlane, extender: str) -> Process:
    config = plane.folder / "scheduler-extender.yaml"
    config.write_text(yaml.safe_dump(scheduler_config(str(plane.kubeconfig), extender)))
    credentials = [f"--authentication-kubeconfig={plane.kubeconfig}", f"--authorization-kubeconfig={plane.kubeconfig}"]
    binary = str(plane.bin("kube-scheduler"))
    listen = [f"--secure-port={free_port()}", f"--cert-dir={plane.folder / 'scheduler-extender-cert'}"]
    return plane.start_process("scheduler-extender", [binary, f"--config={config}", *listen, *credentials])


def test_pods_land_on_the_node_that_their_plan_names_for_their_index(stack: Stack, namespace: str) -> None:
    plans = {"nvidia-t4": ("t4-802", "t4-801"), "nvidia-v100": ("v100-801", "v100-802", "v100-801")}
    wanted = {}
    for device, nodes in plans.items():
        note = PlanNote(job="j", task=device, device=device, nodes=nodes, seconds=BOTH, watts=WATTS)
        wanted.update({f"{device}-{index}": node for index, node in enumerate(nodes)})
        stack.create(namespace, *(a_pod(f"{device}-{index}", note, index) for index in range(len(nodes))))
    assert stack.bound(namespace, len(wanted)) == wanted
    # The extender hears of the bindings when kubectl does, or a little later.
    advised = 'heterosched_extender_pods_bound_total{how="as_advised"}'
    assert wait_until(lambda: stack.metric(advised) >= len(wanted), 20.0, 0.2), stack.extender.output()[-2000:]
    decision = stack.decision(namespace, "nvidia-t4-1", "?node=v100-801")
    assert decision["best"]["node"] == decision["bound"] == "t4-801"
    assert decision["asked"]["node"] == "v100-801"
    assert decision["difference"] > 0


def test_policies_send_the_same_task_to_different_device_types(stack: Stack, namespace: str) -> None:
    notes = {name: PlanNote(policy=name, seconds=BOTH, watts=WATTS) for name in ("Performance", "Energy")}
    stack.create(namespace, *(a_pod(name.lower(), note) for name, note in notes.items()))
    places = stack.bound(namespace, 2)
    assert places["performance"].startswith("v100-")
    assert places["energy"].startswith("t4-")


def test_a_recorded_decision_is_replayed_to_the_byte_and_by_another_policy(stack: Stack, namespace: str) -> None:
    stack.create(namespace, a_pod("seen", PlanNote(policy="Energy", seconds=BOTH, watts=WATTS)))
    assert stack.bound(namespace, 1)["seen"].startswith("t4-")
    command = [sys.executable, "-m", "heterosched_cli", "what-if", f"{namespace}/seen", "--extender", stack.ops]
    same, other = (
        json.loads(subprocess.run([*command, *more, "-o", "json"], check=True, capture_output=True, text=True).stdout)
        for more in ((), ("--policy", "Performance"))
    )
    recorded = stack.decision(namespace, "seen")
    assert same["changed"] == []
    assert json.dumps(same["replayed"]) == json.dumps(same["recorded"]) == json.dumps(recorded)
    assert other["recorded"] == same["recorded"]
    assert other["replayed"]["best"]["node"].startswith("v100-")
    assert other["changed"][0].startswith("advised t4-")


@pytest.mark.parametrize(("celsius", "headroom"), [(97, 0.0)])
def test_a_hot_node_is_avoided(stack: Stack, namespace: str, celsius: int, headroom: float) -> None:
    hot, cool = "t4-801", "t4-802"
    heat = "sim.heterosched.io/gpu-temp"
    only_t4 = PlanNote(device="nvidia-t4", nodes=(hot,), seconds={"nvidia-t4": 20.0}, watts=WATTS)
    stack.plane.kubectl("annotate", "node", hot, f"{heat}={celsius}", "--overwrite")
    try:
        probes = (f"probe-{number}" for number in range(40))
        assert wait_until(lambda: _headroom(stack, namespace, next(probes), hot) == pytest.approx(headroom), 60.0, 1.0)
        stack.create(namespace, *(a_pod(f"warm-{number}", only_t4) for number in range(3)))
        assert wait_until(lambda: sum(name.startswith("warm-") for name in stack.places(namespace)) == 3, 30.0, 0.3)
        places = stack.places(namespace)
    finally:
        stack.plane.kubectl("annotate", "node", hot, f"{heat}-")
    assert {node for name, node in places.items() if name.startswith("warm-")} == {cool}
    told = stack.decision(namespace, "warm-0", f"?node={hot}")
    thermal = next(term for term in told["asked"]["terms"] if term["term"] == "thermal")
    assert thermal["value"] == pytest.approx(headroom)
    assert thermal["ageSeconds"] < 60


def _headroom(stack: Stack, namespace: str, probe: str, node: str) -> float | None:
    """What a decision made now knows of the heat of `node`: a pod is placed to find out, and leaves its GPU again."""
    stack.create(namespace, a_pod(probe, PlanNote(device="nvidia-t4", seconds={"nvidia-t4": 20.0}, watts=WATTS)))
    assert wait_until(lambda: probe in stack.places(namespace), 30.0, 0.2)
    terms = stack.decision(namespace, probe, f"?node={node}")["asked"]["terms"]
    stack.plane.kubectl("delete", "pod", probe, f"--namespace={namespace}", "--grace-period=0", "--force")
    found: float | None = next(term for term in terms if term["term"] == "thermal")["value"]
    return found


def test_without_extender_pods_bind_and_strict_pods_wait(stack: Stack, namespace: str) -> None:
    before = stack.metric('heterosched_extender_pods_bound_total{how="without_advice"}')
    stack.extender.kill()
    time.sleep(2)  # bindings are dated in whole seconds
    stack.create(namespace, a_pod("plain-0"), a_pod("plain-1"), a_pod("strict", strict=True))
    assert set(stack.bound(namespace, 2)) == {"plain-0", "plain-1"}
    time.sleep(3)
    assert "strict" not in stack.places(namespace)
    stack.extender.start()
    assert wait_until(stack.ready, 30.0, 0.2), stack.extender.output()
    assert "strict" in stack.bound(namespace, 3, timeout_s=60.0)
    assert before == 0.0
    assert stack.metric('heterosched_extender_pods_bound_total{how="without_advice"}') == 2.0


def test_while_the_extender_hangs_pods_still_bind_and_are_counted(stack: Stack, namespace: str) -> None:
    without = 'heterosched_extender_pods_bound_total{how="without_advice"}'
    before = stack.metric(without)
    stack.extender.send_signal(SIGSTOP)
    try:
        stack.create(namespace, a_pod("plain-0"), a_pod("plain-1"))
        stack.bound(namespace, 2, timeout_s=30.0)
        time.sleep(3)  # the answers that come now are clearly later than the bindings
    finally:
        stack.extender.send_signal(SIGCONT)
    assert wait_until(lambda: stack.metric(without) == before + 2, 20.0, 0.2), stack.extender.output()[-2000:]
