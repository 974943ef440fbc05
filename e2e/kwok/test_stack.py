"""Plan, operator, extender and two schedulers together put each pod where its policy and the state of the nodes say."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from heterosched.policy.table import BUILT_IN
from manifests import JobBuilder, a_job
from processes import wait_until
from spaces import CORES, Space, a_pod, lasting
from stack import Stack

NODES = ("v100-0", "p100-0", "t4-0", "k80-0", "k80-1", "cpu-0", "cpu-1")

FIGURES = {"nvidia-v100": (4, 300), "nvidia-p100": (6, 80), "nvidia-t4": (20, 20)}
"""Device -> seconds, watts: fastest is the V100 (1,200 J), most frugal the T4 (400 J), the P100 nearly both (480 J)."""
LANDS_ON = {"Performance": "v100-0", "Balanced": "p100-0", "Energy": "t4-0"}

WARM = 'heterosched_extender_telemetry_nodes{metric="gpu_temperature"}'
WITH_GPUS = sum(not name.startswith("cpu-") for name in NODES)


def a_choice(policy: str) -> JobBuilder:
    """A job that differs from its likes in the policy only."""
    known = [{"device": device, "seconds": s, "watts": watts} for device, (s, watts) in FIGURES.items()]
    job = a_job(policy.lower()).policy(policy).template(lasting(2))
    return job.task("main", work={"runtimeOn": known}).gpus(1, *FIGURES)


def term(stack: Stack, space: Space, pod: str, node: str, name: str) -> dict[str, Any]:
    """A term of the score that a node got for a pod."""
    decision = stack.decision(space.name, pod, node)
    assert decision is not None
    found: dict[str, Any] = next(term for term in decision["asked"]["terms"] if term["term"] == name)
    return found


def test_jobs_that_differ_in_their_policy_only_land_on_three_devices(stack: Stack, space: Space) -> None:
    assert wait_until(lambda: stack.metric(WARM) == WITH_GPUS, 60.0, 0.3), "the extender has no telemetry of the GPUs"
    space.apply(*map(a_choice, LANDS_ON))
    for policy, node in LANDS_ON.items():
        status = space.until_completed(policy.lower())
        worker = space.worker(policy.lower())
        assert (worker["node"], worker["plannedNode"]) == (node, node), policy
        assert status["outcome"]["verdict"] in ("Better", "Neutral")
        (pod,) = space.pods(policy.lower())
        decision = stack.decision(space.name, pod["metadata"]["name"])
        assert decision is not None
        assert decision["policy"] == policy
        assert decision["best"]["node"] == decision["bound"] == node
        assert decision["candidates"] == len(FIGURES)
        known = {share["term"]: share["weight"] for share in decision["best"]["terms"] if share["value"] is not None}
        table = BUILT_IN[policy].weights
        whole = sum(table[name] for name in known)
        assert known.keys() >= {"speed", "energy", "plan", "load", "thermal"}
        assert known == pytest.approx({name: table[name] / whole for name in known})


def test_uniform_work_gains_nothing_and_says_so(space: Space) -> None:
    job = a_job("uniform").template(lasting(2))
    for number in range(4):
        job.task(f"part-{number}").cpus(2).runtime({"cpu": 2})
    space.apply(job)
    outcome = space.until_completed("uniform")["outcome"]
    assert outcome["verdict"] == "Neutral"
    assert (float(outcome["savedSecondsPercent"]), float(outcome["savedEnergyPercent"])) == (0.0, 0.0)


def until_seen(stack: Stack, space: Space, node: str, name: str, holds: Callable[[float], bool], gpus: int) -> None:
    """Ask the scheduler about a pod after a pod, until a term shows that the extender has heard of the node's state."""
    numbers = count()

    def seen() -> bool:
        pod = f"probe-{name}-{next(numbers)}"
        space.apply(a_pod(pod, 0.1, gpus=gpus, device="k80" if gpus else ""))
        space.until_bound(pod)
        value = term(stack, space, pod, node, name)["value"]
        space.plane.kubectl("delete", "pod", pod, f"--namespace={space.name}", "--wait=false")
        return value is not None and holds(value)

    assert wait_until(seen, 60.0, 0.5), f"{name} of {node} stays as it was: {stack.prometheus.query('node_load1')}"


@pytest.mark.parametrize(
    ("name", "annotation", "bad", "device"),
    [
        ("thermal", "gpu-temp", "97", "nvidia-k80"),
        ("load", "host-load", str(2 * CORES), "cpu"),
    ],
    ids=["hot", "contended"],
)
def test_a_node_in_trouble_is_left_alone_until_it_has_calmed(
    stack: Stack, space: Space, name: str, annotation: str, bad: str, device: str
) -> None:
    def run(job: str) -> dict[str, Any]:
        own = a_job(job).template(lasting(0.5)).task("main")
        space.apply((own.cpus(1) if device == "cpu" else own.gpus(1, device)).runtime({device: 1}))
        space.until(job, "Completed")
        return space.worker(job)

    def annotate(change: str) -> None:
        stack.plane.kubectl("annotate", "node", node, f"sim.heterosched.io/{annotation}{change}", "--overwrite")

    gpus = int(device != "cpu")
    first = run("before")
    node = first["node"]
    assert node == first["plannedNode"]
    annotate(f"={bad}")
    try:
        until_seen(stack, space, node, name, lambda value: value == 0.0, gpus)
        assert run("meanwhile")["node"] != node
        (pod,) = space.pods("meanwhile")
        told = term(stack, space, pod["metadata"]["name"], node, name)
        assert (told["value"], told["part"]) == (0.0, 0.0)
        assert told["weight"] > 0
    finally:
        annotate("-")
    until_seen(stack, space, node, name, lambda value: value > 0.9, gpus)
    # The operator, which plans the node, asks Prometheus at moments of its own, later perhaps than the extender.
    after = (run(f"after-{number}") for number in range(10))
    assert any(worker["node"] == node for worker in after)


def scheduled_by(space: Space) -> dict[str, str]:
    """Which scheduler says that it has placed a pod, by pod."""
    return {
        event["involvedObject"]["name"]: event.get("reportingComponent") or event["source"]["component"]
        for event in space.get("events")
        if event["reason"] == "Scheduled"
    }


def test_pods_of_the_default_scheduler_are_scheduled_as_before(stack: Stack, space: Space) -> None:
    asked = [f'heterosched_extender_candidates_total{{verb="{verb}"}}' for verb in ("filter", "prioritize")]
    before = [stack.metric(series) for series in asked]
    names = [f"ordinary-{number}" for number in range(4)]
    space.apply(*(a_pod(name, scheduler="default-scheduler") for name in names))
    space.until_bound(*names)
    assert [stack.metric(series) for series in asked] == before
    assert all(stack.decision(space.name, name) is None for name in names)
    assert wait_until(lambda: scheduled_by(space).keys() >= set(names), 30.0, 0.3)
    assert set(scheduled_by(space).values()) == {"default-scheduler"}
