"""On a real API server: restarts, cut connections and lost history leave the reflector with what the server has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from cluster import ControlPlane
from cuttable_proxy import CuttableProxy
from eventually import eventually
from heterosched.kube.client import Kube
from heterosched.kube.errors import AlreadyExists, Conflict, NotFound, Rejected
from heterosched.kube.objects import KubeObject
from heterosched.kube.reflector import Pace, Reflector

PACE = Pace(read_deadline=3.0, longest_delay=1.0)


@pytest.fixture
async def kube(control_plane: ControlPlane) -> AsyncIterator[Kube]:
    async with await Kube.connect(control_plane.kubeconfig) as client:
        yield client


def config_maps(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps"


async def create(kube: Kube, namespace: str, names: Iterable[str]) -> None:
    for name in names:
        await kube.post(config_maps(namespace), {"metadata": {"name": name}, "data": {"x": "y" * 200}})


async def on_the_server(kube: Kube, namespace: str) -> dict[str, str]:
    found = await kube.list(config_maps(namespace))
    return {f"{namespace}/{item['metadata']['name']}": item["metadata"]["resourceVersion"] for item in found}


@asynccontextmanager
async def reflecting(kube: Kube, path: str, pace: Pace = PACE) -> AsyncIterator[Reflector[KubeObject]]:
    reflector = Reflector(kube, path, KubeObject, pace=pace)
    running = asyncio.create_task(reflector.run())
    try:
        await asyncio.wait_for(reflector.synced.wait(), 30)
        yield reflector
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def held(reflector: Reflector[KubeObject]) -> dict[str, str]:
    return {key: item.metadata.resource_version for key, item in reflector.items.items()}


async def agrees(reflector: Reflector[KubeObject], kube: Kube, namespace: str) -> bool:
    truth = await on_the_server(kube, namespace)
    return await eventually(lambda: held(reflector) == truth)


@asynccontextmanager
async def behind_a_proxy(plane: ControlPlane, folder: Path) -> AsyncIterator[tuple[Kube, CuttableProxy]]:
    config = yaml.safe_load(plane.kubeconfig.read_text())
    cluster = config["clusters"][0]["cluster"]
    server = urlsplit(cluster["server"])
    assert server.hostname and server.port
    proxy = CuttableProxy(server.hostname, server.port)
    await proxy.start()
    cluster["server"] = f"{server.scheme}://{server.hostname}:{proxy.port}"
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    async with await Kube.connect(path) as client:
        try:
            yield client, proxy
        finally:
            await proxy.cut()


async def test_two_thousand_objects_in_pages_and_every_change_after(kube: Kube, namespace: str) -> None:
    names = [f"m-{index:04d}" for index in range(2000)]
    await asyncio.gather(*(create(kube, namespace, names[part::16]) for part in range(16)))
    deleted: list[str] = []
    async with reflecting(kube, config_maps(namespace)) as reflector:
        assert await agrees(reflector, kube, namespace)
        reflector.on_change(lambda old, new: deleted.append(old.metadata.name) if old and not new else None)
        for name in names[:5]:
            await kube.delete(f"{config_maps(namespace)}/{name}")
        await kube.patch(f"{config_maps(namespace)}/{names[7]}", {"metadata": {"labels": {"a": "b"}}})
        assert await agrees(reflector, kube, namespace)
        assert deleted == names[:5]
        assert reflector.counters.lists == 1


async def test_a_restarted_api_server_is_followed_again(
    control_plane: ControlPlane, kube: Kube, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    await create(kube, namespace, ["before", "doomed"])
    with caplog.at_level(logging.INFO, "heterosched"):
        async with reflecting(kube, config_maps(namespace)) as reflector:
            await asyncio.to_thread(control_plane.restart_apiserver, 2.0)
            await kube.delete(f"{config_maps(namespace)}/doomed")
            await create(kube, namespace, ["after"])
            assert await agrees(reflector, kube, namespace)
            assert f"{namespace}/after" in reflector.items
            assert reflector.counters.failures >= 1
            assert reflector.age() < 30.0
    said = [record.getMessage() for record in caplog.records if record.name.endswith("reflector")]
    assert said[0].endswith("trying again")
    assert said[-1].endswith("answering again")


async def test_deletions_while_cut_off_from_a_server_that_forgot_its_history_are_reported(
    control_plane: ControlPlane, kube: Kube, namespace: str, tmp_path: Path
) -> None:
    await create(kube, namespace, ["kept", "deleted", "recreated"])
    async with (
        behind_a_proxy(control_plane, tmp_path) as (distant, proxy),
        reflecting(distant, config_maps(namespace)) as reflector,
    ):
        gone: list[str] = []
        reflector.on_change(lambda old, new: gone.append(old.metadata.name) if old and not new else None)
        await proxy.cut()
        await kube.delete(f"{config_maps(namespace)}/deleted")
        await kube.delete(f"{config_maps(namespace)}/recreated")
        await create(kube, namespace, ["recreated", "new"])
        await asyncio.to_thread(control_plane.restart_apiserver)  # its watch cache starts empty: 410 for old versions
        await proxy.mend()
        assert await agrees(reflector, kube, namespace)
        assert sorted(gone) == ["deleted", "recreated"]
        assert reflector.counters.expired >= 1


async def test_a_connection_that_dies_in_silence_is_noticed(
    control_plane: ControlPlane, kube: Kube, namespace: str, tmp_path: Path
) -> None:
    await create(kube, namespace, ["before"])
    async with (
        behind_a_proxy(control_plane, tmp_path) as (distant, proxy),
        reflecting(distant, config_maps(namespace)) as reflector,
    ):
        proxy.silence()
        await create(kube, namespace, ["after"])
        await asyncio.sleep(1.0)
        assert f"{namespace}/after" not in reflector.items
        await proxy.mend()
        assert await agrees(reflector, kube, namespace)
        assert reflector.counters.failures >= 1


async def test_refusals_of_a_real_server_have_their_kinds(kube: Kube, namespace: str) -> None:
    path = config_maps(namespace)
    await create(kube, namespace, ["a"])
    with pytest.raises(AlreadyExists):
        await create(kube, namespace, ["a"])
    with pytest.raises(NotFound):
        await kube.get(f"{path}/nothing")
    with pytest.raises(Rejected, match="Not_A_Name"):
        await create(kube, namespace, ["Not_A_Name"])
    with pytest.raises(Conflict):
        await kube.patch(f"{path}/a", {"metadata": {"resourceVersion": "1"}, "data": {"x": "z"}})
    with pytest.raises(Conflict):
        await kube.delete(f"{path}/a", uid="another")
    await kube.delete(f"{path}/a")
