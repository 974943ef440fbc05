"""What a failed attempt means: given up, counted or repeated for free, and when it is tried again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from heterosched.api.heterojob import ExitCodes, FailurePolicy
from heterosched.kube.objects import JobObject, PodObject, condition
from heterosched_operator.world import Rules

Verdict = Literal["Free", "Count", "FailTask"]
_GRAVITY: Final[tuple[Verdict, ...]] = ("Free", "Count", "FailTask")

DISRUPTION_TARGET: Final = "DisruptionTarget"
"""Pod condition that Kubernetes sets on drains, evictions, preemptions, node shutdown and pods of lost nodes."""

KUBELET_REJECTIONS: Final = (
    "UnexpectedAdmissionError",
    "TopologyAffinityError",
    "NodeAffinity",
    "NodeShutdown",
    "Shutdown",
)
"""Pod reasons with which a kubelet refuses a bound pod; `OutOf<resource>` comes on top. The pod never ran."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed and what that means for the task."""

    verdict: Verdict
    reason: str
    message: str


def judge(child: JobObject, pods: Sequence[PodObject], policy: FailurePolicy) -> Failure:
    """The verdict on a failed child Job: the gravest among its failed pods.

    Pods that the Job controller stopped because a sibling failed say nothing about the cause and are left out as long
    as there are others. A failure that no pod is left to explain counts.
    """
    failed = [pod for pod in pods if pod.status.phase == "Failed"]
    causes = [pod for pod in failed if pod.metadata.deletion_timestamp is None or disrupted(pod)] or failed
    if not causes:
        cause = condition(child.status.conditions, "Failed")
        return Failure("Count", "JobFailed", cause.message if cause else "the Job failed and no pod is left to say why")
    return max((_of_pod(pod, policy) for pod in causes), key=lambda found: _GRAVITY.index(found.verdict))


def _of_pod(pod: PodObject, policy: FailurePolicy) -> Failure:
    name = f"pod {pod.metadata.name}"
    where = f" on node {pod.spec.node_name}" if pod.spec.node_name else ""
    free: Verdict = "Count" if policy.disruptions_count else "Free"
    if disrupted(pod):
        cause = condition(pod.status.conditions, DISRUPTION_TARGET)
        return Failure(free, "Disrupted", f"{name}{where} was disrupted: {cause.reason if cause else ''}")
    if rejected(pod):
        return Failure(free, "RejectedByKubelet", f"{name} was refused{where}: {pod.status.reason}")
    codes = exit_codes(pod)
    if not codes:
        return Failure("Count", "PodFailed", f"{name}{where} failed: {pod.status.reason or 'no exit code'}")
    verdict = max((_of_code(code, policy.on_exit_codes, container) for container, code in codes), key=_GRAVITY.index)
    shown = ", ".join(f"container {container} exited with {code}" for container, code in codes)
    return Failure(verdict, "ExitCode", f"{name}{where}: {shown}")


def _of_code(code: int, rules: Iterable[ExitCodes], container: str) -> Verdict:
    for rule in rules:
        named = rule.container_name in ("", container)
        if named and (code in rule.values) == (rule.operator == "In"):
            return next((known for known in _GRAVITY if known == _ACTIONS.get(rule.action)), "Count")
    return "Count"


_ACTIONS: Final[dict[str, Verdict]] = {"Ignore": "Free", "Count": "Count", "FailTask": "FailTask"}


def disrupted(pod: PodObject) -> bool:
    """Whether Kubernetes itself ended the pod: drain, eviction, preemption, lost node."""
    found = condition(pod.status.conditions, DISRUPTION_TARGET)
    return found is not None and found.status == "True"


def rejected(pod: PodObject) -> bool:
    """Whether the kubelet refused the pod, so that no container of it ever started."""
    started = any(
        status.state is not None and (status.state.running or status.state.terminated)
        for status in pod.status.container_statuses or ()
    )
    reason = pod.status.reason
    return not started and (reason in KUBELET_REJECTIONS or reason.startswith("OutOf"))


def exit_codes(pod: PodObject) -> list[tuple[str, int]]:
    """(container, exit code) of the containers that ended with an error."""
    return [
        (status.name, status.state.terminated.exit_code)
        for status in pod.status.container_statuses or ()
        if status.state is not None and status.state.terminated is not None and status.state.terminated.exit_code != 0
    ]


def retry_delay(rules: Rules, retries: int) -> float:
    """Seconds before retry number `retries` (from 1): doubling, capped (as the Job controller does for its pods)."""
    if retries < 1:
        return 0.0
    return min(rules.retry_base * 2.0 ** min(retries - 1, 30), rules.retry_cap)
