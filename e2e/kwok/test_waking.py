"""What must not go to a hot or broken GPU waits, says why, and is woken when telemetry says that one is well."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import count
from signal import SIGCONT, SIGSTOP

import pytest

from heterosched.constants import STRICT_RESOURCE
from heterosched_operator.waking import ANNOTATION_WOKEN
from manifests import JobBuilder, a_job, a_policy
from processes import wait_until
from spaces import Json, Space, a_pod, lasting
from stack import Stack

NODES = ("v100-0", "v100-1", "cpu-0")
WITH_GPUS = ("v100-0", "v100-1")
POLICY = "patient"
QUIET_S = 12.0
"""A pod that was not tried for so long is left alone: kube-scheduler's own backoff ends after ten seconds at most."""


def a_strict_pod(name: str) -> Json:
    pod = a_pod(name, seconds=600, gpus=1, device="v100", policy=POLICY)
    pod["spec"]["containers"][0]["resources"]["limits"][STRICT_RESOURCE] = "1"
    return pod


def annotate(stack: Stack, change: str, *nodes: str) -> None:
    stack.plane.kubectl("annotate", "node", *nodes, "--overwrite", f"sim.heterosched.io/{change}")


def rejections(stack: Stack, space: Space, pod: str) -> dict[str, list[str]]:
    """Nodes by the reason for which the extender turned them down for the pod."""
    decision = stack.decision(space.name, pod)
    return {one["reason"]: sorted(one["examples"]) for one in (decision or {}).get("rejected", ())}


def until_turned_down(stack: Stack, space: Space, reason: str) -> str:
    """Send pod after pod until the extender has heard of the trouble on all nodes; the name of the one that waits."""
    names = (f"waits-{number}" for number in count())
    waiting: list[str] = []

    def turned_down() -> bool:
        name = next(names)
        space.apply(a_strict_pod(name))
        assert wait_until(lambda: stack.decision(space.name, name) is not None, 30.0, 0.2), name
        if rejections(stack, space, name) == {reason: list(WITH_GPUS)}:
            waiting.append(name)
        else:
            space.plane.kubectl("delete", "pod", name, f"--namespace={space.name}", "--force")
        return bool(waiting)

    assert wait_until(turned_down, 60.0, 0.5), f"nobody is turned down: {reason}"
    return waiting[0]


def until_left_alone(stack: Stack, space: Space, pod: str) -> None:
    """Until whatever has happened in the API server moves the scheduler to try the pod no more."""
    seen: list[tuple[str, float]] = [("", time.monotonic())]

    def quiet() -> bool:
        at = (stack.decision(space.name, pod) or {}).get("at", "")
        if at != seen[-1][0]:
            seen.append((at, time.monotonic()))
        return time.monotonic() - seen[-1][1] >= QUIET_S

    assert wait_until(quiet, 120.0, 0.5), seen


def why(stack: Stack, space: Space, pod: str) -> str:
    command = [sys.executable, "-m", "heterosched_cli", "why", f"{space.name}/{pod}", "--extender", stack.decisions_url]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("annotation", "bad", "reason"),
    [
        ("gpu-temp", "97", "a GPU is at 97 degrees Celsius, the limit is 90"),
        ("xid", "79", "a GPU reported a hardware error (XID 79)"),
    ],
    ids=["hot", "broken"],
)
def test_a_strict_pod_waits_for_a_gpu_that_is_well_and_is_woken_then(
    stack: Stack, space: Space, annotation: str, bad: str, reason: str
) -> None:
    space.apply(a_policy(POLICY, telemetry={"maxAgeSeconds": 600}))  # no sample gets too old in this test
    prometheus = stack.prometheus.process
    annotate(stack, f"{annotation}={bad}", *WITH_GPUS)
    try:
        pod = until_turned_down(stack, space, reason)
        assert f"filtered 2: {reason} (v100-0, v100-1)" in why(stack, space, pod)
        prometheus.send_signal(SIGSTOP)  # the node's change in the API server is over before telemetry tells of it
        annotate(stack, f"{annotation}-", "v100-1")
        until_left_alone(stack, space, pod)
        assert pod not in space.places()
        prometheus.send_signal(SIGCONT)
        assert space.until_bound(pod) == {pod: "v100-1"}
    finally:
        prometheus.send_signal(SIGCONT)
        annotate(stack, f"{annotation}-", *WITH_GPUS)
    (bound,) = [one for one in space.get("pods") if one["metadata"]["name"] == pod]
    assert ANNOTATION_WOKEN in bound["metadata"]["annotations"]
    assert rejections(stack, space, pod) == {reason: ["v100-0"]}


def on_v100(name: str, policy: str) -> JobBuilder:
    job = a_job(name).policy(policy).template(lasting(2.0)).task("t").gpus(1, "nvidia-v100")
    return job.runtime({"nvidia-v100": 2})


def until_planned(space: Space, job: str, words: str) -> None:
    assert wait_until(lambda: words in space.condition(job, "Planned").get("message", ""), 60.0, 0.3), space.status(job)


def test_a_job_waits_for_a_gpu_that_is_well_where_its_policy_excludes_others_else_it_takes_a_hot_one(
    stack: Stack, space: Space
) -> None:
    remembers = {"telemetry": {"maxAgeSeconds": 600}}
    space.apply(a_policy(POLICY, **remembers), a_policy("lenient", **remembers))
    space.apply(a_policy("cautious", **remembers, thermal={"exclusion": "Required"}))
    annotate(stack, "gpu-temp=97", *WITH_GPUS)
    try:
        until_turned_down(stack, space, "a GPU is at 97 degrees Celsius, the limit is 90")
        space.apply(on_v100("careful", "cautious"), on_v100("hasty", "lenient"))
        space.until_completed("hasty")
        (hasty,) = space.pods("hasty")
        told = why(stack, space, hasty["metadata"]["name"])
        assert f"{hasty['spec']['nodeName']} (a GPU is at 97 degrees Celsius, the limit is 90)" in told
        assert f"let the pod ask for {STRICT_RESOURCE}" in told
        until_planned(space, "careful", "its pods wait until one is well")
        (careful,) = space.pods("careful")
        assert "nodeName" not in careful["spec"]
        assert STRICT_RESOURCE in careful["spec"]["containers"][0]["resources"]["limits"]
        assert "strict entry" not in why(stack, space, careful["metadata"]["name"])
        annotate(stack, "gpu-temp-", "v100-1")
        space.until_completed("careful")
        assert [pod["spec"]["nodeName"] for pod in space.pods("careful")] == ["v100-1"]
    finally:
        annotate(stack, "gpu-temp-", *WITH_GPUS)
