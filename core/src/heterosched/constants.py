"""Names that cross a process boundary: API group, labels, annotations, environment, resources. Nothing else."""

from __future__ import annotations

from typing import Final

GROUP: Final = "heterosched.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

SCHEDULER_NAME: Final = "heterosched"
STRICT_RESOURCE: Final = f"{GROUP}/strict"
"""Extended resource of pods whose constraints must not be skipped: the non-ignorable extender entry manages it."""
TAS_RESOURCE: Final = "telemetry/scheduling"
"""Extended resource by which pods of Intel's Telemetry Aware Scheduling ask for its extender; ours answers strictly."""

# Who may read decisions of the extender's operations port.
TOKEN_HEADER: Final = "x-heterosched-token"
"""Bears the token where a proxy takes `Authorization` for itself, as the API server's does."""
DECISIONS_AUDIENCE: Final = GROUP
"""Audience of tokens that are good for decisions and nothing else."""
RESOURCE_DECISIONS: Final = "decisions"
RESOURCE_TELEMETRY: Final = "telemetry"
"""Resources of our group that exist in roles alone: `get` and `list` of them is what the extender asks about."""

ANNOTATION_NAMESPACES: Final = f"{GROUP}/namespaces"
"""On the Deployments of operator and scheduler: the namespaces whose jobs are managed, where not all are."""

# Labels on child Jobs and their pods.
LABEL_JOB: Final = f"{GROUP}/job"
LABEL_TASK: Final = f"{GROUP}/task"
LABEL_ATTEMPT: Final = f"{GROUP}/attempt"
LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGED_BY: Final = "heterosched-operator"

# Annotations on HeteroJobs.
ANNOTATION_SUSPENDED_BY: Final = f"{GROUP}/suspended-by"
"""Who has suspended the job in place of its owner, when and why: an uninstallation. What is bound already runs on."""

# Annotations on pods.
ANNOTATION_PLAN: Final = f"{GROUP}/plan"
"""Versioned JSON: `heterosched.api.plan_note.PlanNote`."""
ANNOTATION_POLICY: Final = f"{GROUP}/policy"
ANNOTATION_PROFILE: Final = f"{GROUP}/profile"
ANNOTATION_NUMA: Final = f"{GROUP}/numa"
ANNOTATION_SHARES: Final = f"{GROUP}/shares"
"""JSON list: samples of the global batch that each worker takes, by completion index."""
ANNOTATION_POWER_CAP: Final = f"{GROUP}/power-cap-watts"
"""Cap of each of the pod's GPUs on the device type that was planned: advice to whoever runs the nodes."""

GATE_GANG: Final = f"{GROUP}/gang"

# Kubernetes' own names that we read.
LABEL_JOB_NAME: Final = "batch.kubernetes.io/job-name"
LABEL_COMPLETION_INDEX: Final = "batch.kubernetes.io/job-completion-index"
LABEL_HOSTNAME: Final = "kubernetes.io/hostname"
LABEL_TAS_POLICY: Final = "telemetry-policy"
LABEL_GPU_PRODUCT: Final = "nvidia.com/gpu.product"
RESOURCE_NVIDIA_GPU: Final = "nvidia.com/gpu"

# Environment of every container of a task.
ENV_JOB: Final = "HETEROSCHED_JOB"
ENV_TASK: Final = "HETEROSCHED_TASK"
ENV_ATTEMPT: Final = "HETEROSCHED_ATTEMPT"
ENV_DEVICE: Final = "HETEROSCHED_DEVICE"
ENV_RANK: Final = "RANK"
ENV_WORLD_SIZE: Final = "WORLD_SIZE"
ENV_MASTER_ADDR: Final = "MASTER_ADDR"
ENV_MASTER_PORT: Final = "MASTER_PORT"
ENV_SHARES: Final = "HETEROSCHED_BATCH_SHARES"
RENDEZVOUS_PORT: Final = 29500
