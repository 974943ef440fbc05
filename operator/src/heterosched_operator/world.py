"""Everything that a decision of the operator depends on, as one immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain

from heterosched.api import HeteroJob, ThroughputProfile
from heterosched.constants import LABEL_ATTEMPT, LABEL_JOB, LABEL_TASK
from heterosched.kube.convert import held_by_node
from heterosched.kube.objects import JobObject, KubeObject, PodObject
from heterosched.model import NO_TELEMETRY, Cluster, Demand, Node, Telemetry
from heterosched.planning.types import JobPlan
from heterosched.policy.table import BUILT_IN, PolicyRow
from heterosched_operator.kinds import ResourceQuota


@dataclass(frozen=True, slots=True)
class Rules:
    """The operator's own limits; times in seconds.

    A task's n-th retry waits `retry_base * 2^(n-1)`, at most `retry_cap`. `free_retries` bounds the retries that do not
    count (drains, evictions, kubelet rejections, node loss). A gang whose members are not all bound `release_timeout`
    after its release is taken back; an attempt of which nothing is bound and whose planned nodes are gone, `bind_grace`
    after its creation. A Job that has not made its pods after `podless_grace` is looked into. `settle`: share of the
    time left by which a planned time may drift before the status follows.
    `energy_source`: what energy that was read from Prometheus is called, measured or simulated. `restart_seconds`: what
    it takes a training to save its state, stop, start anew and be where it was.
    """

    retry_base: float = 10.0
    retry_cap: float = 360.0
    free_retries: int = 20
    release_timeout: float = 60.0
    bind_grace: float = 5.0
    settle: float = 0.05
    launch_seconds: float = 2.0
    podless_grace: float = 15.0
    energy_source: str = "measured"
    restart_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Energy:
    """Joules of a finished task; None where the source had no answer."""

    joules: float | None
    source: str = "measured"


@dataclass(frozen=True, slots=True)
class TelemetryState:
    """Whether Prometheus is configured and answers; `message` is stable as long as the state is."""

    configured: bool = False
    available: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True)
class Podless:
    """Why a Job makes no pods, as was found out at `at` (epoch seconds)."""

    at: float
    message: str


AttemptKey = tuple[str, str, int]
"""UID of the HeteroJob, task, attempt."""


@dataclass(frozen=True)
class World:
    """What is known at `now` (epoch seconds).

    `children` by UID of the HeteroJob that owns them; `pods` by (namespace, HeteroJob name) of their labels, so that
    pods whose Job is gone are still seen; `foreign` are all others. `refusals` holds the API server's answers to dry
    runs by (UID, key of template and variant): the message, empty where it would accept. `troubles` says why a child
    could not be created the last time, by attempt; `podless` why a Job makes no pods; `releases` since when a released
    gang waits to be bound, by UID of its Job; `plans` are the last ones, so that what waits does not move about. These
    are memory only: losing them costs time. `absent`: attempts whose Job the API server itself has said not to exist; a
    watch that does not show it is no proof. `telemetry` is the state of its source, `readings` are the figures of the
    nodes. `quotas`: the ResourceQuotas of all namespaces.
    """

    now: float
    cluster: Cluster = field(default_factory=lambda: Cluster(()))
    jobs: Mapping[str, HeteroJob] = field(default_factory=dict)
    children: Mapping[str, tuple[JobObject, ...]] = field(default_factory=dict)
    pods: Mapping[tuple[str, str], tuple[PodObject, ...]] = field(default_factory=dict)
    foreign: tuple[PodObject, ...] = ()
    policies: Mapping[str, PolicyRow] = field(default_factory=lambda: dict(BUILT_IN))
    profiles: Mapping[tuple[str, str], ThroughputProfile] = field(default_factory=dict)
    priorities: Mapping[str, int] = field(default_factory=dict)
    refusals: Mapping[tuple[str, str], str] = field(default_factory=dict)
    troubles: Mapping[AttemptKey, str] = field(default_factory=dict)
    releases: Mapping[str, float] = field(default_factory=dict)
    energies: Mapping[AttemptKey, Energy] = field(default_factory=dict)
    plans: Mapping[str, JobPlan] = field(default_factory=dict)
    podless: Mapping[AttemptKey, Podless] = field(default_factory=dict)
    absent: frozenset[AttemptKey] = frozenset()
    telemetry: TelemetryState = TelemetryState()
    readings: Telemetry = NO_TELEMETRY
    quotas: tuple[ResourceQuota, ...] = ()
    rules: Rules = Rules()

    @cached_property
    def nodes(self) -> Mapping[str, Node]:
        """The cluster's nodes by name."""
        return {node.name: node for node in self.cluster.nodes}

    @cached_property
    def refused(self) -> frozenset[str]:
        """UIDs of jobs of which the API server has refused a template."""
        return frozenset(uid for (uid, _), message in self.refusals.items() if message)

    @cached_property
    def device_nodes(self) -> Mapping[str, tuple[Node, ...]]:
        """Nodes by the device type that they offer besides their CPUs."""
        found: dict[str, list[Node]] = {}
        for node in self.cluster.nodes:
            found.setdefault(node.device, []).append(node)
        return {device: tuple(nodes) for device, nodes in found.items()}

    @cached_property
    def free_nodes(self) -> Mapping[str, tuple[Node, ...]]:
        """As `device_nodes`, with what the bound pods have left over of each, whoever these belong to."""
        held = held_by_node(chain(self.foreign, *self.pods.values()))
        return {
            device: tuple(_free(node, held.get(node.name, Demand())) for node in nodes)
            for device, nodes in self.device_nodes.items()
        }


def _free(node: Node, held: Demand) -> Node:
    left = node.allocatable - held
    return replace(node, allocatable=Demand(max(0.0, left.cpu), max(0.0, left.memory), max(0.0, left.gpus)))


def attempt_of(child: KubeObject) -> tuple[str, str, int]:
    """(HeteroJob name, task, attempt) that the labels of a Job or pod of ours name; attempt -1 where there is none."""
    labels = child.labels
    number = labels.get(LABEL_ATTEMPT, "")
    return labels.get(LABEL_JOB, ""), labels.get(LABEL_TASK, ""), int(number) if number.isdecimal() else -1


def controller_uid(child: KubeObject) -> str:
    """UID of the owner that controls the object; empty where nobody does."""
    owners = child.metadata.owner_references or ()
    return next((owner.uid for owner in owners if owner.controller), "")
