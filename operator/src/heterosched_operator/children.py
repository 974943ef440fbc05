"""The objects that a task becomes: its Indexed Job and, where its workers meet, a headless Service. Pure."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from heterosched.api import HeteroJob, PlanNote, TaskSpec, encode_note
from heterosched.api.heterojob import FailurePolicy, Template, Variant
from heterosched.api.status import TaskStatus
from heterosched.constants import (
    ANNOTATION_NUMA,
    ANNOTATION_PLAN,
    ANNOTATION_POLICY,
    ANNOTATION_POWER_CAP,
    ANNOTATION_PROFILE,
    ANNOTATION_SHARES,
    API_VERSION,
    ENV_ATTEMPT,
    ENV_DEVICE,
    ENV_JOB,
    ENV_MASTER_ADDR,
    ENV_MASTER_PORT,
    ENV_RANK,
    ENV_SHARES,
    ENV_TASK,
    ENV_WORLD_SIZE,
    GATE_GANG,
    LABEL_ATTEMPT,
    LABEL_COMPLETION_INDEX,
    LABEL_JOB,
    LABEL_MANAGED_BY,
    LABEL_TASK,
    MANAGED_BY,
    RENDEZVOUS_PORT,
    SCHEDULER_NAME,
    STRICT_RESOURCE,
)
from heterosched.errors import InvalidInput
from heterosched.model import CPU, Node
from heterosched.policy.table import PolicyRow
from heterosched_operator.steering import device_types, steer, variant_for

Json = dict[str, Any]

NAME_LIMIT: Final = 58
"""A pod's host name is `<Job>-<index>` and at most 63 characters long; indices have up to four digits."""


def child_name(job: HeteroJob, task: str, attempt: int) -> str:
    """The determined name `<job>-<task>-<hash>-<attempt>`, shortened where it is too long for a host name."""
    return _named(job, task, f"-{attempt}")


def service_name(job: HeteroJob, task: str) -> str:
    """Name of a task's Service; the same for all attempts, since only one lives at a time."""
    return _named(job, task, "")


def _named(job: HeteroJob, task: str, suffix: str) -> str:
    """The hash of UID and task tells task `c` of job `a-b` from task `b-c` of job `a`, and a job from its namesake."""
    digest = hashlib.sha256(f"{job.metadata.uid}/{task}".encode()).hexdigest()[:6]
    stem = f"{job.metadata.name}-{task}"[: NAME_LIMIT - len(suffix) - len(digest) - 1].rstrip("-")
    return f"{stem}-{digest}{suffix}"


def template_of(job: HeteroJob, task: TaskSpec) -> Template:
    """The template that the task names. Raises InvalidInput where the job has none of this name."""
    for template in job.spec.templates:
        if template.name == task.template_ref:
            return template
    field = f"spec.tasks[{task.name}].templateRef"
    raise InvalidInput(job.label, field, f"there is no template {task.template_ref!r}", "add it to spec.templates")


def template_hash(job: HeteroJob, task: TaskSpec) -> str:
    """Hash of everything that shapes the task's pods; what the planner alone reads (estimates, inputs) is left out."""
    parts = (template_of(job, task).template, task.variants, task.workers, task.devices)
    encoded = msgspec.json.encode(msgspec.to_builtins(parts), order="deterministic")
    return hashlib.sha256(encoded).hexdigest()[:16]


