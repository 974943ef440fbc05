"""What an API server and a Prometheus say to the extender in a busy cluster, without the two: they would take the CPUs
that are to be measured. Lists, watches with so many changes per second, and one sample per node and metric.

Started by `extender_race.py` as a process of its own: `feed.py FOLDER --changes 500` prints its port and serves the
nodes of FOLDER/nodes.json, pods bound to them, one ThroughputProfile, and the query API.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from aiohttp import web

TICK = 0.02
"""Seconds between two bursts of changes: watches deliver several at a time."""

PROFILE = "resnet-train"
NAMESPACE = "ml-team-a"
SECONDS = {"nvidia-a100": 10.0, "nvidia-h100": 6.0, "nvidia-v100": 20.0, "nvidia-t4": 40.0}
WATTS = {"nvidia-a100": 350.0, "nvidia-h100": 600.0, "nvidia-v100": 250.0, "nvidia-t4": 70.0}

SAMPLES: dict[str, Callable[[random.Random], float]] = {
    "DCGM_FI_DEV_GPU_TEMP": lambda rng: rng.uniform(40.0, 88.0),
    "DCGM_FI_DEV_POWER_USAGE": lambda rng: rng.uniform(50.0, 300.0),
    "DCGM_FI_DEV_GPU_UTIL": lambda rng: rng.uniform(0.0, 1.0),
    "DCGM_FI_DEV_CLOCKS_EVENT_REASONS": lambda rng: float(rng.random() < 0.01),
    "node_load1": lambda rng: rng.uniform(0.0, 80.0),
    "node_cpu_seconds_total": lambda rng: rng.uniform(0.0, 0.9),
    "node_memory_MemAvailable_bytes": lambda rng: rng.uniform(0.0, 0.9),
}
"""Samples by a name that stands in the query for them, already in the unit that the query yields."""


class Cluster:
    """Nodes and pods as JSON, and what becomes of them."""

    def __init__(self, folder: Path, pods: int, rng: random.Random) -> None:
        self.rng = rng
        self.version = 1_000_000
        found = json.loads((folder / "nodes.json").read_bytes())["items"]
        self.names = [node["metadata"]["name"] for node in found]
        self.nodes = [_templated(node) for node in found]
        pod = json.loads((folder / "pod.json").read_bytes())
        pod["metadata"]["annotations"] = {}
        pod["spec"].update(schedulerName="default-scheduler", nodeName="@NODE@")
        pod["status"]["phase"] = "@PHASE@"
        self.pod = _templated(pod)
        self.living = list(range(pods))
        self.born = pods
        self.where = {number: rng.choice(self.names) for number in self.living}

    def pod_text(self, number: int, phase: str = "Running") -> bytes:
        """A pod as the API server writes it."""
        head, tail = self.pod
        filled = {b"@NAME@": b"busy-%d" % number, b"@UID@": b"busy-uid-%d" % number, b"@CLASS@": b"batch"}
        filled |= {b"@NODE@": self.where[number].encode(), b"@PHASE@": phase.encode()}
        for mark, text in filled.items():
            head, tail = head.replace(mark, text), tail.replace(mark, text)
        return head + b"%d" % self.version + tail

    def node_text(self, number: int) -> bytes:
        """A node as the API server writes it."""
        head, tail = self.nodes[number]
        return head + b"%d" % self.version + tail

    def node_events(self, count: int) -> Iterator[bytes]:
        """Status updates as kubelets send them."""
        for _ in range(count):
            self.version += 1
            yield _event("MODIFIED", self.node_text(self.rng.randrange(len(self.nodes))))

    def pod_events(self, count: int) -> Iterator[bytes]:
        """One pod ends, is deleted, another is bound: three changes."""
        for at in range(count):
            self.version += 1
            if (self.version + at) % 3 == 0:
                self.where[self.born] = self.rng.choice(self.names)
                self.living.append(self.born)
                self.born += 1
                yield _event("ADDED", self.pod_text(self.born - 1))
            elif (self.version + at) % 3 == 1:
                yield _event("MODIFIED", self.pod_text(self.rng.choice(self.living), "Succeeded"))
            else:
                at_list = self.rng.randrange(len(self.living))
                number, self.living[at_list] = self.living[at_list], self.living[-1]
                self.living.pop()
                yield _event("DELETED", self.pod_text(number))
                del self.where[number]


def _templated(item: dict[str, Any]) -> tuple[bytes, bytes]:
    item["metadata"]["resourceVersion"] = "@VERSION@"
    head, tail = json.dumps(item, separators=(",", ":")).encode().split(b"@VERSION@")
    return head, tail


def _event(kind: str, item: bytes) -> bytes:
    return b'{"type":"%b","object":%b}\n' % (kind.encode(), item)


class Feed:
    """The HTTP side. `changes` per second, half of them nodes, half pods."""

    def __init__(self, cluster: Cluster, changes: float) -> None:
        self._cluster, self._changes = cluster, changes

    def application(self) -> web.Application:
        """All routes."""
        app = web.Application()
        profiles = "/apis/heterosched.io/v1alpha1/throughputprofiles"
        app.router.add_get("/api/v1/nodes", self._nodes)
        app.router.add_get("/api/v1/pods", self._pods)
        app.router.add_get(profiles, self._profiles)
        app.router.add_get("/apis/heterosched.io/v1alpha1/schedulingpolicies", self._none)
        app.router.add_get("/api/v1/query", self._query)
        app.router.add_post("/api/v1/query", self._query)
        return app

    async def _nodes(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("watch"):
            return await self._stream(request, self._cluster.node_events)
        return self._page(request, len(self._cluster.nodes), self._cluster.node_text)

    async def _pods(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("watch"):
            return await self._stream(request, self._cluster.pod_events)
        living = list(self._cluster.living)
        return self._page(request, len(living), lambda at: self._cluster.pod_text(living[at]))

    async def _profiles(self, request: web.Request) -> web.StreamResponse:
        devices = [{"device": name, "seconds": SECONDS[name], "watts": WATTS[name]} for name in SECONDS]
        profile = {"metadata": {"name": PROFILE, "namespace": NAMESPACE, "uid": "p"}, "spec": {"devices": devices}}
        if request.query.get("watch"):
            return await self._stream(request, lambda count: iter(()))
        return self._page(request, 1, lambda at: json.dumps(profile).encode())

    async def _none(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("watch"):
            return await self._stream(request, lambda count: iter(()))
        return self._page(request, 0, lambda at: b"")

    def _page(self, request: web.Request, count: int, text: Callable[[int], bytes]) -> web.Response:
        start, limit = int(request.query.get("continue") or 0), int(request.query.get("limit") or count or 1)
        end = min(count, start + limit)
        token = str(end) if end < count else ""
        head = json.dumps({"resourceVersion": str(self._cluster.version), "continue": token}).encode()
        items = b",".join(text(at) for at in range(start, end))
        body = b'{"metadata":%b,"items":[%b]}' % (head, items)
        return web.Response(body=body, content_type="application/json")

    async def _stream(self, request: web.Request, events: Callable[[int], Iterator[bytes]]) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        due, said = time.monotonic(), time.monotonic()
        while request.transport is not None and not request.transport.is_closing():
            burst = b"".join(events(round(self._changes * TICK / 2)))
            if not burst and time.monotonic() - said > 20.0:
                burst = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"%d"}}}\n' % self._cluster.version
            if burst:
                said = time.monotonic()
                await answer.write(burst)
            due += TICK if self._changes else 1.0
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        return answer

    async def _query(self, request: web.Request) -> web.Response:
        given = {**request.query, **(await request.post() if request.method == "POST" else {})}
        query = str(given.get("query", ""))
        name = next((known for known in SAMPLES if known in query), "")
        label = "Hostname" if name.startswith("DCGM") else "node"
        now, sample, rng = time.time(), SAMPLES.get(name), self._cluster.rng
        series = []
        for node in self._cluster.names if sample is not None else ():
            value = now - 1.0 if "timestamp(" in query or sample is None else sample(rng)
            series.append({"metric": {label: node, "gpu": "0"}, "value": [now, f"{value:.3f}"]})
        body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": series}})
        return web.Response(text=body, content_type="application/json")


async def serve(feed: Feed) -> None:
    """Serve on a free port, printed first, until the process is ended."""
    runner = web.AppRunner(feed.application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description="an API server's and a Prometheus' side of a busy cluster")
    parser.add_argument("folder", type=Path, help="holds nodes.json and pod.json")
    parser.add_argument("--changes", type=float, default=500.0, help="changes per second; 0: a quiet cluster")
    parser.add_argument("--pods", type=int, default=20_000, help="bound pods")
    given = parser.parse_args()
    asyncio.run(serve(Feed(Cluster(given.folder, given.pods, random.Random(42)), given.changes)))


if __name__ == "__main__":
    main()
