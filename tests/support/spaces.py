"""One test's namespace on a running control plane: put HeteroJobs and pods into it, ask how they are, wait for them."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from cluster import ControlPlane
from heterosched.constants import ANNOTATION_POLICY, LABEL_GPU_PRODUCT, SCHEDULER_NAME
from manifests import JobBuilder, a_template
from processes import wait_until

Json = dict[str, Any]

PRODUCTS = {
    "k80": "Tesla-K80",
    "p100": "Tesla-P100-PCIE-16GB",
    "t4": "Tesla-T4",
    "v100": "Tesla-V100-SXM2-16GB",
    "a40": "NVIDIA-A40",
    "a100": "NVIDIA-A100-SXM4-40GB",
}
"""Short device name -> product label; a node named otherwise (`cpu-0`) has no GPU."""

CORES = 64


class Reached(Protocol):
    """A cluster that kubectl reaches: fake nodes, or real kubelets."""

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout_s: float = 60.0) -> str:
        """What kubectl says; ControlPlaneError where it fails."""
        ...


P = TypeVar("P", bound=Reached)


@contextmanager
def a_namespace(plane: Reached, test: str) -> Iterator[str]:
    """A namespace named after a test that can take pods; deleted, without waiting for it, at the end."""
    words = re.sub(r"[^a-z0-9]+", "-", test.lower()).strip("-")[:40].strip("-")
    name = f"{words}-{uuid.uuid4().hex[:6]}"
    plane.kubectl("create", "namespace", name)
    account = ("get", "serviceaccount", "default", f"--namespace={name}", "--ignore-not-found", "--output=name")
    assert wait_until(lambda: bool(plane.kubectl(*account)), 30.0, 0.1), f"{name} got no default account"
    yield name
    plane.kubectl("delete", "namespace", name, "--wait=false")


def a_fake_node(name: str, gpus: int = 4) -> Json:
    """A node of kwok's; its GPUs by its name: `v100-0` has V100s."""
    product = PRODUCTS.get(name.rpartition("-")[0])
    capacity = {"cpu": str(CORES), "memory": "256Gi", "pods": "110"}
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux"}
    if product is not None:
        capacity["nvidia.com/gpu"] = str(gpus)
        labels |= {"nvidia.com/gpu.product": product, "nvidia.com/gpu.present": "true"}
        labels["nvidia.com/gpu.count"] = str(gpus)
    metadata = {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": {"capacity": capacity}}


def lasting(seconds: float | Mapping[str, float], name: str = "main") -> Json:
    """A pod template whose simulated run takes so long, on every device or by short device name."""
    entry = a_template(name)
    table = dict(seconds) if isinstance(seconds, Mapping) else {"*": seconds}
    entry["template"]["metadata"] = {"annotations": {"sim.heterosched.io/seconds": json.dumps(table)}}
    return entry


def a_pod(
    name: str,
    seconds: float = 0.2,
    *,
    scheduler: str = SCHEDULER_NAME,
    gpus: int = 0,
    device: str = "",
    policy: str = "",
) -> Json:
    """A pod that nobody planned; `device`: short name of the only one that it may use."""
    resources: Json = {"requests": {"cpu": "1"}, **({"limits": {"nvidia.com/gpu": gpus}} if gpus else {})}
    annotations = {"sim.heterosched.io/seconds": json.dumps({"*": seconds})}
    if policy:
        annotations[ANNOTATION_POLICY] = policy
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {
            "schedulerName": scheduler,
            "restartPolicy": "Never",
            "nodeSelector": {LABEL_GPU_PRODUCT: PRODUCTS[device]} if device else {},
            "containers": [{"name": "main", "image": "busybox:1.37", "resources": resources}],
        },
    }


@dataclass
class SpaceOn(Generic[P]):
    """One test's namespace on a cluster."""

    plane: P
    name: str

    def apply(self, *given: JobBuilder | Json) -> None:
        """Apply jobs or any other objects."""
        items = [one.manifest() if isinstance(one, JobBuilder) else one for one in given]
        listed = {"apiVersion": "v1", "kind": "List", "items": items}
        self.plane.kubectl("apply", f"--namespace={self.name}", "--filename=-", stdin=json.dumps(listed))

    def get(self, kind: str, selector: str = "") -> list[Json]:
        """All objects of a kind, by a label selector if need be."""
        found = self.plane.kubectl("get", kind, f"--namespace={self.name}", f"--selector={selector}", "--output=json")
        items: list[Json] = json.loads(found)["items"]
        return items

    def pods(self, job: str) -> list[Json]:
        """The pods of a HeteroJob."""
        return self.get("pods", f"heterosched.io/job={job}")

    def places(self) -> dict[str, str]:
        """The node of every pod that is bound."""
        return {
            pod["metadata"]["name"]: pod["spec"]["nodeName"] for pod in self.get("pods") if "nodeName" in pod["spec"]
        }

    def status(self, job: str) -> Json:
        """The status of a HeteroJob; empty before the operator has seen it."""
        found = self.plane.kubectl("get", "heterojob", job, f"--namespace={self.name}", "--output=json")
        status: Json = json.loads(found).get("status", {})
        return status

    def tasks(self, job: str) -> dict[str, Json]:
        """The tasks of a HeteroJob by name, as its status has them."""
        return {task["name"]: task for task in self.status(job).get("tasks", [])}

    def worker(self, job: str, task: str = "main") -> Json:
        """The only worker of a task."""
        (worker,) = self.tasks(job)[task]["workers"]
        found: Json = worker
        return found

    def condition(self, job: str, type: str) -> Json:
        """A condition of a HeteroJob; empty where it is not set."""
        conditions: list[Json] = self.status(job).get("conditions", [])
        return next((one for one in conditions if one["type"] == type), {})

    def until(self, job: str, type: str, status: str = "True", seconds: float = 90.0) -> Json:
        """Wait for a condition of a HeteroJob; returns it."""
        found = wait_until(lambda: self.condition(job, type).get("status") == status, seconds, 0.3)
        assert found, f"{job} is not {type}={status} after {seconds:.0f} s: {json.dumps(self.status(job))[:3000]}"
        return self.condition(job, type)

    def until_completed(self, job: str, seconds: float = 90.0) -> Json:
        """Wait until a HeteroJob has completed and reported; returns its status."""
        self.until(job, "Completed", seconds=seconds)
        assert wait_until(lambda: "outcome" in self.status(job), 30.0, 0.3), self.status(job)
        return self.status(job)

    def counted(self, job: str, state: str) -> int:
        """How many tasks of a HeteroJob are in a state, as its status says."""
        return sum(task["state"] == state for task in self.tasks(job).values())

    def phases(self, job: str, phase: str) -> int:
        """How many pods of a HeteroJob are in a phase, as the cluster says, the operator dead or alive."""
        return sum(pod["status"].get("phase") == phase for pod in self.pods(job))

    def until_bound(self, *pods: str, seconds: float = 60.0) -> dict[str, str]:
        """Wait until these pods are bound; returns their nodes."""
        assert wait_until(lambda: self.places().keys() >= set(pods), seconds, 0.3), (pods, self.places())
        return {pod: node for pod, node in self.places().items() if pod in pods}


class Space(SpaceOn[ControlPlane]):
    """One test's namespace on fake nodes."""
