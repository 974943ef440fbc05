"""The world from a live cluster: list and watch feed it, a task swaps the service's snapshot, another keeps house."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from heterosched.constants import API_VERSION
from heterosched.kube.convert import number
from heterosched.kube.dra import CLAIMS_PATH, SLICES_PATH, ClaimObject, SliceObject
from heterosched.kube.listwatch import ListWatch
from heterosched.kube.objects import NodeObject, PodObject
from heterosched.kube.reflector import Reflector
from heterosched.kube.scope import Scope
from heterosched.kube.topology import TOPOLOGIES_PATH, TopologyObject, to_topology
from heterosched.model import DEVICE_TYPES, DeviceTable, Telemetry
from heterosched.policy.nodes import SENSED
from heterosched.telemetry.collector import Collector
from heterosched.telemetry.rates import TOPOLOGY, zones_of
from heterosched.telemetry.settings import Inventory, TelemetrySettings
from heterosched_extender.advice import AdviceWatch, last_alive, sign_of_life
from heterosched_extender.capabilities import SHOWN
from heterosched_extender.leading import Leading
from heterosched_extender.memory import Sweeper, settle
from heterosched_extender.objects import (
    TAS_API,
    PolicyObject,
    ProfileObject,
    TasObject,
    changed_figures,
    policy_rows,
    tas_policies,
)
from heterosched_extender.service import Service
from heterosched_extender.slim import kept_pod, same, slim_node, slim_pod
from heterosched_extender.world import World
from heterosched_extender.zones import Zones

if TYPE_CHECKING:
    from heterosched_extender.settings import Settings

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

    def __init__(
        self, api: ListWatch, service: Service, settings: Settings, devices: DeviceTable = DEVICE_TYPES
    ) -> None:
        self._service, self._settings = service, settings
        zones = Zones(settings.topology_settle_seconds, settings.topology_quiet_seconds)
        self._world = World(service.problems, zones, devices)
        self._inventory: Inventory | None = None
        self._heard = not settings.prometheus_url
        self._changed = asyncio.Event()
        self._leading = Leading(api, settings.scheduler_lease, last_alive(settings.state_file, time.time))
        self._advice = AdviceWatch(service, since=lambda: self._leading.since)
        self.stopping = False
        self._nodes = Reflector(api, "/api/v1/nodes", NodeObject, on_change=self._node, slim=slim_node)
        self._pods = Reflector(api, "/api/v1/pods", PodObject, on_change=self._pod, slim=slim_pod, keep=kept_pod)
        self._policies = Reflector(api, f"/apis/{API_VERSION}/schedulingpolicies", PolicyObject, on_change=self._policy)
        scope, ours = Scope(settings.namespaces), f"/apis/{API_VERSION}"
        self._profiles = [
            Reflector(api, path, ProfileObject, on_change=self._profile)
            for path in scope.paths(ours, "throughputprofiles").values()
        ]
        self._tas = [
            Reflector(api, path, TasObject, on_change=self._tas_policy, optional=True)
            for path in scope.paths(TAS_API, "taspolicies").values()
        ]
        self._slices = Reflector(api, SLICES_PATH, SliceObject, on_change=self._slice, optional=True)
        self._claims = Reflector(api, CLAIMS_PATH, ClaimObject, on_change=self._claim, optional=True)
        self._topologies = Reflector(api, TOPOLOGIES_PATH, TopologyObject, on_change=self._topology, optional=True)
        self._watches = [
            _Watch(self._nodes, required=True),
            _Watch(self._pods, required=True),
            _Watch(self._policies, required=False),
            *(_Watch(profiles, required=False) for profiles in self._profiles),
            _Watch(self._topologies, required=False),
            _Watch(self._slices, required=False),
            _Watch(self._claims, required=False),
            *(_Watch(policies, required=False) for policies in self._tas),
        ]

    # --- what changes -------------------------------------------------------------------------------------------------

    def _node(self, old: NodeObject | None, new: NodeObject | None) -> None:
        if old is not None and new is not None and same(old, new):
            return  # a heartbeat
        if _inventoried(old) != _inventoried(new) or _placed(old) != _placed(new):
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
        self._inventory = None
        self._changed.set()

    def _profile(self, old: ProfileObject | None, new: ProfileObject | None) -> None:
        self._world.put_profiles(changed_figures(old, new, self._world.problems))
        self._changed.set()

    def _tas_policy(self, old: TasObject | None, new: TasObject | None) -> None:
        known = (policy for watch in self._tas for policy in watch.items.values())
        self._world.set_tas(tas_policies(known, self._world.problems))
        self._inventory = None
        self._changed.set()

    def _topology(self, old: TopologyObject | None, new: TopologyObject | None) -> None:
        found = None if new is None else to_topology(new, self._world.problems, time.time())
        gone = new or old
        if found is not None:
            self._world.zones.put_topology(found)
        elif gone is not None:
            self._world.zones.drop_topology(gone.metadata.name)
        self._changed.set()

    def _slice(self, old: SliceObject | None, new: SliceObject | None) -> None:
        self._world.put_slice((new or old or SliceObject()).key, new)
        self._changed.set()

    def _claim(self, old: ClaimObject | None, new: ClaimObject | None) -> None:
        self._world.put_claim((new or old or ClaimObject()).key, new)
        self._changed.set()

    def _collected(self, telemetry: Telemetry) -> None:
        self._world.set_telemetry(telemetry)
        self._service.readings = telemetry
        self._heard = True
        self._changed.set()

    # --- tasks --------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Watch, swap snapshots and keep house; ends by cancellation, or when one of these fails."""
        await self._leading.try_to_look()
        async with asyncio.TaskGroup() as group:
            for watch in self._watches:
                watch.task = group.create_task(watch.reflector.run(), name=watch.reflector.path)
            if self._settings.prometheus_url:
                group.create_task(self._collect(), name="telemetry")
            group.create_task(self._leading.run(), name="leading")
            group.create_task(self._swap(), name="snapshots")
            group.create_task(self._keep_house(), name="housekeeping")
            group.create_task(self._sweep(), name="garbage")

    async def _collect(self) -> None:
        """Begun before the nodes are known, the first collection would be about none, and the next one comes late."""
        await self._first_sync()
        await self._collector().run()

    def _collector(self) -> Collector:
        given = self._settings
        source = TelemetrySettings.of(given, given.telemetry_seconds, (*SENSED, *SHOWN), given.tas_metrics)
        return Collector(source, inventory=self._known_nodes, on_telemetry=self._collected)

    def _known_nodes(self) -> Inventory:
        """Worked out anew only after a node has changed in what Prometheus matches, or a policy in what it asks."""
        if self._inventory is None:
            found = (_inventoried(node) for node in self._nodes.items.values())
            nodes = Inventory.of(entry for entry in found if entry is not None)
            queries = self._world.queries()
            placed = ((own.metadata.name, own.labels) for own in self._nodes.items.values()) if queries else ()
            asked = self._world.tas_metrics()
            self._inventory = replace(nodes, metrics=asked, queries=queries, zones=zones_of(placed))
        return self._inventory

    async def _swap(self) -> None:
        await self._first_sync()
        self._renew()
        logger.info("first sync done: %d nodes, %d pods", len(self._nodes.items), len(self._pods.items))
        settle()
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._renew()
            await asyncio.sleep(self._settings.flush_seconds)

    def _renew(self) -> None:
        self._service.snapshot = self._world.snapshot(time.time())
        self._service.telemetry_due = not self._heard

    async def _first_sync(self) -> None:
        """Nodes and pods must be there; other kinds may be missing, their watch then keeps trying."""
        for watch in self._watches:
            synced, counters = watch.reflector.synced, watch.reflector.counters
            while not synced.is_set() and (watch.required or not counters.failures):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(synced.wait(), 0.1)

    async def _sweep(self) -> None:
        await self._first_sync()
        await Sweeper().run()

    async def _keep_house(self) -> None:
        while True:
            sign_of_life(self._settings.state_file)
            self._service.decisions.expire(time.time())
            self._pass_time(time.time())
            for watch in self._watches:
                if watch.reflector.age() < self._settings.silent_watch_seconds / 2:
                    watch.failures = watch.reflector.counters.failures
            await asyncio.sleep(HOUSEKEEPING_SECONDS)

    def _pass_time(self, now: float) -> None:
        """A pod can come onto a node's topology by nothing but time: see `heterosched_extender.zones`."""
        self._world.zones.pass_time(now)
        if self._world.zones.stale:
            self._changed.set()

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

    def refused(self) -> dict[str, tuple[str, str]]:
        """What the API server does not let us read: path -> reason (Forbidden, NotFound) and its words."""
        said = ((watch.reflector.path, watch.reflector.refused) for watch in self._watches)
        return {path: (no.reason or "Refused", str(no)) for path, no in said if no is not None}

    def without(self) -> list[str]:
        """The same, a line each."""
        return [f"without {path}: {words}" for path, (_, words) in self.refused().items()]

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
    cores = (node.status.allocatable or {}).get("cpu")
    return node.metadata.name, addresses, number(cores, f"Node {node.metadata.name}", "status.allocatable.cpu")


def _placed(node: NodeObject | None) -> list[str | None]:
    """Zone and region of a node."""
    return [None if node is None else node.labels.get(label) for label in TOPOLOGY.values()]
