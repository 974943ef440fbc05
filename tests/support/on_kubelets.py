"""Manifests that real kubelets can run on a small machine: the image that is there, and requests that fit.

What the plan is told of run times and watts stays; a kustomization would do the same to an example.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from examples import pod_templates, with_image
from fixture_images import WORKLOAD, name_of
from kind_cluster import KindCluster
from spaces import SpaceOn

Json = dict[str, Any]
SMALL = {"cpu": "50m", "memory": "32Mi"}


def sleeping(seconds: float, name: str = "main", **pod_spec: Any) -> Json:
    """A pod template that says where it is and sleeps."""
    script = f'echo "on $HETEROSCHED_DEVICE"; sleep {seconds}'
    container = {
        "name": "main",
        "image": name_of(WORKLOAD),
        "command": ["sh", "-c", script],
        "resources": {"requests": SMALL},
    }
    return {"name": name, "template": {"spec": {"restartPolicy": "Never", "containers": [container], **pod_spec}}}


def fitted(document: Json) -> Json:
    """An example with the image of the cluster, and with processors and memory for a kubelet that has two cores."""
    changed = with_image(document, name_of(WORKLOAD))
    for resources in _resources(changed):
        for kind in ("requests", "limits"):
            if kind in resources:
                resources[kind] |= {name: SMALL[name] for name in SMALL if name in resources[kind]}
    return changed


def _resources(document: Json) -> Iterator[Json]:
    for template in pod_templates(document):
        for container in template["spec"]["containers"]:
            yield container.get("resources", {})
    for task in document.get("spec", {}).get("tasks", ()):
        for variant in task.get("variants", ()):
            yield variant.get("resources", {})


def pods_that_ran(space: SpaceOn[KindCluster], selector: str = "") -> list[str]:
    """Pods of the namespace whose containers a kubelet has run to a good end."""
    return [
        f"{space.name}/{pod['metadata']['name']}"
        for pod in space.get("pods", selector)
        if pod["status"].get("phase") == "Succeeded"
        and all("containerID" in status for status in pod["status"]["containerStatuses"])
    ]
