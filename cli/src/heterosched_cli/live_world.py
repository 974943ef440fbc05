"""The live cluster as the planner sees it: nodes, what running pods hold, profiles and policies."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

from heterosched.api import SchedulingPolicy, ThroughputProfile
from heterosched.constants import LABEL_JOB
from heterosched.kube.client import Kube
from heterosched.kube.convert import Problems, to_node
from heterosched.kube.errors import ApiError, ApiUnavailable, NotFound
from heterosched.kube.objects import NodeObject, PodObject
from heterosched.kube.topology import TOPOLOGIES_PATH, TopologyObject, to_topology
from heterosched.model import Cluster
from heterosched_cli.live import Json, NotInstalled, ask, list_ours
from heterosched_cli.live_objects import readable, reservations_of
from heterosched_cli.output import note, warn
from heterosched_cli.plan import World

PRIORITY_CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"


def live_world(own: Collection[tuple[str, str]], now: float, kubeconfig: Path | None, context: str) -> World:
    """What a plan made at `now` (epoch seconds) would build on. Raises InvalidInput, Unavailable.

    Pods of the jobs in `own` (namespace, name) do not count: the plan shows these jobs as if they had not started.
    """
    nodes, pods, policies, profiles, zones, classes = ask(_questions, kubeconfig, context)
    problems = Problems()
    model = tuple(to_node(node, problems) for node in readable(nodes, NodeObject))
    others = (
        pod for pod in readable(pods, PodObject) if (pod.metadata.namespace, pod.labels.get(LABEL_JOB)) not in own
    )
    held = reservations_of(others, {node.name: node.device for node in model}, now, problems)
    found = (to_topology(own, problems, now) for own in readable(zones, TopologyObject))
    topologies = {own.node: own for own in found if own is not None}
    cluster = Cluster(model, tuple(held), topologies=topologies)
    note("planned beside what runs now; tasks of other HeteroJobs that have not started are not counted")
    return World(
        cluster,
        tuple(readable(profiles, ThroughputProfile)),
        tuple(readable(policies, SchedulingPolicy)),
        priorities=None if classes is None else frozenset(own["metadata"]["name"] for own in classes),
    )


async def _questions(
    kube: Kube,
) -> tuple[list[Json], list[Json], list[Json], list[Json], list[Json], list[Json] | None]:
    return await asyncio.gather(
        kube.list("/api/v1/nodes"),
        kube.list("/api/v1/pods", {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}),
        _if_served(kube, "schedulingpolicies"),
        _if_served(kube, "throughputprofiles"),
        _zones(kube),
        _classes(kube),
    )


async def _zones(kube: Kube) -> list[Json]:
    """Most clusters have no such kind."""
    try:
        return await kube.list(TOPOLOGIES_PATH)
    except NotFound:
        return []


async def _classes(kube: Kube) -> list[Json] | None:
    """Not everybody may list what is cluster-wide; a plan can be had all the same."""
    try:
        return await kube.list(PRIORITY_CLASSES)
    except ApiUnavailable:
        raise
    except ApiError as error:
        warn(f"whether priority classes exist is not checked: {error}")
        return None


async def _if_served(kube: Kube, plural: str) -> list[Json]:
    """A plan can be had before our API is installed."""
    try:
        return await list_ours(kube, plural)
    except NotInstalled:
        return []
