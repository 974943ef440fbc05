"""The operator's view of the cluster: caches and reflectors in, one immutable `World` out."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any

import msgspec

from heterosched.api import HeteroJob, SchedulingPolicy, ThroughputProfile
from heterosched.constants import LABEL_JOB, LABEL_MANAGED_BY, MANAGED_BY
from heterosched.errors import InvalidInput
from heterosched.kube.client import Kube
from heterosched.kube.convert import Problems, addresses_of, held_by_node, to_node
from heterosched.kube.errors import ApiError, NotFound
from heterosched.kube.objects import JobObject, NodeObject, PodObject
from heterosched.kube.reflector import Reflector
from heterosched.kube.scope import Scope
from heterosched.model import DEVICE_TYPES, NO_TELEMETRY, Cluster, DeviceTable, Node, Telemetry
from heterosched.model.draw import DrawOrigin, drawn_by_origin
from heterosched.planning.health import too_hot
from heterosched.policy.hooks import known_rows
from heterosched.policy.rates import queries_of
from heterosched.policy.table import PolicyRow, row_of
from heterosched.telemetry.rates import zones_of
from heterosched.telemetry.settings import Inventory
from heterosched_operator.cache import Cache
from heterosched_operator.kinds import PriorityClass, ResourceQuota, matters
from heterosched_operator.listing import Lists
from heterosched_operator.tariff import repriced
from heterosched_operator.world import AttemptKey, Energy, Podless, Rules, TelemetryState, World, controller_uid
from heterosched_operator.zones import Topologies

logger = logging.getLogger(__name__)

PRIORITY_CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"

FRESH_SECONDS = 60.0
"""Age up to which a node's measured power counts as what it draws now."""

OVERLAY_SECONDS = 30.0
"""How long a Job that we created counts as there although the watch has not shown it."""


