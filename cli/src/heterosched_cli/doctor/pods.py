"""What keeps the pods of our own programs from running: images, crashes, admission, no node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from heterosched.kube.errors import ApiError, ApiUnavailable
from heterosched_cli.doctor.cluster import Cluster, Json, condition, key_of, namespace_of
from heterosched_cli.doctor.registry import Finding, Findings, fail, warn

PULL = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
MANY_RESTARTS = 5
LAST_LINES = 5

_PULL_REMEDY = (
    "check the chart's imageRegistry and image tags, give imagePullSecrets, or load the image into the nodes; "
    "then kubectl rollout restart"
)


async def troubles(cluster: Cluster, deployment: Json) -> Findings:
    """Of the Deployment and of each of its pods."""
    found = list(_refused(deployment))
    for pod in await cluster.pods(deployment):
        unplaced = condition(pod, "PodScheduled")
        if unplaced.get("status") == "False":
            why = str(unplaced.get("message") or unplaced.get("reason"))
            found.append(fail(f"pod {key_of(pod)} has no node", why, "mend what the scheduler says, or add a node"))
        for container in _containers(pod):
            trouble = await _of_container(cluster, pod, container)
            if trouble is not None:
                found.append(trouble)
    return found


def _refused(deployment: Json) -> Iterator[Finding]:
    failure = condition(deployment, "ReplicaFailure")
    if failure.get("status") == "True":
        why = str(failure.get("message") or failure.get("reason"))
        remedy = "raise the quota, or mend what admission asks for"
        if "PodSecurity" in why:
            remedy = "our pods meet `restricted`: take out what your values changed of their security contexts"
        yield fail(f"pods of {key_of(deployment)} are refused", why, remedy)


def _containers(pod: Json) -> list[Json]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


async def _of_container(cluster: Cluster, pod: Json, container: Json) -> Finding | None:
    waiting: dict[str, Any] = (container.get("state") or {}).get("waiting") or {}
    reason, name = str(waiting.get("reason") or ""), f"container {container['name']} of pod {key_of(pod)}"
    message = str(waiting.get("message") or reason)
    if reason in PULL:
        return fail(f"image {container.get('image')} of {name} cannot be pulled", message, _PULL_REMEDY)
    if reason == "CreateContainerConfigError":
        return fail(
            f"{name} cannot be made", message, "make the Secret or ConfigMap that it names, or correct its name"
        )
    if reason == "CrashLoopBackOff":
        words = await last_words(cluster, pod, container)
        log = f"kubectl logs -p -n {namespace_of(pod)} {pod['metadata']['name']} -c {container['name']}"
        return fail(f"{name} ends again and again", words, f"mend what it says; all of it: {log}")
    restarts = int(container.get("restartCount") or 0)
    if restarts >= MANY_RESTARTS:
        words = await last_words(cluster, pod, container)
        return warn(f"{name} has been restarted {restarts} times", words, "see its limits, and the words of its end")
    return None


async def last_words(cluster: Cluster, pod: Json, container: Json) -> str:
    """How the container ended last: the end of its log, else what the kubelet says."""
    ended = (container.get("lastState") or {}).get("terminated") or {}
    how = f"exit code {ended['exitCode']} ({ended.get('reason', 'Error')})" if "exitCode" in ended else "it ended"
    log = f"/api/v1/namespaces/{namespace_of(pod)}/pods/{pod['metadata']['name']}/log"
    query = f"?container={container['name']}&previous=true&tailLines={LAST_LINES}"
    try:
        lines = (await cluster.text(log + query)).strip().splitlines()
    except ApiUnavailable:
        lines = []
    except ApiError as error:
        lines = [] if ended.get("message") else [f"its log cannot be read: {error.message}"]
    words = lines or str(ended.get("message") or "").strip().splitlines()
    return f"{how}; its last words: {' | '.join(words[-LAST_LINES:])}" if words else how
