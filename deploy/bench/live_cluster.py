"""A real control plane with fake nodes on which schedulers of ours are started, fed with pods and measured."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from busy_extender import BenchError, cpu_seconds
from cluster import ControlPlane
from heterosched.kube.client import Kube
from processes import Process, free_port, wait_until
from scheduler_config import PROFILE, scheduler_config

CRDS = Path(__file__).resolve().parents[2] / "crds"
NAMESPACE = "bench"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
PROFILE_NAME = "bench"
PRODUCTS = ("NVIDIA-A100-SXM4-80GB", "NVIDIA-H100-80GB-HBM3", "Tesla-V100-SXM2-32GB", "Tesla-T4")
SECONDS = {"nvidia-a100": 10.0, "nvidia-h100": 6.0, "nvidia-v100": 20.0, "nvidia-t4": 40.0}
WATTS = {"nvidia-a100": 350.0, "nvidia-h100": 600.0, "nvidia-v100": 250.0, "nvidia-t4": 70.0}
AT_ONCE = 32
POLL_SECONDS = 0.2
LIMIT_SECONDS = 900.0
_ALGORITHM = "scheduler_scheduling_algorithm_duration_seconds"


@dataclass(frozen=True)
class Arm:
    """What one scheduler did with one batch of pods. Seconds; `cpu` of the scheduler, `extender_cpu` beside it."""

    algorithm_ms_per_pod: float
    cpu_per_pod: float
    extender_cpu_per_pod: float
    pods_per_second: float
    completion_seconds: float
    errors: float


def node(number: int, mixed: bool) -> dict[str, Any]:
    """A fake node with eight GPUs; all of one model unless `mixed`."""
    name = f"node-{number}"
    size = {"cpu": "96", "memory": "1152Gi", "pods": "110", "nvidia.com/gpu": "8"}
    product = PRODUCTS[number % len(PRODUCTS)] if mixed else PRODUCTS[0]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name, "type": "kwok", "nvidia.com/gpu.product": product},
            "annotations": {"kwok.x-k8s.io/node": "fake"},
        },
        "status": {"capacity": size, "allocatable": size},
    }


def pod(number: int, batch: str, run_seconds: float) -> dict[str, Any]:
    """One GPU, two cores; it runs until it is deleted where `run_seconds` is 0."""
    annotations = {"heterosched.io/profile": PROFILE_NAME}
    if run_seconds:
        annotations["sim.heterosched.io/seconds"] = json.dumps({"*": run_seconds})
    wants = {"cpu": "2", "memory": "8Gi", "nvidia.com/gpu": "1"}
    container = {"name": "main", "image": "bench", "resources": {"requests": wants, "limits": wants}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{batch}-{number}", "annotations": annotations},
        "spec": {"schedulerName": PROFILE, "restartPolicy": "Never", "containers": [container]},
    }


class LiveCluster:
    """`plane` with nodes, a ThroughputProfile and our extender; `arm` measures one scheduler."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self._verbs, self._ops, self._batch = free_port(), free_port(), 0
        self.extender: Process

    def up(self, nodes: int, mixed: bool) -> LiveCluster:
        """Fill the cluster and start the extender; returns when it is ready."""
        self.plane.apply(CRDS)
        self.plane.kubectl("wait", "--for=condition=Established", f"--filename={CRDS}", "--timeout=30s")
        self.plane.kubectl("create", "namespace", NAMESPACE)
        account = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default"
        if not wait_until(lambda: self._exists(account), 30.0, 0.2):
            raise BenchError("the namespace has no service account")
        devices = [{"device": name, "seconds": SECONDS[name], "watts": WATTS[name]} for name in SECONDS]
        profile = {"metadata": {"name": PROFILE_NAME}, "spec": {"devices": devices}}
        kind = {"apiVersion": "heterosched.io/v1alpha1", "kind": "ThroughputProfile"}
        self.plane.kubectl("create", f"--namespace={NAMESPACE}", "--filename=-", stdin=json.dumps(kind | profile))
        self._create("/api/v1/nodes", [node(number, mixed) for number in range(nodes)])
        if not wait_until(lambda: self._ready_nodes() == nodes, LIMIT_SECONDS, 1.0):
            raise BenchError(f"of {nodes} nodes only {self._ready_nodes()} became ready")
        self._start_extender()
        return self

    def arm(self, pods: int, config: Mapping[str, Any], run_seconds: float = 0.0) -> Arm:
        """Create the pods, start a scheduler, wait for the last one to be bound (and to end), clean up."""
        self._batch += 1
        batch = f"b{self._batch}"
        self._create(PODS, [pod(number, batch, run_seconds) for number in range(pods)])
        time.sleep(2.0)  # the extender and the controllers take note of them
        process, port = self._start_scheduler(batch, config)
        try:
            return self._measure(process, port, pods, run_seconds)
        finally:
            process.stop()
            self._clear()

    def with_extender(self) -> dict[str, Any]:
        """Our configuration."""
        return scheduler_config(str(self.plane.kubeconfig), f"http://127.0.0.1:{self._verbs}")

    def without_extender(self) -> dict[str, Any]:
        """The same profile, nobody asked."""
        return {key: value for key, value in self.with_extender().items() if key != "extenders"}

    def by_default(self) -> dict[str, Any]:
        """What kube-scheduler does by itself."""
        return {key: value for key, value in self.without_extender().items() if key != "percentageOfNodesToScore"}

    def _measure(self, process: Process, port: int, pods: int, run_seconds: float) -> Arm:
        bound, started, cpu, extender_cpu = 0.0, 0.0, 0.0, 0.0
        errors = self._extender_errors()
        deadline = time.monotonic() + LIMIT_SECONDS
        while bound < pods:
            if time.monotonic() > deadline or not process.alive():
                raise BenchError(f"{bound:.0f} of {pods} pods were bound: {process.output()[-1500:]}")
            if not bound:
                started, cpu, extender_cpu = time.monotonic(), cpu_seconds(process.pid), cpu_seconds(self.extender.pid)
            time.sleep(POLL_SECONDS)
            found = _metrics(port)
            bound = _sum(found, "scheduler_schedule_attempts_total", 'result="scheduled"')
        took = time.monotonic() - started
        cpu, extender_cpu = cpu_seconds(process.pid) - cpu, cpu_seconds(self.extender.pid) - extender_cpu
        count = _sum(found, f"{_ALGORITHM}_count", "")
        while run_seconds and self._unfinished():
            time.sleep(POLL_SECONDS)
        return Arm(
            algorithm_ms_per_pod=1000.0 * _sum(found, f"{_ALGORITHM}_sum", "") / count,
            cpu_per_pod=cpu / pods,
            extender_cpu_per_pod=extender_cpu / pods,
            pods_per_second=pods / took,
            completion_seconds=time.monotonic() - started,
            errors=_sum(found, "scheduler_schedule_attempts_total", 'result="error"')
            + self._extender_errors()
            - errors,
        )

    def _start_extender(self) -> None:
        command = [sys.executable, "-m", "heterosched_extender", "--kubeconfig", str(self.plane.kubeconfig)]
        ports = ["--port", str(self._verbs), "--ops-port", str(self._ops)]
        self.extender = self.plane.start_process("extender", [*command, *ports])
        if not wait_until(lambda: _answers(f"http://127.0.0.1:{self._ops}/readyz"), 120.0, 0.2):
            raise BenchError(f"the extender did not come up: {self.extender.output()[-1500:]}")

    def _start_scheduler(self, name: str, config: Mapping[str, Any]) -> tuple[Process, int]:
        path, port, kubeconfig = self.plane.folder / f"{name}.yaml", free_port(), str(self.plane.kubeconfig)
        path.write_text(yaml.safe_dump(dict(config)))
        options = [f"--config={path}", "--bind-address=127.0.0.1", f"--secure-port={port}"]
        options += [f"--cert-dir={self.plane.folder / name}", f"--authentication-kubeconfig={kubeconfig}"]
        options += [f"--authorization-kubeconfig={kubeconfig}", "--authorization-always-allow-paths=/metrics,/healthz"]
        process = self.plane.start_process(name, [str(self.plane.bin("kube-scheduler")), *options])
        if not wait_until(lambda: not process.alive() or _answers(f"https://127.0.0.1:{port}/healthz"), 60.0):
            raise BenchError(f"the scheduler did not come up: {process.output()[-1500:]}")
        return process, port

    def _extender_errors(self) -> float:
        found = _read(f"http://127.0.0.1:{self._ops}/metrics").splitlines()
        return _sum(found, "heterosched_extender_errors_total", "")

    def _ready_nodes(self) -> int:
        items = asyncio.run(self._list("/api/v1/nodes"))
        conditions = ({each["type"]: each["status"] for each in item["status"].get("conditions", ())} for item in items)
        return sum(found.get("Ready") == "True" for found in conditions)

    def _unfinished(self) -> bool:
        found = json.loads(self.plane.kubectl("get", "--raw", f"{PODS}?fieldSelector=status.phase!=Succeeded&limit=1"))
        return bool(found["items"])

    def _exists(self, path: str) -> bool:
        try:
            return bool(self.plane.kubectl("get", "--raw", path))
        except Exception:  # not there yet; the deadline of the caller says so
            return False

    def _clear(self) -> None:
        asyncio.run(self._delete_pods())
        empty = f"{PODS}?limit=1"
        if not wait_until(lambda: not json.loads(self.plane.kubectl("get", "--raw", empty))["items"], 300.0, 0.5):
            raise BenchError("the pods of the last batch do not go")
        time.sleep(2.0)

    async def _delete_pods(self) -> None:
        async with await Kube.connect(self.plane.kubeconfig) as kube:
            await kube.request("DELETE", PODS, body={"gracePeriodSeconds": 0}, within=300.0)

    async def _list(self, path: str) -> list[dict[str, Any]]:
        async with await Kube.connect(self.plane.kubeconfig) as kube:
            return list(await kube.list(path))

    def _create(self, path: str, items: Iterable[dict[str, Any]]) -> None:
        asyncio.run(self._create_all(path, list(items)))

    async def _create_all(self, path: str, items: list[dict[str, Any]]) -> None:
        gate = asyncio.Semaphore(AT_ONCE)
        async with await Kube.connect(self.plane.kubeconfig) as kube:

            async def create(item: dict[str, Any]) -> None:
                async with gate:
                    await kube.post(path, item)

            await asyncio.gather(*(create(item) for item in items))


_open = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=ssl._create_unverified_context())
).open
"""Loopback: never by a proxy, and the scheduler signs its certificate itself."""


def _read(url: str) -> str:
    with _open(url, timeout=10) as answer:
        return str(answer.read().decode())


def _answers(url: str) -> bool:
    try:
        return _read(url) == "ok"
    except OSError:
        return False


def _metrics(port: int) -> list[str]:
    return _read(f"https://127.0.0.1:{port}/metrics").splitlines()


def _sum(lines: Iterable[str], name: str, label: str) -> float:
    chosen = (line for line in lines if line.startswith((f"{name}{{", f"{name} ")) and label in line)
    return sum(float(line.rpartition(" ")[2]) for line in chosen)
