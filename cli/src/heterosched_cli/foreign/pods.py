"""A pod template of somebody else's as one of a HeteroJob: without what a controller wrote into it, and what it tells.

The pod spec stays as it is: node selectors, affinities, volumes and resources mean to a HeteroJob's pods what they
meant before. A GPU product that is asked for by label also names the device types on which a plan may count.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from heterosched.constants import (
    ANNOTATION_NUMA,
    ANNOTATION_POLICY,
    ANNOTATION_PROFILE,
    GROUP,
    LABEL_GPU_PRODUCT,
    SCHEDULER_NAME,
)
from heterosched.model.devices import DEVICE_TYPES
from heterosched_cli.foreign.findings import Findings

Json = dict[str, Any]

OWNED: Final = ("controller-uid", "job-name", "batch.kubernetes.io/", "jobset.sigs.k8s.io/", "pod-template-hash", GROUP)
"""Beginnings of labels and annotations that controllers write, or that stand elsewhere in a HeteroJob."""
TOKEN: Final = "kube-api-access-"
"""Begins the volume that the API server mounts into every pod it admits."""
LEFT_BY_KUBECTL: Final = "kubectl.kubernetes.io/"
FILLED: Final = ("nodeName", "schedulerName", "priorityClassName", "priority", "preemptionPolicy")
"""Fields that the plan, the operator or an admission plug-in fills in."""
REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
DEFAULT_SCHEDULERS: Final = ("", "default-scheduler", SCHEDULER_NAME)


@dataclass(frozen=True, slots=True)
class Pod:
    """`template` for spec.templates; what else it told: device types, priority class, annotations of ours."""

    template: Json
    devices: list[str] = field(default_factory=list)
    priority_class: str = ""
    policy: str = ""
    profile: str = ""
    numa: str = ""


def pod_of(given: Json, path: str, found: Findings) -> Pod:
    """The pod template at `path` (with `metadata` and `spec`)."""
    metadata = found.mapping(given.get("metadata"), f"{path}.metadata")
    spec = copy.deepcopy(found.mapping(given.get("spec"), f"{path}.spec"))
    at = f"{path}.spec"
    if not found.items(spec.get("containers"), f"{at}.containers"):
        found.add(f"{at}.containers", "there is none", "give the pod a container")
    _check(spec, at, found)
    classes = str(spec.get("priorityClassName") or "")
    _clean(spec)
    notes = found.mapping(metadata.get("annotations"), f"{path}.metadata.annotations")
    kept = {
        name: own
        for name in ("labels", "annotations")
        if (own := _kept(found.mapping(metadata.get(name), f"{path}.metadata.{name}")))
    }
    return Pod(
        {**({"metadata": kept} if kept else {}), "spec": spec},
        list(dict.fromkeys(_devices(spec))),
        classes,
        str(notes.get(ANNOTATION_POLICY) or ""),
        str(notes.get(ANNOTATION_PROFILE) or ""),
        str(notes.get(ANNOTATION_NUMA) or ""),
    )


def left_out(content: Json, path: str, found: Findings) -> None:
    """Say which labels and annotations of an object are not taken over; a queue's name is one, or a topology's."""
    metadata = found.mapping(content.get("metadata"), f"{path}metadata")
    for name in ("labels", "annotations"):
        own = _kept(found.mapping(metadata.get(name), f"{path}metadata.{name}"))
        if names := sorted(key for key in own if not key.startswith(LEFT_BY_KUBECTL)):
            text = f"{', '.join(names)} left out: give the HeteroJob those that it needs"
            found.remark(f"{path}metadata.{name}", text)


def _check(spec: Json, at: str, found: Findings) -> None:
    if spec.get("restartPolicy") not in ("Never", "OnFailure"):
        given = spec.get("restartPolicy") or "absent, which means Always"
        remedy = "set it to Never or OnFailure if the work ends; what serves for ever is no job"
        found.add(f"{at}.restartPolicy", f"is {given}: such a pod never ends", remedy)
    if spec.get("schedulingGates"):
        found.add(f"{at}.schedulingGates", "somebody else holds the pod back", "remove the gates")
    if spec.get("ephemeralContainers"):
        found.add(f"{at}.ephemeralContainers", "a template cannot have any", "remove them")
    if spec.get("nodeName"):
        found.remark(f"{at}.nodeName", f"{spec['nodeName']} is left out, the plan chooses the node")
    if str(spec.get("schedulerName") or "") not in DEFAULT_SCHEDULERS:
        found.remark(f"{at}.schedulerName", f"{spec['schedulerName']} is left out, the pods are scheduled by ours")


def _clean(spec: Json) -> None:
    for name in FILLED:
        spec.pop(name, None)
    for container in _containers(spec):
        mounts = container.get("volumeMounts")
        if isinstance(mounts, list):
            own = [mount for mount in mounts if not str(mount.get("name", "")).startswith(TOKEN)]
            container.update({"volumeMounts": own} if own else {})
            if not own:
                del container["volumeMounts"]
    volumes = spec.get("volumes")
    if isinstance(volumes, list):
        spec["volumes"] = [volume for volume in volumes if not str(volume.get("name", "")).startswith(TOKEN)]
        if not spec["volumes"]:
            del spec["volumes"]


def _containers(spec: Json) -> Iterator[Json]:
    for kind in ("initContainers", "containers"):
        yield from (own for own in spec.get(kind) or () if isinstance(own, dict))


def _kept(entries: Json) -> Json:
    return {key: str(value) for key, value in entries.items() if not key.startswith(OWNED)}


def _devices(spec: Json) -> Iterator[str]:
    """Device types of the GPU products that the pod insists on, by node selector or required node affinity."""
    selector = spec.get("nodeSelector")
    if isinstance(selector, dict) and selector.get(LABEL_GPU_PRODUCT):
        yield DEVICE_TYPES.of_product(str(selector[LABEL_GPU_PRODUCT]))
        return
    affinity = spec.get("affinity")
    node = affinity.get("nodeAffinity") if isinstance(affinity, dict) else None
    required = node.get(REQUIRED) if isinstance(node, dict) else None
    terms = required.get("nodeSelectorTerms") if isinstance(required, dict) else None
    if not isinstance(terms, list):
        return
    found = [list(_products(term)) for term in terms]
    if all(found):  # a term without a product admits any
        for products in found:
            yield from (DEVICE_TYPES.of_product(product) for product in products)


def _products(term: Any) -> Iterator[str]:
    for own in (term.get("matchExpressions") if isinstance(term, dict) else None) or ():
        if isinstance(own, dict) and own.get("key") == LABEL_GPU_PRODUCT and own.get("operator") == "In":
            yield from (str(value) for value in own.get("values") or ())
