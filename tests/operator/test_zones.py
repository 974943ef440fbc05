"""The operator knows of each node's zones what plans read, plans again when that changes, and does without the kind."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from eventually import eventually
from heterosched.kube.errors import NotFound
from heterosched.kube.listwatch import Params
from heterosched.kube.topology import TopologyObject
from heterosched.model.topology import Topology, Zone
from heterosched_operator.store import Store
from heterosched_operator.world import Rules
from heterosched_operator.zones import Topologies

GPU = "nvidia.com/gpu"
Json = dict[str, Any]


class Api:
    """An API server with NodeResourceTopologies alone; `events` are what its watch tells next."""

    def __init__(self, *listed: Json, served: bool = True) -> None:
        self.events: asyncio.Queue[Json] = asyncio.Queue()
        self._listed, self._served = listed, served

    async def get_raw(self, path: str, params: Params) -> bytes:
        if not self._served:
            raise NotFound(f"GET {path}", 404, "NotFound", "the server could not find the requested resource")
        return json.dumps({"metadata": {"resourceVersion": "1"}, "items": self._listed}).encode()

    async def watch(
        self, path: str, resource_version: str, params: Params, *, timeout_seconds: float, read_deadline: float
    ) -> AsyncGenerator[bytes, None]:
        while True:
            yield json.dumps(await self.events.get()).encode()


def an_object(node: str, free: int, version: int, policy: str = "restricted", size: int = 4) -> Json:
    resources = [{"name": GPU, "capacity": str(size), "allocatable": str(size), "available": str(free)}]
    return {
        "metadata": {"name": node, "uid": node, "resourceVersion": str(version)},
        "attributes": [{"name": "topologyManagerPolicy", "value": policy}],
        "zones": [{"name": "node-0", "type": "Node", "resources": resources}],
    }


def known(node: str, policy: str = "restricted", size: float = 4.0) -> Topology:
    return Topology(node, (Zone("node-0", {GPU: size}, {}),), policy)


@asynccontextmanager
async def watching(topologies: Topologies) -> AsyncGenerator[None, None]:
    task = asyncio.create_task(topologies.watch.run())
    try:
        await topologies.listed()
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_sizes_and_policy_are_known_and_what_is_free_changes_no_plan() -> None:
    changes: list[None] = []
    api = Api(an_object("a", 4, 1))
    topologies = Topologies(api, lambda: changes.append(None))
    async with watching(topologies):
        assert topologies.known() == {"a": known("a")}
        before = topologies.known()
        api.events.put_nowait({"type": "MODIFIED", "object": an_object("a", 0, 2)})
        api.events.put_nowait({"type": "ADDED", "object": an_object("b", 4, 3)})
        assert await eventually(lambda: "b" in topologies.known())
        assert (len(changes), topologies.known()["a"]) == (2, known("a"))
        api.events.put_nowait({"type": "MODIFIED", "object": an_object("a", 0, 4, policy="none", size=2)})
        api.events.put_nowait({"type": "DELETED", "object": an_object("b", 0, 5)})
        assert await eventually(lambda: "b" not in topologies.known())
        assert topologies.known() == {"a": known("a", "none", 2.0)}
        assert len(changes) == 4
    assert before == {"a": known("a")}


async def test_without_the_kind_nothing_waits_for_it_and_no_node_has_zones(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    topologies = Topologies(Api(served=False), lambda: None)
    async with watching(topologies):
        assert topologies.known() == {}
    assert "noderesourcetopologies" in caplog.text


def test_silence_about_the_kind_is_no_sign_of_a_dead_api_server() -> None:
    nowhere: Any = None
    store = Store(nowhere, Rules(), lambda: None)
    for watch in store.watches:
        watch._heard = watch._clock() - (1e6 if watch is store.topologies.watch else 5.0)
    assert 5.0 <= store.age() < 60.0
    assert store.world(1.0).cluster.topologies == {}


def test_plans_are_made_on_what_is_known_now() -> None:
    nowhere: Any = None
    marked: list[None] = []
    store = Store(nowhere, Rules(), lambda: marked.append(None))
    store.topologies._on_change(None, msgspec.convert(an_object("a", 0, 1), TopologyObject))
    assert store.world(1.0).cluster.topologies == {"a": known("a")}
    assert len(marked) == 1
