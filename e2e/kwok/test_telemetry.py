"""The telemetry chain on a real control plane: what the exporters of its nodes say becomes arrays and joules."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cluster import ControlPlane
from eventually import eventually
from heterosched.kube.client import Kube
from heterosched.kube.convert import addresses_of, cores_of, run_span
from heterosched.kube.objects import NodeObject, PodObject
from heterosched.kube.reflector import Reflector
from heterosched.model.telemetry import GPU_TEMPERATURE, GPU_THROTTLING, GPU_WATTS, HOST_LOAD
from heterosched.telemetry.collector import Collector
from heterosched.telemetry.energy import EnergyMeter, Measurement, PodRun
from heterosched.telemetry.settings import Inventory, TelemetrySettings
from processes import wait_until
from prometheus import Server

HOT, COOL = "telhot-0", "telcool-0"
NODES = (HOT, COOL)


def a_node(name: str, **steering: str) -> dict[str, Any]:
    labels = {
        "kubernetes.io/hostname": name,
        "nvidia.com/gpu.product": "Tesla-T4",
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.count": "1",
    }
    annotations = {f"sim.heterosched.io/{key.replace('_', '-')}": value for key, value in steering.items()}
    capacity = {"cpu": "32", "memory": "128Gi", "pods": "110", "nvidia.com/gpu": "1"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake", **annotations}},
        "status": {"capacity": capacity},
    }


@pytest.fixture(scope="module")
def fleet(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    hot = a_node(HOT, gpu_temp="88", throttle_reasons="64", host_load="48", idle_watts="10")
    items = [hot, a_node(COOL, idle_watts="12")]
    control_plane.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    control_plane.kubectl("wait", "--for=condition=Ready", "--timeout=60s", *(f"node/{name}" for name in NODES))
    yield control_plane
    control_plane.kubectl("delete", "node", *NODES, "--wait=false")


@pytest.fixture(scope="module")
def prometheus(fleet: ControlPlane) -> Iterator[Server]:
    server = fleet.prometheus(name="prometheus-telemetry")
    yield server
    server.process.kill()


@asynccontextmanager
async def running(*parts: Reflector[NodeObject] | Collector) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        yield
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def figure(collector: Collector, metric: str, node: str, max_age: float = 10.0) -> float:
    latest = collector.latest
    return float(latest.aligned(metric, (node,), latest.collected_at, max_age)[0][0])


async def test_the_energy_of_a_finished_pod_is_measured(
    fleet: ControlPlane, prometheus: Server, namespace: str
) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "train",
            "annotations": {"sim.heterosched.io/seconds": '{"*": 6}', "sim.heterosched.io/watts": '{"*": 200}'},
        },
        "spec": {
            "restartPolicy": "Never",
            "nodeName": COOL,
            "containers": [{"name": "main", "image": "none", "resources": {"limits": {"nvidia.com/gpu": 1}}}],
        },
    }
    path = f"/api/v1/namespaces/{namespace}/pods"
    seen = f'count(DCGM_FI_DEV_POWER_USAGE{{Hostname="{COOL}"}})'
    assert await asyncio.to_thread(
        wait_until, lambda: bool(prometheus.query(seen)), 60.0
    )  # discovery takes some seconds
    async with await Kube.connect(fleet.kubeconfig) as kube:
        pods = Reflector(kube, path, PodObject)
        reflecting = asyncio.create_task(pods.run())
        await kube.post(path, pod)
        key = f"{namespace}/train"
        assert await eventually(lambda: key in pods.items and pods.items[key].finished, 60.0)
        reflecting.cancel()
        await asyncio.gather(reflecting, return_exceptions=True)
    span = run_span(pods.items[key])
    assert span is not None
    await asyncio.sleep(2.0)  # two scrapes
    meter = EnergyMeter.at(TelemetrySettings(url=prometheus.url), max_gap=5.0)
    found: Measurement | None = await meter.measure(PodRun(namespace, "train", COOL, *span, gpus=1))
    assert found is not None
    assert found.joules == pytest.approx(200.0 * (span[1] - span[0]), rel=0.1)
    assert found.samples >= 3


async def test_the_nodes_figures_arrive_and_age_out_when_prometheus_is_killed(
    fleet: ControlPlane, prometheus: Server
) -> None:
    async with await Kube.connect(fleet.kubeconfig) as kube:
        nodes = Reflector(kube, "/api/v1/nodes", NodeObject)
        settings = TelemetrySettings(url=prometheus.url, interval=0.5, timeout=2.0)

        def inventory() -> Inventory:
            return Inventory.of((node.key, addresses_of(node), cores_of(node)) for node in nodes.items.values())

        collector = Collector(settings, inventory=inventory)
        async with running(nodes, collector):
            wanted = [(HOST_LOAD, HOT), (GPU_TEMPERATURE, HOT), (GPU_WATTS, COOL), (GPU_THROTTLING, COOL)]
            assert await eventually(lambda: not any(math.isnan(figure(collector, *one)) for one in wanted), 60.0)
            assert collector.latest.error == ""
            assert figure(collector, GPU_TEMPERATURE, HOT) == 88.0
            assert figure(collector, GPU_THROTTLING, HOT) == 1.0
            assert figure(collector, GPU_THROTTLING, COOL) == 0.0
            assert figure(collector, HOST_LOAD, HOT) == 1.5
            assert figure(collector, GPU_WATTS, COOL) == 12.0
            await asyncio.to_thread(prometheus.process.kill)
            assert await eventually(lambda: bool(collector.latest.error))
            assert figure(collector, GPU_TEMPERATURE, HOT, max_age=60.0) == 88.0
            _, age = collector.latest.aligned(GPU_TEMPERATURE, (HOT,), collector.latest.collected_at + 60.0, 30.0)
            assert age[0] >= 60.0
            await asyncio.to_thread(prometheus.process.start)
            assert await eventually(lambda: not collector.latest.error, 60.0)
