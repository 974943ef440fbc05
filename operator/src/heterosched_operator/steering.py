"""Where the pods of a task may run and where they are wished: the plan as node affinity, on top of the user's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from heterosched.api import HeteroJob, TaskSpec
from heterosched.api.heterojob import Variant
from heterosched.api.status import TaskStatus
from heterosched.constants import LABEL_GPU_PRODUCT, LABEL_HOSTNAME
from heterosched.model import CPU, Node
from heterosched.planning.prepared import AUTO

Json = dict[str, Any]

PREFERRED_WEIGHT: Final = 100
REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"


def variant_for(task: TaskSpec, device: str) -> Variant | None:
    """The variant that is for this device; a device stands in one variant only (the CRD sees to it)."""
    return next((variant for variant in task.variants if device in variant.devices), None)


def allowed_devices(task: TaskSpec, device: str) -> tuple[str, ...]:
    """Device types on which the pods of the variant chosen for `device` may run; empty where any will do."""
    variant = variant_for(task, device)
    allow = task.devices.allow
    if variant is None:
        return tuple(allow)
    return tuple(name for name in variant.devices if not allow or name in allow)


def device_types(
    job: HeteroJob, task: TaskSpec, record: TaskStatus, device_nodes: Mapping[str, Sequence[Node]]
) -> tuple[str, ...]:
    """Device types on which the pods of an attempt may run; empty where any will do.

    Those of the variant, so that the scheduler may find a better one than planned. The types of the planned nodes alone
    for training, since the batch is split for them; where the user has named the strategy, which is to be followed; and
    under an energy budget, which the plan keeps and the policy by which the scheduler's nodes are scored knows not.
    """
    budget = job.spec.energy_budget_joules is not None
    bound = budget or task.work.training is not None or job.spec.strategy != AUTO
    wanted = {worker.planned_node for worker in record.workers}
    types = {device: {node.name for node in nodes} & wanted for device, nodes in device_nodes.items()}
    known = wanted == {name for names in types.values() for name in names}
    if bound and known and wanted and record.planned.device != CPU:
        return tuple(device for device, names in types.items() if names)
    return allowed_devices(task, record.planned.device)


def steer(
    spec: Json,
    allowed: Sequence[str],
    planned: Sequence[str],
    device_nodes: Mapping[str, Sequence[Node]],
    brought: Collection[str] = (),
) -> None:
    """Allowed devices as required, planned nodes as preferred node affinity, on top of the user's own.

    `brought`: device types for which an autoscaler brings nodes.
    """
    affinity = spec.get("affinity") or {}
    node_affinity = (affinity.get("nodeAffinity") or {}) if isinstance(affinity, dict) else None
    if not isinstance(node_affinity, dict):  # nothing can be added to it; the API server refuses it
        return
    required = device_requirements(allowed, device_nodes, brought)
    if required:
        selector = node_affinity.get(REQUIRED) or {}
        terms = selector.get("nodeSelectorTerms") or [{}]
        merged = [
            {**term, "matchExpressions": [*(term.get("matchExpressions") or []), requirement]}
            for term in terms
            for requirement in required
        ]
        node_affinity[REQUIRED] = {"nodeSelectorTerms": merged}
    wishes = [_wish(node) for node in dict.fromkeys(planned) if node]
    if wishes:
        node_affinity[PREFERRED] = [*(node_affinity.get(PREFERRED) or []), *wishes]
    if node_affinity:
        spec["affinity"] = {**affinity, "nodeAffinity": node_affinity}
    elif not affinity:
        spec.pop("affinity", None)


def _wish(node: str) -> Json:
    """By the node's own name, as its host name label may differ or be missing. Such a term takes one value only."""
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    return {"weight": PREFERRED_WEIGHT, "preference": {"matchFields": [field]}}


def device_requirements(
    allowed: Sequence[str], device_nodes: Mapping[str, Sequence[Node]], brought: Collection[str] = ()
) -> list[Json]:
    """The node requirements of which one must hold to keep pods on these device types; none where every node will do.

    Every node offers its CPUs. Product labels are taken from the nodes as they are; nodes that offer the device without
    such a label are named by host. Where no node offers it (yet), the device's own name keeps the pod from going
    anywhere else; but where an autoscaler brings it, the other products are ruled out instead: what label the new node
    will have is not known, and an autoscaler believes only what it knows of its nodes.
    """
    if not allowed or CPU in allowed:
        return []
    nodes = [node for device in allowed for node in device_nodes.get(device, ())]
    products = sorted({node.labels[LABEL_GPU_PRODUCT] for node in nodes if node.labels.get(LABEL_GPU_PRODUCT)})
    bare = [node for node in nodes if not node.labels.get(LABEL_GPU_PRODUCT)]
    hosts = sorted(node.labels.get(LABEL_HOSTNAME, node.name) for node in bare)
    choices = ((LABEL_GPU_PRODUCT, products), (LABEL_HOSTNAME, hosts))
    found = [{"key": key, "operator": "In", "values": values} for key, values in choices if values]
    if found:
        return found
    if any(device in brought for device in allowed):
        others = {node.labels.get(LABEL_GPU_PRODUCT, "") for nodes in device_nodes.values() for node in nodes} - {""}
        return [{"key": LABEL_GPU_PRODUCT, "operator": "NotIn", "values": sorted(others)}] if others else []
    return [{"key": LABEL_GPU_PRODUCT, "operator": "In", "values": sorted(allowed)}]
