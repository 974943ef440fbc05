"""The cluster reaches the service after the first sync and with every change; health tells silence from refusal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from eventually import eventually
from extender_calls import a_node, a_pod_manifest
from heterosched.kube.errors import ApiUnavailable, NotFound
from heterosched.settings import load
from heterosched_extender.decisions import Decisions
from heterosched_extender.service import Service
from heterosched_extender.settings import Settings
from heterosched_extender.sync import Sync
from manifests import a_policy

NODES, PODS = "/api/v1/nodes", "/api/v1/pods"
POLICIES = "/apis/heterosched.io/v1alpha1/schedulingpolicies"
PROFILES = "/apis/heterosched.io/v1alpha1/throughputprofiles"


class ScriptedCluster:
    """Lists what it is given and passes on the events put into its queues; `missing` collections do not exist."""

    def __init__(self, missing: tuple[str, ...] = ()) -> None:
        self.items: dict[str, list[dict[str, Any]]] = {NODES: [], PODS: [], POLICIES: [], PROFILES: []}
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
async def syncing(cluster: ScriptedCluster, service: Service) -> AsyncIterator[Sync]:
    sync = Sync(cluster, service, load(Settings, {}, None, {"flush_seconds": 0.001}))
    task = asyncio.create_task(sync.run())
    yield sync
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def service() -> Service:
    return Service(Decisions(2**20, 3600))


async def test_ready_comes_with_the_first_sync_even_without_our_own_kinds(service: Service) -> None:
    cluster = ScriptedCluster(missing=(POLICIES, PROFILES))
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
