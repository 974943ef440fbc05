"""Objects of Kubernetes that the operator alone reads."""

from __future__ import annotations

import msgspec

from heterosched.kube.objects import KubeObject
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
