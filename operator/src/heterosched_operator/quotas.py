"""ResourceQuotas as the planner needs them: what is left of them beside the tasks that it counts itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from heterosched.constants import RESOURCE_NVIDIA_GPU
from heterosched.errors import InvalidQuantity
from heterosched.kube.convert import demand_of
from heterosched.model import Demand
from heterosched.planning.types import Quota
from heterosched.units import Quantity, parse_quantity
from heterosched_operator.kinds import ResourceQuota
from heterosched_operator.sight import Observation

RESOURCES = (
    ("requests.cpu", "cpu"),
    ("requests.memory", "memory"),
    (f"requests.{RESOURCE_NVIDIA_GPU}",),
)
"""Names under which a quota limits cores, memory and GPUs."""


def quotas_of(objects: Iterable[ResourceQuota], active: Iterable[Observation]) -> Mapping[str, tuple[Quota, ...]]:
    """The quotas by namespace; pods of the open attempts of `active` jobs are not among what is used.

    A quota tells late that a pod has ended: until then the pod counts as somebody else's, and tasks wait a bit longer.
    """
    limiting = [quota for quota in objects if quota.limits and quota.status.hard]
    ours: dict[str, list[Demand]] = {}
    for own in active if limiting else ():
        pods = [pod for sight in own.sights.values() for pod in sight.pods if not pod.finished]
        ours.setdefault(own.job.metadata.namespace, []).extend(demand_of(pod) for pod in pods)
    found: dict[str, list[Quota]] = {}
    for quota in limiting:
        namespace = quota.metadata.namespace
        found.setdefault(namespace, []).append(_quota(quota, ours.get(namespace, [])))
    return {namespace: tuple(own) for namespace, own in found.items()}


def _quota(quota: ResourceQuota, ours: list[Demand]) -> Quota:
    held = sum(ours, Demand())
    others = _demand(quota.status.used, 0.0) - held
    return Quota(
        quota.metadata.name,
        _demand(quota.status.hard, math.inf),
        Demand(max(0.0, others.cpu), max(0.0, others.memory), max(0.0, others.gpus)),
        _amount(quota.status.hard, ("pods", "count/pods"), math.inf),
        max(0.0, _amount(quota.status.used, ("pods", "count/pods"), 0.0) - len(ours)),
    )


def _demand(given: Mapping[str, Quantity] | None, missing: float) -> Demand:
    return Demand(*(_amount(given, names, missing) for names in RESOURCES))


def _amount(given: Mapping[str, Quantity] | None, names: Iterable[str], missing: float) -> float:
    """The least of the amounts under these names; one that cannot be read counts as not given."""
    found = []
    for name in names:
        if given is not None and name in given:
            try:
                found.append(parse_quantity(given[name]))
            except InvalidQuantity:
                continue
    return min(found, default=missing)
