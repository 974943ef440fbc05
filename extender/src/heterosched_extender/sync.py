"""The world from a live cluster: list and watch feed it, a task swaps the service's snapshot, another keeps house."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from heterosched.constants import API_VERSION
from heterosched.kube.client import ListWatch
from heterosched.kube.convert import to_node
from heterosched.kube.objects import NodeObject, PodObject
from heterosched.kube.reflector import Reflector
from heterosched.model import Telemetry
from heterosched.telemetry.collector import Collector
from heterosched.telemetry.settings import Inventory, TelemetrySettings
from heterosched_extender.advice import AdviceWatch, last_alive, sign_of_life
from heterosched_extender.objects import PolicyObject, ProfileObject, policy_rows, profile_figures
from heterosched_extender.service import Service
from heterosched_extender.settings import Settings
from heterosched_extender.world import World

logger = logging.getLogger(__name__)

HOUSEKEEPING_SECONDS = 1.0


@dataclass
class _Watch:
    """A reflector and its task; `failures` as of when it was last heard."""

    reflector: Reflector[Any]
    required: bool
    task: asyncio.Task[None] | None = None
    failures: int = 0


class Sync:
    """Feeds `service` from a cluster; also the process's health. `run()` lives until it is cancelled."""

    def __init__(self, api: ListWatch, service: Service, settings: Settings) -> None:
        self._service, self._settings = service, settings
        self._world = World(service.problems)
        self._inventory: Inventory | None = None
        self._changed = asyncio.Event()
        self._advice = AdviceWatch(service, since=last_alive(settings.state_file, time.time))
        self.stopping = False
        self._nodes = Reflector(api, "/api/v1/nodes", NodeObject, on_change=self._node)
        self._pods = Reflector(api, "/api/v1/pods", PodObject, on_change=self._pod)
        self._policies = Reflector(api, f"/apis/{API_VERSION}/schedulingpolicies", PolicyObject, on_change=self._policy)
        self._profiles = Reflector(
            api, f"/apis/{API_VERSION}/throughputprofiles", ProfileObject, on_change=self._profile
        )
        self._watches = [
            _Watch(self._nodes, required=True),
            _Watch(self._pods, required=True),
            _Watch(self._policies, required=False),
            _Watch(self._profiles, required=False),
        ]

    # --- what changes -------------------------------------------------------------------------------------------------

    def _node(self, old: NodeObject | None, new: NodeObject | None) -> None:
        if _inventoried(old) != _inventoried(new):
            self._inventory = None
        if new is not None:
            self._world.put_node(new)
        elif old is not None:
            self._world.drop_node(old.metadata.name)
        self._changed.set()

    def _pod(self, old: PodObject | None, new: PodObject | None) -> None:
        if new is not None:
            self._world.put_pod(new)
        elif old is not None:
            self._world.drop_pod(old.metadata.uid)
        self._advice.changed(old, new)
        self._changed.set()

    def _policy(self, old: PolicyObject | None, new: PolicyObject | None) -> None:
        self._world.set_policies(policy_rows(self._policies.items.values(), self._world.problems))
        self._changed.set()

    def _profile(self, old: ProfileObject | None, new: ProfileObject | None) -> None:
        self._world.set_profiles(profile_figures(self._profiles.items.values(), self._world.problems))
        self._changed.set()

    def _collected(self, telemetry: Telemetry) -> None:
        self._world.set_telemetry(telemetry)
        self._changed.set()

    # --- tasks --------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Watch, swap snapshots and keep house; ends by cancellation, or when one of these fails."""
        async with asyncio.TaskGroup() as group:
            for watch in self._watches:
                watch.task = group.create_task(watch.reflector.run(), name=watch.reflector.path)
            if self._settings.prometheus_url:
                group.create_task(self._collector().run(), name="telemetry")
            group.create_task(self._swap(), name="snapshots")
            group.create_task(self._keep_house(), name="housekeeping")

    def _collector(self) -> Collector:
        given = self._settings
        source = TelemetrySettings(
            url=given.prometheus_url,
            interval=given.telemetry_seconds,
            bearer_token_file=given.prometheus_token_file,
            ca_file=given.prometheus_ca_file,
            node_label=given.prometheus_node_label,
        )
        return Collector(source, inventory=self._known_nodes, on_telemetry=self._collected)

    def _known_nodes(self) -> Inventory:
        """Worked out anew only after a node has changed in what Prometheus' labels are matched against."""
        if self._inventory is None:
            found = (_inventoried(node) for node in self._nodes.items.values())
            self._inventory = Inventory.of(entry for entry in found if entry is not None)
        return self._inventory

    async def _swap(self) -> None:
        await self._first_sync()
        self._service.snapshot = self._world.snapshot(time.time())
        logger.info("first sync done: %d nodes, %d pods", len(self._nodes.items), len(self._pods.items))
        gc.collect()
        gc.freeze()
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._service.snapshot = self._world.snapshot(time.time())
            await asyncio.sleep(self._settings.flush_seconds)

    async def _first_sync(self) -> None:
        """Nodes and pods must be there; our own kinds may be missing, their watch then keeps trying."""
        for watch in self._watches:
            synced, counters = watch.reflector.synced, watch.reflector.counters
            while not synced.is_set() and (watch.required or not counters.failures):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(synced.wait(), 0.1)

    async def _keep_house(self) -> None:
        while True:
            sign_of_life(self._settings.state_file)
            self._service.decisions.expire(time.time())
            for watch in self._watches:
                if watch.reflector.age() < self._settings.silent_watch_seconds / 2:
                    watch.failures = watch.reflector.counters.failures
            await asyncio.sleep(HOUSEKEEPING_SECONDS)

    # --- health -------------------------------------------------------------------------------------------------------

    def not_ready(self) -> str:
        """Why no advice can be given: not synced yet, or on the way out."""
        if self.stopping:
            return "stopping"
        if self._service.snapshot is None:
            waiting = [watch.reflector.path for watch in self._watches if not watch.reflector.synced.is_set()]
            return f"waiting for the first sync of {', '.join(waiting) or 'the cluster'}"
        return ""

    def not_alive(self) -> str:
        """Why only a restart helps: a watch is silently dead.

        An API server that refuses or is gone makes watches fail, and be tried again: a restart would only lose the
        snapshot.
        """
        limit = self._settings.silent_watch_seconds
        for watch in self._watches:
            reflector = watch.reflector
            if watch.task is not None and watch.task.done():
                return f"the watch of {reflector.path} has ended"
            if reflector.synced.is_set() and reflector.age() > limit and reflector.counters.failures == watch.failures:
                return f"the watch of {reflector.path} has been silent for {reflector.age():.0f} s"
        return ""

    def watches(self) -> Iterable[tuple[str, float, int]]:
        """Path, age and failures of each watch that has synced."""
        return [
            (watch.reflector.path, watch.reflector.age(), watch.reflector.counters.failures)
            for watch in self._watches
            if watch.reflector.synced.is_set()
        ]


def _inventoried(node: NodeObject | None) -> tuple[str, tuple[str, ...], float] | None:
    """Name, addresses and cores of a node."""
    if node is None:
        return None
    addresses = tuple(address.address for address in node.status.addresses or ())
    return node.metadata.name, addresses, to_node(node).allocatable.cpu


class Still:
    """Health of a process that serves a file: ready until it is told to stop."""

    def __init__(self) -> None:
        self.stopping = False

    def not_ready(self) -> str:
        """Only on the way out."""
        return "stopping" if self.stopping else ""

    def not_alive(self) -> str:
        """Nothing can die in it."""
        return ""