def build_service(job: HeteroJob, task: TaskSpec) -> Json:
    """The headless Service through which the workers of a task find each other before they are ready."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": service_name(job, task.name),
            "namespace": job.metadata.namespace,
            "labels": _labels(job, task.name),
            "ownerReferences": [_owner(job)],
        },
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {LABEL_JOB: job.metadata.name, LABEL_TASK: task.name},
            "ports": [{"name": "rendezvous", "port": RENDEZVOUS_PORT}],
        },
    }


def build_job(
    job: HeteroJob,
    task: TaskSpec,
    record: TaskStatus,
    note: PlanNote,
    device_nodes: Mapping[str, Sequence[Node]],
    row: PolicyRow | None = None,
) -> Json:
    """The Indexed Job of a persisted attempt.

    The chosen variant's resources take the place of those of the template's first container, its image replaces the
    image, its environment is added; everything else stays as the user wrote it. A scheduler named in the template
    stays, too. The nodes are those that the policy's row selects, and where it rules out hot GPUs the pods ask the
    strict entry. Retries are the operator's: the pods' restartPolicy is Never. Raises InvalidInput (unknown template).
    """
    workers = max(1, len(record.workers))
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": record.job_name,
            "namespace": job.metadata.namespace,
            "labels": _labels(job, task.name, record.attempt),
            "ownerReferences": [_owner(job)],
        },
        "spec": {
            "completionMode": "Indexed",
            "parallelism": workers,
            "completions": workers,
            "backoffLimit": 0,
            **_failure_policy(job.spec.failure_policy),
            "template": _pod_template(job, task, record, note, device_nodes, row),
        },
    }


def _failure_policy(policy: FailurePolicy) -> Json:
    if policy.disruptions_count:
        return {}
    on_disruption = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    return {"podFailurePolicy": {"rules": [on_disruption]}}


def _labels(job: HeteroJob, task: str, attempt: int | None = None) -> dict[str, str]:
    labels = {LABEL_JOB: job.metadata.name, LABEL_TASK: task, LABEL_MANAGED_BY: MANAGED_BY}
    return labels if attempt is None else {**labels, LABEL_ATTEMPT: str(attempt)}


def _owner(job: HeteroJob) -> Json:
    return {
        "apiVersion": API_VERSION,
        "kind": "HeteroJob",
        "name": job.metadata.name,
        "uid": job.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _pod_template(
    job: HeteroJob,
    task: TaskSpec,
    record: TaskStatus,
    note: PlanNote,
    device_nodes: Mapping[str, Sequence[Node]],
    row: PolicyRow | None,
) -> Json:
    template = copy.deepcopy(template_of(job, task).template)
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {**(metadata.get("labels") or {}), **_labels(job, task.name, record.attempt)}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **_annotations(job, task, record, note)}
    spec = template.setdefault("spec", {})
    spec["restartPolicy"] = "Never"
    spec.setdefault("schedulerName", SCHEDULER_NAME)
    if job.spec.priority_class_name:
        spec["priorityClassName"] = job.spec.priority_class_name
    containers = spec.get("containers") or []
    if containers:
        _apply_variant(containers[0], variant_for(task, record.planned.device))
        if task.devices.numa == "Required" or _shuns_heat(record, row):
            _demand_strict(containers[0])
    for container in containers:
        container["env"] = _with_env(container.get("env") or [], _environment(job, task, record))
    types, brought = device_types(job, task, record, device_nodes), row.autoscaled if row is not None else ()
    steer(spec, types, note.nodes, device_nodes, brought)
    if row is not None and row.node_selector:
        spec["nodeSelector"] = {**(spec.get("nodeSelector") or {}), **row.node_selector}
    if task.workers.gang:
        spec["schedulingGates"] = [*(spec.get("schedulingGates") or []), {"name": GATE_GANG}]
    if task.workers.rendezvous:
        spec["subdomain"] = service_name(job, task.name)
    return template


def _annotations(job: HeteroJob, task: TaskSpec, record: TaskStatus, note: PlanNote) -> dict[str, str]:
    found = {ANNOTATION_PLAN: encode_note(note), ANNOTATION_POLICY: job.spec.policy}
    if task.work.profile:
        found[ANNOTATION_PROFILE] = task.work.profile
    if task.devices.numa != "None":
        found[ANNOTATION_NUMA] = task.devices.numa
    shares = _shares(record)
    if shares:
        found[ANNOTATION_SHARES] = msgspec.json.encode(shares).decode()
    if record.planned.power_cap_watts:
        found[ANNOTATION_POWER_CAP] = record.planned.power_cap_watts
    return found


def _shares(record: TaskStatus) -> list[int]:
    shares = [worker.share for worker in record.workers]
    return [share for share in shares if share is not None] if None not in shares else []


def equal_shares(batch: int, workers: int) -> list[int]:
    """The batch in equal parts by largest remainder: they differ by at most one sample and sum to the batch."""
    part, rest = divmod(batch, workers)
    return [part + (index < rest) for index in range(workers)]


def _apply_variant(container: Json, variant: Variant | None) -> None:
    if variant is None:
        return
    if variant.image:
        container["image"] = variant.image
    if variant.resources.requests or variant.resources.limits:
        container["resources"] = {
            name: dict(quantities)
            for name, quantities in (("requests", variant.resources.requests), ("limits", variant.resources.limits))
            if quantities
        }
    container["env"] = _with_env(container.get("env") or [], variant.env)


def _shuns_heat(record: TaskStatus, row: PolicyRow | None) -> bool:
    """Whether the pods use GPUs and must not go to a hot or failed one."""
    return row is not None and row.exclusion == "Required" and record.planned.device not in ("", CPU)


def _demand_strict(container: Json) -> None:
    """An extended resource needs a limit, and its request must equal it."""
    resources = container.setdefault("resources", {})
    for part in ("requests", "limits"):
        resources[part] = {**(resources.get(part) or {}), STRICT_RESOURCE: "1"}


def _environment(job: HeteroJob, task: TaskSpec, record: TaskStatus) -> list[Json]:
    env: list[Json] = [
        {"name": ENV_JOB, "value": job.metadata.name},
        {"name": ENV_TASK, "value": task.name},
        {"name": ENV_ATTEMPT, "value": str(record.attempt)},
        {"name": ENV_DEVICE, "value": record.planned.device or CPU},
    ]
    if task.workers.rendezvous:
        service = service_name(job, task.name)
        index = {"fieldRef": {"fieldPath": f"metadata.annotations['{LABEL_COMPLETION_INDEX}']"}}
        env += [
            {"name": ENV_RANK, "valueFrom": index},
            {"name": ENV_WORLD_SIZE, "value": str(max(1, len(record.workers)))},
            {"name": ENV_MASTER_ADDR, "value": f"{record.job_name}-0.{service}.{job.metadata.namespace}.svc"},
            {"name": ENV_MASTER_PORT, "value": str(RENDEZVOUS_PORT)},
        ]
    shares = _shares(record)
    if shares:
        env.append({"name": ENV_SHARES, "value": msgspec.json.encode(shares).decode()})
    return env


def _with_env(env: Any, more: Sequence[Json]) -> list[Any]:
    """`env` and `more`; of two variables with the same name the one in `more` stays. What is no list of variables is
    handed on, so that the API server refuses it with its own words.
    """
    given = env if isinstance(env, list) else [env]
    named = {variable["name"] for variable in more if "name" in variable}
    kept = [known for known in given if not (isinstance(known, dict) and known.get("name") in named)]
    return [*kept, *(dict(variable) for variable in more)]
