"""Our own API objects as the watch delivers them, and what the world makes of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from heterosched.api.heterojob import Metadata as ApiMetadata
from heterosched.api.policy import (
    SchedulingPolicy,
    SchedulingPolicySpec,
    ThroughputProfile,
    ThroughputProfileSpec,
    ThroughputProfileStatus,
    Weights,
)
from heterosched.errors import InvalidInput
from heterosched.kube.convert import Problems
from heterosched.kube.objects import KubeObject
from heterosched.planning.estimates import profile_figures as corrected_figures
from heterosched.policy.hooks import plugins
from heterosched.policy.table import PolicyRow, row_of
from heterosched.policy.tas import TasPolicy, tas_policy
from heterosched_extender.snapshot import Figures

logger = logging.getLogger(__name__)

TAS_API: Final = "/apis/telemetry.intel.com/v1alpha1"


class PolicyObject(KubeObject, frozen=True, gc=False):
    """A SchedulingPolicy."""

    spec: SchedulingPolicySpec = SchedulingPolicySpec(weights=Weights())


class ProfileObject(KubeObject, frozen=True, gc=False):
    """A ThroughputProfile."""

    spec: ThroughputProfileSpec = ThroughputProfileSpec()
    status: ThroughputProfileStatus = ThroughputProfileStatus()


class TasSpec(Struct, frozen=True, gc=False):
    """`spec` of a TASPolicy; its strategies are read one by one, so that a broken one does not take others along."""

    strategies: dict[str, Any] | None = None


class TasObject(KubeObject, frozen=True, gc=False):
    """A TASPolicy of Intel's Telemetry Aware Scheduling."""

    spec: TasSpec = TasSpec()


def tas_policies(found: Iterable[TasObject], problems: Problems) -> dict[tuple[str, str], TasPolicy]:
    """All TASPolicies by namespace and name; what of them cannot be used is noted."""
    policies = {}
    for each in found:
        namespace, name = each.metadata.namespace, each.metadata.name
        policies[namespace, name], wrong = tas_policy(namespace, name, each.spec.strategies or {})
        if wrong:
            problems.add(f"TASPolicy {each.key}", "; ".join(wrong))
    return policies


def policy_rows(found: Iterable[PolicyObject], problems: Problems) -> list[PolicyRow]:
    """The rows of all policies that can be used; one that cannot is noted and left out, one whose hook is not there is
    noted.
    """
    rows = []
    for policy in found:
        try:
            row = row_of(SchedulingPolicy(metadata=ApiMetadata(name=policy.metadata.name), spec=policy.spec))
        except InvalidInput as error:
            problems.add(error.object, str(error))
            continue
        rows.append(row)
        if row.hook and row.hook not in plugins().hooks:
            problem = f"spec.hook: the plug-in {row.hook} is not installed here: the policy's own weights count"
            problems.add(f"SchedulingPolicy {row.name}", problem)
    return rows


def profile_figures(found: Iterable[ProfileObject], problems: Problems) -> dict[tuple[str, str], Figures]:
    """Seconds (per run, else per sample) and watts by device type of all profiles that can be used.

    What finished tasks have taught stands in for what was given, as the planner has it too.
    A profile must not mix the two kinds of seconds, else devices could not be compared: samples per second win.
    """
    figures = {}
    for profile in found:
        namespace, name = profile.metadata.namespace, profile.metadata.name
        metadata = ApiMetadata(name=name, namespace=namespace)
        own = ThroughputProfile(metadata=metadata, spec=profile.spec, status=profile.status)
        try:
            figures[namespace, name] = _figures(own)
        except InvalidInput as error:
            problems.add(own.label, str(error))
    return figures


def changed_figures(
    old: ProfileObject | None, new: ProfileObject | None, problems: Problems
) -> dict[tuple[str, str], Figures | None]:
    """What one change makes of the figures: None where a profile went, or can no longer be used."""
    found: dict[tuple[str, str], Figures | None] = {}
    for gone in (old, new):
        if gone is not None:
            found[gone.metadata.namespace, gone.metadata.name] = None
    return {**found, **profile_figures(() if new is None else (new,), problems)}


def _figures(profile: ThroughputProfile) -> Figures:
    paces, runs = (corrected_figures(profile, training) for training in (True, False))
    found = paces or runs
    seconds = {device: 1.0 / own.value if paces else own.value for device, own in found.items()}
    watts = {device: own.watts for device, own in found.items() if own.watts is not None}
    return Figures(seconds, watts, ", ".join(sorted({own.origin for own in found.values()})))
