"""Objects of Kubernetes that the operator alone reads."""

from __future__ import annotations

import msgspec

from heterosched.kube.objects import KubeObject, PodObject
from heterosched.units import Quantity


class PriorityClass(KubeObject, frozen=True, gc=False):
    """`scheduling.k8s.io/v1.PriorityClass`."""

    value: int = 0


OUR_SCOPES = frozenset({"NotTerminating", "NotBestEffort"})
"""Scopes that our pods are within: they have requests and no activeDeadlineSeconds, unless the user gives one."""


class QuotaSpec(msgspec.Struct, frozen=True, rename="camel"):
    """The part of the spec that says which pods count."""

    scopes: list[str] | None = None
    scope_selector: dict[str, object] | None = None


class QuotaStatus(msgspec.Struct, frozen=True, rename="camel"):
    """Limits as they are enforced, and what is used of them."""

    hard: dict[str, Quantity] | None = None
    used: dict[str, Quantity] | None = None


class ResourceQuota(KubeObject, frozen=True, gc=False):
    """`v1.ResourceQuota`."""

    spec: QuotaSpec = QuotaSpec()
    status: QuotaStatus = QuotaStatus()

    @property
    def limits(self) -> bool:
        """Whether our pods count under it, as far as can be told."""
        return self.spec.scope_selector is None and OUR_SCOPES.issuperset(self.spec.scopes or ())


def matters(old: PodObject, new: PodObject) -> bool:
    """Whether the change of a pod can change a decision: heartbeats of conditions and foreign annotations cannot."""
    return (old.spec, old.status.phase, old.status.container_statuses, old.metadata.deletion_timestamp) != (
        new.spec,
        new.status.phase,
        new.status.container_statuses,
        new.metadata.deletion_timestamp,
    ) or old.status.conditions != new.status.conditions
