"""Why pods of jobs wait for a node: the scheduler writes it at the pod, and no status of a job repeats it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from heterosched.constants import LABEL_JOB, LABEL_TASK
from heterosched.errors import HeteroSchedError
from heterosched.kube.client import Kube
from heterosched.kube.objects import PodObject, condition
from heterosched_cli.live import Json, ask
from heterosched_cli.output import warn

SCHEDULED = "PodScheduled"


def pending_pods(names: Sequence[str], namespace: str, kubeconfig: Path | None, context: str) -> list[PodObject]:
    """The pods of these jobs that have not started, in one namespace or in all ("").

    Who may read jobs alone gets their list all the same: a failure is a warning, and then there are none.
    """
    path = f"/api/v1/namespaces/{namespace}/pods" if namespace else "/api/v1/pods"
    query = {
        "labelSelector": f"{LABEL_JOB} in ({','.join(sorted(set(names)))})",
        "fieldSelector": "status.phase=Pending",
    }

    async def question(kube: Kube) -> list[Json]:
        return await kube.list(path, query)

    try:
        return [msgspec.convert(raw, PodObject) for raw in ask(question, kubeconfig, context)]
    except (HeteroSchedError, msgspec.ValidationError) as error:
        warn(f"why pods wait cannot be told: {error}")
        return []


def waiting(pods: Iterable[PodObject], namespace: str, job: str) -> Iterator[str]:
    """What the scheduler says of the job's pods without a node, each message of a task once."""
    said: dict[tuple[str, str], list[str]] = {}
    for pod in sorted(pods, key=lambda pod: pod.key):
        found = condition(pod.status.conditions, SCHEDULED)
        own = (pod.metadata.namespace, pod.labels.get(LABEL_JOB)) == (namespace, job)
        if own and found is not None and found.status == "False" and (found.message or found.reason):
            key = (pod.labels.get(LABEL_TASK, ""), found.message or found.reason)
            said.setdefault(key, []).append(pod.metadata.name)
    for (task, message), names in said.items():
        who = f"pod {names[0]} waits" if len(names) == 1 else f"pod {names[0]} and {len(names) - 1} more wait"
        yield f"{task}: {who} for a node: {message}"
