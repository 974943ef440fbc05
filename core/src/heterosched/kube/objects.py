"""Slim structs of the Kubernetes objects we read: they name the fields we use, msgspec skips the rest undecoded.

Frozen, and `gc=False` because objects out of JSON hold no cycles: tens of thousands of them cost the collector nothing.
"""

from __future__ import annotations

from msgspec import Struct


class _Object(Struct, frozen=True, gc=False, rename="camel"):
    """Camel-case JSON names; every field has a default, because the API server leaves out what is empty."""


class OwnerReference(_Object, frozen=True, gc=False):
    """`metav1.OwnerReference`."""

    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool = False


class Metadata(_Object, frozen=True, gc=False):
    """`metav1.ObjectMeta`; times are RFC 3339 texts."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: tuple[OwnerReference, ...] | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None

    @property
    def key(self) -> str:
        """`namespace/name`, or the bare name of a cluster-scoped object."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class KubeObject(_Object, frozen=True, gc=False):
    """Base of everything that a reflector can hold."""

    metadata: Metadata = Metadata()

    @property
    def key(self) -> str:
        """`namespace/name`, or the bare name of a cluster-scoped object."""
        return self.metadata.key

    @property
    def labels(self) -> dict[str, str]:
        """The labels, empty where there are none."""
        return self.metadata.labels or {}

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations, empty where there are none."""
        return self.metadata.annotations or {}


class Condition(_Object, frozen=True, gc=False):
    """A condition of a node, pod or Job; `status` is True, False or Unknown."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None


def condition(conditions: tuple[Condition, ...] | None, kind: str) -> Condition | None:
    """The condition of this type, if it is set."""
    return next((found for found in conditions or () if found.type == kind), None)


# --- nodes -----------------------------------------------------------------------------------------------------------


class NodeTaint(_Object, frozen=True, gc=False):
    """`v1.Taint`."""

    key: str = ""
    value: str = ""
    effect: str = ""


class NodeSpec(_Object, frozen=True, gc=False):
    """`v1.NodeSpec`."""

    unschedulable: bool = False
    taints: tuple[NodeTaint, ...] | None = None


class NodeAddress(_Object, frozen=True, gc=False):
    """`v1.NodeAddress`: InternalIP, Hostname, ..."""

    type: str = ""
    address: str = ""


class NodeStatus(_Object, frozen=True, gc=False):
    """`v1.NodeStatus`; capacity and allocatable by resource name, as quantities."""

    capacity: dict[str, str | int | float] | None = None
    allocatable: dict[str, str | int | float] | None = None
    conditions: tuple[Condition, ...] | None = None
    addresses: tuple[NodeAddress, ...] | None = None


class NodeObject(KubeObject, frozen=True, gc=False):
    """`v1.Node`."""

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


# --- pods ------------------------------------------------------------------------------------------------------------


class Resources(_Object, frozen=True, gc=False):
    """`v1.ResourceRequirements`: quantities by resource name. A number in hand-written YAML stands for itself."""

    requests: dict[str, str | int | float] | None = None
    limits: dict[str, str | int | float] | None = None


class Container(_Object, frozen=True, gc=False):
    """`v1.Container`; `restart_policy` Always makes an init container a sidecar."""

    name: str = ""
    resources: Resources = Resources()
    restart_policy: str | None = None


class SchedulingGate(_Object, frozen=True, gc=False):
    """`v1.PodSchedulingGate`."""

    name: str = ""


class PodClaim(_Object, frozen=True, gc=False):
    """`v1.PodResourceClaim`, and its status; a claim made from a template is named in the status."""

    name: str = ""
    resource_claim_name: str | None = None


class PodSpec(_Object, frozen=True, gc=False):
    """`v1.PodSpec`; `resources` are those of the pod as a whole (Kubernetes 1.34 and newer)."""

    node_name: str = ""
    scheduler_name: str = ""
    priority: int = 0
    priority_class_name: str = ""
    scheduling_gates: tuple[SchedulingGate, ...] | None = None
    containers: tuple[Container, ...] | None = None
    init_containers: tuple[Container, ...] | None = None
    overhead: dict[str, str | int | float] | None = None
    resources: Resources | None = None
    node_selector: dict[str, str] | None = None
    resource_claims: tuple[PodClaim, ...] | None = None


class Terminated(_Object, frozen=True, gc=False):
    """`v1.ContainerStateTerminated`; times are RFC 3339 texts."""

    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    message: str = ""
    started_at: str | None = None
    finished_at: str | None = None


class Waiting(_Object, frozen=True, gc=False):
    """`v1.ContainerStateWaiting`: ImagePullBackOff and its like."""

    reason: str = ""
    message: str = ""


class Running(_Object, frozen=True, gc=False):
    """`v1.ContainerStateRunning`."""

    started_at: str | None = None


class ContainerState(_Object, frozen=True, gc=False):
    """`v1.ContainerState`: at most one of the three is set."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(_Object, frozen=True, gc=False):
    """`v1.ContainerStatus`."""

    name: str = ""
    restart_count: int = 0
    state: ContainerState | None = None


class PodStatus(_Object, frozen=True, gc=False):
    """`v1.PodStatus`."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    start_time: str | None = None
    conditions: tuple[Condition, ...] | None = None
    container_statuses: tuple[ContainerStatus, ...] | None = None
    resource_claim_statuses: tuple[PodClaim, ...] | None = None


class PodObject(KubeObject, frozen=True, gc=False):
    """`v1.Pod`."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def finished(self) -> bool:
        """Whether it holds no resources any more: terminal pods stay listed until somebody deletes them."""
        return self.status.phase in ("Succeeded", "Failed")

    @property
    def gates(self) -> tuple[str, ...]:
        """Names of the scheduling gates that still hold it."""
        return tuple(gate.name for gate in self.spec.scheduling_gates or ())


# --- Jobs ------------------------------------------------------------------------------------------------------------


class JobSpec(_Object, frozen=True, gc=False):
    """`batch/v1.JobSpec`."""

    parallelism: int | None = None
    completions: int | None = None
    suspend: bool = False
    completion_mode: str = ""


class JobStatus(_Object, frozen=True, gc=False):
    """`batch/v1.JobStatus`; times are RFC 3339 texts, index sets such as `0-3,7`."""

    start_time: str | None = None
    completion_time: str | None = None
    active: int = 0
    ready: int | None = None
    succeeded: int = 0
    failed: int = 0
    terminating: int | None = None
    completed_indexes: str = ""
    failed_indexes: str | None = None
    conditions: tuple[Condition, ...] | None = None


class JobObject(KubeObject, frozen=True, gc=False):
    """`batch/v1.Job`."""

    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()
