"""What the operator can do to the cluster, as small frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from heterosched.api.policy import LearnedRun
from heterosched.api.status import HeteroJobStatus
from heterosched_operator.world import AttemptKey

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PatchStatus:
    """Write the status, only if the job's UID and resourceVersion are still those that the decision saw."""

    status: HeteroJobStatus


@dataclass(frozen=True, slots=True)
class EmitEvent:
    """Post an Event about the job; `type` is Normal or Warning."""

    type: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class DryRun:
    """Ask the API server whether it would take this Job; the answer is kept under (job UID, `key`)."""

    key: str
    body: Json


@dataclass(frozen=True, slots=True)
class CreateService:
    """Create the headless Service of a task whose workers meet; that it exists already is success."""

    body: Json


@dataclass(frozen=True, slots=True)
class CreateJob:
    """Create the Job of a persisted attempt; that it exists already, owned by us, is success.

    `key` names template and variant (as in DryRun), should the API server refuse it.
    """

    attempt: AttemptKey
    body: Json
    key: str


@dataclass(frozen=True, slots=True)
class LookForJob:
    """Ask the API server itself whether an attempt's Job exists, before anything is concluded from its absence."""

    attempt: AttemptKey
    name: str


@dataclass(frozen=True, slots=True)
class AskWhyNoPods:
    """Read why an attempt's Job makes no pods out of its Events; the answer is kept under `attempt`, as of `at`."""

    attempt: AttemptKey
    name: str
    uid: str
    at: float


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Delete a child Job in the foreground: the Job stays until its pods are gone, so that nothing overlaps."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class ReleaseGang:
    """Remove our scheduling gate from these pods (name, UID, names of the gates that stay), all in one go."""

    child_uid: str
    pods: tuple[tuple[str, str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class MeasureEnergy:
    """Read the joules of these pods (namespace/name) of a finished task; the answer is kept under `attempt`."""

    attempt: AttemptKey
    pods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TeachProfile:
    """Add these runs (device, figures) of finished tasks to the status of the ThroughputProfile with this UID."""

    uid: str
    runs: tuple[tuple[str, LearnedRun], ...]
    at: float


@dataclass(frozen=True, slots=True)
class DeleteHeteroJob:
    """Delete the job itself, children included: its time to live after the end is over."""


Action = (
    PatchStatus
    | EmitEvent
    | DryRun
    | CreateService
    | CreateJob
    | LookForJob
    | AskWhyNoPods
    | DeleteJob
    | ReleaseGang
    | MeasureEnergy
    | TeachProfile
    | DeleteHeteroJob
)
