"""Our own API objects as the watch delivers them, and what the world makes of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from heterosched.api.heterojob import Metadata as ApiMetadata
from heterosched.api.policy import SchedulingPolicy, SchedulingPolicySpec, ThroughputProfileSpec, Weights
from heterosched.errors import InvalidInput
from heterosched.kube.convert import Problems
from heterosched.kube.objects import KubeObject
from heterosched.policy.table import PolicyRow, row_of
from heterosched.units import parse_quantity
from heterosched_extender.snapshot import Figures

logger = logging.getLogger(__name__)


class PolicyObject(KubeObject, frozen=True, gc=False):
    """A SchedulingPolicy."""

    spec: SchedulingPolicySpec = SchedulingPolicySpec(weights=Weights())


class ProfileObject(KubeObject, frozen=True, gc=False):
    """A ThroughputProfile."""

    spec: ThroughputProfileSpec = ThroughputProfileSpec()


def policy_rows(found: Iterable[PolicyObject], problems: Problems) -> list[PolicyRow]:
    """The rows of all policies that can be used; one that cannot is noted and left out."""
    rows = []
    for policy in found:
        try:
            rows.append(row_of(SchedulingPolicy(metadata=ApiMetadata(name=policy.metadata.name), spec=policy.spec)))
        except InvalidInput as error:
            problems.add(error.object, str(error))
    return rows


def profile_figures(found: Iterable[ProfileObject], problems: Problems) -> dict[tuple[str, str], Figures]:
    """Seconds (per run, else per sample) and watts by device type of all profiles that can be used.

    A profile must not mix the two kinds of seconds, else devices could not be compared: samples per second win.
    """
    figures = {}
    for profile in found:
        label = f"ThroughputProfile {profile.key}"
        try:
            figures[profile.metadata.namespace, profile.metadata.name] = _figures(profile.spec, label)
        except InvalidInput as error:
            problems.add(label, str(error))
    return figures


def _figures(spec: ThroughputProfileSpec, label: str) -> Figures:
    paces, runs, watts = {}, {}, {}
    for device in spec.devices:
        field = f"spec.devices[{device.device}]"
        if device.samples_per_second is not None:
            pace = parse_quantity(
                device.samples_per_second, object=label, field=f"{field}.samplesPerSecond", positive=True
            )
            paces[device.device] = 1.0 / pace
        if device.seconds is not None:
            runs[device.device] = parse_quantity(device.seconds, object=label, field=f"{field}.seconds", positive=True)
        if device.watts is not None:
            watts[device.device] = parse_quantity(device.watts, object=label, field=f"{field}.watts")
    origins = sorted({device.origin for device in spec.devices})
    return Figures(paces or runs, watts, ", ".join(origins))
