"""The cluster reaches the service after the first sync and with every change; health tells silence from refusal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
import pytest

from eventually import eventually
from extender_calls import a_node, a_pod_manifest, telemetry_of
from heterosched.kube.dra import CLAIMS_PATH, SLICES_PATH
from heterosched.kube.errors import ApiUnavailable, NotFound
from heterosched.kube.topology import TOPOLOGIES_PATH
from heterosched.model import Telemetry
from heterosched.settings import load
from heterosched_extender.decisions import Decisions
from heterosched_extender.objects import TAS_API
from heterosched_extender.service import NotReady, Service
from heterosched_extender.settings import Settings
from heterosched_extender.sync import Sync
from manifests import a_policy

NODES, PODS = "/api/v1/nodes", "/api/v1/pods"
POLICIES = "/apis/heterosched.io/v1alpha1/schedulingpolicies"
PROFILES = "/apis/heterosched.io/v1alpha1/throughputprofiles"
TAS_PATH = f"{TAS_API}/taspolicies"
OPTIONAL = (POLICIES, PROFILES, TOPOLOGIES_PATH, SLICES_PATH, CLAIMS_PATH, TAS_PATH)


class ScriptedCluster:
    """Lists what it is given and passes on the events put into its queues; `missing` collections do not exist."""

    def __init__(self, missing: tuple[str, ...] = ()) -> None:
        self.items: dict[str, list[dict[str, Any]]] = {path: [] for path in (NODES, PODS, *OPTIONAL)}
        self.events: dict[str, asyncio.Queue[bytes]] = {path: asyncio.Queue() for path in self.items}
        self.missing = missing
        self.down = False

    async def get_raw(self, path: str, params: Any) -> bytes:
        if path in self.missing:
            raise NotFound(f"LIST {path}", 404, "NotFound", "no such kind")
        if self.down:
            raise ApiUnavailable(f"LIST {path}", 0, "", "down")
        return msgspec.json.encode({"metadata": {"resourceVersion": "1"}, "items": self.items[path]})

    async def watch(self, path: str, resource_version: str, params: Any, **_: float) -> AsyncGenerator[bytes, None]:
        while True:
            yield await self.events[path].get()

    def tell(self, path: str, type: str, object: dict[str, Any]) -> None:
        self.events[path].put_nowait(msgspec.json.encode({"type": type, "object": object}))


@asynccontextmanager
async def syncing(cluster: ScriptedCluster, service: Service, **given: str) -> AsyncIterator[Sync]:
    sync = Sync(cluster, service, load(Settings, {}, None, {"flush_seconds": 0.001, **given}))
    task = asyncio.create_task(sync.run())
    yield sync
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def service() -> Service:
    return Service(Decisions(2**20, 3600))


async def test_ready_comes_with_the_first_sync_even_without_our_own_kinds(service: Service) -> None:
    cluster = ScriptedCluster(missing=OPTIONAL)
    cluster.items[NODES] = [a_node("t4-0")]
    async with syncing(cluster, service) as sync:
        assert "first sync" in sync.not_ready()
        assert await eventually(lambda: not sync.not_ready())
        assert service.snapshot is not None
        assert service.snapshot.roster.names == ("t4-0",)
        assert sync.not_alive() == ""
        assert {path for path, _, _ in sync.watches()} == {NODES, PODS}


async def test_not_ready_while_the_api_server_does_not_answer(service: Service) -> None:
    cluster = ScriptedCluster()
    cluster.down = True
    async with syncing(cluster, service) as sync:
        await asyncio.sleep(0.05)
        assert NODES in sync.not_ready()
        assert sync.not_alive() == ""
        cluster.down = False
        assert await eventually(lambda: not sync.not_ready())


async def test_every_change_reaches_the_next_snapshot(service: Service) -> None:
    cluster = ScriptedCluster()
    cluster.items[NODES] = [a_node("t4-0")]
    async with syncing(cluster, service) as sync:
        assert await eventually(lambda: not sync.not_ready())
        cluster.tell(NODES, "ADDED", a_node("v100-0", uid="n2", resourceVersion="2"))
        assert await eventually(lambda: service.snapshot is not None and len(service.snapshot.nodes) == 2)
        cluster.tell(PODS, "ADDED", a_pod_manifest("p", node="t4-0", gpus=4, resourceVersion="3"))
        assert await eventually(lambda: service.snapshot is not None and service.snapshot.nodes.free_gpus[0] == 0.0)
        cluster.tell(PODS, "DELETED", a_pod_manifest("p", node="t4-0", gpus=4, resourceVersion="4"))
        assert await eventually(lambda: service.snapshot is not None and service.snapshot.nodes.free_gpus[0] == 4.0)
        cluster.tell(POLICIES, "ADDED", a_policy("green", weights={"energy": 1}))
        assert await eventually(lambda: service.snapshot is not None and "green" in service.snapshot.policies)
        cluster.tell(NODES, "DELETED", a_node("t4-0", resourceVersion="5"))
        assert await eventually(lambda: service.snapshot is not None and service.snapshot.roster.names == ("v100-0",))


async def test_a_watch_that_is_silent_without_failing_is_reported_dead(service: Service) -> None:
    cluster = ScriptedCluster()
    async with syncing(cluster, service) as sync:
        assert await eventually(lambda: not sync.not_ready())
        nodes = sync._nodes
        nodes._heard -= 1000
        assert "has been silent for 100" in sync.not_alive()
        nodes.counters.failures += 1
        assert sync.not_alive() == ""


async def test_on_the_way_out_it_is_not_ready(service: Service) -> None:
    async with syncing(ScriptedCluster(), service) as sync:
        assert await eventually(lambda: not sync.not_ready())
        sync.stopping = True
        assert sync.not_ready() == "stopping"


async def test_topologies_and_slices_reach_the_snapshot_and_leave_it(service: Service) -> None:
    cluster = ScriptedCluster()
    cluster.items[NODES] = [a_node("cpu-0")]
    resources = [{"name": "cpu", "capacity": "8", "allocatable": "8", "available": "3"}]
    topology = {"metadata": {"name": "cpu-0"}, "zones": [{"name": "node-0", "type": "Node", "resources": resources}]}
    cluster.items[TOPOLOGIES_PATH] = [topology]
    device = {"name": "gpu-0", "attributes": {"productName": {"string": "NVIDIA L4"}}}
    spec = {"driver": "d", "nodeName": "cpu-0", "pool": {"name": "p"}, "devices": [device]}
    async with syncing(cluster, service):
        cluster.tell(SLICES_PATH, "ADDED", {"metadata": {"name": "s", "resourceVersion": "2"}, "spec": spec})
        assert await eventually(
            lambda: service.snapshot is not None and service.snapshot.nodes.devices == ("nvidia-l4",)
        )
        assert service.snapshot is not None and service.snapshot.zones is not None
        assert service.snapshot.zones.free.tolist() == [[[3.0]]]
        gone = {**topology, "metadata": {"name": "cpu-0", "resourceVersion": "3"}}
        cluster.tell(TOPOLOGIES_PATH, "DELETED", gone)
        assert await eventually(lambda: service.snapshot is not None and service.snapshot.zones is None)


async def test_a_tas_policy_reaches_the_snapshot_and_its_metrics_the_collector(service: Service) -> None:
    cluster = ScriptedCluster()
    cluster.items[NODES] = [a_node("cpu-0")]
    rules = [{"metricname": "health", "operator": "LessThan"}]
    policy = {
        "kind": "TASPolicy",
        "metadata": {"name": "careful", "namespace": "team", "uid": "t1", "resourceVersion": "2"},
        "spec": {"strategies": {"scheduleonmetric": {"rules": rules}}},
    }
    async with syncing(cluster, service) as sync:
        assert await eventually(lambda: not sync.not_ready())
        assert sync._known_nodes().metrics == ()
        cluster.tell(TAS_PATH, "ADDED", policy)
        assert await eventually(lambda: service.snapshot is not None and ("team", "careful") in service.snapshot.tas)
        assert sync._known_nodes().metrics == ("health",)
        cluster.tell(TAS_PATH, "DELETED", policy)
        assert await eventually(lambda: service.snapshot is not None and not service.snapshot.tas)
        assert sync._known_nodes().metrics == ()


async def test_what_policies_ask_and_where_nodes_stand_reach_the_collector(service: Service) -> None:
    cluster = ScriptedCluster()
    east, west = ({"topology.kubernetes.io/zone": zone} for zone in ("east", "west"))
    cluster.items[NODES] = [a_node("cpu-0", labels=east)]
    policy = a_policy("green", weights={"energy": 1}, priceQuery="price", weighEnergyBy="Cost")
    policy["metadata"] |= {"uid": "p1", "resourceVersion": "2"}
    async with syncing(cluster, service) as sync:
        assert await eventually(lambda: not sync.not_ready())
        assert (sync._known_nodes().queries, sync._known_nodes().zones) == ({}, {})
        cluster.tell(POLICIES, "ADDED", policy)
        assert await eventually(lambda: sync._known_nodes().queries == {"price/green": "price"})
        assert sync._known_nodes().zones == {"zone=east": ("cpu-0",)}
        cluster.tell(NODES, "MODIFIED", a_node("cpu-0", labels=west, resourceVersion="3"))
        assert await eventually(lambda: sync._known_nodes().zones == {"zone=west": ("cpu-0",)})
        cluster.tell(POLICIES, "DELETED", policy)
        assert await eventually(lambda: not sync._known_nodes().queries)


class HeldCollector:
    """Collects once, when it is let; keeps what nodes it was told of."""

    let: asyncio.Event
    asked: list[tuple[str, ...]]

    def __init__(self, settings: Any, *, inventory: Any, on_telemetry: Any) -> None:
        self._inventory, self._on_telemetry = inventory, on_telemetry
        self.metrics = settings.metrics

    async def run(self) -> None:
        self.asked.append(tuple(self._inventory().cores))
        await self.let.wait()
        self._on_telemetry(Telemetry(error="Prometheus is away"))
        await asyncio.Event().wait()


async def test_after_a_start_the_strict_filter_waits_for_telemetry_or_for_the_word_that_there_is_none(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HeldCollector, "let", asyncio.Event(), raising=False)
    monkeypatch.setattr(HeldCollector, "asked", [], raising=False)
    monkeypatch.setattr("heterosched_extender.sync.Collector", HeldCollector)
    cluster = ScriptedCluster()
    cluster.items[NODES] = [a_node("cpu-0")]
    body = msgspec.json.encode({"Pod": a_pod_manifest("p"), "NodeNames": ["cpu-0"]})
    async with syncing(cluster, service, prometheus_url="http://127.0.0.1:9") as sync:
        assert await eventually(lambda: not sync.not_ready())
        with pytest.raises(NotReady, match="has not heard from Prometheus yet"):
            service.filter(body, strict=True)
        assert b"cpu-0" in service.filter(body)
        HeldCollector.let.set()
        assert await eventually(lambda: not service.telemetry_due)
        assert b"cpu-0" in service.filter(body, strict=True)
    assert HeldCollector.asked == [("cpu-0",)]


async def test_watts_are_collected_for_people_and_kept_beside_the_snapshot(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heterosched_extender.sync.Collector", HeldCollector)
    cluster = ScriptedCluster()
    cluster.items[NODES] = [a_node("t4-0")]
    async with syncing(cluster, service) as sync:
        assert await eventually(lambda: not sync.not_ready())
        collector = cast(HeldCollector, sync._collector())
        assert {"gpu_watts", "host_watts", "gpu_temperature"} <= set(collector.metrics)
        readings = telemetry_of(gpu_watts={"t4-0": 70.0})
        sync._collected(readings)
        assert service.readings is readings


async def test_what_cannot_be_read_is_told_and_of_namespaces_only_those_given_are_asked_for(service: Service) -> None:
    profiles, policies = (path.replace("alpha1/", "alpha1/namespaces/a/") for path in (PROFILES, TAS_PATH))
    cluster = ScriptedCluster(missing=(*OPTIONAL, profiles, policies))
    async with syncing(cluster, service, namespaces="a") as sync:
        assert await eventually(lambda: not sync.not_ready())
        assert await eventually(lambda: len(sync.refused()) == len(OPTIONAL))
        assert sync.refused().keys() == {*OPTIONAL, profiles, policies} - {PROFILES, TAS_PATH}
        assert {reason for reason, _ in sync.refused().values()} == {"NotFound"}
        assert all(line.startswith("without /apis/") for line in sync.without())