class Store:
    """Everything that is known. `changed` is called whenever a decision might come out differently.

    Nodes, pods, child Jobs, priority classes and quotas come from reflectors, because a missed deletion would stall a
    task for good; our own kinds come from kopf's watches and are made good by full lists. `scope`: the namespaces whose
    HeteroJobs count; nodes and pods are those of the whole cluster in any case, for they fill it.
    """

    def __init__(
        self,
        kube: Kube,
        rules: Rules,
        changed: Callable[[], None],
        devices: DeviceTable = DEVICE_TYPES,
        scope: Scope = Scope(),  # noqa: B008 - it is frozen
    ) -> None:
        self.rules, self._changed, self.devices, self.scope = rules, changed, devices, scope
        self.jobs: Cache[HeteroJob] = Cache(HeteroJob, changed)
        self.policies: Cache[SchedulingPolicy] = Cache(SchedulingPolicy, changed)
        self.profiles: Cache[ThroughputProfile] = Cache(ThroughputProfile, changed)
        self.nodes = Reflector(kube, "/api/v1/nodes", NodeObject, on_change=self._on_node)
        self.pods = Reflector(kube, "/api/v1/pods", PodObject, on_change=self._on_pod)
        ours = f"{LABEL_MANAGED_BY}={MANAGED_BY}"
        self.children = {
            namespace: Reflector(kube, path, JobObject, label_selector=ours, on_change=self._on_child)
            for namespace, path in scope.paths("/apis/batch/v1", "jobs").items()
        }
        self.priorities = Reflector(kube, PRIORITY_CLASSES, PriorityClass, on_change=lambda *_: self._changed())
        self.quotas = tuple(
            Reflector(kube, path, ResourceQuota, on_change=lambda *_: self._changed())
            for path in scope.paths("/api/v1", "resourcequotas").values()
        )
        self.topologies = Topologies(kube, changed)
        kinds: dict[str, Cache[Any]]
        kinds = {"heterojobs": self.jobs, "schedulingpolicies": self.policies, "throughputprofiles": self.profiles}
        self._lists = Lists(kube, scope, kinds)
        self.refusals: dict[tuple[str, str], str] = {}
        self.troubles: dict[AttemptKey, str] = {}
        self.absent: set[AttemptKey] = set()
        self.releases: dict[str, float] = {}
        self.podless: dict[AttemptKey, Podless] = {}
        self.energies: dict[AttemptKey, Energy] = {}
        self.telemetry = TelemetryState()
        self.readings = NO_TELEMETRY
        self._heat: tuple[frozenset[str], ...] = ()
        self._priced = NO_TELEMETRY
        self._problems = Problems()
        self._nodes: dict[str, Node] = {}
        self._ours: dict[tuple[str, str], dict[str, PodObject]] = {}
        self._owned: dict[str, dict[str, JobObject]] = {}
        self._created: dict[str, tuple[float, JobObject]] = {}

    # --- filling -----------------------------------------------------------------------------------------------------

    async def resync(self) -> None:
        """List our own kinds. Raises ApiUnavailable; NotFound where the CRDs are not installed."""
        await self._lists.fill()
        self._forget()

    async def wait_for_crds(self, pause: float = 2.0) -> None:
        """Fill the caches, waiting as long as it takes for the CRDs to be installed. Raises other ApiErrors."""
        told = False
        while True:
            try:
                await self.resync()
                return
            except NotFound as error:
                if not told:
                    logger.warning("the CRDs are not installed (%s); waiting for them: kubectl apply -f crds/", error)
                told = True
                await asyncio.sleep(pause)

    @property
    def watches(self) -> tuple[Reflector[Any], ...]:
        """All reflectors."""
        return *self._known, self.topologies.watch

    @property
    def _known(self) -> tuple[Reflector[Any], ...]:
        """Those of kinds that every cluster has."""
        return self.nodes, self.pods, *self.children.values(), self.priorities, *self.quotas

    async def synced(self) -> None:
        """Wait until every reflector has listed once, or, but for nodes and pods, was told that it may not."""
        optional = (watch.heard() for watch in self.watches if watch not in (self.nodes, self.pods))
        await asyncio.gather(self.nodes.synced.wait(), self.pods.synced.wait(), *optional)

    def age(self) -> float:
        """Seconds since the quietest reflector last heard anything; of nodes and pods a refusal is silence, too."""
        needed = self.nodes, self.pods
        return max(watch.age() for watch in self._known if watch in needed or watch.refused is None)

    def refused(self) -> dict[str, ApiError]:
        """What the API server says no to, by path: what a role lacks, and kinds that the cluster has not."""
        watched = {watch.path: watch.refused for watch in self.watches if watch.refused is not None}
        return {**watched, **self._lists.refused}

    def manages(self, namespace: str) -> bool:
        """Whether HeteroJobs of this namespace are ours to act on, and their Jobs to be seen."""
        watch = self.children.get(namespace) or self.children.get("")
        return watch is not None and watch.synced.is_set() and watch.refused is None

    def created(self, child: JobObject, owner: str) -> None:
        """A Job that has just been created: it counts as there until the watch shows it."""
        if child.metadata.uid in self._owned.get(owner, {}):
            return
        self._created[child.metadata.uid] = (time.monotonic(), child)
        self._changed()

    def read(self, readings: Telemetry, now: float) -> None:
        """New figures. Decisions change by nodes that become too hot or cool down, by prices or emissions that move."""
        self.readings, cluster = readings, self.cluster()
        if repriced(self._priced, readings, self.rules.settle):
            self._priced = readings
            self._changed()
        columns = attrgetter("limit_celsius", "max_age_seconds", "xid_headroom", "unreachable_headroom")
        limits = {columns(row): row for row in self._rows().values()}
        heat = tuple(frozenset(too_hot(cluster, readings, row, now)) for _, row in sorted(limits.items()))
        if heat != self._heat:
            self._heat = heat
            self._changed()

    @property
    def hot(self) -> tuple[frozenset[str], ...]:
        """The nodes that telemetry holds something against, by the limits of each policy."""
        return self._heat

    def drawn(self, now: float) -> Mapping[DrawOrigin, float]:
        """What all nodes draw in watts, by where the figure comes from: measured, curve or table."""
        held = held_by_node(self.pods.items.values())
        return drawn_by_origin(self.cluster(), held, self.readings, now, FRESH_SECONDS)

    def cluster(self) -> Cluster:
        """The nodes as they are now."""
        return Cluster(tuple(self._nodes.values()), devices=self.devices, topologies=self.topologies.known())

    def node(self, name: str) -> Node | None:
        """A node as the planner sees it."""
        return self._nodes.get(name)

    def inventory(self) -> Inventory:
        """The nodes as telemetry knows them by their addresses, and what the policies ask of it."""
        nodes = ((own, self._nodes.get(own.metadata.name)) for own in self.nodes.items.values())
        found = Inventory.of(
            (raw.metadata.name, addresses_of(raw), node.allocatable.cpu) for raw, node in nodes if node is not None
        )
        queries = queries_of(self._rows().values())
        placed = ((node.name, node.labels) for node in self._nodes.values()) if queries else ()
        return replace(found, queries=queries, zones=zones_of(placed))

    # --- callbacks of the reflectors ---------------------------------------------------------------------------------

    def _on_node(self, old: NodeObject | None, new: NodeObject | None) -> None:
        if new is None:
            gone = old.metadata.name if old is not None else ""
            if self._nodes.pop(gone, None) is not None:
                self._changed()
            return
        node = to_node(new, self._problems, self.devices)
        if self._nodes.get(node.name) != node:
            self._nodes[node.name] = node
            self._changed()

    def _on_pod(self, old: PodObject | None, new: PodObject | None) -> None:
        for pod, there in ((old, False), (new, True)):
            if pod is None or not self._labelled(pod):
                continue
            pods = self._ours.setdefault((pod.metadata.namespace, pod.labels[LABEL_JOB]), {})
            if there:
                pods[pod.metadata.uid] = pod
            else:
                pods.pop(pod.metadata.uid, None)
        if old is None or new is None or matters(old, new):
            self._changed()

    def _labelled(self, pod: PodObject, but: Collection[str] = ()) -> bool:
        """Whether the pod is of a HeteroJob that may be ours; those of other namespaces are others' like any pod."""
        return LABEL_JOB in pod.labels and pod.metadata.namespace in self.scope and pod.metadata.namespace not in but

    def _on_child(self, old: JobObject | None, new: JobObject | None) -> None:
        if old is not None:
            self._owned.get(controller_uid(old), {}).pop(old.metadata.uid, None)
            self._created.pop(old.metadata.uid, None)
        if new is not None:
            self._owned.setdefault(controller_uid(new), {})[new.metadata.uid] = new
            self._created.pop(new.metadata.uid, None)
        self._changed()

    # --- the world ---------------------------------------------------------------------------------------------------

    def world(self, now: float) -> World:
        """What is known at `now` (epoch seconds), as one value that no later change touches."""
        unseen = frozenset(namespace for namespace, _ in self._ours if not self.manages(namespace))
        children = {owner: tuple(jobs.values()) for owner, jobs in self._owned.items() if jobs}
        for since, child in list(self._created.values()):
            if time.monotonic() - since > OVERLAY_SECONDS:
                del self._created[child.metadata.uid]
                continue
            owner = controller_uid(child)
            children[owner] = (*children.get(owner, ()), child)
        return World(
            now=now,
            cluster=self.cluster(),
            jobs={uid: job for uid, job in self.jobs.items.items() if self.manages(job.metadata.namespace)},
            children=children,
            pods={key: tuple(pods.values()) for key, pods in self._ours.items() if pods and key[0] not in unseen},
            foreign=tuple(own for own in self.pods.items.values() if not self._labelled(own, unseen)),
            policies=self._rows(),
            profiles={(p.metadata.namespace, p.metadata.name): p for p in self.profiles.items.values()},
            priorities={name: known.value for name, known in self.priorities.items.items()},
            refusals=dict(self.refusals),
            troubles=dict(self.troubles),
            absent=frozenset(self.absent),
            releases=dict(self.releases),
            podless=dict(self.podless),
            energies=dict(self.energies),
            telemetry=self.telemetry,
            readings=self.readings,
            quotas=tuple(quota for watch in self.quotas for quota in watch.items.values()),
            rules=self.rules,
        )

    def _rows(self) -> dict[str, PolicyRow]:
        """The policies of program, plug-ins and cluster; an invalid one is left out, so that jobs name it in vain."""
        rows = dict(known_rows())
        for policy in self.policies.items.values():
            try:
                rows[policy.metadata.name] = row_of(policy)
            except InvalidInput:
                continue  # its own status says why
        return rows

    def _forget(self) -> None:
        """Drop memories of jobs that are gone."""
        alive: Mapping[str, object] = self.jobs.items
        self.refusals = {key: value for key, value in self.refusals.items() if key[0] in alive}
        self.troubles = {key: value for key, value in self.troubles.items() if key[0] in alive}
        self.absent = {key for key in self.absent if key[0] in alive}
        self.energies = {key: value for key, value in self.energies.items() if key[0] in alive}
        self.podless = {key: value for key, value in self.podless.items() if key[0] in alive}


def as_child(raw: Mapping[str, Any]) -> JobObject:
    """A Job as the API server answered. Raises msgspec.ValidationError."""
    return msgspec.convert(raw, JobObject)
